package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// fit is a step that waits although an agent has room for it.
type fit struct{ step, agent string }

// fitting is since when, and when that was last seen.
type fitting struct{ since, seen time.Duration }

const (
	watchEvery = 2 * time.Second
	// patience is how long a task may wait for room that is there: a filter of 5 s, an allocation, and a few delays.
	patience = 20 * time.Second
)

// watch looks for tasks that wait for nothing.
func (a *audit) watch() {
	w := a.w
	w.after(watchEvery, a.watch)
	r, s := w.daemon.reactor, w.driver.sub
	if r == nil || s == nil || !s.open || s.deaf || !w.master.up {
		clear(a.fits)
		return
	}
	reserved := map[string]bool{}
	for _, res := range r.Reservations() {
		reserved[res.AgentID] = true
	}
	for _, st := range r.State().Waiting() {
		name := string(st.Run().Record().ID) + "/" + st.Spec().Name
		for _, g := range st.Groups(w.time()) {
			for _, e := range w.master.entries {
				if !reserved[e.id] && !slices.Contains(g.Avoid, e.id) && g.Count > 0 && a.hasRoom(e, st) {
					a.waits(name, e)
				}
			}
		}
	}
}

// hasRoom reports whether an agent has room for a task of a step, in what is free or offered to us.
func (a *audit) hasRoom(e *entry, waiting *state.Step) bool {
	st := waiting.Spec()
	if !e.connected || e.inactive || e.agent.cut || !e.unavailableFrom.IsZero() || a.cordons[e.id] > a.w.now {
		return false
	}
	if !e.agent.machine.wanted(waiting.Run().Pipeline().Burst, a.w.time().Sub(waiting.Opened())) {
		return false
	}
	for _, c := range st.Where {
		value, present := e.agent.machine.Attributes[c.Attribute]
		if c.Attribute == "hostname" {
			value, present = e.agent.machine.Name, true
		}
		if !c.Holds(value, present) {
			return false
		}
	}
	free := e.free
	if len(a.w.sc.Roles) == 1 { // offers of several roles cannot be accepted together
		for _, o := range e.offers {
			free = plus(free, o.resources)
		}
	}
	return within(st.Resources, free)
}

// waits fails if a step has waited for too long for an agent on which nothing else was launched meanwhile.
func (a *audit) waits(step string, e *entry) {
	now, key := a.w.now, fit{step, e.id}
	f := a.fits[key]
	if f.seen < now-watchEvery {
		f.since = now
	}
	f.since, f.seen = max(f.since, e.launched), now
	a.fits[key] = f
	if now-f.since > patience {
		a.w.fail("step %s has waited since %s for agent %s, which has room for it", step, stamp(f.since), e.id)
	}
}

// rebuilt checks that the state that would be restored now is the one that lives, and that this one is sound.
func (a *audit) rebuilt() {
	w := a.w
	live := w.daemon.reactor.State()
	live.Check()
	snap, err := w.daemon.store.Load(context.Background())
	if err != nil {
		w.fail("loading what is durable: %v", err)
	}
	restored, err := state.Load(w.time(), w.sc.Config.Limits, snap)
	if err != nil {
		w.fail("restoring what is durable: %v", err)
	}
	restored.Expire(w.time())
	got, want := comparable(restored.Dump()), comparable(live.Dump())
	if !reflect.DeepEqual(got, want) {
		w.fail("the restored state differs from the one that lives:\n%s", difference(want, got))
	}
}

// explained checks that every step can say of its first and last task why it waits, or what it does.
func (a *audit) explained() {
	r := a.w.daemon.reactor
	for _, run := range r.State().Runs() {
		for _, st := range run.Steps() {
			if n := st.Spec().Tasks; n > 0 && (r.Why(a.w.time(), st, 0) == "" || r.Why(a.w.time(), st, n-1) == "") {
				a.w.fail("a task of step %s/%s cannot say why it waits", run.Record().ID, st.Spec().Name)
			}
		}
	}
}

// comparable leaves out of a dump what may differ: how far the steps of a run are that is being cancelled. Of these
// only the living attempts matter.
func comparable(d state.Dump) state.Dump {
	for i := range d.Runs {
		r := &d.Runs[i]
		if r.Record.Phase != state.RunCancelling {
			continue
		}
		for k := range r.Steps {
			st := &r.Steps[k]
			st.Tasks = slices.DeleteFunc(st.Tasks, func(t state.TaskDump) bool { return t.Live == nil })
			if len(st.Tasks) == 0 {
				st.Tasks = nil
			}
			*st = state.StepDump{Name: st.Name, Tasks: st.Tasks}
		}
	}
	return d
}

// difference shows the first lines in which two dumps differ.
func difference(want, got state.Dump) string {
	var b strings.Builder
	lines := func(d state.Dump) []string {
		text, err := json.MarshalIndent(d, "", " ")
		if err != nil {
			return []string{err.Error()}
		}
		return strings.Split(string(text), "\n")
	}
	l, r := lines(want), lines(got)
	shown := 0
	for i := 0; i < len(l) && i < len(r) && shown < 5; i++ {
		if l[i] != r[i] {
			from := max(0, i-8)
			fmt.Fprintf(&b, "line %d, after:\n%s\n  lives:    %s\n  restored: %s\n", i, strings.Join(l[from:i], "\n"), l[i], r[i])
			shown++
		}
	}
	if shown == 0 {
		fmt.Fprintf(&b, "%d lines, %d lines", len(l), len(r))
	}
	return b.String()
}

// unfinished fails: the runs should have ended by now.
func (a *audit) unfinished() {
	w := a.w
	var left []string
	for _, id := range w.people.known {
		if !w.people.open[id] {
			continue
		}
		why := ""
		if w.daemon.reactor != nil {
			if run := w.daemon.reactor.State().Run(id); run != nil {
				for _, st := range run.Steps() {
					if !st.Phase().Final() {
						why += fmt.Sprintf("\n  step %s is %s: %+v", st.Spec().Name, st.Phase(), st.Counts())
						if i, any := st.FirstLaunchable(); any {
							why += "; " + w.daemon.reactor.Why(w.time(), st, i)
						}
					}
				}
			}
		}
		left = append(left, string(id)+why)
	}
	w.fail("%d submissions are unanswered, and these runs have not ended: %s", len(w.people.pending), strings.Join(left, "\n"))
}

// final checks what is left when all runs have ended: nothing.
func (a *audit) final() {
	w := a.w
	if w.daemon.reactor == nil {
		w.fail("the scheduler is down at the end")
	}
	a.rebuilt()
	a.retained()
	for _, g := range w.agents {
		for _, x := range g.sorted() {
			switch {
			case x.alive && g.linked:
				w.fail("%s is still at work on %s", x.id, g.id)
			case len(x.updates) > 0 && g.linked:
				w.fail("agent %s still waits for the acknowledgement of %s", g.id, describeStatus(&x.updates[0]))
			}
		}
	}
	for _, e := range w.master.entries {
		if len(e.offers) > 0 {
			w.fail("offer %s of %s is held, though nothing waits", e.offers[0].id, e.id)
		}
		if w.sc.Greedy && e.free.CPUs >= leastCPUs && len(e.filters) == 0 && w.now-e.agent.returned > 2*w.sc.Timing.Allocation {
			w.fail("the other framework is not offered what agent %s has free", e.id)
		}
	}
	for _, f := range w.master.sortedFrameworks() {
		for _, r := range f.roles {
			if f.sub != nil && !r.suppressed {
				w.fail("nothing waits, but role %s of framework %s is not suppressed", r.name, f.id)
			}
		}
	}
	if held := w.daemon.reactor.OffersHeld(); held > 0 {
		w.fail("the reactor holds %d offers, though nothing waits", held)
	}
}
