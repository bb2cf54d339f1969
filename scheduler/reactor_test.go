package scheduler

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// rig is a reactor on a clock that the test sets, and what it has called in the last step.
type rig struct {
	t     *testing.T
	r     *Reactor
	store store.Store
	now   time.Time
	calls []mesos.Call
	runs  int
	log   bytes.Buffer
}

func newRig(t *testing.T) *rig {
	g := &rig{t: t, now: time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC), store: store.NewMemory()}
	g.boot()
	return g
}

// boot starts a reactor from the store, as after a crash.
func (g *rig) boot() {
	g.t.Helper()
	send := func(c []mesos.Call) { g.calls = append(g.calls, c...) }
	r, err := NewReactor(g.t.Context(), g.now, DefaultConfig(), g.store, send, slog.New(slog.NewTextHandler(&g.log, nil)))
	if err != nil {
		g.t.Fatal(err)
	}
	g.r = r
}

func (g *rig) step(inputs ...Input) {
	g.t.Helper()
	g.calls = nil
	if err := g.r.Step(g.t.Context(), g.now, inputs); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) event(e mesos.Event)         { g.t.Helper(); g.step(Event{e}) }
func (g *rig) pass(d time.Duration)        { g.now = g.now.Add(d) }
func (g *rig) subscribe()                  { g.event(mesos.Subscribed{FrameworkID: "f", Master: "m"}) }
func (g *rig) offer(id string, cpus int64) { g.event(offerOf(id, "*", cpus)) }

func offerOf(id, role string, cpus int64) mesos.Offers {
	return mesos.Offers{Offers: []mesos.Offer{{
		ID: id, AgentID: "a1", Hostname: "a1", Role: role, Resources: spec.Resources{CPUs: 1000 * cpus, Mem: 64 << 10},
	}}}
}

// submission is an array of n tasks that take so many cpus each, as run number g.runs.
func (g *rig) submission(n, cpus int) *Submit {
	g.t.Helper()
	text := fmt.Sprintf("name: p\nsteps: {s: {image: b, run: x, array: %d, resources: {cpus: %d, mem: 1MiB}}}\n", n, cpus)
	parsed, err := spec.Parse("test", []byte(text))
	if err != nil {
		g.t.Fatal(err)
	}
	p, err := parsed.Bind(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.runs++
	return &Submit{ID: state.RunID(fmt.Sprintf("run%d", g.runs)), Spec: text, Pipeline: p, Done: func(Submitted, error) {}}
}

func (g *rig) update(task string, st state.TaskState) {
	g.event(mesos.Update{Status: state.Status{TaskID: task, State: st, Source: state.SourceExecutor, Agent: "a1"}})
}

// launched lists the tasks of the last step's ACCEPTs.
func (g *rig) launched() []string {
	var ids []string
	for _, c := range g.calls {
		if a, is := c.(mesos.Accept); is {
			for _, l := range a.Launches {
				ids = append(ids, l.ID.String())
			}
		}
	}
	return ids
}

// called counts the last step's calls of a type.
func called[C mesos.Call](g *rig) int {
	n := 0
	for _, c := range g.calls {
		if _, is := c.(C); is {
			n++
		}
	}
	return n
}

func (g *rig) live() *state.AttemptRecord {
	return g.r.Run("run1").Step("s").Task(g.now, 0).Live
}

// TestKeptFreeToTheEnd: an agent that is kept free for a big task stays so in the moment between the end of the
// task in its way and the offer of what that gave back.
func TestKeptFreeToTheEnd(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(1, 4))
	g.offer("o1", 8)
	g.update("run1.s.0.0", state.TaskRunning)
	g.step(g.submission(1, 8))
	g.pass(10 * time.Minute)
	g.step(g.submission(10, 1))
	g.offer("o2", 4)
	if len(g.r.Reservations()) != 1 || g.r.OffersHeld() != 1 {
		t.Fatalf("kept free: %v, offers held: %d", g.r.Reservations(), g.r.OffersHeld())
	}
	g.pass(time.Second)
	g.update("run1.s.0.0", state.TaskFinished)
	if got := g.launched(); len(got) > 0 {
		t.Fatalf("launched on the agent that is kept free: %v", got)
	}
	g.offer("o3", 4)
	if got := g.launched(); len(got) != 1 || got[0] != "run2.s.0.0" {
		t.Errorf("launched %v, want the task that the agent was kept free for", got)
	}
}

// TestOldNewsReplaceNothing: that an agent is unreachable must be confirmed by the subscription of now before its
// tasks are replaced, because it may have come back while nobody listened.
func TestOldNewsReplaceNothing(t *testing.T) {
	for name, absent := range map[string]func(*rig){
		"restarted":    func(g *rig) { g.pass(20 * time.Minute); g.boot(); g.step() },
		"disconnected": func(g *rig) { g.event(mesos.Disconnected{}); g.pass(20 * time.Minute); g.step() },
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			g.subscribe()
			g.step(g.submission(1, 1))
			g.offer("o1", 8)
			g.update("run1.s.0.0", state.TaskRunning)
			g.update("run1.s.0.0", state.TaskUnreachable)
			absent(g)
			g.subscribe()
			if g.live() == nil {
				t.Fatal("the attempt was replaced on old news")
			}
			g.pass(time.Second)
			g.update("run1.s.0.0", state.TaskUnreachable)
			g.step()
			if g.live() != nil {
				t.Error("the attempt was not replaced though the master says that its agent is away")
			}
		})
	}
}

// TestUnknownIsWaitedFor: a master without its registry knows no task until the agents are back.
func TestUnknownIsWaitedFor(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(1, 1))
	g.offer("o1", 8)
	g.update("run1.s.0.0", state.TaskRunning)
	g.pass(time.Second)
	g.update("run1.s.0.0", state.TaskUnknown)
	g.pass(time.Minute)
	g.update("run1.s.0.0", state.TaskRunning)
	if live := g.live(); live == nil || live.ID.Number != 0 || !live.Unreachable.IsZero() {
		t.Errorf("the task that is back: %+v", live)
	}
}

// TestNewWorkIsSeen: work that arrives in the batch in which other work is launched is a reason to ask for offers.
func TestNewWorkIsSeen(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(3, 4))
	g.offer("o1", 3)
	if called[mesos.Decline](g) != 1 {
		t.Fatalf("what fits nothing was not declined: %v", g.calls)
	}
	g.pass(time.Minute)
	g.step(Event{offerOf("o2", "*", 8)}, g.submission(1, 3))
	if len(g.launched()) != 2 || called[mesos.Revive](g) != 1 {
		t.Errorf("launched %v, and %d REVIVE, want 2 tasks and 1", g.launched(), called[mesos.Revive](g))
	}
}
