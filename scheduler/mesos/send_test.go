package mesos

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// subscribed starts a driver that is subscribed, with the offers given.
func subscribed(t *testing.T, m *scriptedMaster, cfg Config, offers ...mesosgo.Offer) (*running, *scriptedStream) {
	t.Helper()
	cfg.Masters = m.url
	d := start(t, cfg, "")
	s := m.next()
	s.send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
	if len(offers) > 0 {
		s.send(t, offersEvent(offers...))
		receive(t, d.events)
	}
	return d, s
}

// launch is an Accept of offers with one launch of so many thousandths of a cpu.
func launch(cpus int64, offers ...string) Accept {
	return Accept{AgentID: "S1", OfferIDs: offers, Launches: []Launch{
		testLaunch(func(l *Launch) { l.Resources = spec.Resources{CPUs: cpus, Mem: 1} }),
	}}
}

// dropped waits for the report of a dropped launch.
func (r *running) droppedLaunch(message string) {
	r.t.Helper()
	want := Update{Status: state.Status{
		TaskID: "01k9zc1m8gq5x2v7n4b3w6e0rt.psd.3.1", Agent: "S1", State: state.TaskDropped,
		Reason: state.ReasonInvalidOffers, Source: state.SourceMaster, Message: message,
	}}
	got := receive(r.t, r.events)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(state.Status{}, "Time")); diff != "" {
		r.t.Errorf("dropped launch (-want +got):\n%s", diff)
	}
}

func TestAcceptUnknownOffers(t *testing.T) {
	m := newScriptedMaster(t)
	d, _ := subscribed(t, m, Config{}, testOffer("O1", "S1"), testOffer("O2", "S1"))
	d.Send([]Call{launch(100, "O1", "O9")})
	d.droppedLaunch("Task launched with invalid offers: Offer O9 is no longer valid")
	c := receive(t, m.calls)
	if c.Type != scheduler.Call_ACCEPT || len(c.Accept.OfferIDs) != 1 || len(c.Accept.Operations) != 0 {
		t.Errorf("the offer that is still held is not given back: %v", c)
	}
	d.Send([]Call{launch(100, "O2"), launch(100, "O2")})
	receive(t, m.calls)
	d.droppedLaunch("Task launched with invalid offers: Offer O2 is no longer valid")
}

func TestAcceptMoreThanOffered(t *testing.T) {
	m := newScriptedMaster(t)
	d, _ := subscribed(t, m, Config{}, testOffer("O1", "S1"))
	d.Send([]Call{launch(2001, "O1")})
	d.droppedLaunch("Task launched with invalid offers: the offers hold too little: cpus")
	if c := receive(t, m.calls); len(c.Accept.Operations) != 0 {
		t.Errorf("call %v", c)
	}
}

// TestAcceptRescindedOffer: the launch was decided before the rescind was known, so the master answers it.
func TestAcceptRescindedOffer(t *testing.T) {
	m := newScriptedMaster(t)
	d, s := subscribed(t, m, Config{}, testOffer("O1", "S1"))
	s.send(t, rescindEvent("O1"))
	d.expect(Rescinded{OfferID: "O1"})
	d.Send([]Call{launch(100, "O1")})
	if c := receive(t, m.calls); len(c.Accept.Operations[0].Launch.TaskInfos) != 1 {
		t.Errorf("call %v", c)
	}
}

func TestRescindedOffersAreForgotten(t *testing.T) {
	b := newOfferBook(false)
	for i := range 3 * keptRescinded {
		id := fmt.Sprint(i)
		b.add([]mesosgo.Offer{testOffer(id, "S1")})
		b.rescind(id)
	}
	b.rescind("never seen")
	if len(b.held) > keptRescinded || len(b.rescinded) > keptRescinded {
		t.Errorf("%d offers and %d rescinds are kept", len(b.held), len(b.rescinded))
	}
}

// TestAcceptTwoOffers launches on the offers together, and reports the launch that they do not hold.
func TestAcceptTwoOffers(t *testing.T) {
	m := newScriptedMaster(t)
	d, _ := subscribed(t, m, Config{}, testOffer("O1", "S1"), testOffer("O2", "S1"))
	a := launch(1500, "O1", "O2")
	a.Launches = append(a.Launches, a.Launches[0], a.Launches[0])
	a.Launches[1].ID.Index, a.Launches[2].ID.Index = 4, 3
	a.Launches[2].ID.Number = 1
	d.Send([]Call{a})
	if c := receive(t, m.calls); len(c.Accept.OfferIDs) != 2 || len(c.Accept.Operations[0].Launch.TaskInfos) != 2 {
		t.Errorf("call %v", c)
	}
	d.droppedLaunch("Task launched with invalid offers: the offers hold too little: cpus")
}

// TestOrder: ordered calls go out one after another, and acknowledgements do not wait for them.
func TestOrder(t *testing.T) {
	m := newScriptedMaster(t)
	var under atomic.Int32
	release := make(chan struct{})
	var once sync.Once
	m.onCall = func(_ http.ResponseWriter, _ *http.Request, c *scheduler.Call) bool {
		if c.Type == scheduler.Call_ACKNOWLEDGE {
			once.Do(func() { close(release) })
			return false
		}
		if under.Add(1) > 1 {
			t.Error("two ordered calls at a time")
		}
		<-release // the first acknowledgement must get through while the first ordered call waits
		under.Add(-1)
		return false
	}
	d, _ := subscribed(t, m, Config{})
	var calls []Call
	for i := range 100 {
		calls = append(calls, Kill{TaskID: fmt.Sprint(i)})
		calls = append(calls, Acknowledge{TaskID: "t", AgentID: "S1", UUID: []byte("u")})
	}
	d.Send(calls)
	next := 0
	for range calls {
		if c := receive(t, m.calls); c.Type == scheduler.Call_KILL {
			if c.Kill.TaskID.Value != fmt.Sprint(next) {
				t.Fatalf("kill of %s instead of %d", c.Kill.TaskID.Value, next)
			}
			next++
		}
	}
}

func TestRefusedCalls(t *testing.T) {
	const validation = "Failed to validate scheduler::Call: Expecting 'decline' to be present"
	const stream = "The stream ID 'x' included in this request didn't match the stream ID currently associated with framework ID f-1"
	cases := []struct {
		name     string
		call     Call
		refusals int32
		status   int
		text     string
		tries    int32
		ends     bool
	}{
		{"a busy master", Kill{TaskID: "t"}, 2, 503, "busy", 3, false},
		{"a master that is busy for long", Kill{TaskID: "t"}, 1000, 503, "busy", 1 + retries, true},
		{"an accept is not repeated", launch(100, "O1"), 1000, 503, "busy", 1, true},
		{"an accept that is refused", launch(100, "O1"), 1000, 400, validation, 1, false},
		{"another stream", Revive{}, 1000, 400, stream, 1, true},
		{"not subscribed", Revive{}, 1000, 403, "Framework is not subscribed", 1, true},
		{"removed", Revive{}, 1000, 400, "Framework cannot be found", 1, true},
		{"credentials gone", Revive{}, 1000, 401, "401 Unauthorized.", 1, true},
		{"a call that makes no sense", Revive{}, 1000, 400, validation, 1, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var tried atomic.Int32
			m := newScriptedMaster(t)
			m.onCall = func(w http.ResponseWriter, _ *http.Request, got *scheduler.Call) bool {
				if got.Type.String() != callName(c.call) || tried.Add(1) > c.refusals {
					return false
				}
				http.Error(w, c.text, c.status)
				return true
			}
			seen := make(chan Observation, 64)
			d, s := subscribed(t, m, Config{Observe: func(o Observation) {
				if o.Kind == ObservedCall && o.Type != "SUBSCRIBE" {
					seen <- o
				}
			}}, testOffer("O1", "S1"))
			d.Send([]Call{c.call})
			o := receive(t, seen)
			if wantOK := c.refusals < c.tries; wantOK != (o.Outcome == OutcomeOK) || !wantOK && o.Outcome != OutcomeRefused {
				t.Errorf("observed %+v", o)
			}
			if n := tried.Load(); n != c.tries {
				t.Errorf("%d tries, want %d", n, c.tries)
			}
			if _, ok := c.call.(Accept); ok && c.status == 400 {
				d.droppedLaunch("the master answered 400 Bad Request: " + validation)
				if o := receive(t, seen); o.Type != "DECLINE" {
					t.Errorf("the offers are not given back: %+v", o)
				}
			}
			if c.ends {
				if err := d.disconnected(); !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), callName(c.call)) {
					t.Errorf("disconnected: %v", err)
				}
				m.next().send(t, subscribedEvent("f-1"))
				d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
				return
			}
			s.send(t, rescindEvent("O7"))
			d.expect(Rescinded{OfferID: "O7"})
		})
	}
}

// TestSendWithoutSubscription: nothing waits for a subscription, everything is accounted for.
func TestSendWithoutSubscription(t *testing.T) {
	m := newScriptedMaster(t)
	var dropped atomic.Int32
	d := start(t, Config{Masters: m.url, Observe: func(o Observation) {
		if o.Outcome == OutcomeDropped {
			dropped.Add(1)
		}
	}}, "")
	d.Send([]Call{Revive{}, Acknowledge{UUID: []byte("u")}})
	if n := dropped.Load(); n != 2 {
		t.Errorf("%d calls dropped, want 2", n)
	}
	m.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
	d.Send([]Call{Suppress{}})
	if c := receive(t, m.calls); c.Type != scheduler.Call_SUPPRESS {
		t.Errorf("call %v", c)
	}
}

// TestSubscribeIsObserved: a subscription is a call like others.
func TestSubscribeIsObserved(t *testing.T) {
	m := newScriptedMaster(t)
	outcomes := make(chan Outcome, 64)
	d := start(t, Config{Masters: m.url, Observe: func(o Observation) {
		if o.Type == "SUBSCRIBE" {
			outcomes <- o.Outcome
		}
	}}, "")
	m.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: m.url})
	if o := receive(t, outcomes); o != OutcomeOK {
		t.Errorf("outcome %s", o)
	}
}

// TestCallsLeftAtTheEnd: calls that wait when the subscription ends are dropped and counted.
func TestCallsLeftAtTheEnd(t *testing.T) {
	m := newScriptedMaster(t)
	entered := make(chan struct{}, 64)
	m.onCall = func(_ http.ResponseWriter, r *http.Request, _ *scheduler.Call) bool {
		entered <- struct{}{}
		<-r.Context().Done()
		return true
	}
	outcomes := make(chan Outcome, 64)
	d, s := subscribed(t, m, Config{Observe: func(o Observation) {
		if o.Kind == ObservedCall && o.Type != "SUBSCRIBE" {
			outcomes <- o.Outcome
		}
	}})
	d.Send([]Call{Kill{TaskID: "1"}, Kill{TaskID: "2"}, Kill{TaskID: "3"}})
	receive(t, entered)
	s.close()
	d.disconnected()
	got := map[Outcome]int{}
	for range 3 {
		got[receive(t, outcomes)]++
	}
	if diff := cmp.Diff(map[Outcome]int{OutcomeFailed: 1, OutcomeDropped: 2}, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// TestSendNeverWaits: a receiver of events may send from within, and may be slow.
func TestSendNeverWaits(t *testing.T) {
	m := newScriptedMaster(t)
	m.onCall = func(_ http.ResponseWriter, r *http.Request, _ *scheduler.Call) bool {
		<-r.Context().Done()
		return true
	}
	d, _ := subscribed(t, m, Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100000 {
			d.Send([]Call{Kill{TaskID: "t"}})
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("Send waits")
	}
}
