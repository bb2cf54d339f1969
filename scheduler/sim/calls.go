package sim

import (
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// handle does what a call asks for.
func (m *master) handle(f *framework, c mesos.Call) {
	switch c := c.(type) {
	case mesos.Accept:
		m.accept(f, &c)
	case mesos.Decline:
		for _, id := range c.OfferIDs {
			if o := m.outstanding(id); o != nil && o.role.framework == f {
				m.takeBack(o, c.Refuse)
			}
		}
	case mesos.Kill:
		m.kill(f, &c)
	case mesos.Acknowledge:
		m.acknowledge(&c)
	case mesos.Reconcile:
		m.reconcile(f, c.Tasks)
	case mesos.Revive:
		m.w.report.Revives++
		for _, r := range f.roles {
			r.suppressed = false
			r.revived++
		}
		m.stir()
		m.allocateSoon()
	case mesos.Suppress:
		for _, r := range f.roles {
			r.suppressed = true
		}
	case mesos.AcceptInverseOffers:
	}
}

// accept launches tasks (recordings 02, 07).
func (m *master) accept(f *framework, c *mesos.Accept) {
	var offers []*offer
	invalid := ""
	for _, id := range c.OfferIDs {
		if o := m.outstanding(id); o != nil && o.role.framework == f {
			offers = append(offers, o)
		} else {
			invalid = id
		}
	}
	if invalid != "" {
		for _, o := range offers {
			m.takeBack(o, 0)
		}
		for _, l := range c.Launches {
			f.send(dropped(l.ID.String(), c.AgentID, invalid, m.w.time()))
		}
		return
	}
	m.launch(f, offers, c)
}

// launch starts the tasks of an accept whose offers are valid.
func (m *master) launch(f *framework, offers []*offer, c *mesos.Accept) {
	e, role := offers[0].entry, offers[0].role
	var pool spec.Resources
	for _, o := range offers {
		if o.entry != e || o.role != role {
			m.w.fail("an ACCEPT combines offers of agents %s and %s, roles %s and %s", e.id, o.entry.id, role.name, o.role.name)
		}
		pool = plus(pool, o.resources)
		m.takeBack(o, 0)
	}
	for i := range c.Launches {
		l := &c.Launches[i]
		id := l.ID.String()
		if m.tasks[id] != nil {
			m.w.fail("task %s is launched twice", id)
		}
		if pool = minus(pool, l.Resources); !within(spec.Resources{}, pool) {
			m.w.fail("the launches on %s take more than its offers hold, from %s on", e.id, id)
		}
		t := m.addTask(e, role, id, l.Resources)
		t.latest, t.forwarded = state.TaskStaging, state.TaskStaging
		m.toAgent(e, func(a *agent) { a.launch(f.id, role.name, l) })
	}
	e.launched = m.w.now
	m.refuse(e, role, pool, c.Refuse)
}

// addTask takes a task in.
func (m *master) addTask(e *entry, r *roleState, id string, needs spec.Resources) *masterTask {
	t := &masterTask{id: id, framework: r.framework, role: r, entry: e, needs: needs}
	m.tasks[id] = t
	e.tasks = append(e.tasks, t)
	e.free = minus(e.free, needs)
	r.allocated = plus(r.allocated, needs)
	return t
}

func (f *framework) role(name string) *roleState {
	for _, r := range f.roles {
		if r.name == name {
			return r
		}
	}
	return f.roles[0]
}

// release gives back what a task that has ended used.
func (m *master) release(t *masterTask) {
	t.entry.give(t.needs)
	t.role.allocated = minus(t.role.allocated, t.needs)
	t.needs = spec.Resources{}
}

func (m *master) removeTask(t *masterTask) {
	m.release(t)
	delete(m.tasks, t.id)
	for i, x := range t.entry.tasks {
		if x == t {
			last := len(t.entry.tasks) - 1
			copy(t.entry.tasks[i:], t.entry.tasks[i+1:])
			t.entry.tasks[last] = nil
			t.entry.tasks = t.entry.tasks[:last]
			return
		}
	}
}

// update passes on an agent's status update. latest is the state of the task's last update, which may wait behind
// this one.
func (m *master) update(e *entry, framework string, st state.Status, latest state.TaskState) {
	f := m.frameworks[framework]
	if f == nil {
		return
	}
	f.send(mesos.Update{Status: st})
	t := m.tasks[st.TaskID]
	if t == nil {
		return
	}
	t.forwarded = st.State
	if !t.latest.Terminal() {
		if t.latest = latest; latest.Terminal() {
			m.release(t)
		}
	}
	if m.w.sc.Timing.Quick && st.State.Terminal() {
		m.removeTask(t)
	}
}

// acknowledge passes an acknowledgement on; with that of a terminal update the master forgets the task.
func (m *master) acknowledge(c *mesos.Acknowledge) {
	e := m.byID[c.AgentID]
	if e == nil || m.w.sc.Timing.Quick {
		return
	}
	if t := m.tasks[c.TaskID]; t != nil && t.forwarded.Terminal() {
		if x := e.agent.executions[c.TaskID]; x == nil || x.heads(c.UUID) {
			m.removeTask(t)
		}
	}
	m.toAgent(e, func(a *agent) { a.acknowledged(c.TaskID, c.UUID) })
}

// kill asks an agent to end a task; of one that it does not know it tells what it knows (recordings 06, 18).
func (m *master) kill(f *framework, c *mesos.Kill) {
	t := m.tasks[c.TaskID]
	if t == nil {
		m.reconcileTask(f, mesos.TaskRef{TaskID: c.TaskID, AgentID: c.AgentID})
		return
	}
	m.toAgent(t.entry, func(a *agent) { a.kill(f.id, c.TaskID, c.Grace) })
}

// reconcile tells the state of tasks, of all that it knows if none is named (recording 09).
func (m *master) reconcile(f *framework, tasks []mesos.TaskRef) {
	for _, ref := range tasks {
		m.reconcileTask(f, ref)
	}
	if len(tasks) > 0 {
		return
	}
	var all []string
	for id, t := range m.tasks {
		if t.framework == f {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	for _, id := range all {
		m.reconcileTask(f, mesos.TaskRef{TaskID: id, AgentID: m.tasks[id].entry.id})
	}
}

func (m *master) reconcileTask(f *framework, ref mesos.TaskRef) {
	answer := func(s state.TaskState, agent, message string) {
		f.send(mesos.Update{Status: state.Status{
			TaskID: ref.TaskID, State: s, Agent: agent, Source: state.SourceMaster, Reason: state.ReasonReconciliation,
			Message: "Reconciliation: " + message, Time: m.w.time(),
		}})
	}
	t, e := m.tasks[ref.TaskID], m.byID[ref.AgentID]
	switch {
	case t != nil:
		answer(t.forwarded, t.entry.id, "Latest task state")
	case m.recovering[ref.AgentID], ref.AgentID == "" && len(m.recovering) > 0:
		m.w.tracef("the master is silent about %s", ref.TaskID)
	case e != nil:
		answer(state.TaskGone, e.id, "Task is unknown to the agent")
	case m.unreachable[ref.AgentID]:
		answer(state.TaskUnreachable, ref.AgentID, "Task is unreachable")
	case m.gone[ref.AgentID]:
		answer(state.TaskGoneByOperator, ref.AgentID, "Task is gone")
	default:
		answer(state.TaskUnknown, ref.AgentID, "Task is unknown")
	}
}

// planMaintenance announces that a machine will be taken away (recording 17).
func (m *master) planMaintenance(e *entry, from time.Time) {
	e.unavailableFrom = from
	m.rescindAll(e)
	m.tell(mesos.InverseOffers{Offers: []mesos.InverseOffer{{
		ID: m.newOfferID(e), AgentID: e.id, From: from, Duration: time.Hour,
	}}})
	m.allocateSoon()
}
