package scheduler

import (
	"maps"
	"slices"
	"time"
)

// cordon keeps an agent free of new tasks. It is a lease: whoever wants it renews it, and nothing is kept of it.
type cordon struct {
	reason string
	until  time.Time
}

// cordons are those in force, by agent id. An agent need not be known: it may be about to make its first offer.
type cordons map[string]cordon

// next returns when the first of them ends; zero if there is none.
func (c cordons) next() (at time.Time) {
	for _, x := range c {
		if at.IsZero() || x.until.Before(at) {
			at = x.until
		}
	}
	return at
}

// Cordon asks that nothing is launched on an agent for a while; tasks that run there go on. It replaces the agent's cordon
// of before. Done is called when it holds.
type Cordon struct {
	Agent  string // its id, which need not be known
	Reason string
	For    time.Duration
	Done   func()
}

func (c *Cordon) apply(r *Reactor, now time.Time) {
	before, renewed := r.cordons[c.Agent]
	r.cordons[c.Agent] = cordon{c.Reason, now.Add(c.For)}
	if !renewed || before.reason != c.Reason {
		r.moved++
	}
	r.answer(func() {
		if !renewed {
			r.log.Info("agent is cordoned", "agent", c.Agent, "reason", c.Reason, "for", c.For)
		}
		c.Done()
	})
}

// Uncordon asks for the end of an agent's cordon, if it has one.
type Uncordon struct {
	Agent string
	Done  func()
}

func (c *Uncordon) apply(r *Reactor, _ time.Time) {
	lifted := r.lift(c.Agent)
	r.answer(func() {
		if lifted {
			r.log.Info("agent is no longer cordoned", "agent", c.Agent)
		}
		c.Done()
	})
}

// liftCordons ends those whose time is over.
func (r *Reactor) liftCordons(now time.Time) {
	for _, agent := range slices.Sorted(maps.Keys(r.cordons)) {
		if !r.cordons[agent].until.After(now) {
			r.lift(agent)
			r.answer(func() { r.log.Info("agent is no longer cordoned: its cordon was not renewed", "agent", agent) })
		}
	}
}

func (r *Reactor) lift(agent string) bool {
	if _, cordoned := r.cordons[agent]; !cordoned {
		return false
	}
	delete(r.cordons, agent)
	r.asking.reopened = true
	r.explainer = nil
	r.moved++
	return true
}
