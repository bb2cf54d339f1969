package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

func put(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// chain makes an authority that is valid in a time, and a certificate by it that is valid now.
func chain(t *testing.T, from, until time.Time) (authority, leaf *x509.Certificate) {
	t.Helper()
	make := func(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authority = make(ca, ca, key, key)
	leaf = make(&x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0), DNSNames: []string{"a"},
	}, authority, key, key)
	return authority, leaf
}

func asPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func TestAuthoritiesAreRead(t *testing.T) {
	dir := t.TempDir()
	ca, leaf := chain(t, time.Now().AddDate(-2, 0, 0), time.Now().AddDate(2, 0, 0))
	file := put(t, filepath.Join(dir, "certs.d", "registry.example:5000", "ca.crt"), asPEM(ca), 0o644)
	put(t, filepath.Join(dir, "certs.d", "README"), "not a certificate", 0o644)
	bad, empty := put(t, filepath.Join(dir, "bad", "x.pem"), "not a certificate", 0o644), t.TempDir()
	for name, tc := range map[string]struct {
		paths []string
		says  string
	}{
		"a file":             {[]string{file}, ""},
		"a folder":           {[]string{filepath.Join(dir, "certs.d")}, ""},
		"both":               {[]string{file, filepath.Join(dir, "certs.d")}, ""},
		"a file without one": {[]string{bad}, "x.pem: there is no certificate"},
		"a folder with such": {[]string{file, dir}, "x.pem: there is no certificate"},
		"an empty folder":    {[]string{empty}, "no .crt or .pem file"},
		"nothing":            {[]string{filepath.Join(dir, "none")}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			trust, err := newTrust(tc.paths)
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("error %v, which should say %q", err, tc.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: trust.roots}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAuthorityWhenIssued has authorities that are not valid now.
func TestAuthorityWhenIssued(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		from, until time.Time
		want        bool
	}{
		"expired":                  {now.AddDate(-2, 0, 0), now.AddDate(0, 0, -1), true},
		"newer than it has signed": {now.AddDate(0, 0, 1), now.AddDate(2, 0, 0), false},
		"ended before the other's": {now.AddDate(-5, 0, 0), now.AddDate(-4, 0, 0), false},
	} {
		ca, leaf := chain(t, tc.from, tc.until)
		trust, err := newTrust([]string{put(t, filepath.Join(t.TempDir(), "ca.pem"), asPEM(ca), 0o644)})
		if err != nil {
			t.Fatal(err)
		}
		if got := trust.whenIssued([]*x509.Certificate{leaf}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	_, stranger := chain(t, now.AddDate(-2, 0, 0), now.AddDate(2, 0, 0))
	trust, err := newTrust(nil)
	if err != nil {
		t.Fatal(err)
	}
	if trust.whenIssued([]*x509.Certificate{stranger}) || trust.whenIssued(nil) {
		t.Error("a stranger's certificate would have been trusted")
	}
}

func TestCredentialsAreFound(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	put(t, filepath.Join(dir, "docker-credential-good"), "#!/bin/sh\necho '{\"Username\":\"helped\",\"Secret\":\"helpful-secret\"}'\n", 0o755)
	put(t, filepath.Join(dir, "docker-credential-bad"), "#!/bin/sh\necho 'helpful-secret is locked'; exit 1\n", 0o755)
	file := put(t, filepath.Join(dir, "config.json"), `{
		"auths": {
			"https://index.docker.io/v1/": {"auth": "aHViOnNlY3JldA=="},
			"registry.example:5000": {"auth": "YW55OnNlY3JldA=="},
			"registry.example:5000/lpf/own": {"auth": "b3duOnNlY3JldA=="},
			"https://url.example": {"username": "url", "password": "secret"}
		},
		"credHelpers": {"good.example": "good", "bad.example": "bad", "none.example": "none"}
	}`, 0o600)
	c, err := newCredentials(file)
	if err != nil {
		t.Fatal(err)
	}
	for repository, want := range map[string]string{
		"busybox": "hub", "lpf/tools": "hub", "registry.example:5000/lpf/tools": "any", "registry.example:5000/lpf/own": "own",
		"url.example/a": "url", "other.example/a": "", "registry.example/a": "", "good.example/a": "helped",
	} {
		repo, err := name.NewRepository(repository)
		if err != nil {
			t.Fatal(err)
		}
		auth, fault := c.find(repo)
		if fault != nil {
			t.Errorf("%s: %v", repository, fault)
			continue
		}
		cfg, err := authn.Authorization(t.Context(), auth)
		if err != nil || cfg.Username != want || (auth == authn.Anonymous) != (want == "") {
			t.Errorf("%s: user %q, want %q (%v)", repository, cfg.Username, want, err)
		}
	}
	for _, repository := range []string{"bad.example/a", "none.example/a"} {
		repo, _ := name.NewRepository(repository)
		if _, fault := c.find(repo); fault == nil || fault.Kind != CredentialsFault || strings.Contains(fault.Error(), "helpful-secret") {
			t.Errorf("%s: %v", repository, fault)
		}
	}
}

func TestBadConfigurations(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		cfg  Config
		says string
	}{
		"no such file":      {Config{DockerConfig: filepath.Join(dir, "none.json")}, "no such file"},
		"not JSON":          {Config{DockerConfig: put(t, filepath.Join(dir, "a.json"), `{"auths": "very-secret`, 0o600)}, "a.json is no Docker configuration"},
		"auth not base64":   {Config{DockerConfig: put(t, filepath.Join(dir, "b.json"), `{"auths": {"x": {"auth": "very-secret!"}}}`, 0o600)}, "b.json is no Docker configuration"},
		"no authorities":    {Config{CAs: []string{filepath.Join(dir, "none.pem")}}, "no such file"},
		"not a host":        {Config{PlainHTTP: []string{"http://registry.example"}}, `"http://registry.example": write it as host`},
		"no host":           {Config{PlainHTTP: []string{""}}, "write it as host"},
		"a repository, too": {Config{PlainHTTP: []string{"registry.example/a"}}, "write it as host"},
	} {
		_, err := New(tc.cfg)
		if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPlainHTTPIsRefused covers private addresses, for which the library would try plain HTTP.
func TestPlainHTTPIsRefused(t *testing.T) {
	p, err := newPlainHTTP([]string{"10.0.0.1:5000", "registry.example"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"10.0.0.1:5000": true, "10.0.0.1": false, "10.0.0.2:5000": false, "registry.example": true, "registry.example:80": false,
		"localhost": true, "localhost:1": true, "127.0.0.1:5000": true, "127.1.2.3": true, "[::1]:5000": true, "[::1]": true,
		"localhost.example:1": false, "registry.local": false,
	} {
		if got := p.allows(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
		sent := errors.New("sent")
		g := guard{p, roundTrip(func(*http.Request) (*http.Response, error) { return nil, sent })}
		for _, scheme := range []string{"http", "https"} {
			_, err := g.RoundTrip(&http.Request{URL: &url.URL{Scheme: scheme, Host: host}})
			if errors.Is(err, sent) != (want || scheme == "https") {
				t.Errorf("%s://%s: %v", scheme, host, err)
			}
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestNetworkFaults are those that need a network to be had.
func TestNetworkFaults(t *testing.T) {
	trust, err := newTrust(nil)
	if err != nil {
		t.Fatal(err)
	}
	within := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://u:secret@host.example/?t=secret", Err: err}
	}
	for says, tc := range map[string]struct {
		err  error
		kind Kind
	}{
		"no address is known for the name registry.example":   {&net.DNSError{Name: "registry.example", IsNotFound: true}, DNSFault},
		"the name server does not answer":                     {within(&net.OpError{Op: "dial", Err: &net.DNSError{Name: "r", IsTimeout: true}}), DNSFault},
		"host.example does not answer to connections":         {within(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), ConnectionFault},
		"host.example breaks the connection":                  {within(&net.OpError{Op: "read", Err: errors.New("reset")}), ConnectionFault},
		"proxy on the way to host.example":                    {within(&net.OpError{Op: "proxyconnect", Err: errors.New("no")}), ConnectionFault},
		"host.example does not answer in time":                {within(os.ErrDeadlineExceeded), TimeoutFault},
		"host.example gives an answer that is not understood": {within(errors.New("secret")), OtherFault},
		"host.example speaks plain HTTP":                      {within(http.ErrSchemeMismatch), PlainHTTPFault},
	} {
		f := trust.faultOf("asked.example", tc.err)
		if f.Kind != tc.kind || !strings.Contains(f.What, says) || strings.Contains(f.Error(), "secret") || f.Do == "" {
			t.Errorf("%v: %+v", tc.err, f)
		}
	}
}
