package mesos

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
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
	def(&cfg.BackoffMin, time.Millisecond)
	def(&cfg.BackoffMax, 20*time.Millisecond)
	def(&cfg.retryPause, time.Millisecond)
	if cfg.Logger == nil && testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
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
