package placement

// Round is one matching of waiting tasks to agents. It belongs to one goroutine.
//
// The agents stand in one packing order. Every class of shapes has a cursor in it: all agents before the cursor have
// refused the class. Cursors only move forward, because what is free only decreases while tasks are placed, and no other
// rule changes its mind from refusing to admitting within a round. (Release does; it takes the cursors back.)
type Round struct {
	agents  []Agent
	states  []agentState // in packing order
	place   []int32      // of an agent in states, by its index in agents
	all     []int32      // every place in states: 0, 1, 2 …
	planned bool         // maintenance is planned for some agent

	columns map[string]*column
	wheres  map[string]*whereRule
	classes map[classKey]*class
	shapes  map[*Shape]*shapeState
}

// Assignment says that Count tasks go to one agent.
type Assignment struct {
	Agent int // index in the list given to NewRound
	Count int
}

// NewRound starts a round over the agents. The seed decides between agents of which none is better than the other; who
// records it can have the same plan made again. The agents are read until the round is over, never changed.
func NewRound(agents []Agent, seed uint64) *Round {
	r := &Round{
		agents:  agents,
		states:  make([]agentState, len(agents)),
		place:   make([]int32, len(agents)),
		all:     make([]int32, len(agents)),
		columns: map[string]*column{},
		wheres:  map[string]*whereRule{},
		classes: map[classKey]*class{},
		shapes:  map[*Shape]*shapeState{},
	}
	for place, index := range packingOrder(agents, seed) {
		a := &agents[index]
		r.states[place] = agentState{
			agent: a, index: index, place: int32(place),
			free: vectorOf(a.Free), used: vectorOf(a.Used),
		}
		r.place[index] = int32(place)
		r.all[place] = int32(place)
		r.planned = r.planned || !a.UnavailableFrom.IsZero()
	}
	return r
}

// Agent gives the agent with an index, as it was at the start of the round.
func (r *Round) Agent(index int) *Agent { return &r.agents[index] }

// Len is the number of agents in the round.
func (r *Round) Len() int { return len(r.agents) }

// Fits tells whether some agent of the round takes a task of the shape now.
func (r *Round) Fits(s *Shape) bool {
	c := r.classOf(s)
	for i := range c.lanes {
		if r.seek(c, &c.lanes[i]) != nil {
			return true
		}
	}
	return false
}

// Fits tells whether an agent takes a task of the shape. The agent may be one that does not exist yet.
func Fits(a Agent, s *Shape) bool {
	return NewRound([]Agent{a}, 0).Fits(s)
}

// Place puts at most n tasks of a shape on agents, takes what they need from the round, and says where they went. If
// it places fewer than n, no agent takes one more. Placing n tasks at once or one after another gives the same.
func (r *Round) Place(s *Shape, n int) []Assignment {
	return r.AppendPlace(nil, s, n)
}

// AppendPlace is Place, appending to a slice. An agent can occur several times.
func (r *Round) AppendPlace(to []Assignment, s *Shape, n int) []Assignment {
	state := r.stateOf(s)
	if state.values != nil {
		return r.placeSpread(to, state, n)
	}
	c, lane := state.class, &state.class.lanes[0]
	for n > 0 {
		a := r.seek(c, lane)
		if a == nil {
			break
		}
		k := c.room(a, n)
		c.take(a, k)
		to = append(to, Assignment{a.index, k})
		n -= k
	}
	return to
}

// seek moves a lane's cursor to the first agent that admits the class; nil if there is none any more.
func (r *Round) seek(c *class, l *lane) *agentState {
	for ; l.next < len(l.places); l.next++ {
		if a := &r.states[l.places[l.next]]; c.admits(a) {
			return a
		}
	}
	return nil
}
