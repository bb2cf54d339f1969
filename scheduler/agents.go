package scheduler

import (
	"sort"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// agentTable is what offers have told about the agents, and the offers that are held.
type agentTable struct {
	byID    map[string]*agent
	sorted  []*agent // by id; nil when it must be made anew
	offerOn map[string]*agent
	held    int            // how many offers are held
	free    spec.Resources // the sum of what the agents have free
	pruned  time.Time
	// moved counts changes of which agents there are and of what they have free.
	moved int64
}

// agent is an agent that has made an offer.
type agent struct {
	id, hostname, url string
	attributes        map[string]string
	vm, cloud         string // see placement.CloudOf
	// offers are those held, in the order in which they came.
	offers []mesos.Offer
	// free is what was free when the agent was last looked at: what explanations of waiting are made from after
	// the offer has been declined.
	free spec.Resources
	// capacity is what the agent has at least: what was offered and used when it was first seen, or offered at a time
	// since. What is offered and used later is not it: what a short task gives back may be offered before its end is told.
	capacity spec.Resources
	// first and seen are when it first and last made an offer.
	first, seen time.Time
	// emptied is when the last of our tasks there has ended; zero if none has run there yet.
	emptied time.Time
	// changed is when free last changed by an offer or by the end of one of our tasks.
	changed time.Time
	// maintenance is when a planned maintenance starts; zero if none is planned.
	maintenance time.Time
}

// forgetAfter is how long an agent is remembered that makes no offers and runs nothing of ours.
const forgetAfter = time.Hour

func newAgentTable() agentTable {
	return agentTable{byID: map[string]*agent{}, offerOn: map[string]*agent{}}
}

// addOffer takes in an offer of an agent of which our tasks hold what is used.
func (t *agentTable) addOffer(now time.Time, o mesos.Offer, used spec.Resources) {
	a := t.byID[o.AgentID]
	if a == nil {
		a = &agent{id: o.AgentID, capacity: o.Resources.Plus(used, 1), first: now}
		t.byID[o.AgentID] = a
		t.sorted = nil
		t.moved++
	}
	a.hostname, a.url, a.attributes, a.seen, a.maintenance = o.Hostname, o.URL, o.Attributes, now, o.UnavailableFrom
	a.vm, a.cloud = placement.CloudOf(o.Attributes)
	a.changed = now
	hoped := a.free.Plus(a.offered(""), -1).Plus(o.Resources, -1).Positive()
	a.offers = append(a.offers, o)
	t.offerOn[o.ID] = a
	t.held++
	t.setFree(a, a.offered("").Plus(hoped, 1))
	a.capacity = a.capacity.Max(a.offered(""))
}

// freed notes what a task gave back that has ended, our tasks holding what is used now: idle, though its offer is still
// to come, unless it came before the end was told.
func (t *agentTable) freed(now time.Time, id string, what, used spec.Resources) {
	if a := t.byID[id]; a != nil {
		t.setFree(a, a.free.Plus(what, 1))
		t.setFree(a, a.idle(used))
		a.changed = now
	}
}

// noteEmptied notes of which agents the last of our tasks has ended.
func (r *Reactor) noteEmptied(now time.Time, attempts []state.AttemptRecord) {
	for i := range attempts {
		if rec := &attempts[i]; rec.Outcome != "" && r.state.LiveOn(rec.Agent) == 0 {
			if a := r.agents.byID[rec.Agent]; a != nil {
				a.emptied = now
			}
		}
	}
}

// setFree notes what an agent has free.
func (t *agentTable) setFree(a *agent, free spec.Resources) {
	if free == a.free {
		return
	}
	t.free = t.free.Plus(a.free, -1).Plus(free, 1)
	a.free = free
	t.moved++
}

func (t *agentTable) removeOffer(id string) {
	a := t.offerOn[id]
	if a == nil {
		return
	}
	delete(t.offerOn, id)
	for i := range a.offers {
		if a.offers[i].ID == id {
			a.offers = append(a.offers[:i], a.offers[i+1:]...)
			break
		}
	}
	t.held--
	t.setFree(a, a.offered(""))
}

// take removes the agent's offers of a role and appends their ids to some.
func (t *agentTable) take(ids []string, a *agent, role string) []string {
	kept := a.offers[:0]
	for _, o := range a.offers {
		if o.Role != role {
			kept = append(kept, o)
			continue
		}
		ids = append(ids, o.ID)
		delete(t.offerOn, o.ID)
		t.held--
	}
	a.offers = kept
	return ids
}

// remove forgets an agent that the master has removed.
func (t *agentTable) remove(id string) {
	a := t.byID[id]
	if a == nil {
		return
	}
	for _, o := range a.offers {
		delete(t.offerOn, o.ID)
	}
	t.held -= len(a.offers)
	t.setFree(a, spec.Resources{})
	delete(t.byID, id)
	t.sorted = nil
	t.moved++
}

// voidOffers drops all offers: they end with the subscription.
func (t *agentTable) voidOffers() {
	for _, a := range t.byID {
		a.offers = nil
	}
	clear(t.offerOn)
	t.held = 0
}

func (t *agentTable) setMaintenance(id string, from time.Time) {
	if a := t.byID[id]; a != nil {
		a.maintenance = from
	}
}

// all returns the agents by id, so that nothing depends on the order of a map.
func (t *agentTable) all() []*agent {
	if t.sorted == nil {
		t.sorted = make([]*agent, 0, len(t.byID))
		for _, a := range t.byID {
			t.sorted = append(t.sorted, a)
		}
		sort.Slice(t.sorted, func(i, k int) bool { return t.sorted[i].id < t.sorted[k].id })
	}
	return t.sorted
}

// offering returns the agents that have made offers which are held, by id, and those of the given ids.
func (t *agentTable) offering(ids []string) []*agent {
	seen := make(map[*agent]bool, t.held+len(ids))
	agents := make([]*agent, 0, t.held+len(ids))
	add := func(a *agent) {
		if a != nil && !seen[a] {
			seen[a] = true
			agents = append(agents, a)
		}
	}
	for _, a := range t.offerOn {
		add(a)
	}
	for _, id := range ids {
		add(t.byID[id])
	}
	sort.Slice(agents, func(i, k int) bool { return agents[i].id < agents[k].id })
	return agents
}

// prune forgets agents that have not been seen for long and run nothing, when it is time.
func (t *agentTable) prune(now time.Time, used func(agent string) spec.Resources) {
	if now.Sub(t.pruned) < time.Minute {
		return
	}
	t.pruned = now
	for _, a := range t.all() {
		if len(a.offers) == 0 && now.Sub(a.seen) > forgetAfter && used(a.id) == (spec.Resources{}) {
			t.remove(a.id)
		}
	}
}

// roles returns the roles of the held offers, sorted.
func (t *agentTable) roles() []string {
	seen := map[string]bool{}
	var roles []string
	for _, a := range t.offerOn {
		for _, o := range a.offers {
			if !seen[o.Role] {
				seen[o.Role] = true
				roles = append(roles, o.Role)
			}
		}
	}
	sort.Strings(roles)
	return roles
}

// offered sums the agent's held offers of a role, of all roles if it is empty.
func (a *agent) offered(role string) spec.Resources {
	var sum spec.Resources
	for _, o := range a.offers {
		if role == "" || o.Role == role {
			sum = sum.Plus(o.Resources, 1)
		}
	}
	return sum
}

// idle is what of the agent is free as far as one can tell, our tasks holding what is used: an offer may hold what a task
// gave back whose end is still to be told.
func (a *agent) idle(used spec.Resources) spec.Resources {
	return a.free.Min(a.capacity.Plus(used, -1).Max(a.offered("")))
}

// placing describes an agent to a round, with the given resources free.
func (r *Reactor) placing(a *agent, free, used spec.Resources) placement.Agent {
	_, cordoned := r.cordons[a.id]
	return placement.Agent{
		ID: a.id, Hostname: a.hostname, Attributes: a.attributes, VM: a.vm, Cloud: a.cloud,
		Free: free, Used: used, Capacity: a.capacity, UnavailableFrom: a.maintenance, Cordoned: cordoned,
	}
}
