package registry_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/registry"
)

const (
	someDigest   = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	someManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}`
)

// fake is a registry that does what real ones do elsewhere.
type fake struct {
	host   string
	ca     string
	config string       // with the credentials robot:secret
	asked  atomic.Int64 // for manifests
}

const robotAuth = "Basic cm9ib3Q6cm9ib3Qtc2VjcmV0" // robot:robot-secret

// startFake serves what is not for /v2/ itself by handler. scheme is how it wants to be asked: "", Basic or Bearer.
func startFake(t *testing.T, scheme string, handler http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.URL.Path != "/v2/":
			if strings.Contains(req.URL.Path, "/manifests/") {
				f.asked.Add(1)
			}
			handler(w, req)
		case scheme == "Bearer":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="fake"`, f.host))
			w.WriteHeader(http.StatusUnauthorized)
		case scheme == "Basic" && req.Header.Get("Authorization") != robotAuth:
			w.Header().Set("WWW-Authenticate", `Basic realm="fake"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	f.host = strings.TrimPrefix(server.URL, "https://")
	f.ca = filepath.Join(t.TempDir(), "ca.pem")
	f.config = filepath.Join(t.TempDir(), "config.json")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	auth := base64.StdEncoding.EncodeToString([]byte("robot:robot-secret"))
	for file, text := range map[string]string{f.ca: string(certificate), f.config: fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, f.host, auth)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// found answers that the manifest is there.
func found(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	w.Header().Set("Content-Length", fmt.Sprint(len(someManifest)))
	w.Header().Set("Docker-Content-Digest", someDigest)
}

// status answers with a status, in a registry's words.
func status(code int, word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"in the registry's words"}]}`, word)
	}
}

// tokens gives a token to whoever may have one, and serves the rest to those who show it.
func tokens(mayHave func(auth string) bool, rest http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.URL.Path == "/token" && mayHave(req.Header.Get("Authorization")):
			fmt.Fprint(w, `{"token":"a-token-for-the-test"}`)
		case req.URL.Path == "/token", req.Header.Get("Authorization") != "Bearer a-token-for-the-test":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			rest(w, req)
		}
	}
}

func anybody(string) bool     { return true }
func robots(auth string) bool { return auth == robotAuth }
func nobody(string) bool      { return false }

func TestRegistriesElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		scheme  string
		handler http.HandlerFunc
		login   bool
		warns   string // empty: it gives the digest
	}{
		"open":                         {"", found, false, ""},
		"credentials nobody asks for":  {"", found, true, ""},
		"basic":                        {"Basic", found, true, ""},
		"a token for anybody":          {"Bearer", tokens(anybody, found), false, ""},
		"a token for credentials":      {"Bearer", tokens(robots, found), true, ""},
		"no credentials for a token":   {"Bearer", tokens(robots, found), false, "wants credentials, and"},
		"wrong credentials for it":     {"Bearer", tokens(nobody, found), true, "refuses the credentials that"},
		"Docker Hub's missing image":   {"Bearer", tokens(anybody, status(401, "UNAUTHORIZED")), false, "may not exist at HOST, or needs credentials"},
		"one that may not be seen":     {"Bearer", tokens(anybody, status(403, "DENIED")), true, "may not exist at HOST, or is not allowed to the credentials that"},
		"too many requests":            {"", status(429, "TOOMANYREQUESTS"), false, "asked too often"},
		"a bad request":                {"", status(400, "UNSUPPORTED"), false, "answers 400 Bad Request when it is asked for HOST/lpf/tools"},
		"no token server":              {"Bearer", status(404, ""), true, "answers 404 Not Found when it is asked for a token"},
		"out of order":                 {"", status(503, "UNAVAILABLE"), false, "answers 503 Service Unavailable"},
		"sends on to plain HTTP":       {"", http.RedirectHandler("http://registry.invalid/", 302).ServeHTTP, false, "plain HTTP"},
		"a digest that is not one":     {"", badDigest, false, "not understood"},
		"its answers have no digest":   {"", withoutDigest, false, ""},
		"it knows no HEAD":             {"", withoutHead, false, ""},
		"a manifest that never begins": {"", hang, false, "does not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, tc.scheme, tc.handler)
			cfg := registry.Config{CAs: []string{f.ca}, Timeout: time.Second}
			if tc.login {
				cfg.DockerConfig = f.config
			}
			image := f.host + "/lpf/tools:2"
			pinned, warnings, err := newClient(t, cfg).Resolve(t.Context(), []string{image})
			switch {
			case err != nil:
				t.Error(err)
			case tc.warns == "" && (!strings.HasPrefix(pinned[image], f.host+"/lpf/tools@sha256:") || len(warnings) > 0):
				t.Errorf("pinned %v, warnings %q", pinned, warnings)
			case tc.warns != "" && (len(pinned) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], strings.ReplaceAll(tc.warns, "HOST", f.host))):
				t.Errorf("pinned %v, warnings %q, which should say %q", pinned, warnings, tc.warns)
			}
		})
	}
}

func badDigest(w http.ResponseWriter, req *http.Request) {
	found(w, req)
	w.Header().Set("Docker-Content-Digest", "sha256:no")
	if req.Method == http.MethodGet {
		w.Header().Set("Content-Length", "1") // and breaks off
	}
}

func withoutDigest(w http.ResponseWriter, req *http.Request) {
	found(w, req)
	w.Header().Del("Docker-Content-Digest")
	if req.Method == http.MethodGet {
		fmt.Fprint(w, someManifest)
	}
}

func withoutHead(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	withoutDigest(w, req)
}

func hang(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }

// TestManySubmissions resolves the same images a thousand times at once.
func TestManySubmissions(t *testing.T) {
	f := startFake(t, "", found)
	c := newClient(t, registry.Config{CAs: []string{f.ca}})
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			pinned, warnings, err := c.Resolve(t.Context(), []string{f.host + "/a:1", f.host + "/b:1"})
			if len(pinned) != 2 || len(warnings) > 0 || err != nil {
				t.Errorf("%v, %v, %v", pinned, warnings, err)
			}
		})
	}
	all.Wait()
	if n := f.asked.Load(); n > 100 {
		t.Errorf("the registry was asked %d times", n)
	}
}

// TestFailingRegistryIsLeftAlone counts how often a busy registry is asked, and what is told of it.
func TestFailingRegistryIsLeftAlone(t *testing.T) {
	f := startFake(t, "", status(429, "TOOMANYREQUESTS"))
	var log bytes.Buffer
	c := newClient(t, registry.Config{CAs: []string{f.ca}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 5 {
		_, warnings, err := c.Resolve(t.Context(), []string{fmt.Sprintf("%s/a:%d", f.host, i)})
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "asked too often") {
			t.Errorf("%q, %v", warnings, err)
		}
	}
	if n := f.asked.Load(); n != 1 {
		t.Errorf("the registry was asked %d times", n)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings in the log: %s", n, log.String())
	}
}

// TestWarningsAreFew has many images at one registry that nobody reaches.
func TestWarningsAreFew(t *testing.T) {
	var images []string
	for i := range 100 {
		images = append(images, fmt.Sprintf("registry.invalid/a:%d", i))
	}
	_, warnings, err := newClient(t, registry.Config{}).Resolve(t.Context(), images)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "and 95 more") {
		t.Errorf("%q, %v", warnings, err)
	}
}

// TestDigestsNeedNoWarning: what runs is certain without a registry.
func TestDigestsNeedNoWarning(t *testing.T) {
	pinned, warnings, err := newClient(t, registry.Config{}).Resolve(t.Context(), []string{"registry.invalid/a@" + someDigest})
	if len(pinned) > 0 || len(warnings) > 0 || err != nil {
		t.Errorf("%v, %q, %v", pinned, warnings, err)
	}
}

func TestLocalImagesAreNotAskedFor(t *testing.T) {
	f := startFake(t, "", status(404, "MANIFEST_UNKNOWN"))
	c := newClient(t, registry.Config{CAs: []string{f.ca}, Local: func(_ context.Context, image string) bool { return image == f.host+"/here:1" }})
	pinned, warnings, err := c.Resolve(t.Context(), []string{f.host + "/here:1"})
	if len(pinned) > 0 || len(warnings) > 0 || err != nil || f.asked.Load() > 0 {
		t.Errorf("%v, %q, %v", pinned, warnings, err)
	}
	var missing registry.Missing
	if _, _, err := c.Resolve(t.Context(), []string{f.host + "/here:1", f.host + "/there:1"}); !errors.As(err, &missing) || len(missing) != 1 {
		t.Errorf("error %v", err)
	}
}

func TestResolveEndsWithItsCaller(t *testing.T) {
	arrived, end := make(chan struct{}), make(chan struct{})
	f := startFake(t, "", func(w http.ResponseWriter, req *http.Request) {
		close(arrived)
		<-end
	})
	t.Cleanup(func() { close(end) }) // before the server's own end, which waits for its answers
	c := newClient(t, registry.Config{CAs: []string{f.ca}, Timeout: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, _, err := c.Resolve(ctx, []string{f.host + "/a:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestRegistryTellsCredentials has a registry that says in its answers what it is told.
func TestRegistryTellsCredentials(t *testing.T) {
	for _, code := range []int{200, 302, 400, 401, 403, 404, 429, 500} {
		for _, scheme := range []string{"Basic", "Bearer"} {
			f := startFake(t, scheme, func(w http.ResponseWriter, req *http.Request) {
				auth := req.Header.Get("Authorization")
				w.Header().Set("Location", "https://robot:robot-secret@registry.invalid/?auth="+auth)
				w.Header().Set("Docker-Content-Digest", auth)
				w.Header().Set("Content-Type", auth)
				w.WriteHeader(code)
				fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q,"detail":%q}],"refresh_token":%q}`, auth, auth, auth, auth)
			})
			var said bytes.Buffer
			c := newClient(t, registry.Config{CAs: []string{f.ca}, DockerConfig: f.config, Log: slog.New(slog.NewJSONHandler(&said, nil))})
			_, warnings, err := c.Resolve(t.Context(), []string{f.host + "/a:1"})
			report, jsonErr := json.Marshal(c.Check(t.Context(), f.host+"/a:1"))
			fmt.Fprint(&said, warnings, err, string(report), jsonErr)
			for _, secret := range []string{"robot-secret", strings.TrimPrefix(robotAuth, "Basic "), "a-token-for-the-test"} {
				if strings.Contains(said.String(), secret) {
					t.Errorf("%s, status %d: it tells a credential: %s", scheme, code, said.String())
				}
			}
		}
	}
}
