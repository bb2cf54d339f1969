// Package registrytest runs an image registry for tests: Debian's docker-registry behind nginx, which adds TLS and basic
// authentication, on loopback.
package registrytest

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Registry is a running registry. Its fields from Private on are addresses, host:port, at which it answers or fails to; all
// but Private ask for no credentials.
type Registry struct {
	// CA is the file of the certificate authority of its certificates.
	CA string
	// User and Password are what Private wants.
	User, Password string

	Private   string // TLS, basic authentication
	Public    string // TLS
	Plain     string // HTTP without TLS
	Foreign   string // a certificate of an authority that nobody knows
	WrongHost string // a certificate for another host
	Expired   string // a certificate that is no longer valid
	NotYet    string // a certificate that is not valid yet
	Other     string // TLS, a web server that knows no /v2/
	Closed    string // nothing listens there

	dir  string
	pool *x509.CertPool
}

// programs are what it needs; all are in Debian.
var programs = []string{"docker-registry", "nginx"}

// startTimeout ends a test whose servers do not come up; nothing is measured by it.
const startTimeout = time.Minute

// Start runs a registry until the test ends. It skips the test if a program is missing, and fails it if
// SPILLWAY_TEST_REGISTRY says that none may be.
func Start(t testing.TB) *Registry {
	t.Helper()
	for _, program := range programs {
		if _, err := find(program); err != nil {
			if os.Getenv("SPILLWAY_TEST_REGISTRY") != "" {
				t.Fatalf("no %s: %v", program, err)
			}
			t.Skipf("no %s: Debian's packages docker-registry and nginx-light have what this test needs", program)
		}
	}
	r := &Registry{User: "lpf", Password: "only-for-this-test-" + fmt.Sprint(rand.Uint64()), dir: t.TempDir()}
	backend := r.freeAddress(t)
	for _, address := range []*string{&r.Private, &r.Public, &r.Plain, &r.Foreign, &r.WrongHost, &r.Expired, &r.NotYet, &r.Other, &r.Closed} {
		*address = r.freeAddress(t)
	}
	r.certify(t)
	r.write(t, "htpasswd", r.User+":{SHA}"+sha(r.Password)+"\n")
	r.write(t, "registry.yml", fmt.Sprintf(registryConfig, filepath.Join(r.dir, "data"), backend))
	r.write(t, "nginx.conf", r.nginxConfig(t, backend))
	r.run(t, "docker-registry", "serve", filepath.Join(r.dir, "registry.yml"))
	r.run(t, "nginx", "-p", r.dir, "-e", filepath.Join(r.dir, "nginx.err"), "-c", filepath.Join(r.dir, "nginx.conf"))
	r.await(t, "http://"+backend+"/v2/", http.StatusOK)
	r.await(t, "https://"+r.Private+"/v2/", http.StatusUnauthorized)
	return r
}

// find looks where system programs are as well, which are not in everybody's PATH.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	return path, err
}

func sha(password string) string {
	sum := sha1.Sum([]byte(password))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// freeAddress returns an address on loopback of which no outgoing connection takes the port meanwhile.
func (r *Registry) freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.N(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (r *Registry) write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const registryConfig = `version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}
http: {addr: %q, relativeurls: true}
`

// nginxTemplate is of one process without workers, so that it can be ended by its process id. Each server has a
// certificate of its own.
var nginxTemplate = template.Must(template.New("nginx").Parse(`daemon off;
master_process off;
pid {{.Dir}}/nginx.pid;
events {}
http {
  access_log {{.Dir}}/access.log;
  client_max_body_size 0;
  client_body_temp_path {{.Dir}}/body;
  proxy_temp_path {{.Dir}}/proxy;
  fastcgi_temp_path {{.Dir}}/fastcgi;
  uwsgi_temp_path {{.Dir}}/uwsgi;
  scgi_temp_path {{.Dir}}/scgi;
{{- range .Servers}}
  server {
    listen {{.Address}}{{if .Certificate}} ssl{{end}};
    {{- if .Certificate}}
    ssl_certificate {{$.Dir}}/{{.Certificate}}.crt;
    ssl_certificate_key {{$.Dir}}/{{.Certificate}}.key;
    {{- end}}
    {{- if .Login}}
    auth_basic "registry";
    auth_basic_user_file {{$.Dir}}/htpasswd;
    add_header Docker-Distribution-Api-Version registry/2.0 always;
    {{- end}}
    location {{if .Elsewhere}}/elsewhere{{else}}/{{end}} {
      proxy_pass http://{{$.Backend}};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Authorization "";
    }
  }
{{- end}}
}
`))

func (r *Registry) nginxConfig(t testing.TB, backend string) string {
	t.Helper()
	type server struct {
		Address, Certificate string
		Login, Elsewhere     bool
	}
	var text strings.Builder
	err := nginxTemplate.Execute(&text, map[string]any{
		"Dir": r.dir, "Backend": backend, "Servers": []server{
			{Address: r.Private, Certificate: "good", Login: true},
			{Address: r.Public, Certificate: "good"},
			{Address: r.Plain},
			{Address: r.Foreign, Certificate: "foreign"},
			{Address: r.WrongHost, Certificate: "wronghost"},
			{Address: r.Expired, Certificate: "expired"},
			{Address: r.NotYet, Certificate: "notyet"},
			{Address: r.Other, Certificate: "good", Elsewhere: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// run starts a program and ends it with the test.
func (r *Registry) run(t testing.TB, program string, args ...string) {
	t.Helper()
	path, err := find(program)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(r.dir, program+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that panics cleans nothing up
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
		text, _ := os.ReadFile(log.Name())
		log.Close()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, text)
		}
	})
}

// await waits until a server answers.
func (r *Registry) await(t testing.TB, url string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	client := http.Client{Transport: r.transport()}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == status {
				return
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v", url, err)
		}
	}
}

func (r *Registry) transport() http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.pool}, DisableKeepAlives: true}
}

// Push puts an image, or an index of several, into the registry, at all its addresses, and returns its digest. The
// repository's name is without the address.
func (r *Registry) Push(t testing.TB, repository string, pushed any) string {
	t.Helper()
	ref, err := name.ParseReference(r.Public + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	var digest v1.Hash
	switch pushed := pushed.(type) {
	case v1.Image:
		if err = remote.Write(ref, pushed, remote.WithTransport(r.transport())); err == nil {
			digest, err = pushed.Digest()
		}
	case v1.ImageIndex:
		if err = remote.WriteIndex(ref, pushed, remote.WithTransport(r.transport())); err == nil {
			digest, err = pushed.Digest()
		}
	default:
		t.Fatalf("%T is no image", pushed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// DockerConfig writes a Docker configuration file with credentials for an address.
func (r *Registry) DockerConfig(t testing.TB, address, user, password string) string {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	text, err := json.Marshal(map[string]any{"auths": map[string]any{address: map[string]string{"auth": auth}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Asked is how often the registry has been asked for something whose path has this in it, at any of its addresses.
func (r *Registry) Asked(t testing.TB, path string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, path) {
			n++
		}
	}
	return n
}
