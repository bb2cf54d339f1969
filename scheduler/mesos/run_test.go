package mesos

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// running is a driver under test with what it hands over.
type running struct {
	*Driver
	t      *testing.T
	events chan Event
	done   chan error
	cancel context.CancelFunc
}

// start runs a driver until the test's end.
func start(t *testing.T, cfg Config, id string) *running {
	t.Helper()
	return startWith(t, cfg, id, func(*Driver) {})
}

// startWith is start of a driver that is changed before it runs.
func startWith(t *testing.T, cfg Config, id string, change func(*Driver)) *running {
	t.Helper()
	def(&cfg.BackoffMin, time.Millisecond)
	def(&cfg.BackoffMax, 20*time.Millisecond)
	def(&cfg.retryPause, time.Millisecond)
	if cfg.Logger == nil {
		cfg.Logger = newLogger(t)
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	change(d)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Driver: d, t: t, events: make(chan Event, 1<<16), done: make(chan error, 1), cancel: cancel}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.done <- d.Run(ctx, id, func(events []Event) {
			for _, e := range events {
				r.events <- e
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

// newLogger logs to the test's output, in full.
func newLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// expect waits for the next event and compares it.
func (r *running) expect(want Event) {
	r.t.Helper()
	if diff := cmp.Diff(want, receive(r.t, r.events)); diff != "" {
		r.t.Fatalf("event (-want +got):\n%s", diff)
	}
}

// disconnected waits for the end of a subscription, and gives its reason.
func (r *running) disconnected() error {
	r.t.Helper()
	e, ok := receive(r.t, r.events).(Disconnected)
	if !ok {
		r.t.Fatalf("%T instead of Disconnected", e)
	}
	return e.Err
}

func TestRunSubscribesAgain(t *testing.T) {
	for _, codec := range []string{"protobuf", "json"} {
		t.Run(codec, func(t *testing.T) {
			m := newScriptedMaster(t)
			d := start(t, Config{Masters: m.url, Codec: codec}, "")
			s := m.next()
			if id := s.call.FrameworkID; id != nil {
				t.Errorf("the first subscription has the framework id %v", id)
			}
			s.send(t, subscribedEvent("f-1"))
			d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
			d.Send([]Call{Revive{}})
			if c := receive(t, m.calls); c.Type != scheduler.Call_REVIVE || c.FrameworkID.GetValue() != "f-1" {
				t.Errorf("call %v", c)
			}
			s.close()
			if err := d.disconnected(); !errors.Is(err, errEnded) {
				t.Errorf("disconnected: %v", err)
			}
			s = m.next()
			if got := s.call.GetFrameworkID().GetValue() + s.call.Subscribe.FrameworkInfo.GetID().GetValue(); got != "f-1f-1" {
				t.Errorf("the second subscription has the ids %q", got)
			}
			s.send(t, subscribedEvent("f-1"))
			d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
		})
	}
}

func TestEventsOfOneReadComeTogether(t *testing.T) {
	m := newScriptedMaster(t)
	d, err := New(Config{Masters: m.url})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	batches, done := make(chan []Event, 16), make(chan error)
	go func() { done <- d.Run(ctx, "", func(events []Event) { batches <- events }) }()
	s := m.next()
	s.send(t, subscribedEvent("f-1"))
	receive(t, batches)
	s.send(t, updateEvent("a", mesosgo.TASK_RUNNING), rescindEvent("O1"), updateEvent("b", mesosgo.TASK_RUNNING))
	if got := receive(t, batches); len(got) != 3 || got[0].(Update).Status.TaskID != "a" || got[2].(Update).Status.TaskID != "b" {
		t.Errorf("events %v", got)
	}
	cancel()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

func TestMasters(t *testing.T) {
	leader := newScriptedMaster(t)
	t.Run("the next of the list is tried", func(t *testing.T) {
		dead := httptest.NewServer(nil)
		dead.Close()
		d := start(t, Config{Masters: dead.URL + ", " + leader.url, BackoffMin: time.Hour, BackoffMax: time.Hour}, "")
		leader.next().send(t, subscribedEvent("f-1"))
		d.expect(Subscribed{FrameworkID: "f-1", Master: leader.url})
	})
	follower := newScriptedMaster(t)
	follower.onSubscribe = redirectTo(strings.TrimPrefix(leader.url, "http:") + "/master/api/v1/scheduler")
	t.Run("a redirect is followed", func(t *testing.T) {
		d := start(t, Config{Masters: follower.url}, "")
		leader.next().send(t, subscribedEvent("f-1"))
		d.expect(Subscribed{FrameworkID: "f-1", Master: leader.url})
		d.Send([]Call{Revive{}})
		receive(t, leader.calls)
	})
	t.Run("with credentials, to masters of the list", func(t *testing.T) {
		d := start(t, Config{Masters: follower.url + "," + leader.url, Principal: "spill", Secret: "s3cret"}, "")
		s := leader.next()
		if user, password, _ := s.request.BasicAuth(); user != "spill" || password != "s3cret" {
			t.Errorf("credentials %s:%s", user, password)
		}
		s.send(t, subscribedEvent("f-1"))
		d.expect(Subscribed{FrameworkID: "f-1", Master: leader.url})
	})
	t.Run("with credentials, to nobody else", func(t *testing.T) {
		stranger := newScriptedMaster(t)
		lured := newScriptedMaster(t)
		lured.onSubscribe = redirectTo(stranger.url)
		attempts := make(chan error, 64)
		d, err := New(Config{
			Masters: lured.url, Principal: "spill", Secret: "s3cret", BackoffMin: time.Millisecond, BackoffMax: time.Millisecond,
			Logger: slog.New(errorsOf(attempts)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- d.Run(ctx, "", func([]Event) {}) }()
		if err := receive(t, attempts); !strings.Contains(err.Error(), "add it to the list of masters") {
			t.Errorf("error: %v", err)
		}
		receive(t, attempts)
		cancel()
		receive(t, done)
		if n := len(stranger.requests); n > 0 {
			t.Errorf("%d requests with credentials to a stranger", n)
		}
	})
	t.Run("a circle of redirects ends", func(t *testing.T) {
		circle := newScriptedMaster(t)
		circle.onSubscribe = redirectTo(circle.url)
		attempts := make(chan error, 64)
		start(t, Config{Masters: circle.url, Logger: slog.New(errorsOf(attempts)), BackoffMin: time.Hour, BackoffMax: time.Hour}, "")
		if err := receive(t, attempts); !strings.Contains(err.Error(), "redirect from one to another") {
			t.Errorf("error: %v", err)
		}
		circle.mu.Lock()
		defer circle.mu.Unlock()
		if len(circle.requests) != maxRedirects+1 {
			t.Errorf("%d requests", len(circle.requests))
		}
	})
}

func redirectTo(location string) func(http.ResponseWriter, *http.Request, *scheduler.Call) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ *scheduler.Call) bool {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
}

// errorsOf is a log that passes on the errors of attempts to subscribe.
func errorsOf(attempts chan error) slog.Handler { return errorLog{attempts: attempts} }

type errorLog struct {
	slog.Handler
	attempts chan error
}

func (errorLog) Enabled(context.Context, slog.Level) bool { return true }

func (l errorLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && r.Message == "not subscribed" {
			select {
			case l.attempts <- err:
			default:
			}
		}
		return true
	})
	return nil
}

func refuse(status int, text string) func(http.ResponseWriter, *http.Request, *scheduler.Call) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ *scheduler.Call) bool {
		http.Error(w, text, status)
		return true
	}
}

// TestRefusedSubscriptions: what a master refuses at the start ends Run with what to do.
func TestRefusedSubscriptions(t *testing.T) {
	cases := []struct {
		status int
		text   string
		advice string
	}{
		{401, "401 Unauthorized.", "--http_framework_credentials"},
		{403, "", "ACLs"},
		{400, "Failed to validate scheduler::Call: Authenticated principal 'spill' does not match principal 'other'", "principal 'other'"},
	}
	for _, c := range cases {
		m := newScriptedMaster(t)
		m.onSubscribe = refuse(c.status, c.text)
		d := start(t, Config{Masters: m.url, Principal: "spill", Secret: "s3cret"}, "")
		err := receive(t, d.done)
		if err == nil || !strings.Contains(err.Error(), c.advice) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%d: %v", c.status, err)
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the secret is in the error: %v", err)
		}
		d.done <- err
	}
}

func TestRefusalsHealLater(t *testing.T) {
	m := newScriptedMaster(t)
	attempts := 0
	m.onSubscribe = func(w http.ResponseWriter, r *http.Request, c *scheduler.Call) bool {
		attempts++
		switch attempts {
		case 1: // not the leader yet: worth another try even at the start
			return refuse(503, "Master has not finished recovery")(w, r, c)
		case 3:
			return refuse(401, "401 Unauthorized.")(w, r, c)
		}
		return false
	}
	d := start(t, Config{Masters: m.url}, "")
	s := m.next()
	s.send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
	s.close()
	d.disconnected()
	m.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
}

func TestErrorEvents(t *testing.T) {
	t.Run("a removed framework subscribes anew", func(t *testing.T) {
		for _, message := range []string{"Framework has been removed", "Completed framework attempted to re-register"} {
			m := newScriptedMaster(t)
			d := start(t, Config{Masters: m.url}, "f-old")
			s := m.next()
			if id := s.call.GetFrameworkID().GetValue(); id != "f-old" {
				t.Errorf("subscribed as %q", id)
			}
			s.send(t, errorMessage(message))
			d.expect(FrameworkRemoved{Message: errRemoved.Error()})
			s = m.next()
			if s.call.FrameworkID != nil || s.call.Subscribe.FrameworkInfo.ID != nil {
				t.Errorf("subscribed again as %v", s.call.FrameworkID)
			}
			s.send(t, subscribedEvent("f-new"))
			d.expect(Subscribed{FrameworkID: "f-new", Master: m.url})
		}
	})
	t.Run("a second scheduler ends Run", func(t *testing.T) {
		m := newScriptedMaster(t)
		d := start(t, Config{Masters: m.url}, "")
		m.next().send(t, subscribedEvent("f-1"), updateEvent("t", mesosgo.TASK_RUNNING), errorMessage("Framework failed over"))
		d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
		d.expect(Update{Status: state.Status{TaskID: "t", State: state.TaskRunning}})
		if err := d.disconnected(); !errors.Is(err, ErrFailedOver) {
			t.Errorf("disconnected: %v", err)
		}
		if err := receive(t, d.done); !errors.Is(err, ErrFailedOver) {
			t.Errorf("Run: %v", err)
		}
	})
	t.Run("a role that the master refuses ends Run at the start", func(t *testing.T) {
		m := newScriptedMaster(t)
		d := start(t, Config{Masters: m.url, Roles: []string{"dpc"}}, "")
		m.next().send(t, errorMessage("Framework is not authorized to use role 'dpc'"))
		if err := receive(t, d.done); err == nil || !strings.Contains(err.Error(), "role 'dpc'") {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestBrokenRecords: a record that cannot be decoded is left out; a stream that is not RecordIO ends.
func TestBrokenRecords(t *testing.T) {
	for _, codec := range []string{"protobuf", "json"} {
		m := newScriptedMaster(t)
		d := start(t, Config{Masters: m.url, Codec: codec}, "")
		s := m.next()
		s.send(t, subscribedEvent("f-1"))
		d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
		s.write(t, framed([]byte("\xff\xff{not a record")))
		s.write(t, framed(nil))
		s.send(t, rescindEvent("O1"))
		d.expect(Rescinded{OfferID: "O1"})
		s.write(t, []byte("18446744073709551615\n{}"))
		if err := d.disconnected(); !errors.Is(err, errRecord) {
			t.Errorf("disconnected: %v", err)
		}
		m.next().send(t, subscribedEvent("f-1"))
		d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
	}
}

func TestNotAMaster(t *testing.T) {
	m := newScriptedMaster(t)
	m.onSubscribe = func(w http.ResponseWriter, _ *http.Request, _ *scheduler.Call) bool {
		_, _ = w.Write([]byte("<html>welcome</html>"))
		return true
	}
	attempts := make(chan error, 1)
	start(t, Config{Masters: m.url, Logger: slog.New(errorsOf(attempts))}, "")
	if err := receive(t, attempts); !strings.Contains(err.Error(), "not a Mesos master") {
		t.Errorf("error: %v", err)
	}
}

func TestTLS(t *testing.T) {
	m := &scriptedMaster{t: t, streams: make(chan *scriptedStream, 1), calls: make(chan *scheduler.Call, 1)}
	server := httptest.NewUnstartedServer(m)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that hangs up
	server.StartTLS()
	defer server.Close()
	defer server.CloseClientConnections()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, Config{Masters: server.URL, CAFile: file}, "")
	m.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: server.URL})
	d.Send([]Call{Revive{}})
	receive(t, m.calls)

	attempts := make(chan error, 1)
	start(t, Config{Masters: server.URL, Logger: slog.New(errorsOf(attempts))}, "")
	if err := receive(t, attempts); !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}
