package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
	"github.com/lisa-dpc/spillway/scheduler/tasklog"
)

// sandbox holds the files of one agent. One that is nil is not there.
type sandbox map[string][]byte

func (s sandbox) Read(_ context.Context, f mesos.SandboxFile, offset int64, length int) ([]byte, int64, error) {
	data, ok := s[f.Task+"/"+f.Name]
	if !ok {
		return nil, 0, mesos.ErrNoFile
	}
	from := min(offset, int64(len(data)))
	return data[from:min(from+int64(min(length, mesos.MaxRead)), int64(len(data)))], int64(len(data)), nil
}

// logServer is a server to ask for logs, of a run that is unfinished for the daemon, and of another that is not.
type logServer struct {
	api
	run  string
	stop context.CancelFunc // of the daemon
}

func newLogServer(t *testing.T) *logServer {
	st := store.NewMemory()
	files := sandbox{}
	log := slog.New(slog.DiscardHandler)
	logs, err := tasklog.Open(t.Context(), tasklog.Config{Path: t.TempDir() + "/logs.db", Sandbox: files, Records: st, Cap: 100})
	if err != nil {
		t.Fatal(err)
	}
	logs.Framework("f")
	master := quietMaster{offered: make(chan struct{})}
	daemon := scheduler.NewDaemon(scheduler.DefaultConfig(), st, master, log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := httptest.NewServer(httpapi.New(httpapi.Config{Daemon: daemon, Store: st, Logs: logs, Log: log}).Handler())
	go func() { ended <- daemon.Run(ctx) }()
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := errors.Join(<-ended, logs.Close()); err != nil {
			t.Error(err)
		}
	})
	<-master.offered
	s := &logServer{api: api{t: t, url: server.URL}, stop: cancel}
	s.run = ask[httpapi.Run](s.api, "POST", "/v1/runs", httpapi.Submission{Spec: twoSteps}, 201).ID
	now := time.Now()
	add := func(index, number int, ended bool, stdout string) {
		rec := state.AttemptRecord{
			ID:       state.AttemptID{Run: state.RunID(s.run), Step: "first", Index: index, Number: number},
			Hostname: "h1", AgentURL: "http://h1:5051", State: state.TaskRunning, ExitCode: -1, Launched: now, Started: now,
		}
		if ended {
			rec.State, rec.Outcome, rec.Ended = state.TaskFailed, state.AuthorFailed, now
		}
		if stdout != "" {
			files[rec.ID.String()+"/stdout"] = []byte(stdout)
		}
		if err := st.Commit(t.Context(), &state.Changes{Attempts: []state.AttemptRecord{rec}}); err != nil {
			t.Fatal(err)
		}
	}
	add(0, 0, true, "of the first attempt\n")
	add(0, 1, false, "one\ntwo\n\xff\x00three")
	add(1, 0, true, "")
	return s
}

// get asks for a log and returns all of the answer.
func (s *logServer) get(method, path string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+"/v1/runs/"+s.run+"/steps/"+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(text)
}

func TestLogs(t *testing.T) {
	s := newLogServer(t)
	for _, c := range []struct {
		path, want     string
		attempt, start string
	}{
		{"first/tasks/0/logs/stdout", "one\ntwo\n\xff\x00three", "1", "0"},
		{"first/tasks/0/logs/stdout?attempt=1&tail=2", "two\n\xff\x00three", "1", "4"},
		{"first/tasks/0/logs/stdout?tail=0", "", "1", "15"},
		{"first/tasks/0/logs/stdout?offset=10", "three", "1", "10"},
		{"first/tasks/0/logs/stdout?attempt=0", "of the first attempt\n", "0", "0"},
		{"first/tasks/0/logs/stdout?attempt=0&follow=true", "of the first attempt\n", "0", "0"},
	} {
		resp, got := s.get("GET", c.path)
		if resp.StatusCode != 200 || got != c.want {
			t.Errorf("%s: %d, %q, want %q", c.path, resp.StatusCode, got, c.want)
		}
		h := resp.Header
		want := []string{c.attempt, c.start, "sandbox", "text/plain; charset=utf-8", "nosniff"}
		if diff := cmp.Diff(want, []string{h.Get(httpapi.LogAttempt), h.Get(httpapi.LogStart), h.Get(httpapi.LogOrigin),
			h.Get("Content-Type"), h.Get("X-Content-Type-Options")}); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", c.path, diff)
		}
		if end := resp.Trailer.Get(httpapi.LogEnd); end != httpapi.LogComplete {
			t.Errorf("%s: it ended %q", c.path, end)
		}
	}
	if resp, _ := s.get("HEAD", "first/tasks/0/logs/stdout?follow=true"); resp.Header.Get(httpapi.LogSize) != "15" {
		t.Errorf("HEAD: %v", resp.Header)
	}
}

// TestLogsThatAreMissing are problem documents that say why, and never empty.
func TestLogsThatAreMissing(t *testing.T) {
	s := newLogServer(t)
	for path, want := range map[string]struct {
		status int
		detail string
	}{
		"first/tasks/0/logs/stderr":           {404, "there is no stderr of attempt 1 of task 0 of step first: agent h1 has no stderr of it any more: its sandbox was removed"},
		"first/tasks/0/logs/stdout?attempt=9": {404, "task 0 of step first has no attempt 9"},
		"first/tasks/2/logs/stdout":           {404, "task 2 of step first has not been attempted: needs 2 cpus: "},
		"second/tasks/0/logs/stdout":          {404, "task 0 of step second has not been attempted: waits for step first"},
		"first/tasks/99/logs/stdout":          {404, "has no task 99"},
		"third/tasks/0/logs/stdout":           {404, "third"},
		"first/tasks/0/logs/stdin":            {404, "stdout and stderr"},
		"first/tasks/x/logs/stdout":           {400, "index"},
		"first/tasks/-1/logs/stdout":          {400, "index"},
		"first/tasks/0/logs/stdout?tail=some": {400, "query"},
	} {
		resp, text := s.get("GET", path)
		if resp.StatusCode != want.status || resp.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(text, want.detail) {
			t.Errorf("%s: %d, %s", path, resp.StatusCode, text)
		}
	}
}

// TestFollowedLogEndsWithTheScheduler: who follows a log learns that it is broken off, and does not keep the scheduler
// from ending.
func TestFollowedLogEndsWithTheScheduler(t *testing.T) {
	s := newLogServer(t)
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/runs/"+s.run+"/steps/first/tasks/0/logs/stdout?follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 15)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "one\ntwo\n\xff\x00three" {
		t.Fatalf("%q, %v", first, err)
	}
	s.stop()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || len(rest) > 0 || resp.Trailer.Get(httpapi.LogEnd) != "" {
		t.Errorf("%q, %v, it ended %q", rest, err, resp.Trailer.Get(httpapi.LogEnd))
	}
}

// TestDemandCountsLogs: as long as nobody has looked for logs that are still to be collected, there may be one anywhere.
func TestDemandCountsLogs(t *testing.T) {
	s := newLogServer(t)
	for _, a := range ask[httpapi.Demand](s.api, "GET", "/v1/demand", nil, 200).Agents {
		if a.Uncollected != 1 {
			t.Errorf("agent %s: %d logs are uncollected", a.ID, a.Uncollected)
		}
	}
}
