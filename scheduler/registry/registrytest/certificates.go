package registrytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// certify makes the certificates of all servers: NAME.crt and NAME.key in the folder, and ca.crt of the authority.
func (r *Registry) certify(t testing.TB) {
	t.Helper()
	now := time.Now()
	ours, theirs := r.authority(t, "Spillway Test CA"), r.authority(t, "Nobody's CA")
	r.CA = filepath.Join(r.dir, "ca.crt")
	r.write(t, "ca.crt", encode("CERTIFICATE", ours.certificate.Raw))
	r.pool = x509.NewCertPool()
	r.pool.AddCert(ours.certificate)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	for name, c := range map[string]struct {
		by          authority
		from, until time.Time
		names       []string
		ips         []net.IP
	}{
		"good":      {ours, now.Add(-time.Hour), now.AddDate(0, 1, 0), []string{"localhost"}, loopback},
		"foreign":   {theirs, now.Add(-time.Hour), now.AddDate(0, 1, 0), nil, loopback},
		"wronghost": {ours, now.Add(-time.Hour), now.AddDate(0, 1, 0), []string{"registry.example"}, nil},
		"expired":   {ours, now.AddDate(-1, 0, 0), now.AddDate(0, 0, -1), nil, loopback},
		"notyet":    {ours, now.AddDate(0, 0, 1), now.AddDate(1, 0, 0), nil, loopback},
	} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: c.from, NotAfter: c.until,
			DNSNames: c.names, IPAddresses: c.ips,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		key := newKey(t)
		der, err := x509.CreateCertificate(rand.Reader, template, c.by.certificate, &key.PublicKey, c.by.key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		r.write(t, name+".crt", encode("CERTIFICATE", der))
		r.write(t, name+".key", encode("EC PRIVATE KEY", private))
	}
}

func (r *Registry) authority(t testing.TB, name string) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(2, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
