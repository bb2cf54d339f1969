package minimesos

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	execapi "github.com/mesos/mesos-go/api/v1/lib/executor"
)

// Grace periods between TERM and KILL where the framework names none: of the
// command executor (src/launcher/executor.cpp), of the Docker executor (the
// agent's --docker_stop_timeout) and of custom executors at a SHUTDOWN
// (--executor_shutdown_grace_period).
const (
	commandGrace  = 3 * time.Second
	dockerGrace   = 0
	shutdownGrace = 5 * time.Second
)

// executorState is how far an executor has come. It only ever grows.
type executorState int

const (
	preparing executorState = iota // image, URIs
	starting                       // prepared; its container is being started
	running                        // its container runs
	ended                          // no container any more
)

// executor runs one command or Docker task by itself, or, when info is set,
// is a process of the framework that runs any number of tasks.
type executor struct {
	a           *agent
	framework   string
	id          string
	info        *mesos.ExecutorInfo // nil unless custom
	role        string
	containerID string
	dir         string
	spec        *containerSpec
	checkpoint  bool
	state       executorState
	container   container
	cancel      context.CancelFunc
	stopped     bool // is being ended: by a kill, a shutdown or a lost agent
	silent      bool // nobody wants to hear of its end
	destroyed   bool // ends without any grace

	failure       string // why the agent ended it, if it did
	failureReason mesos.TaskStatus_Reason

	task *agentTask // of a command or Docker task

	// Of custom executors: tasks that have not ended, and the subscription.
	tasks       map[string]*agentTask
	queued      []*agentTask
	stream      *stream
	subscribing *time.Timer
}

func newExecutor(a *agent, f *agentFramework, t *agentTask) *executor {
	x := &executor{
		a: a, framework: t.framework, id: t.executorID().Value, info: t.info.Executor, role: t.role,
		containerID: uuid.NewString(), checkpoint: f.info.GetCheckpoint(), tasks: map[string]*agentTask{},
	}
	x.dir = a.sandbox(x.framework, x.id, x.containerID)
	if x.info == nil {
		x.task = t
	}
	x.spec = specOf(x, f, t)
	return x
}

// isDocker tells whether the framework asked for a Docker container.
func (x *executor) isDocker() bool { return x.spec.isDocker() }

// start prepares the container and, when that is done, starts it.
func (x *executor) start() {
	x.a.attach(x)
	x.a.background(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		x.a.c.loop.do(func() { x.cancel = cancel })
		err := x.a.runner.prepare(ctx, x.spec)
		x.a.c.loop.do(func() { x.prepared(ctx, err) })
	})
}

func (x *executor) prepared(ctx context.Context, err error) {
	switch {
	case x.stopped:
		x.end()
	case err != nil:
		x.launchFailed("Failed to launch container: " + err.Error())
	default:
		x.state = starting
		if x.task != nil && x.isDocker() {
			x.report(x.task, mesos.TASK_STARTING)
		}
		x.a.background(func(context.Context) {
			c, err := x.a.runner.start(ctx, x.spec)
			x.a.c.loop.do(func() { x.startedUp(c, err) })
		})
	}
}

// launchFailed ends an executor that never ran.
func (x *executor) launchFailed(message string) {
	for _, t := range x.liveTasks() {
		x.a.update(t, x.a.ownStatus(t, mesos.TASK_FAILED, mesos.REASON_CONTAINER_LAUNCH_FAILED, message))
	}
	x.end()
}

func (x *executor) liveTasks() []*agentTask {
	var out []*agentTask
	if x.task != nil && !isTerminal(x.task.latest) {
		out = append(out, x.task)
	}
	for _, t := range x.queued {
		if !isTerminal(t.latest) {
			out = append(out, t)
		}
	}
	for _, t := range x.tasks {
		if !isTerminal(t.latest) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *agentTask) int { return cmpString(a.id(), b.id()) })
	return out
}

// startedUp is told when the container runs, or cannot. That a command task is
// starting is only said now, since that update names its process.
func (x *executor) startedUp(c container, err error) {
	x.container = c
	if x.task != nil && !x.isDocker() && !x.silent {
		x.report(x.task, mesos.TASK_STARTING)
	}
	if err != nil {
		x.container = nil
		if x.task != nil && !x.silent {
			x.fail(x.task, err)
		} else if !x.silent {
			x.launchFailed("Failed to launch container: " + err.Error())
		}
		x.end()
		return
	}
	x.state = running
	// In an event of its own, so that the master hears of one state after the
	// other; before the container's end can be heard of.
	x.a.c.loop.post(x.isUp)
	x.a.background(func(context.Context) {
		e := c.wait()
		x.a.c.loop.do(func() { x.exited(e) })
	})
}

// isUp is told when the container has been started.
func (x *executor) isUp() {
	if x.state != running {
		return
	}
	if x.stopped {
		x.container.stop(x.grace(nil))
	}
	switch {
	case x.silent:
	case x.task == nil:
		x.awaitSubscription()
	default:
		x.reportRunning()
	}
}

// fail reports a task whose container could not be started.
func (x *executor) fail(t *agentTask, err error) {
	state := mesos.TASK_FAILED
	if t.killed {
		state = mesos.TASK_KILLED
	}
	status := newStatus(t.id(), x.a.id, state, mesos.SOURCE_EXECUTOR)
	message := err.Error()
	status.Message = &message
	status.ContainerStatus = x.containerStatus()
	x.a.update(t, status)
}

func (x *executor) reportRunning() {
	t := x.task
	status := newStatus(t.id(), x.a.id, mesos.TASK_RUNNING, mesos.SOURCE_EXECUTOR)
	status.ContainerStatus, status.Data = x.containerStatus(), x.container.inspect()
	x.a.update(t, status)
	if limit := t.info.MaxCompletionTime; limit != nil {
		t.lifetime = x.a.c.loop.after(time.Duration(limit.Nanoseconds), func() {
			if !t.killed && !isTerminal(t.latest) && x.container != nil {
				t.killed, t.overran = true, true
				x.container.stop(x.grace(nil))
			}
		})
	}
}

// report sends an update about a task of a command or Docker executor.
func (x *executor) report(t *agentTask, state mesos.TaskState) {
	status := newStatus(t.id(), x.a.id, state, mesos.SOURCE_EXECUTOR)
	status.ContainerStatus = x.containerStatus()
	x.a.update(t, status)
}

// containerStatus is what the agent adds to an executor's updates.
func (x *executor) containerStatus() *mesos.ContainerStatus {
	address := x.a.address.IP.String()
	status := &mesos.ContainerStatus{ContainerID: &mesos.ContainerID{Value: x.containerID}}
	if x.container != nil {
		if own := x.container.address(); own != "" {
			address = own
		}
		if pid := x.container.pid(); pid != 0 && !x.isDocker() {
			status.ExecutorPID = &pid
		}
	}
	status.NetworkInfos = []mesos.NetworkInfo{{IPAddresses: []mesos.NetworkInfo_IPAddress{
		{Protocol: mesos.IPv4.Enum(), IPAddress: &address}}}}
	return status
}

// launch hands a task to the executor. A command or Docker executor is made
// for its task and needs no telling.
func (x *executor) launch(t *agentTask) {
	if x.info == nil {
		return
	}
	if x.stopped || x.state == ended {
		x.a.update(t, x.a.ownStatus(t, x.lostState(), mesos.REASON_EXECUTOR_TERMINATED, "Executor terminating"))
		return
	}
	if x.stream == nil {
		x.queued = append(x.queued, t)
		return
	}
	x.tasks[t.id()] = t
	x.send(&execapi.Event{Type: execapi.Event_LAUNCH, Launch: &execapi.Event_Launch{Task: *t.info}})
}

func (x *executor) lostState() mesos.TaskState {
	if f := x.a.frameworks[x.framework]; f != nil && f.can.partitionAware {
		return mesos.TASK_GONE
	}
	return mesos.TASK_LOST
}

// kill ends one task.
func (x *executor) kill(t *agentTask, policy *mesos.KillPolicy) {
	if i := slices.Index(x.queued, t); i >= 0 {
		x.queued = slices.Delete(x.queued, i, i+1)
		x.killedBeforeDelivery(t)
		return
	}
	if x.info != nil {
		x.send(&execapi.Event{Type: execapi.Event_KILL, Kill: &execapi.Event_Kill{TaskID: t.info.TaskID, KillPolicy: policy}})
		return
	}
	if x.state == preparing {
		x.abort()
		x.killedBeforeDelivery(t)
		return
	}
	x.killBuiltin(t, policy)
}

func (x *executor) killedBeforeDelivery(t *agentTask) {
	x.a.update(t, x.a.ownStatus(t, mesos.TASK_KILLED, mesos.REASON_TASK_KILLED_DURING_LAUNCH, "Killed before delivery to the executor"))
}

func (x *executor) killBuiltin(t *agentTask, policy *mesos.KillPolicy) {
	first := !t.killed
	t.killed, t.overran = true, false
	if f := x.a.frameworks[x.framework]; first && f != nil && f.can.taskKilling {
		x.report(t, mesos.TASK_KILLING)
	}
	x.stopped = true
	if x.container != nil {
		x.container.stop(x.grace(policy))
	}
}

// grace is how long the executor's container gets to end by itself.
func (x *executor) grace(policy *mesos.KillPolicy) time.Duration {
	if policy.GetGracePeriod() == nil && x.task != nil {
		policy = x.task.info.KillPolicy
	}
	grace := time.Duration(commandGrace)
	switch {
	case x.destroyed:
		return atOnce
	case policy.GetGracePeriod() != nil:
		grace = time.Duration(policy.GracePeriod.Nanoseconds)
	case x.info.GetShutdownGracePeriod() != nil:
		grace = time.Duration(x.info.ShutdownGracePeriod.Nanoseconds)
	case x.info != nil:
		grace = shutdownGrace
	case x.isDocker():
		grace = dockerGrace
	}
	if x.a.drain != nil && x.a.drain.grace != nil {
		grace = min(grace, *x.a.drain.grace)
	}
	return grace
}

// abort stops preparing a container that does not run yet.
func (x *executor) abort() {
	x.stopped = true
	if x.state == preparing && x.cancel != nil {
		x.cancel()
	}
}

// shutdown ends the executor and all its tasks. A custom executor is asked
// first and made to when its grace period is over.
func (x *executor) shutdown() {
	if x.state == ended {
		return
	}
	already := x.stopped
	x.abort()
	if f := x.a.frameworks[x.framework]; f == nil || f.shutting {
		x.silent = true
	}
	if x.info != nil && x.stream != nil && !already {
		x.send(&execapi.Event{Type: execapi.Event_SHUTDOWN})
		x.a.c.loop.after(x.grace(nil), func() {
			if x.container != nil && x.state == running {
				x.container.stop(atOnce)
			}
		})
		return
	}
	if x.container != nil {
		x.container.stop(x.grace(nil))
	}
}

// exited is told when the container has ended.
func (x *executor) exited(e exit) {
	if x.task != nil {
		x.taskExited(x.task, e)
	} else {
		x.customExited(e)
	}
	x.end()
}

// taskExited reports the end of a command or Docker task.
func (x *executor) taskExited(t *agentTask, e exit) {
	t.stopTimers()
	if isTerminal(t.latest) || x.silent {
		return
	}
	what := "Command"
	if x.isDocker() {
		what = "Container"
	}
	message := e.describe(what)
	status := newStatus(t.id(), x.a.id, mesos.TASK_FAILED, mesos.SOURCE_EXECUTOR)
	switch {
	case t.overran:
		status.Reason = mesos.REASON_MAX_COMPLETION_TIME_REACHED.Enum()
	case t.killed:
		status.State = mesos.TASK_KILLED.Enum()
	case e.oom:
		status.Reason = mesos.REASON_CONTAINER_LIMITATION_MEMORY.Enum()
		message = oomMessage(e)
	case e.succeeded():
		status.State = mesos.TASK_FINISHED.Enum()
	}
	status.Message, status.ContainerStatus = &message, x.containerStatus()
	x.a.update(t, status)
}

// end settles what is left of an executor that has no container any more.
func (x *executor) end() {
	if x.state == ended {
		return
	}
	x.state = ended
	if x.cancel != nil {
		x.cancel()
	}
	if x.subscribing != nil {
		x.subscribing.Stop()
	}
	if x.stream != nil {
		x.stream.end()
		x.stream = nil
	}
	x.retire()
}

// completed is told when a task's end has been acknowledged.
func (x *executor) completed(t *agentTask) {
	delete(x.tasks, t.id())
	x.retire()
}

// retire moves an executor to the history that has neither a container nor
// tasks whose end is still to be acknowledged.
func (x *executor) retire() {
	f := x.a.frameworks[x.framework]
	if f == nil || x.state != ended || f.executors[x.id] != x {
		return
	}
	for _, t := range f.tasks {
		if t.executor == x && !f.shutting {
			return
		}
	}
	for id, t := range f.tasks {
		if t.executor == x {
			delete(f.tasks, id)
			f.finish(t)
		}
	}
	delete(f.executors, x.id)
	if len(f.done) >= maxDone {
		f.done = f.done[1:]
	}
	f.done = append(f.done, x)
	x.a.dropIfEmpty(x.framework)
}
