package placement

import "strings"

// CouldHold tells whether an agent would take a task of the shape if none of the scheduler's own tasks ran there and it
// were kept free for nobody.
func (r *Round) CouldHold(agent int, s *Shape) bool {
	return r.classOf(s).admits(&r.emptied()[r.place[agent]])
}

// Possible tells whether some agent could hold a task of the shape, in the sense of CouldHold. If not, waiting alone will
// not help it.
func (r *Round) Possible(s *Shape) bool {
	c := r.classOf(s)
	if c.possible == notAsked {
		c.possible = fails
		if r.anyEmpty(c.deciding) {
			c.possible = holds
		}
	}
	return c.possible == holds
}

// NearestToFit gives the agent that is to be kept free for a task that fits nowhere: of those that could hold it and are
// not kept free yet, the one that is nearest to having room. How near is measured by the resource of which it has the
// least in relation to the need; where this is equal, the agent on which the scheduler's own tasks hold less comes
// first, because fewer have to end there. ok is false if there is no such agent.
func (r *Round) NearestToFit(s *Shape) (agent int, ok bool) {
	c := r.classOf(s)
	if c.nearestChanges != r.changes || c.nearest != nil && c.nearest.reserved {
		c.nearest, c.nearestChanges = r.nearestToFit(c), r.changes
	}
	if c.nearest == nil {
		return 0, false
	}
	return int(c.nearest.index), true
}

func (r *Round) nearestToFit(c *class) (best *agentState) {
	empty := r.emptied()
	var bestReady, bestUsed int64
	for i := range r.states {
		a := &r.states[i]
		if a.reserved || !c.admits(&empty[i]) {
			continue
		}
		idle := r.idle(a)
		ready, used := c.readiness(&idle), fullness(&idle, &empty[i].free)
		if best == nil || ready > bestReady || ready == bestReady && used < bestUsed {
			best, bestReady, bestUsed = a, ready, used
		}
	}
	return best
}

// idle is what nobody uses of an agent now, offered or not.
func (r *Round) idle(a *agentState) vector {
	r.emptied()
	return a.free.plus(r.unoffered[a.place])
}

// readiness is how much of the need's scarcest resource is idle, in parts of whole.
func (c *class) readiness(idle *vector) int64 {
	ready := int64(whole)
	for k, need := range c.need {
		if need > 0 {
			ready = min(ready, min(idle[k], need)*whole/need)
		}
	}
	return ready
}

// Reserve keeps an agent free: Place puts nothing there any more.
func (r *Round) Reserve(agent int) {
	r.state(agent).reserved = true
	r.reserves++
}

// Release ends a reservation. Classes that were refused because of it look again from the start.
func (r *Round) Release(agent int) {
	r.state(agent).reserved = false
	r.changes++
	for _, c := range r.classes {
		c.next = 0
		for _, next := range c.spread {
			clear(next)
		}
	}
	for _, s := range r.shapes {
		if s.spread != nil {
			s.spread.refill()
		}
	}
}

// PlaceReserved puts one task of the shape on an agent that is kept free for it, if it has room by now, and ends the
// reservation.
func (r *Round) PlaceReserved(agent int, s *Shape) bool {
	a, c := r.state(agent), r.classOf(s)
	open := *a
	open.reserved = false
	if !c.admits(&open) {
		return false
	}
	r.Release(agent)
	r.take(c, a, 1)
	if s.Spread != "" {
		r.spreadOf(s, r.stateOf(s)).count(a)
	}
	return true
}

// Shortage says what an agent lacks for a task of the shape: "needs 16 cpus, 12 free now". It is empty if nothing is
// short; then what is idle there has only to be offered.
func (r *Round) Shortage(agent int, s *Shape) string {
	var short []string
	idle := r.idle(r.state(agent))
	for k, need := range vectorOf(s.Need) {
		if need > idle[k] {
			short = append(short, "needs "+amount(kind(k), need)+", "+quantity(kind(k), max(0, idle[k]))+" free now")
		}
	}
	return strings.Join(short, "; ")
}

func (r *Round) state(agent int) *agentState { return &r.states[r.place[agent]] }
