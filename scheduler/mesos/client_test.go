package mesos_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// framework is a driver with a scheduler that does little: it acknowledges updates and remembers what it was told.
type framework struct {
	*mesos.Driver
	t    *testing.T
	stop func() error // ends the driver, and gives Run's error

	mu       sync.Mutex
	changed  chan struct{}
	id       string
	lives    int // how often it was subscribed
	removed  int
	offers   map[string]mesos.Offer
	updates  map[string][]state.Status // by task id
	inverse  []mesos.InverseOffer
	noAck    bool
	runEnded error
}

// begin starts a framework under an id and waits for its subscription.
func begin(t *testing.T, cfg mesos.Config, id string) *framework {
	t.Helper()
	if testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	d, err := mesos.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := &framework{
		Driver: d, t: t, changed: make(chan struct{}), offers: map[string]mesos.Offer{}, updates: map[string][]state.Status{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := d.Run(ctx, id, f.handle)
		f.change(func() { f.runEnded = err })
	}()
	f.stop = func() error {
		cancel()
		<-ended
		return f.runEnded
	}
	t.Cleanup(func() { f.stop() })
	f.until("the subscription", func() bool { return f.lives > 0 })
	return f
}

func (f *framework) change(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
	close(f.changed)
	f.changed = make(chan struct{})
}

// handle is what a scheduler does at the very least.
func (f *framework) handle(events []mesos.Event) {
	f.change(func() {
		for _, e := range events {
			f.handleOne(e)
		}
	})
}

func (f *framework) handleOne(e mesos.Event) {
	switch e := e.(type) {
	case mesos.Subscribed:
		f.id = e.FrameworkID
		f.lives++
	case mesos.Disconnected:
		f.offers = map[string]mesos.Offer{}
	case mesos.FrameworkRemoved:
		f.removed++
	case mesos.Offers:
		for _, o := range e.Offers {
			f.offers[o.ID] = o
		}
	case mesos.Rescinded:
		delete(f.offers, e.OfferID)
	case mesos.Update:
		s := e.Status
		f.updates[s.TaskID] = append(f.updates[s.TaskID], s)
		if len(s.UUID) > 0 && !f.noAck {
			f.Send([]mesos.Call{mesos.Acknowledge{TaskID: s.TaskID, AgentID: s.Agent, UUID: s.UUID}})
		}
	case mesos.InverseOffers:
		f.inverse = append(f.inverse, e.Offers...)
	}
}

// until waits for a condition on what the framework knows.
func (f *framework) until(what string, cond func() bool) {
	f.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		f.mu.Lock()
		ok, changed := cond(), f.changed
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			f.mu.Lock()
			defer f.mu.Unlock()
			f.t.Fatalf("waiting for %s: updates %+v, offers %+v, ended with %v", what, f.updates, f.offers, f.runEnded)
		}
	}
}

// offer waits for an offer on which a small task fits, of an agent if it is given.
func (f *framework) offer(agent string) (found mesos.Offer) {
	f.t.Helper()
	f.until("an offer of "+agent, func() bool {
		for _, o := range f.offers {
			r := o.Resources
			if (agent == "" || o.AgentID == agent) && r.CPUs >= 500 && r.Mem >= 200 && r.Ports >= 2 {
				found = o
				return true
			}
		}
		return false
	})
	return found
}

// runID makes the runs of one test process different from all others, on a master that many use.
var runID = state.RunID(fmt.Sprintf("r%d", time.Now().UnixNano()))

var (
	indexMu   sync.Mutex
	nextIndex int
)

// task is a launch of a small command that no other test has.
func task(shell string, change ...func(*mesos.Launch)) mesos.Launch {
	indexMu.Lock()
	defer indexMu.Unlock()
	nextIndex++
	l := mesos.Launch{
		ID: state.AttemptID{Run: runID, Step: "step", Index: nextIndex}, Project: "p", Pipeline: "driver-test",
		Command: spec.Command{Shell: shell}, Resources: spec.Resources{CPUs: 100, Mem: 32}, Network: spec.HostNetwork,
	}
	for _, fn := range change {
		fn(&l)
	}
	return l
}

// accept launches tasks on an offer, which it may then no longer use.
func (f *framework) accept(o mesos.Offer, launches ...mesos.Launch) mesos.Call {
	f.change(func() { delete(f.offers, o.ID) })
	return mesos.Accept{OfferIDs: []string{o.ID}, AgentID: o.AgentID, Launches: launches}
}

// launch launches tasks on the next offer.
func (f *framework) launch(launches ...mesos.Launch) mesos.Offer {
	f.t.Helper()
	o := f.offer("")
	f.Send([]mesos.Call{f.accept(o, launches...)})
	return o
}

// reaches waits until a task has been in a state, and gives the update.
func (f *framework) reaches(l mesos.Launch, want state.TaskState) (status state.Status) {
	f.t.Helper()
	id := l.ID.String()
	f.until(id+" to be "+string(want), func() bool {
		for _, s := range f.updates[id] {
			if s.State == want {
				status = s
				return true
			}
		}
		return false
	})
	return status
}

// states are the states that a task has gone through.
func (f *framework) states(l mesos.Launch) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, s := range f.updates[l.ID.String()] {
		names = append(names, strings.TrimPrefix(string(s.State), "TASK_"))
	}
	return strings.Join(names, " ")
}
