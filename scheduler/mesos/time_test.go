package mesos

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// pipeMaster is a master without a network, for tests in which time stands still. Every SUBSCRIBE opens a stream.
type pipeMaster struct {
	streams chan *io.PipeWriter

	mu       sync.Mutex
	attempts []time.Time
	refuse   error // what every request ends with, if it is set
}

// refuseFromNow changes how requests end, and gives the times of those that came before.
func (m *pipeMaster) refuseFromNow(err error) (attempts []time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	attempts, m.attempts, m.refuse = m.attempts, nil, err
	return attempts
}

func (m *pipeMaster) attempt() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempts = append(m.attempts, time.Now())
	return m.refuse
}

func (m *pipeMaster) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := m.attempt(); err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	context.AfterFunc(r.Context(), func() { writer.CloseWithError(r.Context().Err()) })
	m.streams <- writer
	return &http.Response{
		StatusCode: http.StatusOK, Body: reader, ContentLength: -1, Request: r,
		Header: http.Header{"Mesos-Stream-Id": {"s"}, "Content-Type": {"application/x-protobuf"}},
	}, nil
}

func writeEvent(t *testing.T, w io.Writer, e *scheduler.Event) {
	t.Helper()
	record, err := proto.Marshal(e)
	if err != nil {
		t.Error(err)
	}
	if _, err := w.Write(framed(record)); err != nil {
		t.Error(err)
	}
}

// startOnPipes runs a driver against a pipeMaster, until stop; in a synctest bubble.
func startOnPipes(t *testing.T, cfg Config) (m *pipeMaster, events chan Event, stop func()) {
	t.Helper()
	m = &pipeMaster{streams: make(chan *io.PipeWriter, 1000)}
	cfg.Masters, cfg.transport = "http://master:5050", m
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	events = make(chan Event, 10000)
	done := make(chan error)
	go func() {
		done <- d.Run(ctx, "", func(batch []Event) {
			for _, e := range batch {
				events <- e
			}
		})
	}()
	return m, events, func() { cancel(); <-done }
}

var heartbeat = &scheduler.Event{Type: scheduler.Event_HEARTBEAT}

func TestMissedHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, events, stop := startOnPipes(t, Config{})
		defer stop()
		w := <-m.streams
		writeEvent(t, w, subscribedEvent("f-1"))
		<-events
		for range 20 {
			time.Sleep(missedHeartbeats*15*time.Second - time.Millisecond)
			writeEvent(t, w, heartbeat)
		}
		synctest.Wait()
		if len(events) > 0 {
			t.Fatalf("with heartbeats: %v", <-events)
		}
		last := time.Now()
		e := (<-events).(Disconnected)
		if !errors.Is(e.Err, errHeartbeats) || time.Since(last) != missedHeartbeats*15*time.Second {
			t.Errorf("after %v: %v", time.Since(last), e.Err)
		}
		writeEvent(t, <-m.streams, subscribedEvent("f-1"))
		if _, ok := (<-events).(Subscribed); !ok {
			t.Error("not subscribed again")
		}
	})
}

// TestSlowReceiver: the time that the receiver of events takes does not count as the master's silence.
func TestSlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &pipeMaster{streams: make(chan *io.PipeWriter, 10)}
		d, err := New(Config{Masters: "http://master:5050", transport: m})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		events, done := make(chan Event), make(chan error)
		go func() {
			done <- d.Run(ctx, "", func(batch []Event) {
				time.Sleep(time.Hour)
				for _, e := range batch {
					select {
					case events <- e:
					case <-ctx.Done():
					}
				}
			})
		}()
		w := <-m.streams
		go writeEvent(t, w, subscribedEvent("f-1"))
		<-events
		go writeEvent(t, w, rescindEvent("O1"))
		if e, ok := (<-events).(Rescinded); !ok {
			t.Errorf("event %v", e)
		}
		cancel()
		<-done
	})
}

func TestNoAnswerToSubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, events, stop := startOnPipes(t, Config{})
		defer stop()
		start := time.Now()
		w := <-m.streams
		writeEvent(t, w, heartbeat) // a sign of life is not an answer
		<-m.streams
		if waited := time.Since(start); waited < 30*time.Second || waited > 31*time.Second {
			t.Errorf("subscribed again after %v", waited)
		}
		if len(events) > 0 {
			t.Errorf("event %v", <-events)
		}
	})
}

func TestBackoff(t *testing.T) {
	cfg := Config{BackoffMin: 100 * time.Millisecond, BackoffMax: 10 * time.Second}
	refused := errors.New("connection refused")
	synctest.Test(t, func(t *testing.T) {
		m, _, stop := startOnPipes(t, cfg)
		defer stop()
		w := <-m.streams
		for range 2 {
			m.refuseFromNow(refused)
			end := time.Now()
			w.Close()
			time.Sleep(10 * time.Minute)
			checkPauses(t, append([]time.Time{end}, m.refuseFromNow(nil)...), cfg)
			w = <-m.streams
			writeEvent(t, w, subscribedEvent("f-1"))
			time.Sleep(time.Minute) // long enough to count as stable
		}
	})
}

// checkPauses: pauses double from the smallest to the largest, with jitter of at most half.
func checkPauses(t *testing.T, attempts []time.Time, cfg Config) {
	t.Helper()
	if len(attempts) < 20 {
		t.Fatalf("%d attempts", len(attempts))
	}
	full, same := cfg.BackoffMin, 0
	for i := 1; i < len(attempts); i++ {
		pause := attempts[i].Sub(attempts[i-1])
		if pause < full/2 || pause > full {
			t.Errorf("pause %d: %v, want %v to %v", i, pause, full/2, full)
		}
		if i > 1 && pause == attempts[i-1].Sub(attempts[i-2]) {
			same++
		}
		full = min(2*full, cfg.BackoffMax)
	}
	if same > len(attempts)/2 {
		t.Error("the pauses have no jitter")
	}
}
