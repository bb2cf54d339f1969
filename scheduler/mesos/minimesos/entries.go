package minimesos

import (
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// agentEntry is the master's record of one registered agent.
type agentEntry struct {
	id        string
	agent     *agent
	info      *mesos.AgentInfo
	url       *mesos.URL
	total     bag
	available bag // neither in use nor offered
	hasGPUs   bool

	// connected is false while the agent's process is known to be dead.
	connected bool
	removed   bool // unreachable or gone: this record is history
	lapse     *time.Timer

	offers     map[*offer]struct{}
	inverse    map[*inverseOffer]struct{}
	tasks      map[*task]struct{}
	used       map[*framework]*bag // by tasks and custom executors
	killed     map[taskKey]bool    // asked to be killed, for when the agent comes back
	registered time.Time
	reregister time.Time // zero unless it came back

	unavailability *mesos.Unavailability
	inverseStatus  map[string]maintenanceStatus // by framework id
}

// taskKey names a task of any framework.
type taskKey struct{ framework, task string }

// offerable tells whether the agent has something to offer now.
func (e *agentEntry) offerable() bool {
	return e.connected && !e.available.empty() && !e.inactive() &&
		(e.available.milli("cpus") >= minOfferedCPUs || e.available.milli("mem") >= minOfferedMem)
}

// inactive is true for agents that an operator has deactivated or is draining.
func (e *agentEntry) inactive() bool { return e.agent.c.registry.deactivated[e.id] }

func (e *agentEntry) use(f *framework, amount *bag) {
	if e.used[f] == nil {
		e.used[f] = &bag{}
	}
	e.used[f].add(amount)
}

func (e *agentEntry) unuse(f *framework, amount *bag) {
	if used := e.used[f]; used != nil {
		used.subtract(amount)
		if used.empty() {
			delete(e.used, f)
		}
	}
}

func (e *agentEntry) removeTask(t *task) {
	delete(e.tasks, t)
	delete(e.killed, taskKey{t.framework.id, t.id()})
}

func (e *agentEntry) executorIDs(f *framework) []mesos.ExecutorID {
	if len(f.executors) == 0 {
		return nil
	}
	var out []mesos.ExecutorID
	for key := range f.executors {
		if key.agent == e.id {
			out = append(out, mesos.ExecutorID{Value: key.executor})
		}
	}
	slices.SortFunc(out, func(a, b mesos.ExecutorID) int { return cmpString(a.Value, b.Value) })
	return out
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (e *agentEntry) tasksInOrder() []*task {
	return slices.SortedFunc(maps.Keys(e.tasks), func(a, b *task) int {
		if d := cmpString(a.framework.id, b.framework.id); d != 0 {
			return d
		}
		return a.sequence - b.sequence
	})
}

// newEntry admits an agent that registers or comes back.
func (m *master) newEntry(a *agent) *agentEntry {
	e := &agentEntry{
		id: a.id, agent: a, info: a.info, total: a.total.clone(), available: a.total.clone(),
		connected: true,
		offers:    map[*offer]struct{}{}, inverse: map[*inverseOffer]struct{}{}, tasks: map[*task]struct{}{},
		used: map[*framework]*bag{}, killed: map[taskKey]bool{}, registered: time.Now(),
		inverseStatus: map[string]maintenanceStatus{},
	}
	e.hasGPUs = e.total.milli("gpus") > 0
	host, ip := a.info.Hostname, a.address.IP.String()
	path := "/" + agentPath
	e.url = &mesos.URL{Scheme: "http", Path: &path,
		Address: mesos.Address{Hostname: &host, IP: &ip, Port: int32(a.address.Port)}}
	e.unavailability = m.registry.unavailability(e)
	return e
}

func (m *master) addEntry(e *agentEntry) {
	m.agents[e.id] = e
	m.agentOrder = append(m.agentOrder, e)
	m.total.add(&e.total)
	m.registry.admitted[e.id] = e.agent
	delete(m.registry.unreachable, e.id)
	delete(m.recovered, e.id)
	m.allocateNow = true
	m.observeAgentAdded(e)
}

// dropEntry takes an agent that is unreachable or gone out of the books.
func (m *master) dropEntry(e *agentEntry) {
	e.removed = true
	if e.lapse != nil {
		e.lapse.Stop()
	}
	delete(m.agents, e.id)
	m.agentOrder = slices.DeleteFunc(m.agentOrder, func(other *agentEntry) bool { return other == e })
	m.total.subtract(&e.total)
	delete(m.registry.admitted, e.id)
	for _, f := range m.order {
		for _, state := range f.roles {
			delete(state.filters, e)
		}
	}
	m.observeAgentRemoved(e)
}

// pid is how libprocess would call the agent.
func (e *agentEntry) pid() string { return e.agent.pid() }
