package minimesos

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// agentPath is the libprocess name of an agent, which is in offers' URLs.
const agentPath = "slave(1)"

// agent is one agent: its process and what it keeps on its disk. Its methods
// run in the loop unless they say otherwise.
type agent struct {
	c       *Cluster
	name    string
	id      string // given by the master that it first registered with
	info    *mesos.AgentInfo
	address *net.TCPAddr
	total   bag
	text    string // the resources as they were written
	runner  runner
	server  *http.Server // nil while the process is dead
	started time.Time

	remote   *remote     // the runner of an agent whose machine has joined from elsewhere; nil for others
	session  string      // of its machine
	givingUp *time.Timer // runs while its machine is not connected

	alive     bool          // the process runs
	cut       bool          // it is cut off from master and callers
	gate      chan struct{} // not nil while it is cut off: closed when that ends
	connected bool          // registered with the master that runs now

	attached   attachments // has a lock of its own
	frameworks map[string]*agentFramework
	completed  []*agentFramework // oldest first
	drain      *drainOrder
	done       chan struct{} // closed when the process dies; aborts its streams
}

// drainOrder is what a draining agent has been told.
type drainOrder struct {
	grace    *time.Duration
	markGone bool
}

// agentFramework is what an agent knows of a framework.
type agentFramework struct {
	info      *mesos.FrameworkInfo
	can       capabilities
	tasks     map[string]*agentTask // until the end is acknowledged
	executors map[string]*executor
	done      []*executor // that have ended, oldest first
	doneTasks []*agentTask
	shutting  bool
}

// agentTask is one task on an agent.
type agentTask struct {
	info      *mesos.TaskInfo
	framework string
	role      string
	executor  *executor // nil on Instant agents
	latest    mesos.TaskState
	statuses  []*mesos.TaskStatus // the last of each state, oldest first
	updates   updateQueue
	lifetime  *time.Timer // max_completion_time
	instant   *time.Timer // of Instant agents: when it reaches its end
	heard     func()      // of Instant agents: how it goes on when its first update has been acknowledged; may be nil
	overran   bool        // killed by max_completion_time
	killed    bool
}

func (t *agentTask) id() string { return t.info.TaskID.Value }

// customExecutorID is set in records of tasks only for custom executors.
func (t *agentTask) customExecutorID() *mesos.ExecutorID {
	if t.info.Executor == nil {
		return nil
	}
	return &t.info.Executor.ExecutorID
}

// executorID is what updates of the task carry.
func (t *agentTask) executorID() *mesos.ExecutorID {
	if id := t.customExecutorID(); id != nil {
		return id
	}
	return &mesos.ExecutorID{Value: t.id()}
}

func newAgent(c *Cluster, o AgentOptions) (*agent, error) {
	resources, err := ParseResources(o.Resources)
	if err != nil {
		return nil, err
	}
	total, err := bagOf(resources)
	if err != nil {
		return nil, err
	}
	a := &agent{c: c, name: o.Name, total: total, text: o.Resources, frameworks: map[string]*agentFramework{}}
	a.info = &mesos.AgentInfo{Hostname: o.Hostname, Resources: resources}
	for _, key := range slices.Sorted(maps.Keys(o.Attributes)) {
		a.info.Attributes = append(a.info.Attributes, mesos.Attribute{
			Name: key, Type: mesos.TEXT, Text: &mesos.Value_Text{Value: o.Attributes[key]}})
	}
	return a, nil
}

// listen opens an agent's port. It does not belong to the loop.
func listen(name, addr string) (net.Listener, error) {
	listener, err := listenAgain(addr)
	if err != nil {
		return nil, fmt.Errorf("opening agent %s's port: %w", name, err)
	}
	return listener, nil
}

// begin is the start of the agent's process, with its own HTTP server.
func (a *agent) begin(listener net.Listener) {
	a.address = listener.Addr().(*net.TCPAddr)
	port := int32(a.address.Port)
	a.info.Port = &port
	if a.info.Hostname == "" {
		a.info.Hostname = a.address.IP.String()
	}
	a.done = make(chan struct{})
	a.started = time.Now()
	a.server = &http.Server{Handler: a.handler(a.done), ErrorLog: a.c.httpLog}
	go func(server *http.Server) { _ = server.Serve(listener) }(a.server) // ends with Close
	a.alive = true
}

func (a *agent) pid() string { return agentPath + "@" + a.address.String() }

func (a *agent) reachable() bool { return a.alive && !a.cut }

// register goes to the master that runs, if there is one and it is in reach.
func (a *agent) register() {
	if m := a.c.master; m != nil && a.reachable() && !a.connected {
		m.register(a)
	}
}

func (a *agent) onRegistered(*master) {
	a.connected = true
}

func (a *agent) onReregistered(*master) {
	a.connected = true
	a.resendUpdates()
}

// onShutdown is the master's order to an agent that it has given up for good:
// it ends all that it runs and does not come back.
func (a *agent) onShutdown() {
	if a.remote != nil {
		a.c.letGo(a, "the master has marked its agent gone")
		return
	}
	for id := range a.frameworks {
		a.shutdownFramework(id)
	}
	a.disconnect()
}

func (a *agent) disconnect() {
	a.connected = false
}

// toMaster sends a message; it is lost when either side cannot be reached.
func (a *agent) toMaster(message Message, deliver func(*master)) {
	message.Route, message.Agent = AgentToMaster, a.name
	send := func() {
		if m := a.c.master; m != nil && a.reachable() && a.connected {
			deliver(m)
		}
	}
	if a.c.tap == nil {
		a.c.loop.soon(send)
		return
	}
	a.c.pass(message, func() { a.c.loop.soon(send) })
}

// toAgent sends a message the other way.
func (m *master) toAgent(e *agentEntry, message Message, deliver func(*agent)) {
	a := e.agent
	send := func() {
		if m.running() && a.reachable() && a.connected {
			deliver(a)
		}
	}
	if m.tap == nil {
		m.loop.soon(send)
		return
	}
	message.Route, message.Agent = MasterToAgent, a.name
	m.pass(message, func() { m.loop.soon(send) })
}

// framework finds or makes the agent's record of a framework.
func (a *agent) framework(info *mesos.FrameworkInfo) *agentFramework {
	id := info.ID.Value
	if a.frameworks[id] == nil {
		a.frameworks[id] = &agentFramework{
			info: info, can: capabilitiesOf(info), tasks: map[string]*agentTask{}, executors: map[string]*executor{}}
	}
	return a.frameworks[id]
}

func (a *agent) updateFramework(info *mesos.FrameworkInfo) {
	if f := a.frameworks[info.ID.Value]; f != nil {
		f.info, f.can = info, capabilitiesOf(info)
		a.resendUpdates()
	}
}

// launch starts a task, on its executor if that is there already.
func (a *agent) launch(info *mesos.FrameworkInfo, task *mesos.TaskInfo, role string) {
	f := a.framework(info)
	t := &agentTask{info: task, framework: info.ID.Value, role: role, latest: mesos.TASK_STAGING}
	f.tasks[t.id()] = t
	if a.runner.kind() == Instant {
		a.launchInstant(t)
		return
	}
	x := f.executors[t.executorID().Value]
	if x == nil {
		x = newExecutor(a, f, t)
		f.executors[x.id] = x
		x.start()
	}
	t.executor = x
	x.launch(t)
}

// knows tells whether the agent has a record of the task.
func (a *agent) knows(framework, id string) bool { return a.task(framework, id) != nil }

func (a *agent) task(framework, id string) *agentTask {
	if f := a.frameworks[framework]; f != nil {
		return f.tasks[id]
	}
	return nil
}

func (a *agent) executor(framework, id string) *executor {
	if f := a.frameworks[framework]; f != nil {
		return f.executors[id]
	}
	return nil
}

// denyTask reports a task that the master knows of and this agent does not:
// its launch was lost on the way.
func (a *agent) denyTask(known *task) {
	f := a.framework(known.framework.info)
	t := &agentTask{info: known.info, framework: known.framework.id, role: known.role, latest: mesos.TASK_STAGING}
	f.tasks[t.id()] = t
	state := mesos.TASK_DROPPED
	if !f.can.partitionAware {
		state = mesos.TASK_LOST
	}
	a.update(t, a.ownStatus(t, state, mesos.REASON_RECONCILIATION, "Reconciliation: task unknown to the agent"))
}

// ownStatus is a status whose source is the agent itself.
func (a *agent) ownStatus(t *agentTask, state mesos.TaskState, reason mesos.TaskStatus_Reason, message string) *mesos.TaskStatus {
	status := newStatus(t.id(), a.id, state, mesos.SOURCE_AGENT)
	status.Reason, status.Message = &reason, &message
	return status
}

// kill ends a task.
func (a *agent) kill(framework, id string, policy *mesos.KillPolicy) {
	f := a.frameworks[framework]
	if f == nil || f.shutting {
		return
	}
	t := f.tasks[id]
	switch {
	case t == nil:
		a.killUnknown(f, framework, id)
	case isTerminal(t.latest):
	case t.executor == nil:
		a.killInstant(t)
	default:
		t.executor.kill(t, policy)
	}
}

func (a *agent) killUnknown(f *agentFramework, framework, id string) {
	state := mesos.TASK_DROPPED
	if !f.can.partitionAware {
		state = mesos.TASK_LOST
	}
	t := &agentTask{info: &mesos.TaskInfo{TaskID: mesos.TaskID{Value: id}}, framework: framework, latest: mesos.TASK_STAGING}
	f.tasks[id] = t
	a.update(t, a.ownStatus(t, state, mesos.REASON_EXECUTOR_TERMINATED, "Cannot find executor"))
}

// shutdownFramework ends all that a framework runs here; nobody is told.
func (a *agent) shutdownFramework(id string) {
	f := a.frameworks[id]
	if f == nil {
		return
	}
	f.shutting = true
	for _, t := range f.tasks {
		t.updates.stop()
		if t.executor == nil {
			t.stopTimers()
			a.completeTask(t)
		}
	}
	for _, x := range f.executors {
		x.shutdown()
	}
	a.dropIfEmpty(id)
}

func (a *agent) shutdownExecutor(framework, id string) {
	if x := a.executor(framework, id); x != nil {
		x.shutdown()
	}
}

func (a *agent) message(framework, executor string, data []byte) {
	if x := a.executor(framework, executor); x != nil {
		x.message(data)
	}
}

// dropIfEmpty moves a framework that has nothing left here to the history.
func (a *agent) dropIfEmpty(id string) {
	f := a.frameworks[id]
	if f == nil || len(f.tasks) > 0 || len(f.executors) > 0 {
		return
	}
	delete(a.frameworks, id)
	if len(a.frameworks) == 0 {
		a.drain = nil
	}
	if len(a.completed) >= maxCompleted {
		a.completed = a.completed[1:]
	}
	a.completed = append(a.completed, f)
}

func (t *agentTask) stopTimers() {
	for _, timer := range []*time.Timer{t.lifetime, t.instant} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// completeTask moves a task whose end was acknowledged to the history.
func (a *agent) completeTask(t *agentTask) {
	t.updates.stop()
	f := a.frameworks[t.framework]
	if f == nil || f.tasks[t.id()] != t {
		return
	}
	delete(f.tasks, t.id())
	f.finish(t)
	if t.executor != nil {
		t.executor.completed(t)
	}
	a.dropIfEmpty(t.framework)
}

// maxDone is how many ended executors, and how many ended tasks, an agent
// remembers of each framework (Mesos' --max_completed_executors_per_framework).
const maxDone = 150

// finish puts a task into the history. Those of Instant agents, which come by
// the thousands and leave nothing to look at, are forgotten.
func (f *agentFramework) finish(t *agentTask) {
	if t.executor == nil {
		return
	}
	if len(f.doneTasks) >= maxDone {
		f.doneTasks = f.doneTasks[1:]
	}
	f.doneTasks = append(f.doneTasks, t)
}

// runningTasks are those that a registration with the master names.
func (a *agent) runningTasks() []*agentTask {
	var out []*agentTask
	for _, id := range a.frameworkIDs() {
		f := a.frameworks[id]
		for _, task := range slices.Sorted(maps.Keys(f.tasks)) {
			out = append(out, f.tasks[task])
		}
	}
	return out
}

func (a *agent) customExecutors() []*executor {
	var out []*executor
	for _, f := range a.frameworks {
		for _, x := range f.executors {
			if x.info != nil {
				out = append(out, x)
			}
		}
	}
	return out
}

func (a *agent) frameworkIDs() []string { return slices.Sorted(maps.Keys(a.frameworks)) }

func (a *agent) frameworkInfos() []*mesos.FrameworkInfo {
	var out []*mesos.FrameworkInfo
	for _, id := range a.frameworkIDs() {
		out = append(out, a.frameworks[id].info)
	}
	return out
}

// sandbox is where an executor's files are, laid out as Mesos does.
func (a *agent) sandbox(framework, executor, container string) string {
	return filepath.Join(a.workDir(), slavesFolder, a.id, "frameworks", framework, "executors", executor, "runs", container)
}

func (a *agent) workDir() string {
	if a.remote != nil {
		return a.remote.dir
	}
	return filepath.Join(a.c.dir, a.name)
}

// background runs fn outside the loop and is waited for by Close. What fn has
// to say at its end it says with loop.do, so that the next stage that this may
// start is counted before fn is not any more.
func (a *agent) background(fn func(ctx context.Context)) {
	a.c.busy.Add(1)
	go func() {
		defer a.c.busy.Done()
		fn(a.c.ctx)
	}()
}
