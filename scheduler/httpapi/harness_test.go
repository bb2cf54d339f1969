package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// quietMaster is a driver of a master that subscribes the framework and offers one agent that is too small.
type quietMaster struct{ offered chan struct{} }

func (m quietMaster) Run(ctx context.Context, _ string, events func([]mesos.Event)) error {
	events([]mesos.Event{
		mesos.Subscribed{FrameworkID: "f", Master: "http://master"},
		mesos.Offers{Offers: []mesos.Offer{{
			ID: "o", AgentID: "a", Hostname: "small", Role: "*", Resources: spec.Resources{CPUs: 500, Mem: 64, Disk: 1000},
		}}},
	})
	close(m.offered)
	<-ctx.Done()
	return nil
}

func (m quietMaster) Send([]mesos.Call) {}

// busyMaster is a driver of a master whose one agent has room for everything. What a task's command says happens: it
// succeeds, fails, or stays until it is killed.
type busyMaster struct{ calls chan []mesos.Call }

func newBusyMaster() busyMaster { return busyMaster{make(chan []mesos.Call, 1000)} }

func (m busyMaster) Run(ctx context.Context, _ string, events func([]mesos.Event)) error {
	offers := 0
	offer := func() mesos.Event {
		offers++
		return mesos.Offers{Offers: []mesos.Offer{{
			ID: fmt.Sprint("o", offers), AgentID: "a", Hostname: "large", Role: "*",
			Resources: spec.Resources{CPUs: 1e6, Mem: 1 << 20, Disk: 1 << 20},
		}}}
	}
	events([]mesos.Event{mesos.Subscribed{FrameworkID: "f", Master: "http://master"}, offer()})
	for {
		select {
		case <-ctx.Done():
			return nil
		case calls := <-m.calls:
			var all []mesos.Event
			for _, c := range calls {
				switch c := c.(type) {
				case mesos.Accept:
					for _, l := range c.Launches {
						all = append(all, work(l)...)
					}
					all = append(all, offer())
				case mesos.Decline, mesos.Revive:
					all = append(all, offer())
				case mesos.Kill:
					all = append(all, update(c.TaskID, state.TaskKilled, ""))
				}
			}
			if len(all) > 0 {
				events(all)
			}
		}
	}
}

func work(l mesos.Launch) []mesos.Event {
	id := l.ID.String()
	events := []mesos.Event{update(id, state.TaskRunning, "")}
	switch l.Command.Shell {
	case "succeed":
		events = append(events, update(id, state.TaskFinished, ""))
	case "fail":
		events = append(events, update(id, state.TaskFailed, "Command exited with status 3"))
	}
	return events
}

func update(id string, s state.TaskState, message string) mesos.Event {
	return mesos.Update{Status: state.Status{TaskID: id, State: s, Source: state.SourceExecutor, Message: message, Agent: "a", UUID: []byte("u")}}
}

func (m busyMaster) Send(calls []mesos.Call) { m.calls <- calls }

// records is a store as a server needs it.
type records interface {
	store.Store
	store.Reader
}

// api is a server to ask, of a daemon.
type api struct {
	t      *testing.T
	url    string
	addr   string
	store  records
	daemon *scheduler.Daemon
	log    *spoken
	server *httpapi.Server
	stop   context.CancelFunc // of the daemon
}

// newAPI starts a server of a daemon on a quiet master.
func newAPI(t *testing.T) api {
	master := quietMaster{offered: make(chan struct{})}
	a := start(t, store.NewMemory(), master, nil)
	<-master.offered
	return a
}

// newBusyAPI starts a server of a daemon on a busy master, on SQLite.
func newBusyAPI(t *testing.T) api {
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "spillway.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return start(t, st, newBusyMaster(), nil)
}

// start serves on a real port, with the server's own limits; change may set others.
func start(t *testing.T, st records, master scheduler.Driver, change func(*httpapi.Config, *http.Server)) api {
	log := &spoken{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	daemon := scheduler.NewDaemon(scheduler.DefaultConfig(), st, master, slog.New(slog.DiscardHandler))
	cfg := httpapi.Config{Daemon: daemon, Store: st, Version: "1.2.3", Log: logger}
	limits := &http.Server{}
	if change != nil {
		change(&cfg, limits)
	}
	rest := httpapi.New(cfg)
	server := rest.HTTP()
	if limits.ReadTimeout > 0 {
		server.ReadTimeout, server.ReadHeaderTimeout = limits.ReadTimeout, limits.ReadTimeout
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := daemon.Run(ctx); err != nil {
			t.Errorf("the daemon ended: %v", err)
		}
	})
	all.Go(func() { server.Serve(listener) })
	t.Cleanup(func() {
		cancel()
		<-daemon.Done()
		server.Close()
		all.Wait()
	})
	return api{t: t, url: "http://" + listener.Addr().String(), addr: listener.Addr().String(), store: st, daemon: daemon, log: log, server: rest, stop: cancel}
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request. Headers are names and values in turn. What comes back is held against the OpenAPI document.
func (a api) send(method, path, body string, headers ...string) answer {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	got := answer{resp.StatusCode, resp.Header, text}
	conforms(a.t, method, req.URL.Path, got)
	return got
}

// ask sends a request and decodes the answer into a new T, after checking its status and its content type. A body that is
// a text is sent as it is.
func ask[T any](a api, method, path string, body any, status int) T {
	a.t.Helper()
	text, isText := body.(string)
	if !isText && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		text = string(b)
	}
	got := a.send(method, path, text, "Content-Type", "application/json")
	want := "application/json"
	if status >= 400 {
		want = "application/problem+json"
	}
	if kind := got.header.Get("Content-Type"); got.status != status || kind != want {
		a.t.Fatalf("%s %s: %d, %s, want %d; %s", method, path, got.status, kind, status, got.body)
	}
	return decode[T](a.t, got.body)
}

// decode decodes JSON strictly.
func decode[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// patience bounds how long a test waits for another goroutine or process.
const patience = 30 * time.Second

// submit submits a spec.
func (a api) submit(text string, params map[string]string) httpapi.Run {
	a.t.Helper()
	return ask[httpapi.Run](a, "POST", "/v1/runs", httpapi.Submission{Spec: text, Params: params}, 201)
}

// await looks at a run until it is in a phase.
func (a api) await(id, phase string) httpapi.Run {
	a.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if run := ask[httpapi.Run](a, "GET", "/v1/runs/"+id, nil, 200); run.Phase == phase {
			return run
		}
	}
	a.t.Fatalf("run %s did not become %s", id, phase)
	return httpapi.Run{}
}

// attemptsOfAll are the attempts of all tasks.
var attemptsOfAll = store.AttemptFilter{Index: -1, Limit: 10}
