package minimesos

import (
	"fmt"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// This file is the master's side of its agents: registering, being cut off,
// becoming unreachable or gone, and coming back.

// register admits an agent that has no id, or takes back one that has.
func (m *master) register(a *agent) {
	if a.id == "" {
		a.id = fmt.Sprintf("%s-S%d", m.id, m.nextAgent)
		m.nextAgent++
		a.info.ID = &mesos.AgentID{Value: a.id}
		m.metrics.arrived++
		m.addEntry(m.newEntry(a))
		a.leaveTrace()
		a.onRegistered(m)
		return
	}
	if _, gone := m.registry.gone[a.id]; gone {
		a.onShutdown()
		return
	}
	if e := m.agents[a.id]; e != nil {
		m.reconnect(e)
		return
	}
	m.readmit(a)
}

// reconnect takes back an agent that was away too briefly to be given up:
// tasks that it has never heard of are settled, kills that it missed repeated.
func (m *master) reconnect(e *agentEntry) {
	m.metrics.back++
	e.connected = true
	e.reregister = time.Now()
	if e.lapse != nil {
		e.lapse.Stop()
	}
	a := e.agent
	a.onReregistered(m)
	for _, t := range e.tasksInOrder() {
		if !a.knows(t.framework.id, t.id()) {
			a.denyTask(t)
		}
	}
	for _, f := range m.order {
		for key, executor := range f.executors {
			if executor.entry == e && a.executor(f.id, key.executor) == nil {
				m.removeExecutor(f, key)
			}
		}
	}
	for _, t := range e.tasksInOrder() {
		if e.killed[taskKey{t.framework.id, t.id()}] && !isTerminal(t.state) {
			m.sendKill(t, nil)
		}
	}
	m.shutdownCompleted(e)
	m.drainIfDraining(e)
	m.shareFrameworks(e)
	m.allocateNow = true
}

// readmit takes back an agent that was unreachable, or that an earlier life
// of the master knew.
func (m *master) readmit(a *agent) {
	_, wasRecovered := m.recovered[a.id]
	_, wasUnreachable := m.registry.unreachable[a.id]
	m.metrics.back++
	e := m.newEntry(a)
	e.reregister = e.registered
	tasks := a.runningTasks()
	for _, info := range a.frameworkInfos() {
		m.recoverFramework(info)
	}
	for _, known := range tasks {
		m.takeBack(e, known, !wasRecovered, wasUnreachable)
	}
	m.takeBackExecutors(e)
	m.addEntry(e)
	a.onReregistered(m)
	m.shutdownCompleted(e)
	m.drainIfDraining(e)
	m.shareFrameworks(e)
}

// shutdownCompleted ends what an agent that was away still runs of frameworks
// that have been removed meanwhile.
func (m *master) shutdownCompleted(e *agentEntry) {
	for _, id := range e.agent.frameworkIDs() {
		if m.isCompleted(id) {
			m.toAgent(e, Message{Kind: "SHUTDOWN_FRAMEWORK", Framework: id}, func(a *agent) { a.shutdownFramework(id) })
		}
	}
}

// recoverFramework makes a record of a framework that only an agent knows.
func (m *master) recoverFramework(info *mesos.FrameworkInfo) {
	id := info.ID.GetValue()
	if m.frameworks[id] != nil || m.isCompleted(id) {
		return
	}
	f := m.addFramework(id, info, nil)
	f.recovered = true
	f.failover = m.loop.after(failoverTime(info), func() {
		if !f.removed && f.recovered && m.running() {
			m.removeFramework(f)
		}
	})
}

// takeBack makes a record of a task that an agent brings along.
func (m *master) takeBack(e *agentEntry, known *agentTask, tell, wasUnreachable bool) {
	f := m.frameworks[known.framework]
	if f == nil {
		return
	}
	delete(f.unreachable, known.id())
	t := m.newTask(f, e, known.info, known.role)
	t.state = known.latest
	t.statuses = known.statuses
	t.executorID = known.customExecutorID()
	if n := len(known.statuses); n > 0 {
		state := known.statuses[n-1].GetState()
		t.forwarded, t.uuid = &state, known.statuses[n-1].UUID
	}
	if isTerminal(t.state) {
		t.released = true
	} else {
		e.take(m, f, t.role, &t.amount)
	}
	if !tell {
		return
	}
	message := "Unknown agent reregistered"
	if wasUnreachable {
		message = "Unreachable agent re-reregistered" // spelt so in Mesos
	}
	status := masterStatus(t.id(), e.id, t.state, mesos.REASON_AGENT_REREGISTERED, message)
	status.ExecutorID, status.ContainerStatus = t.executorID, t.containerStatus()
	m.sendStatus(f, status)
}

// take gives resources that are in use already to a framework.
func (e *agentEntry) take(m *master, f *framework, role string, amount *bag) {
	e.available.subtract(amount)
	e.use(f, amount)
	f.roleState(role).allocated.add(amount)
}

func (m *master) takeBackExecutors(e *agentEntry) {
	for _, x := range e.agent.customExecutors() {
		f := m.frameworks[x.framework]
		if f == nil {
			continue
		}
		record := m.addExecutor(f, e, x.info, x.role)
		e.take(m, f, x.role, &record.amount)
	}
}

// addExecutor makes a record of a custom executor; the caller accounts for it.
func (m *master) addExecutor(f *framework, e *agentEntry, info *mesos.ExecutorInfo, role string) *executorEntry {
	amount, err := bagOf(info.Resources)
	if err != nil {
		panic("minimesos: an executor was admitted with bad resources: " + err.Error())
	}
	x := &executorEntry{info: info, entry: e, amount: amount, role: role}
	f.executors[executorKey{e.id, info.ExecutorID.Value}] = x
	return x
}

// shareFrameworks tells an agent that is back about its frameworks, which
// makes it send unacknowledged updates again.
func (m *master) shareFrameworks(e *agentEntry) {
	for _, id := range e.agent.frameworkIDs() {
		if f := m.frameworks[id]; f != nil {
			m.toAgent(e, Message{Kind: "UPDATE_FRAMEWORK", Framework: id}, func(a *agent) { a.updateFramework(f.info) })
		}
	}
}

// lostContact starts the time after which a silent agent is unreachable.
func (m *master) lostContact(a *agent) {
	e := m.agents[a.id]
	if e == nil {
		return
	}
	if e.lapse != nil {
		e.lapse.Stop()
	}
	e.lapse = m.loop.after(m.opts.AgentTimeout, func() {
		if m.running() && !e.removed && !a.reachable() {
			m.markUnreachable(e)
		}
	})
}

// agentExited is what the master sees at once when an agent's process dies:
// the connection breaks.
func (m *master) agentExited(a *agent) {
	e := m.agents[a.id]
	if e == nil || !e.connected {
		return
	}
	e.connected = false
	m.rescindAll(e)
	for _, t := range e.tasksInOrder() {
		if t.framework.info.GetCheckpoint() {
			continue
		}
		status := masterStatus(t.id(), e.id, mesos.TASK_LOST, mesos.REASON_AGENT_DISCONNECTED,
			"Agent "+e.info.Hostname+" disconnected")
		status.ExecutorID = t.executorID
		m.updateTask(t, status, mesos.TASK_LOST)
		m.removeTask(t, false)
		m.sendStatus(t.framework, status)
	}
	for _, f := range m.order {
		for key, x := range f.executors {
			if x.entry == e && !f.info.GetCheckpoint() {
				m.removeExecutor(f, key)
			}
		}
	}
}

func (m *master) rescindAll(e *agentEntry) {
	for _, o := range sortedOffers(e.offers) {
		m.rescind(o)
	}
	for o := range e.inverse {
		m.rescindInverse(o)
	}
}

// markUnreachable gives an agent up whose health check timed out.
func (m *master) markUnreachable(e *agentEntry) {
	now := timeInfo(time.Now())
	m.registry.unreachable[e.id] = now
	m.endTasks(e, "health check timed out", &now)
	m.loseEntry(e)
}

// markGone removes an agent for good.
func (m *master) markGone(e *agentEntry) {
	m.registry.gone[e.id] = timeInfo(time.Now())
	m.toAgent(e, Message{Kind: "SHUTDOWN_AGENT"}, func(a *agent) { a.onShutdown() })
	m.endTasks(e, "Agent has been marked gone", nil)
	m.loseEntry(e)
	m.registry.forget(e.id)
}

func (r *registry) forget(id string) {
	delete(r.draining, id)
	delete(r.drainStart, id)
	delete(r.deactivated, id)
	delete(r.unreachable, id)
}

// endTasks tells the frameworks what became of the tasks of an agent that is
// unreachable (since when is given) or gone.
func (m *master) endTasks(e *agentEntry, message string, unreachable *mesos.TimeInfo) {
	for _, t := range e.tasksInOrder() {
		state, reason, keep := mesos.TASK_UNREACHABLE, mesos.REASON_AGENT_REMOVED, true
		switch {
		case !t.framework.can.partitionAware:
			state = mesos.TASK_LOST
		case unreachable == nil:
			state, reason, keep = mesos.TASK_GONE_BY_OPERATOR, mesos.REASON_AGENT_REMOVED_BY_OPERATOR, false
		}
		status := masterStatus(t.id(), e.id, state, reason, message)
		status.ExecutorID, status.UnreachableTime = t.executorID, unreachable
		m.updateTask(t, status, state)
		m.removeTask(t, keep)
		m.sendStatus(t.framework, status)
	}
	for _, f := range m.order {
		for key, x := range f.executors {
			if x.entry == e {
				m.removeExecutor(f, key)
			}
		}
	}
}

// loseEntry takes back an agent's offers and tells every framework.
func (m *master) loseEntry(e *agentEntry) {
	m.metrics.lost++
	m.rescindAll(e)
	m.dropEntry(e)
	for _, f := range m.order {
		f.send(&scheduler.Event{Type: scheduler.Event_FAILURE,
			Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: e.id}}})
	}
}

// giveUpRecovered marks agents unreachable that did not come back in time
// after a restart of the master.
func (m *master) giveUpRecovered() {
	for id := range m.recovered {
		delete(m.recovered, id)
		delete(m.registry.admitted, id)
		m.registry.unreachable[id] = timeInfo(time.Now())
		for _, f := range m.order {
			f.send(&scheduler.Event{Type: scheduler.Event_FAILURE,
				Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: id}}})
		}
	}
}
