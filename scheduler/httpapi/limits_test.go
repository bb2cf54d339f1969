package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// dial opens a connection on which a test writes what it likes.
func (a api) dial() *net.TCPConn {
	a.t.Helper()
	c, err := net.Dial("tcp", a.addr)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// TestClientThatReadsNothing opens a stream of events and never reads. The scheduler and other clients go on, and the
// client is let go.
func TestClientThatReadsNothing(t *testing.T) {
	st := store.NewMemory()
	a := start(t, st, newBusyMaster(), func(c *httpapi.Config, _ *http.Server) {
		c.WriteWait, c.Heartbeat = 20*time.Millisecond, time.Millisecond
	})
	c := a.dial()
	c.SetReadBuffer(1 << 10)
	fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	wait := func(open int) {
		t.Helper()
		for end := time.Now().Add(patience); a.server.OpenStreams() != open; {
			if time.Now().After(end) {
				t.Fatalf("%d streams are open, want %d", a.server.OpenStreams(), open)
			}
		}
	}
	wait(1)
	// More events than fit into the buffers of both ends.
	for a.server.OpenStreams() == 1 {
		run := a.submit(workSpec("lpf", "p", "ann", "  a: {run: succeed, array: 5000}\n"), nil)
		a.await(run.ID, "succeeded")
	}
	wait(0)
	if log := a.log.String(); strings.Contains(log, "ERROR") {
		t.Errorf("the log: %s", log)
	}
}

// TestClientThatSendsSlowly sends a byte now and then: the others are answered meanwhile, and it is let go.
func TestClientThatSendsSlowly(t *testing.T) {
	st, master := store.NewMemory(), quietMaster{offered: make(chan struct{})}
	a := start(t, st, master, func(_ *httpapi.Config, s *http.Server) { s.ReadTimeout = 200 * time.Millisecond })
	for name, c := range map[string]struct {
		head string
		want string // how the answer begins
	}{
		"headers": {"GET /v1/version HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", ""},
		"a body":  {"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", "HTTP/1.1 408 "},
	} {
		conn := a.dial()
		fmt.Fprint(conn, c.head)
		ask[httpapi.Version](a, "GET", "/v1/version", nil, 200)
		ask[httpapi.Problem](a, "GET", "/v1/runs/none", nil, 404)
		stopped := make(chan struct{})
		go func() { // until the other side has had enough
			defer close(stopped)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for range tick.C {
				if _, err := conn.Write([]byte(" ")); err != nil {
					return
				}
			}
		}()
		got, err := io.ReadAll(conn)
		if nerr, isNet := err.(net.Error); isNet && nerr.Timeout() {
			t.Errorf("%s: is waited for", name)
		}
		if !strings.HasPrefix(string(got), c.want) {
			t.Errorf("%s: %q", name, got)
		}
		conn.Close()
		<-stopped
	}
	if log := a.log.String(); strings.Contains(log, "ERROR") {
		t.Errorf("the log: %s", log)
	}
}

// TestClientThatGoesAway breaks requests off.
func TestClientThatGoesAway(t *testing.T) {
	a := newAPI(t)
	for _, text := range []string{
		"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"spec\"",
		"GET /v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /v1/ru",
	} {
		c := a.dial()
		fmt.Fprint(c, text)
		c.SetLinger(0)
		c.Close()
	}
	ask[httpapi.Runs](a, "GET", "/v1/runs", nil, 200)
	if log := a.log.String(); strings.Contains(log, "ERROR") {
		t.Errorf("the log: %s", log)
	}
}

func TestSizes(t *testing.T) {
	a := newAPI(t)
	c := a.dial()
	fmt.Fprintf(c, "GET /v1/version HTTP/1.1\r\nHost: localhost\r\nX-Large: %s\r\n\r\n", strings.Repeat("x", 80<<10))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 431 {
		t.Errorf("headers of 80 KiB: %s", resp.Status)
	}
	for kind, body := range map[string]string{"application/json": `{"spec": "%s"}`, "application/yaml": "# %s"} {
		p := a.send("POST", "/v1/runs", fmt.Sprintf(body, strings.Repeat("x", 5<<20)), "Content-Type", kind)
		if p.status != 413 {
			t.Errorf("a body of 5 MiB: %d %s", p.status, p.body)
		}
	}
}

func TestRates(t *testing.T) {
	st, master := store.NewMemory(), quietMaster{offered: make(chan struct{})}
	a := start(t, st, master, func(c *httpapi.Config, _ *http.Server) { c.Rate = 0.5 })
	a.send("GET", "/v1/version", "")
	got := a.send("GET", "/v1/version", "")
	if got.status != 429 || got.header.Get("Retry-After") == "" || got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("too many requests: %d %v", got.status, got.header)
	}
	for range 100 {
		if retry := a.send("GET", "/v1/version", "").header.Get("Retry-After"); retry != "" && retry != "1" && retry != "2" {
			t.Fatalf("asking in vain puts the next time off: in %s s", retry)
		}
	}
}

func TestHosts(t *testing.T) {
	a := newAPI(t)
	_, port, _ := net.SplitHostPort(a.addr)
	for host, want := range map[string]int{
		"localhost:" + port: 200, "127.0.0.1": 200, "127.1.2.3:80": 200, "[::1]:" + port: 200, "LOCALHOST": 200, "spillway.localhost:1": 200,
		"evil.example": 421, "evil.example:" + port: 421, "localhost.evil.example": 421, "10.0.0.1": 421, "127.0.0.1.evil.example": 421, "[::2]": 421,
	} {
		c := a.dial()
		fmt.Fprintf(c, "GET /v1/version HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host: %s: %s, want %d", host, resp.Status, want)
		}
	}
}

func TestMethodsAndMedia(t *testing.T) {
	a := newAPI(t)
	run := a.submit(twoSteps, nil)
	for _, c := range []struct {
		method, path string
		headers      []string
		status       int
		allow        string
	}{
		{"PUT", "/v1/runs", nil, 405, "DELETE, GET, HEAD, POST"},
		{"POST", "/v1/runs/" + run.ID, nil, 405, "DELETE, GET, HEAD"},
		{"GET", "/v1/runs/" + run.ID + "/cancel", nil, 405, "POST"},
		{"DELETE", "/healthz", nil, 405, "GET, HEAD"},
		{"GET", "/v1", nil, 404, ""},
		{"GET", "/", nil, 404, ""},
		{"GET", "/v1/runs", []string{"Accept", "text/html"}, 406, ""},
		{"GET", "/v1/runs", []string{"Accept", "text/html, application/*;q=0.1"}, 200, ""},
		{"GET", "/v1/runs", []string{"Accept", "application/json;q=0"}, 406, ""},
		{"GET", "/v1/runs", []string{"Accept", "*/*"}, 200, ""},
		{"GET", "/v1/events", []string{"Accept", "application/json"}, 406, ""},
		{"GET", "/v1/runs/" + run.ID + "/spec", []string{"Accept", "application/yaml"}, 200, ""},
		{"POST", "/v1/runs", []string{"Content-Type", "text/plain"}, 415, ""},
		{"POST", "/v1/runs", nil, 415, ""},
		{"GET", "/metrics", nil, 404, ""},
		{"GET", "/healthz", nil, 200, ""},
		{"GET", "/readyz", nil, 200, ""},
	} {
		got := a.send(c.method, c.path, "", c.headers...)
		if got.status != c.status || got.header.Get("Allow") != c.allow {
			t.Errorf("%s %s %v: %d, Allow: %q; want %d, %q; %s", c.method, c.path, c.headers, got.status, got.header.Get("Allow"), c.status, c.allow, got.body)
		}
	}
	for _, path := range []string{"/v1/runs", "/v1/events"} {
		if got := a.send("HEAD", path, ""); got.status != 200 || len(got.body) > 0 {
			t.Errorf("HEAD %s: %d, %q", path, got.status, got.body)
		}
	}
}

// TestNotReady: a scheduler that has stopped says so, and is not called broken.
func TestNotReady(t *testing.T) {
	a := newAPI(t)
	a.stop()
	<-a.daemon.Done()
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/v1/queue": 503, "/v1/runs/x": 503} {
		got := a.send("GET", path, "")
		if got.status != want || (want == 503) != (got.header.Get("Retry-After") != "") {
			t.Errorf("%s: %d, Retry-After %q, want %d", path, got.status, got.header.Get("Retry-After"), want)
		}
	}
	a.send("GET", "/readyz", "")
	if log := a.log.String(); strings.Count(log, "/readyz") > 0 || strings.Count(log, "not ready") != 1 {
		t.Errorf("of two probes the log says:\n%s", log)
	}
	if got := a.send("POST", "/v1/runs", twoSteps, "Content-Type", "application/yaml"); got.status != 503 {
		t.Errorf("a submission: %d", got.status)
	}
}

// TestPanics: a mistake in a handler is told to the log, and to callers as no more than what it is.
func TestPanics(t *testing.T) {
	a := newAPI(t)
	for _, inHandler := range []bool{true, false} {
		server := httptest.NewServer(a.server.Break(inHandler, false))
		resp, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		server.Close()
		if p := decode[httpapi.Problem](t, text); resp.StatusCode != 500 || p.Status != 500 || strings.Contains(string(text), "secret") || strings.Contains(string(text), ".go") {
			t.Errorf("%s %s", resp.Status, text)
		}
		if log := a.log.String(); !strings.Contains(log, "a secret invariant") || !strings.Contains(log, "export_test.go:") || strings.Contains(log, "goroutine") {
			t.Errorf("the log: %s", log)
		}
	}
	server := httptest.NewServer(a.server.Break(true, true))
	defer server.Close()
	if resp, err := http.Get(server.URL); err == nil {
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("half an answer looks like a whole one: %q", text)
		}
	}
	ask[httpapi.Runs](a, "GET", "/v1/runs", nil, 200) // the daemon goes on
}
