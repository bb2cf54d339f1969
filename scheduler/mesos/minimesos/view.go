package minimesos

import mesos "github.com/mesos/mesos-go/api/v1/lib"

// View is the state of a cluster at one moment, for WaitFor and Look. It must
// not be used after the function that was given it has returned.
type View struct{ c *Cluster }

// Look calls fn with the present state.
func (c *Cluster) Look(fn func(View)) { c.loop.do(func() { fn(View{c}) }) }

// MasterRuns tells whether the master is up.
func (v View) MasterRuns() bool { return v.c.master != nil }

// Frameworks are the ids of the frameworks that the master knows, and has not
// removed, oldest first.
func (v View) Frameworks() []string {
	var out []string
	if m := v.c.master; m != nil {
		for _, f := range m.order {
			out = append(out, f.id)
		}
	}
	return out
}

// Connected tells whether a framework is subscribed.
func (v View) Connected(framework string) bool {
	if m := v.c.master; m != nil && m.frameworks[framework] != nil {
		return m.frameworks[framework].connected()
	}
	return false
}

// Offers is how many offers a framework has that are not answered.
func (v View) Offers(framework string) int {
	if m := v.c.master; m != nil && m.frameworks[framework] != nil {
		return len(m.frameworks[framework].offers)
	}
	return 0
}

// AgentStanding is what the master thinks of an agent.
type AgentStanding string

const (
	Unknown      AgentStanding = "unknown"      // the master has never heard of it, or is down
	Registered   AgentStanding = "registered"   // all is well
	Disconnected AgentStanding = "disconnected" // its process died a moment ago
	Recovered    AgentStanding = "recovered"    // known from before a restart, not back yet
	Unreachable  AgentStanding = "unreachable"  // given up, but may come back
	Gone         AgentStanding = "gone"         // given up for good
)

// Agent is what the master thinks of an agent, by name or id. An agent that
// LoseAgent took is known by its id only.
func (v View) Agent(name string) AgentStanding {
	m := v.c.master
	if m == nil {
		return Unknown
	}
	id := v.AgentID(name)
	if id == "" {
		id = name
	}
	if e := m.agents[id]; e != nil {
		if e.connected {
			return Registered
		}
		return Disconnected
	}
	if m.recovered[id] != nil {
		return Recovered
	}
	if _, ok := m.registry.unreachable[id]; ok {
		return Unreachable
	}
	if _, ok := m.registry.gone[id]; ok {
		return Gone
	}
	return Unknown
}

// AgentID is the id of the agent with this name or id, "" if there is none.
func (v View) AgentID(name string) string {
	if a, err := v.c.agentNamed(name); err == nil {
		return a.id
	}
	return ""
}

// Task is the state of a task in the master's books, and whether it is there.
// A task is there until the framework has acknowledged its end.
func (v View) Task(id string) (mesos.TaskState, bool) {
	if m := v.c.master; m != nil {
		for _, f := range m.order {
			if t := f.tasks[id]; t != nil {
				return t.state, true
			}
			if t := f.unreachable[id]; t != nil {
				return t.state, true
			}
		}
	}
	return 0, false
}

// Tasks is how many tasks are in the master's books.
func (v View) Tasks() int {
	n := 0
	if m := v.c.master; m != nil {
		for _, f := range m.order {
			n += len(f.tasks)
		}
	}
	return n
}

// Running is how many tasks an agent has whose end is not acknowledged, by
// name or id: the truth, whatever the master thinks.
func (v View) Running(agent string) int {
	n := 0
	if a, err := v.c.agentNamed(agent); err == nil {
		for _, f := range a.frameworks {
			n += len(f.tasks)
		}
	}
	return n
}

// Containers is how many processes or containers agents have started that
// have not ended.
func (v View) Containers() int {
	n := 0
	for _, a := range v.c.agents {
		for _, f := range a.frameworks {
			for _, x := range f.executors {
				if x.state == running {
					n++
				}
			}
		}
	}
	return n
}
