package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// cloudOffer is an offer of an agent on a cloud machine of its name.
func cloudOffer(id, agent, cloud string, cpus int64) mesos.Offers {
	o := offerOf(id, "*", cpus)
	o.Offers[0].AgentID, o.Offers[0].Hostname = agent, agent
	o.Offers[0].Attributes = map[string]string{placement.AttributeVM: agent, placement.AttributeCloud: cloud}
	return o
}

// asked reports whether the last step has asked the master for offers.
func (g *rig) asked() bool { return slices.Contains(g.calls, mesos.Call(mesos.Revive{})) }

// idle passes the time until the reactor wants to be stepped, at most until a time, and steps it.
func (g *rig) idle(until time.Time) (woken bool) {
	g.t.Helper()
	at, any := g.r.Next()
	if !any || at.After(until) {
		g.now = until
		return false
	}
	g.now = at
	g.step()
	return true
}

const patientSpec = "name: p\nburst: {after: 10m, clouds: [hxn]}\nsteps: {s: {image: b, run: x, array: 3, resources: {cpus: 2, mem: 1MiB}}}\n"

// TestBurstAfter: a task that must wait first goes to a cloud agent as soon as it has: the reactor wakes up by itself and
// asks for the offers that it has declined.
func TestBurstAfter(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.submitText(patientSpec)
	begun := g.now
	g.event(cloudOffer("o1", "v1", "hxn", 4))
	g.event(cloudOffer("o2", "v2", "other", 4))
	if got := g.launched(); got != nil {
		t.Fatalf("launched before it has waited: %v", got)
	}
	g.wantWaits("run1/s 3 burst: 1 agent is on a cloud other than hxn, 1 is on a cloud, where it may go once it has waited 10m")
	g.pass(9*time.Minute + 30*time.Second)
	g.step(&Read{Look: func(time.Time, *Reactor) {}})
	for g.idle(begun.Add(10 * time.Minute)) {
		if g.now.Equal(begun.Add(10 * time.Minute)) {
			break
		}
	}
	if !g.now.Equal(begun.Add(10*time.Minute)) || !g.asked() {
		t.Fatalf("after %s: %v, want a REVIVE", g.now.Sub(begun), g.calls)
	}
	g.event(cloudOffer("o3", "v2", "other", 4))
	if got := g.launched(); got != nil {
		t.Errorf("launched on a cloud that is not named: %v", got)
	}
	g.event(cloudOffer("o4", "v1", "hxn", 4))
	if d := cmp.Diff([]string{"run1.s.0.0", "run1.s.1.0"}, g.launched()); d != "" {
		t.Errorf("launched (-want +got):\n%s", d)
	}
	g.wantWaits("run1/s 1 resources: needs 2 cpus: 1 agent has fewer free, 1 is on a cloud other than hxn")
}

// TestBurstAfterRestart: the wait is not begun anew by a restart.
func TestBurstAfterRestart(t *testing.T) {
	g := newRig(t)
	g.submitText(patientSpec)
	g.pass(11 * time.Minute)
	g.boot()
	g.subscribe()
	g.event(cloudOffer("o1", "v1", "hxn", 4))
	if len(g.launched()) != 2 {
		t.Errorf("launched %v", g.launched())
	}
}

// TestLocalAgentsFirst: cloud agents take what local ones have no room for, the fullest first.
func TestLocalAgentsFirst(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(Event{cloudOffer("o1", "v1", "hxn", 2)}, Event{cloudOffer("o2", "v2", "hxn", 4)}, Event{offerOf("o3", "*", 2)}, g.submission(3, 1))
	where := map[string]int{}
	for _, rec := range g.r.State().Live() {
		where[rec.Agent]++
	}
	if d := cmp.Diff(map[string]int{"a1": 2, "v1": 1}, where); d != "" {
		t.Errorf("tasks (-want +got):\n%s", d)
	}
}

// TestCordon: a cordoned agent gets nothing new until its lease is over, or it is taken back.
func TestCordon(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	held := 0
	cordon := func(reason string, d time.Duration) {
		t.Helper()
		g.step(&Cordon{Agent: "a1", Reason: reason, For: d, Done: func() { held++ }})
	}
	cordon("drain", time.Minute) // before it was ever seen
	g.step(g.submission(4, 1), Event{offerOf("o1", "*", 2)})
	if g.launched() != nil || held != 1 || g.r.OffersHeld() != 0 {
		t.Fatalf("launched %v, answered %d times, %d offers held", g.launched(), held, g.r.OffersHeld())
	}
	g.offer("o1 again", 2) // after the REVIVE for the new work
	g.wantWaits("run1/s 4 cordon: 1 agent is cordoned")
	if a := g.r.Agents(g.now)[0]; a.CordonReason != "drain" || !a.CordonUntil.Equal(g.now.Add(time.Minute)) {
		t.Errorf("the agent is %+v", a)
	}
	g.said("agent is cordoned", "agent=a1", "reason=drain", "for=1m0s")
	version := g.r.DemandVersion()
	g.pass(30 * time.Second)
	cordon("drain", time.Minute)
	if g.r.DemandVersion() != version {
		t.Error("a renewal is no news")
	}
	end := g.now.Add(time.Minute)
	for g.idle(end) && g.now.Before(end) {
		if g.asked() {
			t.Fatalf("a REVIVE %s before the end", end.Sub(g.now))
		}
	}
	if !g.now.Equal(end) || !g.asked() || g.r.DemandVersion() == version {
		t.Fatalf("at its end: %v", g.calls)
	}
	g.said("agent is no longer cordoned: its cordon was not renewed", "agent=a1")
	g.wantWaits("run1/s 4 offer: waits for an offer: the only agent seen has room for it")
	g.offer("o2", 2)
	if len(g.launched()) != 2 {
		t.Errorf("launched %v", g.launched())
	}
	cordon("again", time.Hour)
	g.update("run1.s.0.0", state.TaskFinished)
	g.offer("o3", 1)
	if g.launched() != nil {
		t.Errorf("launched %v", g.launched())
	}
	g.pass(time.Second)
	g.step(&Uncordon{Agent: "a1", Done: func() {}})
	g.offer("o4", 1)
	if len(g.launched()) != 1 {
		t.Errorf("launched %v after the cordon", g.launched())
	}
	g.said("agent is no longer cordoned", "agent=a1")
}

// TestCordonEndsReservation: an agent that is kept free for a task is not once it is cordoned.
func TestCordonEndsReservation(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(2, 1))
	g.offer("o1", 4)
	g.step(g.submission(1, 4))
	g.pass(10 * time.Minute)
	g.offer("o2", 2)
	if len(g.r.Reservations()) != 1 {
		t.Fatalf("reservations %v", g.r.Reservations())
	}
	g.step(&Cordon{Agent: "a1", Reason: "drain", For: time.Hour, Done: func() {}})
	if len(g.r.Reservations()) != 0 || g.r.OffersHeld() != 0 {
		t.Errorf("reservations %v, %d offers held", g.r.Reservations(), g.r.OffersHeld())
	}
}

// TestDemand follows what is told of a step and an agent from its first offer on.
func TestDemand(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.submitText("name: p\ndeadline: 2h\nsteps: {s: {image: b, run: x, array: 5, timeout: 1h, spread: rack, resources: {cpus: 1, mem: 1MiB}}}\n")
	submitted := g.now
	g.pass(time.Second)
	g.offer("o1", 2)
	launched := g.now
	for i := range 2 {
		g.update(fmt.Sprintf("run1.s.%d.0", i), state.TaskRunning)
	}
	d := g.r.Demand(g.now)()
	if a := d.Agents[0]; !a.Idle.IsZero() || a.Frees != nil || a.Tasks != 2 || a.Capacity.CPUs != 2000 {
		t.Errorf("an agent that runs what nobody knows: %+v", a)
	}
	g.pass(10 * time.Minute)
	g.update("run1.s.0.0", state.TaskFinished)
	d = g.r.Demand(g.now)()
	w := d.Waiting[0]
	want := Demanded{
		WaitingStep: WaitingStep{Run: "run1", Project: "default", Pipeline: "p", Step: "s", Tasks: 3, Since: launched, Each: spec.Resources{CPUs: 1000, Mem: 1},
			Reason: WaitOffer, Why: "waits for an offer: the only agent seen has room for it"},
		Spread: "rack", BurstFrom: submitted, Usual: 10 * time.Minute, Timeout: time.Hour, Deadline: submitted.Add(2 * time.Hour),
	}
	if diff := cmp.Diff(want, w, cmpopts.IgnoreFields(Demanded{}, "Shape")); diff != "" || !w.Shape.Burst.Allow {
		t.Errorf("what waits (-want +got):\n%s", diff)
	}
	one := spec.Resources{CPUs: 1000, Mem: 1}
	if diff := cmp.Diff([]Freeing{{At: g.now, Resources: one}}, d.Agents[0].Frees); diff != "" {
		t.Errorf("what becomes free (-want +got):\n%s", diff)
	}
	g.pass(5 * time.Minute)
	if got := g.r.Demand(g.now)().Agents[0].Frees[0].At; !got.Equal(g.now.Add(5 * time.Minute)) {
		t.Errorf("a task that is 5m late is expected to end in %s", got.Sub(g.now))
	}
	g.update("run1.s.1.0", state.TaskFailed)
	if a := g.r.Demand(g.now)().Agents[0]; !a.Idle.Equal(g.now) || a.Frees != nil {
		t.Errorf("an idle agent: %+v", a)
	}
}

// TestIdleFromTheBeginning: an agent that has run nothing is idle since it was first seen.
func TestIdleFromTheBeginning(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.offer("o1", 2)
	first := g.now
	g.pass(time.Hour)
	g.offer("o2", 2)
	if a := g.r.Demand(g.now)().Agents[0]; !a.Idle.Equal(first) {
		t.Errorf("idle since %s, want %s", a.Idle, first)
	}
}

// TestFreesAreFew: the ends of many tasks are told in few parts, none of them too early, and nothing is lost.
func TestFreesAreFew(t *testing.T) {
	for n := range 100 {
		ends, sum := make([]expectedEnd, n), spec.Resources{}
		for i := range ends {
			ends[i] = expectedEnd{"a", Freeing{time.Unix(int64(i*i), 0), spec.Resources{CPUs: int64(i + 1)}}}
			sum = sum.Plus(ends[i].Resources, 1)
		}
		got := parts(ends)
		if len(got) > maxFrees || n > 0 && !got[len(got)-1].At.Equal(ends[n-1].At) {
			t.Fatalf("of %d: %v", n, got)
		}
		for _, part := range got {
			sum = sum.Plus(part.Resources, -1)
			by := spec.Resources{}
			for _, e := range ends {
				if !e.At.After(part.At) {
					by = by.Plus(e.Resources, 1)
				}
			}
			if told := sumUntil(got, part.At); told != by {
				t.Fatalf("of %d: by %s %v are told, %v end", n, part.At, told, by)
			}
		}
		if sum != (spec.Resources{}) {
			t.Fatalf("of %d: %v is missing", n, sum)
		}
	}
}

func sumUntil(frees []Freeing, at time.Time) (sum spec.Resources) {
	for _, f := range frees {
		if !f.At.After(at) {
			sum = sum.Plus(f.Resources, 1)
		}
	}
	return sum
}
