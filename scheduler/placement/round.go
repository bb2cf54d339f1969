package placement

// Round is one matching of waiting tasks to agents. It belongs to one goroutine.
//
// The agents stand in one packing order. Every class of shapes has a cursor in it: all agents before the cursor have
// refused the class. Cursors only move forward, because what is free only decreases while tasks are placed, and no other
// rule changes its mind from refusing to admitting within a round. (Release does; it takes the cursors back.)
type Round struct {
	agents []Agent
	states []agentState // in packing order
	place  []int32      // of an agent in states, by its index in agents
	// empty holds the agents as they would be if none of the scheduler's own tasks ran there and they were kept for
	// nobody, in packing order. Nothing in a round changes that. It is nil until somebody asks, see emptied.
	empty []agentState
	// vacants holds the agents as they would be if nobody's tasks ran there; nil until somebody asks, see vacant.
	vacants []agentState
	// unoffered is Agent.Unoffered by place in the packing order; nil as long as empty is.
	unoffered []vector
	planned   bool // maintenance is planned for some agent
	clouds    bool // some agent is on a cloud machine
	cordons   bool // some agent is cordoned
	changes   int  // counts what makes answers about the agents outdated, reservations aside
	reserves  int  // counts reservations that were ever made

	columns []*column // the attributes that shapes ask for
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
	return newRound(agents, packingOrder(agents, seed))
}

// Survey starts a round that is for explanations. It saves itself the packing order, which only matters to Place.
func Survey(agents []Agent) *Round {
	order := make([]int, len(agents))
	for i := range order {
		order[i] = i
	}
	return newRound(agents, order)
}

func newRound(agents []Agent, order []int) *Round {
	r := &Round{
		agents:  agents,
		states:  make([]agentState, len(agents)),
		place:   make([]int32, len(agents)),
		wheres:  map[string]*whereRule{},
		classes: map[classKey]*class{},
		shapes:  map[*Shape]*shapeState{},
	}
	for place, index := range order {
		r.place[index] = int32(place)
	}
	for index := range agents {
		a, place := &agents[index], r.place[index]
		r.states[place] = a.state(vectorOf(a.Free), index, place)
		r.planned = r.planned || !a.UnavailableFrom.IsZero()
		r.clouds, r.cordons = r.clouds || a.VM != "", r.cordons || a.Cordoned
	}
	return r
}

// Agent gives the agent with an index, as it was at the start of the round.
func (r *Round) Agent(index int) *Agent { return &r.agents[index] }

// Len is the number of agents in the round.
func (r *Round) Len() int { return len(r.agents) }

// Learn makes the round acquainted with a shape. It need not be called, but a round that knows all of its shapes before
// it places the first task asks each agent only once for its attributes.
func (r *Round) Learn(s *Shape) { r.stateOf(s) }

// Fits tells whether some agent of the round takes a task of the shape now.
func (r *Round) Fits(s *Shape) bool { return r.seek(r.classOf(s)) != nil }

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
	c := state.class
	if s.Spread != "" {
		return r.placeSpread(to, c, r.spreadOf(s, state), n)
	}
	for n > 0 {
		a := r.seek(c)
		if a == nil {
			break
		}
		k := c.room(a, n)
		r.take(c, a, k)
		to = append(to, Assignment{int(a.index), k})
		n -= k
	}
	return to
}

// seek moves the cursor of a class to the first agent that admits it; nil if there is none any more.
func (r *Round) seek(c *class) *agentState {
	for ; c.next < len(r.states); c.next++ {
		if a := &r.states[c.next]; c.admits(a) {
			return a
		}
	}
	return nil
}

// emptied gives the agents as they would be without the scheduler's tasks and reservations.
func (r *Round) emptied() []agentState {
	if r.empty == nil {
		r.empty, r.unoffered = make([]agentState, len(r.states)), make([]vector, len(r.states))
		for index := range r.agents {
			a, place := &r.agents[index], r.place[index]
			r.empty[place] = a.state(a.emptied(), index, place)
			r.unoffered[place] = vectorOf(a.Unoffered)
		}
	}
	return r.empty
}
