package minimesos

import (
	"bytes"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// accept answers ACCEPT: the offers are used up, tasks that are valid are
// launched, what is left over is free again.
func (m *master) accept(f *framework, call *scheduler.Call_Accept) {
	offers, problem := m.checkOffers(f, call.OfferIDs)
	if problem != "" {
		for _, o := range offers {
			m.discard(o, 0)
		}
		m.dropLaunches(f, call.Operations, mesos.REASON_INVALID_OFFERS, "Task launched with invalid offers: "+problem)
		return
	}
	entry, role := offers[0].entry, offers[0].role
	if !entry.connected {
		m.dropLaunches(f, call.Operations, mesos.REASON_AGENT_DISCONNECTED, "Agent disconnected")
		for _, o := range offers {
			m.discard(o, 0)
		}
		return
	}
	var left bag
	for _, o := range offers {
		left.add(&o.amount)
		m.forget(o)
	}
	for i := range call.Operations {
		m.perform1(f, entry, role, &call.Operations[i], &left)
	}
	m.recover(entry, f, role, &left, refuseTime(call.Filters))
}

// perform1 does one operation of an ACCEPT with what is left of the offers.
func (m *master) perform1(f *framework, entry *agentEntry, role string, op *mesos.Offer_Operation, left *bag) {
	switch op.Type {
	case mesos.Offer_Operation_LAUNCH:
		for i := range op.GetLaunch().GetTaskInfos() {
			m.launch(f, entry, role, &op.Launch.TaskInfos[i], left)
		}
	case mesos.Offer_Operation_LAUNCH_GROUP:
		for _, info := range op.GetLaunchGroup().GetTaskGroup().Tasks {
			m.sendStatus(f, masterStatus(info.TaskID.Value, info.AgentID.Value, mesos.TASK_ERROR,
				mesos.REASON_TASK_GROUP_INVALID, "Task groups are not supported by minimesos"))
		}
	default:
		m.refuseOperation(f, op, "Operations on reservations and volumes are not supported by minimesos")
	}
}

func (m *master) refuseOperation(f *framework, op *mesos.Offer_Operation, message string) {
	if op.ID == nil {
		return
	}
	f.send(&scheduler.Event{Type: scheduler.Event_UPDATE_OPERATION_STATUS,
		UpdateOperationStatus: &scheduler.Event_UpdateOperationStatus{Status: mesos.OperationStatus{
			OperationID: op.ID, State: mesos.OPERATION_ERROR, Message: &message}}})
}

// dropLaunches answers every task of an ACCEPT that cannot be followed.
func (m *master) dropLaunches(f *framework, ops []mesos.Offer_Operation, reason mesos.TaskStatus_Reason, message string) {
	state := mesos.TASK_DROPPED
	if !f.can.partitionAware {
		state = mesos.TASK_LOST
	}
	for i := range ops {
		op := &ops[i]
		var tasks []mesos.TaskInfo
		switch op.Type {
		case mesos.Offer_Operation_LAUNCH:
			tasks = op.GetLaunch().GetTaskInfos()
		case mesos.Offer_Operation_LAUNCH_GROUP:
			group := op.GetLaunchGroup().GetTaskGroup()
			tasks = group.Tasks
		default:
			m.refuseOperation(f, op, "Operation attempted with invalid offers: "+message)
		}
		for j := range tasks {
			m.sendStatus(f, masterStatus(tasks[j].TaskID.Value, tasks[j].AgentID.Value, state, reason, message))
		}
	}
}

// launch starts one task, or says what is wrong with it.
func (m *master) launch(f *framework, entry *agentEntry, role string, info *mesos.TaskInfo, left *bag) {
	amount, problem := m.validateTask(f, entry, role, info, left)
	if problem != "" {
		m.metrics.ended(mesos.TASK_ERROR)
		m.sendStatus(f, masterStatus(info.TaskID.Value, info.AgentID.Value, mesos.TASK_ERROR, mesos.REASON_TASK_INVALID, problem))
		return
	}
	t := m.newTask(f, entry, info, role)
	entry.use(f, &amount)
	left.subtract(&amount)
	if x := info.Executor; x != nil {
		x.FrameworkID = &mesos.FrameworkID{Value: f.id}
		x.Type = mesos.ExecutorInfo_CUSTOM
		x.Resources = allocatedTo(role, x.Resources)
		t.executorID = &x.ExecutorID
		if f.executors[executorKey{entry.id, x.ExecutorID.Value}] == nil {
			record := m.addExecutor(f, entry, x, role)
			entry.use(f, &record.amount)
			left.subtract(&record.amount)
		}
	}
	m.observeTaskAdded(t)
	m.toAgent(entry, Message{Kind: "LAUNCH", Framework: f.id, Task: info.TaskID.Value}, func(a *agent) {
		a.launch(f.info, info, role)
	})
}

// newTask makes the record of a task that is launched or brought back.
func (m *master) newTask(f *framework, entry *agentEntry, info *mesos.TaskInfo, role string) *task {
	info.Resources = allocatedTo(role, info.Resources)
	amount, err := bagOf(info.Resources)
	if err != nil {
		panic("minimesos: a task was admitted with bad resources: " + err.Error())
	}
	t := &task{info: info, framework: f, entry: entry, amount: amount, role: role, sequence: f.sequence,
		resources: info.Resources, state: mesos.TASK_STAGING}
	f.sequence++
	f.tasks[t.id()] = t
	entry.tasks[t] = struct{}{}
	return t
}

// allocatedTo writes resources as Mesos keeps those of a task: with the role
// that they are allocated to, without the one that they are reserved for.
func allocatedTo(role string, resources []mesos.Resource) []mesos.Resource {
	out := make([]mesos.Resource, len(resources))
	for i, r := range resources {
		r.Role, r.AllocationInfo = nil, &mesos.Resource_AllocationInfo{Role: &role}
		out[i] = r
	}
	return out
}

func (m *master) decline(f *framework, call *scheduler.Call_Decline) {
	for _, id := range call.OfferIDs {
		if o := m.offers[id.Value]; o != nil && o.framework == f {
			m.discard(o, refuseTime(call.Filters))
		}
	}
}

// kill passes a KILL on to the task's agent.
func (m *master) kill(f *framework, call *scheduler.Call_Kill) {
	t := f.tasks[call.TaskID.Value]
	if t == nil {
		m.reconcile(f, []scheduler.Call_Reconcile_Task{{TaskID: call.TaskID, AgentID: call.AgentID}})
		return
	}
	if call.AgentID != nil && call.AgentID.Value != t.entry.id {
		return
	}
	t.entry.killed[taskKey{f.id, t.id()}] = true
	m.sendKill(t, call.KillPolicy)
}

func (m *master) sendKill(t *task, policy *mesos.KillPolicy) {
	m.toAgent(t.entry, Message{Kind: "KILL", Framework: t.framework.id, Task: t.id()}, func(a *agent) {
		a.kill(t.framework.id, t.id(), policy)
	})
}

// acknowledge passes an ACKNOWLEDGE on, and forgets a task whose end has now
// been heard.
func (m *master) acknowledge(f *framework, call *scheduler.Call_Acknowledge) {
	entry := m.agents[call.AgentID.Value]
	if entry == nil || !entry.connected {
		return
	}
	if t := f.tasks[call.TaskID.Value]; t != nil && t.entry == entry {
		if t.forwarded == nil {
			return
		}
		if isTerminal(*t.forwarded) && bytes.Equal(t.uuid, call.UUID) {
			m.removeTask(t, false)
		}
	}
	m.toAgent(entry, Message{Kind: "ACKNOWLEDGE", Framework: f.id, Task: call.TaskID.Value}, func(a *agent) {
		a.acknowledge(f.id, call.TaskID.Value, call.UUID)
	})
	m.checkDrained(entry)
}

// statusUpdate takes an update from an agent: it goes to the framework, and
// into the books. latest is the newest state that the agent knows.
func (m *master) statusUpdate(a *agent, frameworkID string, status *mesos.TaskStatus, latest mesos.TaskState) {
	f, entry := m.frameworks[frameworkID], m.agents[a.id]
	if f == nil || entry == nil {
		return // sent again until somebody knows it
	}
	if t := f.tasks[status.TaskID.Value]; t != nil && t.entry == entry {
		m.updateTask(t, status, latest)
		t.forwarded, t.uuid = status.State, status.UUID
	}
	f.send(&scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: *status}})
}

// reconcile answers RECONCILE. What is said to whom follows the numbered
// cases in Master::reconcile of src/master/master.cpp.
func (m *master) reconcile(f *framework, tasks []scheduler.Call_Reconcile_Task) {
	if len(tasks) == 0 {
		for _, t := range f.tasksInOrder() {
			m.sendStatus(f, latestStatus(t))
		}
		return
	}
	for i := range tasks {
		if status := m.reconcileTask(f, tasks[i].TaskID.Value, tasks[i].AgentID); status != nil {
			m.sendStatus(f, status)
		}
	}
}

func latestStatus(t *task) *mesos.TaskStatus {
	status := masterStatus(t.id(), t.entry.id, t.shownState(), mesos.REASON_RECONCILIATION, "Reconciliation: Latest task state")
	status.ExecutorID, status.ContainerStatus = t.executorID, t.containerStatus()
	return status
}

// reconcileTask returns nil where Mesos keeps silent: the task may be on an
// agent that has not come back since the master was started.
func (m *master) reconcileTask(f *framework, id string, agentID *mesos.AgentID) *mesos.TaskStatus {
	if t := f.tasks[id]; t != nil {
		return latestStatus(t)
	}
	agent := agentID.GetValue()
	_, unreachable := m.registry.unreachable[agent]
	_, gone := m.registry.gone[agent]
	answer := func(state mesos.TaskState, message string) *mesos.TaskStatus {
		if !f.can.partitionAware {
			state = mesos.TASK_LOST
		}
		return masterStatus(id, agent, state, mesos.REASON_RECONCILIATION, "Reconciliation: "+message)
	}
	switch {
	case m.recovered[agent] != nil || (agentID == nil && len(m.recovered) > 0):
		return nil
	case m.agents[agent] != nil:
		return answer(mesos.TASK_GONE, "Task is unknown to the agent")
	case unreachable:
		status := answer(mesos.TASK_UNREACHABLE, "Task is unreachable")
		since := m.registry.unreachable[agent]
		status.UnreachableTime = &since
		return status
	case gone:
		return answer(mesos.TASK_GONE_BY_OPERATOR, "Task is gone")
	}
	return answer(mesos.TASK_UNKNOWN, "Task is unknown")
}

// allocateEvery keeps offering what has become free without an event that
// would make the master look.
func (m *master) allocateEvery(interval time.Duration) {
	m.loop.after(interval, func() {
		if m.running() {
			m.allocateNow = true
			m.allocateEvery(interval)
		}
	})
}
