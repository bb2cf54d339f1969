package access_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// authority signs certificates of localhost.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the test's authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	must(t, err)
	cert, err = x509.ParseCertificate(der)
	must(t, err)
	return authority{t, cert, key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// sign writes a certificate of that serial number, and its key.
func (a authority) sign(serial int64, life time.Duration, certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	must(a.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(a.t, err)
	must(a.t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	must(a.t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
}

// tlsServer shakes hands on a port of this machine.
func tlsServer(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				conn.(*tls.Conn).Handshake() // it fails where the client refuses
				conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// serial is that of the certificate that a client is shown.
func (a authority) serial(address string) int64 {
	a.t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.pool(), ServerName: "localhost"})
	must(a.t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestCertificateIsReplaced(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca, log := newAuthority(t), &spokenLog{}
	ca.sign(2, 1000*time.Hour, certFile, keyFile)
	c, err := access.OpenCertificate(certFile, keyFile, log.logger())
	must(t, err)
	address := tlsServer(t, c.Config())
	if got := ca.serial(address); got != 2 || log.take() != "" {
		t.Errorf("certificate %d", got)
	}
	ca.sign(3, 1000*time.Hour, certFile, keyFile)
	if got, said := ca.serial(address), log.take(); got != 3 || !strings.Contains(said, "has changed") {
		t.Errorf("after a change, certificate %d: %s", got, said)
	}
	ca.sign(4, 1000*time.Hour, certFile, filepath.Join(dir, "key.new"))
	for range 2 {
		if got := ca.serial(address); got != 3 {
			t.Errorf("with the key not there yet, certificate %d", got)
		}
	}
	if said := log.take(); strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, certFile) {
		t.Errorf("with the key not there yet: %s", said)
	}
	must(t, os.Rename(filepath.Join(dir, "key.new"), keyFile))
	if got := ca.serial(address); got != 4 {
		t.Errorf("with the key there, certificate %d", got)
	}
	must(t, os.Remove(certFile))
	if got, said := ca.serial(address), log.take(); got != 4 || !strings.Contains(said, "level=ERROR") {
		t.Errorf("with the file gone, certificate %d: %s", got, said)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t)
	ca.sign(2, 1000*time.Hour, filepath.Join(dir, "cert"), filepath.Join(dir, "key"))
	c, err := access.OpenCertificate(filepath.Join(dir, "cert"), filepath.Join(dir, "key"), (&spokenLog{}).logger())
	must(t, err)
	address := tlsServer(t, c.Config())
	for version, works := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: version})
		if (err == nil) != works {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

func TestCertificateRefuses(t *testing.T) {
	dir := t.TempDir()
	ca, log := newAuthority(t), (&spokenLog{}).logger()
	one, two := filepath.Join(dir, "1"), filepath.Join(dir, "2")
	ca.sign(2, 1000*time.Hour, one+".cert", one+".key")
	ca.sign(3, 1000*time.Hour, two+".cert", two+".key")
	open := filepath.Join(dir, "open.key")
	key, err := os.ReadFile(one + ".key")
	must(t, err)
	must(t, os.WriteFile(open, key, 0o600))
	must(t, os.Chmod(open, 0o644))
	for name, c := range map[string]struct{ cert, key, says string }{
		"no certificate":  {dir + "/none", one + ".key", "none"},
		"no key":          {one + ".cert", dir + "/none", "none"},
		"another's key":   {one + ".cert", two + ".key", "does not match"},
		"a key as both":   {one + ".key", one + ".key", one + ".key"},
		"others read it":  {one + ".cert", open, "chmod 600"},
		"a folder as key": {one + ".cert", dir, "not a file"},
	} {
		if _, err := access.OpenCertificate(c.cert, c.key, log); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestCertificateThatEnds(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t)
	for life, says := range map[time.Duration]string{24 * time.Hour: "level=WARN msg=\"the certificate ends soon", -time.Minute: "level=ERROR msg=\"the certificate has ended"} {
		log := &spokenLog{}
		ca.sign(2, life, filepath.Join(dir, "cert"), filepath.Join(dir, "key"))
		c, err := access.OpenCertificate(filepath.Join(dir, "cert"), filepath.Join(dir, "key"), log.logger())
		must(t, err)
		conn, err := net.Dial("tcp", tlsServer(t, c.Config()))
		must(t, err)
		tls.Client(conn, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost"}).Handshake() // which asks for the certificate once more
		conn.Close()
		if said := log.take(); strings.Count(said, "level=") != 1 || !strings.Contains(said, says) {
			t.Errorf("%s: %s", says, said)
		}
	}
}

// TestCertificateIsReplacedByAnEndedOne: that a new certificate is of no use is said when it is read.
func TestCertificateIsReplacedByAnEndedOne(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca, log := newAuthority(t), &spokenLog{}
	ca.sign(2, 24*time.Hour, certFile, keyFile)
	c, err := access.OpenCertificate(certFile, keyFile, log.logger())
	must(t, err)
	log.take() // that the first one ends soon
	ca.sign(3, -time.Minute, certFile, keyFile)
	if end := c.End(); end.After(time.Now()) {
		t.Errorf("it ends %s", end)
	}
	if said := log.take(); strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, "has ended") {
		t.Errorf("the log says: %s", said)
	}
}
