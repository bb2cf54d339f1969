package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// fuzzed serves a daemon with a run and a pipeline, without a network.
func fuzzed(f *testing.F) (ask func(t *testing.T, method, path, query, body string, headers ...string) answer, run string) {
	st, master := store.NewMemory(), quietMaster{offered: make(chan struct{})}
	log := slog.New(slog.DiscardHandler)
	daemon := scheduler.NewDaemon(scheduler.DefaultConfig(), st, master, log)
	handler := httpapi.New(httpapi.Config{Daemon: daemon, Store: st, Log: log}).Handler()
	ctx, cancel := context.WithCancel(context.Background())
	go daemon.Run(ctx)
	f.Cleanup(func() {
		cancel()
		<-daemon.Done()
	})
	<-master.offered
	ask = func(t *testing.T, method, path, query, body string, headers ...string) answer {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.URL.RawQuery = query
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		got := answer{w.Code, w.Header(), w.Body.Bytes()}
		if got.status >= http.StatusInternalServerError {
			t.Errorf("%s %s?%s: %d %s", method, path, query, got.status, got.body)
		}
		for _, word := range []string{"goroutine", "httpapi", "json:", "Go value"} {
			if got.status >= 400 && strings.Contains(string(got.body), word) && !strings.Contains(body+query, word) {
				t.Errorf("%s %s?%s: %s", method, path, query, got.body)
			}
		}
		conforms(t, method, path, got)
		return got
	}
	w := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "/v1/runs", strings.NewReader(twoSteps))
	req.Header.Set("Content-Type", "application/yaml")
	handler.ServeHTTP(w, req)
	_, run, _ = strings.Cut(w.Header().Get("Location"), "/v1/runs/")
	return ask, run
}

// FuzzQuery asks for lists with any query and cursor: no mistake of a caller's is the scheduler's.
func FuzzQuery(f *testing.F) {
	ask, run := fuzzed(f)
	for _, q := range []string{"limit=1", "phase=active&since=2026-01-01T00:00:00Z", "cursor=cgA1", "cursor=dABmaXJzdAAx", "step=first&index=0&limit=2", "a=%zz", "limit=99999999999999999999"} {
		f.Add(q, "r\x0012")
		f.Add(q, "t\x00first\x0099999999")
		f.Add(q, "a\x00first\x001\x00-1")
		f.Add(q, "p\x00lpf\x00x")
	}
	lists := []string{"/v1/runs", "/v1/runs/" + run + "/tasks", "/v1/runs/" + run + "/attempts", "/v1/pipelines", "/v1/pipelines/lpf/x/history"}
	f.Fuzz(func(t *testing.T, query, cursor string) {
		for _, path := range lists {
			ask(t, "GET", path, query, "")
			ask(t, "GET", path, url.Values{"cursor": {httpapi.Cursor(cursor)}}.Encode(), "")
		}
	})
}

// FuzzSubmission submits anything as JSON and as YAML, to be checked only.
func FuzzSubmission(f *testing.F) {
	ask, _ := fuzzed(f)
	f.Add(`{"spec": "name: x", "dry_run": true}`, "k")
	f.Add(`{"spec": "`+strings.ReplaceAll(twoSteps, "\n", `\n`)+`", "params": {"n": "2"}, "dry_run": true}`, "")
	f.Add(`{"params": {"n": 2}}`, "k")
	f.Add(`[{"spec"`, "\x00")
	f.Add(twoSteps, "k")
	f.Fuzz(func(t *testing.T, body, key string) {
		if !strings.Contains(body, "dry_run") {
			body = strings.Replace(body, "{", `{"dry_run": true, `, 1)
		}
		ask(t, "POST", "/v1/runs", "", body, "Content-Type", "application/json", "Idempotency-Key", key)
		ask(t, "POST", "/v1/runs", "dry_run=true&param="+url.QueryEscape(key), body, "Content-Type", "application/yaml")
		ask(t, "PUT", "/v1/pipelines/lpf/two", "", body, "Content-Type", "application/yaml")
	})
}
