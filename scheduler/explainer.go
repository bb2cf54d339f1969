package scheduler

import (
	"fmt"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// WaitReason is the kind of reason for which tasks wait.
type WaitReason string

// The reasons for which tasks wait.
const (
	// WaitResources: agents that could hold the task have too little free.
	WaitResources WaitReason = "resources"
	// WaitTooLarge: no agent that the task may run on is large enough, even empty, as far as offers have told.
	WaitTooLarge WaitReason = "too_large"
	// WaitConstraints: no agent has the attributes that the task asks for, or stays long enough.
	WaitConstraints WaitReason = "constraints"
	// WaitBurst: the agents with room are on clouds, which the task's pipeline does not allow, or not yet.
	WaitBurst WaitReason = "burst"
	// WaitCordon: the agents with room are to take nothing new for now.
	WaitCordon WaitReason = "cordon"
	// WaitReserved: agents that have room are kept free for tasks that waited longer.
	WaitReserved WaitReason = "reserved"
	// WaitOffer: an agent has room, and its offer is still to come.
	WaitOffer WaitReason = "offer"
	// WaitBackoff: an attempt has failed, and the next is not due yet.
	WaitBackoff WaitReason = "backoff"
	// WaitMaxParallel: the step already runs as many tasks as its author allows.
	WaitMaxParallel WaitReason = "max_parallel"
	// WaitDisconnected: there is no subscription with a master.
	WaitDisconnected WaitReason = "disconnected"
	// WaitNoAgents: no agent has made an offer yet.
	WaitNoAgents WaitReason = "no_agents"
)

// WaitReasons are all there are.
var WaitReasons = []WaitReason{
	WaitResources, WaitTooLarge, WaitConstraints, WaitBurst, WaitCordon, WaitReserved, WaitOffer, WaitBackoff, WaitMaxParallel, WaitDisconnected, WaitNoAgents,
}

// room reports whether tasks wait for room, which machines that are on their way may bring.
func (w WaitReason) room() bool {
	switch w {
	case WaitOffer, WaitBackoff, WaitMaxParallel, WaitDisconnected:
		return false
	}
	return true
}

// onTheWay says what comes for tasks of a step that wait for the reason.
func (w WaitReason) onTheWay(coming func(run state.RunID, step string) string, run state.RunID, step string) string {
	if coming == nil || !w.room() {
		return ""
	}
	return coming(run, step)
}

// explainer tells why tasks wait that may be launched, by the rules that place them, over all agents that were seen, with
// what they had free when they were last looked at. It holds nothing that changes, so it may be asked on any goroutine.
type explainer struct {
	at        time.Time
	connected bool
	agents    []placement.Agent
	free      spec.Resources // of all agents
	kept      []keptAgent

	mu    sync.Mutex
	round *placement.Round // nil until somebody asks
}

// keptAgent is an agent, by its index, that is kept free for an entry of the queue.
type keptAgent struct{ entry, agent int }

// reviewAfter is for how long explanations are made from the same agents though nothing was heard of any.
const reviewAfter = 10 * time.Second

// review keeps the explainer over a batch in which people only looked: many of them may look again and again.
func (r *Reactor) review(now time.Time, inputs []Input, changes *state.Changes) {
	if r.explainer == nil {
		return
	}
	changed := !changes.Empty() || len(r.calls) > 0 || r.agents.held > 0 || now.Sub(r.explainer.at) > reviewAfter
	for _, in := range inputs {
		_, reads := in.(*Read)
		changed = changed || !reads
	}
	if changed {
		r.explainer = nil
	}
}

// explaining returns the explainer of the moment.
func (r *Reactor) explaining(now time.Time) *explainer {
	if r.explainer != nil {
		return r.explainer
	}
	agents := r.agents.all()
	e := &explainer{at: now, connected: r.asking.connected, agents: make([]placement.Agent, len(agents))}
	for i, a := range agents {
		used := r.state.UsedOn(a.id)
		e.agents[i] = r.placing(a, a.idle(used), used)
		e.free = e.free.Plus(e.agents[i].Free, 1)
	}
	if reservations := r.Reservations(); len(reservations) > 0 {
		index := make(map[string]int, len(agents))
		for i, a := range agents {
			index[a.id] = i
		}
		for _, res := range reservations {
			if i, seen := index[res.AgentID]; seen {
				e.kept = append(e.kept, keptAgent{res.Entry, i})
			}
		}
	}
	r.explainer = e
	return e
}

// shapeOf is the step's shape to an explanation: what its tasks are spread over decides between agents, but refuses none.
func shapeOf(now time.Time, st *state.Step, avoid []string) *placement.Shape {
	shape := st.Shape()
	if len(avoid) == 0 && shape.Spread == "" && st.Spec().Timeout == 0 && shape.Burst.After == 0 {
		return shape
	}
	own := placement.Shape{
		Need: shape.Need, Where: shape.Where, Avoid: avoid, Burst: shape.Burst, Waited: now.Sub(st.Opened()),
	}
	if timeout := st.Spec().Timeout; timeout > 0 {
		own.Until = now.Add(timeout)
	}
	return &own
}

// why explains why tasks of a shape wait. owns tells of the entries of the queue which are theirs.
func (e *explainer) why(owns func(entry int) bool, shape *placement.Shape) (WaitReason, string) {
	switch {
	case !e.connected:
		return WaitDisconnected, "there is no connection to the Mesos master"
	case len(e.agents) == 0:
		return WaitNoAgents, "no agent has offered resources yet"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.round == nil {
		e.round = placement.Survey(e.agents)
		for _, k := range e.kept {
			e.round.Reserve(k.agent)
		}
	}
	for _, k := range e.kept {
		if owns(k.entry) {
			return e.whyKept(k.agent, shape)
		}
	}
	x := e.round.Explain(shape)
	if x.Admitting > 0 {
		return WaitOffer, whyUnoffered(x)
	}
	return reasonOf(x), x.String()
}

// whyKept explains why a task waits for which an agent is kept free.
func (e *explainer) whyKept(agent int, shape *placement.Shape) (WaitReason, string) {
	reason, short := WaitResources, e.round.Shortage(agent, shape)
	if short == "" {
		reason, short = WaitOffer, "it has room, but makes no offer now"
	}
	return reason, fmt.Sprintf("agent %s is kept free for it (%s)", e.agents[agent].Name(), short)
}

func whyUnoffered(x placement.Explanation) string {
	switch {
	case x.Agents == 1:
		return "waits for an offer: the only agent seen has room for it"
	case x.Admitting == 1:
		return fmt.Sprintf("waits for an offer: 1 of %d agents seen has room for it", x.Agents)
	}
	return fmt.Sprintf("waits for an offer: %d of %d agents seen have room for it", x.Admitting, x.Agents)
}

// reasonOf sums up why no agent takes a task.
func reasonOf(x placement.Explanation) WaitReason {
	reason := WaitConstraints
	for _, r := range x.Refusals {
		switch {
		case r.Rule == placement.RuleReserved:
			return WaitReserved
		case r.Need != "" && x.Never:
			reason = WaitTooLarge
		case r.Need != "":
			reason = WaitResources
		case reason != WaitConstraints:
		case r.Rule == placement.RuleBurst:
			reason = WaitBurst
		case r.Rule == placement.RuleCordon:
			reason = WaitCordon
		}
	}
	return reason
}
