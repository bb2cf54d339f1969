package scheduler

import (
	"cmp"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Demand is what waits and what there is to hold it: all that one needs to decide whether the cluster should have more
// machines, or fewer.
type Demand struct {
	// Version is another when the rest, but for times, may be.
	Version   int64
	At        time.Time
	Connected bool // to the master
	// Waiting is in the order in which tasks will be started if they fit; what could not be started whatever is free,
	// by a limit or a pause of its own, comes last.
	Waiting []Demanded
	// Agents are those of Reactor.Agents, by id.
	Agents []Supply
}

// Demanded is tasks of one step that wait for one reason and avoid the same agents.
type Demanded struct {
	WaitingStep
	// Shape is what placement has to know of them, but for where the step's other tasks are. It is to be read only.
	Shape *placement.Shape
	// Spread is the attribute over which the step's tasks are spread; "" for none.
	Spread string
	// BurstFrom is since or from when they may go to the clouds that Shape.Burst allows; zero if it allows none.
	BurstFrom time.Time
	// Usual is how long such a task usually runs, as far as finished ones have told; 0: not known.
	Usual time.Duration
	// Timeout is how long an attempt may run; 0: for ever.
	Timeout time.Duration
	// Deadline is when their run's end is wanted; zero if nobody said.
	Deadline time.Time
}

// Supply is an agent as what it has and will have free.
type Supply struct {
	AgentView
	// Capacity is the most that was ever seen of the agent, free and used together.
	Capacity spec.Resources
	// Idle is since when none of the scheduler's tasks has run there; zero while some do.
	Idle time.Time
	// Frees is when what its tasks hold is expected to become free, by time, in at most maxFrees parts. It leaves out tasks
	// of which nobody knows how long they run.
	Frees []Freeing
}

// Freeing is resources that are expected to become free at a time.
type Freeing struct {
	At        time.Time
	Resources spec.Resources
}

// maxFrees bounds Supply.Frees.
const maxFrees = 16

// DemandVersion returns the Version of what Demand returns now.
func (r *Reactor) DemandVersion() int64 {
	return r.moved + r.agents.moved + int64(r.state.Arrivals())
}

// Demand returns what waits and what there is to hold it. As with Outlook, what must be known of the state is read at once,
// and the rest is done by the function that it returns, once and on any goroutine.
func (r *Reactor) Demand(now time.Time) func() Demand {
	o := r.Outlook(now)
	d := Demand{Version: r.DemandVersion(), At: now, Connected: r.asking.connected, Agents: r.supplies(now)}
	ends := r.expectEnds(now)
	return func() Demand {
		d.Waiting = o.demanded()
		tellEnds(d.Agents, ends)
		return d
	}
}

// burstFrom returns since or from when the tasks of a step may go to clouds; zero if they may not.
func burstFrom(st *state.Step) time.Time {
	b := &st.Shape().Burst
	if !b.Allow {
		return time.Time{}
	}
	return st.Opened().Add(b.After)
}

// supplies describes the agents, but for Frees.
func (r *Reactor) supplies(now time.Time) []Supply {
	agents, views := r.agents.all(), r.Agents(now)
	all := make([]Supply, len(views))
	for i, a := range agents {
		all[i] = Supply{AgentView: views[i], Capacity: a.capacity}
		if views[i].Tasks == 0 {
			all[i].Idle = a.first
			if a.emptied.After(a.first) {
				all[i].Idle = a.emptied
			}
		}
	}
	return all
}

// expectedEnd is when an attempt is expected to give something back.
type expectedEnd struct {
	agent string
	Freeing
}

// expectedEnds are those of the live attempts of which one knows how long they run, as they were at a time. The list is
// never changed.
type expectedEnds struct {
	at   time.Time
	list []expectedEnd
}

// lookAtEnds is, for each live attempt, how long no demand need look at all of them: it takes some 100ns for each, and
// what is expected changes slowly.
const lookAtEnds = 20 * time.Microsecond

// expectEnds returns the expected ends, which may be those of a moment ago.
func (r *Reactor) expectEnds(now time.Time) []expectedEnd {
	if now.Sub(r.ends.at) < time.Duration(len(r.ends.list))*lookAtEnds {
		return r.ends.list
	}
	r.ends = expectedEnds{at: now}
	var of *state.Step
	var usual time.Duration
	r.state.EachLive(func(st *state.Step, rec *state.AttemptRecord) {
		if st != of {
			of, usual = st, r.state.Usual(st)
		}
		if usual > 0 && rec.Unreachable.IsZero() {
			r.ends.list = append(r.ends.list, expectedEnd{rec.Agent, Freeing{expectEnd(now, rec, usual), st.Spec().Resources}})
		}
	})
	return r.ends.list
}

// expectEnd says when an attempt ends that usually takes so long. One that takes longer than usual is expected to need
// that much time once more: the longer it has been overdue, the less is it to be relied on.
func expectEnd(now time.Time, rec *state.AttemptRecord, usual time.Duration) time.Time {
	begun := rec.Started
	if begun.IsZero() {
		begun = rec.Launched
	}
	end := begun.Add(usual)
	if overdue := now.Sub(end); overdue > 0 {
		return now.Add(overdue)
	}
	return end
}

// tellEnds gives each agent, which are by id, the expected ends of its tasks.
func tellEnds(agents []Supply, ends []expectedEnd) {
	ends = slices.Clone(ends)
	slices.SortFunc(ends, func(a, b expectedEnd) int {
		return cmp.Or(cmp.Compare(a.agent, b.agent), a.At.Compare(b.At))
	})
	i := 0
	for k := range agents {
		for i < len(ends) && ends[i].agent < agents[k].ID {
			i++ // of an agent that is not known
		}
		first := i
		for i < len(ends) && ends[i].agent == agents[k].ID {
			i++
		}
		if agents[k].Tasks > 0 { // else they have ended since
			agents[k].Frees = parts(ends[first:i])
		}
	}
}

// parts sums up ends, which are by time, in at most maxFrees parts. What of a part ends earlier than its last is told
// late rather than early.
func parts(ends []expectedEnd) []Freeing {
	if len(ends) == 0 {
		return nil
	}
	frees := make([]Freeing, 0, min(len(ends), maxFrees))
	for p := range cap(frees) {
		from, to := p*len(ends)/cap(frees), (p+1)*len(ends)/cap(frees)
		sum := Freeing{At: ends[to-1].At}
		for _, e := range ends[from:to] {
			sum.Resources = sum.Resources.Plus(e.Resources, 1)
		}
		frees = append(frees, sum)
	}
	return frees
}
