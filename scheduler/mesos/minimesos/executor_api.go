package minimesos

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	execapi "github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// executorReregistration is how long a custom executor may take to come back
// to an agent that was restarted (--executor_reregistration_timeout).
const executorReregistration = 2 * time.Second

// executorHeartbeat is how often an agent shows its executors that it lives
// (DEFAULT_EXECUTOR_HEARTBEAT_INTERVAL in src/slave/constants.hpp).
const executorHeartbeat = 30 * time.Minute

// serveExecutor answers the executor API, POST /api/v1/executor, in the order
// of checks of Http::executor in src/slave/http.cpp.
func (a *agent) serveExecutor(w http.ResponseWriter, r *http.Request, cut <-chan struct{}) {
	if r.Method != http.MethodPost {
		methodNotAllowed(r.Method).write(w)
		return
	}
	media, refusal := contentType(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(errAbort)
	}
	call := new(execapi.Call)
	if err := decode(media, body, call, "Call"); err != nil {
		badRequest(err.Error()).write(w)
		return
	}
	if problem := validateExecutorCall(call); problem != "" {
		badRequest("Failed to validate Executor::Call: " + problem).write(w)
		return
	}
	if call.Type == execapi.Call_SUBSCRIBE {
		a.serveExecutorSubscription(w, r, call, cut)
		return
	}
	var response answer
	if !a.c.loop.do(func() { response = a.executorCall(call) }) {
		panic(errAbort)
	}
	response.write(w)
}

// validateExecutorCall follows common::validation::validateExecutorCall.
func validateExecutorCall(call *execapi.Call) string {
	switch {
	case call.Type == execapi.Call_UNKNOWN:
		return "Expecting 'type' to be present"
	case call.ExecutorID.Value == "":
		return "Expecting 'executor_id' to be present"
	case call.FrameworkID.Value == "":
		return "Expecting 'framework_id' to be present"
	}
	switch call.Type {
	case execapi.Call_SUBSCRIBE:
		if call.Subscribe == nil {
			return "Expecting 'subscribe' to be present"
		}
	case execapi.Call_MESSAGE:
		if call.Message == nil {
			return "Expecting 'message' to be present"
		}
	case execapi.Call_UPDATE:
		return validateExecutorUpdate(call)
	}
	return ""
}

func validateExecutorUpdate(call *execapi.Call) string {
	if call.Update == nil {
		return "Expecting 'update' to be present"
	}
	status := &call.Update.Status
	from := fmt.Sprintf("executor %s of framework %s", call.ExecutorID.Value, call.FrameworkID.Value)
	switch {
	case status.UUID == nil:
		return "Expecting 'uuid' to be present"
	case len(status.UUID) != 16:
		return "Not a valid UUID"
	case status.ExecutorID != nil && status.ExecutorID.Value != call.ExecutorID.Value:
		return fmt.Sprintf("ExecutorID in Call: %s does not match ExecutorID in TaskStatus: %s",
			call.ExecutorID.Value, status.ExecutorID.Value)
	case status.GetSource() != mesos.SOURCE_EXECUTOR:
		return fmt.Sprintf("Received Call from %s with invalid source, expecting 'SOURCE_EXECUTOR'", from)
	case status.GetState() == mesos.TASK_STAGING:
		return fmt.Sprintf("Received TASK_STAGING from %s which is not allowed", from)
	}
	return ""
}

// findExecutor finds who calls; a non-nil answer refuses it.
func (a *agent) findExecutor(call *execapi.Call) (*executor, *answer) {
	var refusal answer
	f := a.frameworks[call.FrameworkID.Value]
	switch {
	case !a.alive:
		refusal = text(http.StatusServiceUnavailable, "Agent has not finished recovery")
	case f == nil:
		refusal = badRequest("Framework cannot be found")
	case f.executors[call.ExecutorID.Value] == nil:
		refusal = badRequest("Executor cannot be found")
	case call.Type != execapi.Call_SUBSCRIBE && f.executors[call.ExecutorID.Value].stream == nil:
		refusal = text(http.StatusForbidden, "Executor is not subscribed")
	default:
		return f.executors[call.ExecutorID.Value], nil
	}
	return nil, &refusal
}

func (a *agent) serveExecutorSubscription(w http.ResponseWriter, r *http.Request, call *execapi.Call, cut <-chan struct{}) {
	media, refusal := acceptedMedia(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	s := newStream(media)
	var x *executor
	if !a.c.loop.do(func() {
		if x, refusal = a.findExecutor(call); refusal == nil {
			x.subscribe(s, call.Subscribe)
		}
	}) {
		panic(errAbort)
	}
	if refusal != nil {
		refusal.write(w)
		return
	}
	defer a.c.loop.post(func() {
		if x.stream == s {
			x.stream = nil
		}
	})
	w.Header().Set("Content-Type", string(media))
	s.serve(w, r, cut)
}

func (a *agent) executorCall(call *execapi.Call) answer {
	if call.Type == execapi.Call_HEARTBEAT {
		return accepted()
	}
	x, refusal := a.findExecutor(call)
	if refusal != nil {
		return *refusal
	}
	switch call.Type {
	case execapi.Call_UPDATE:
		x.updated(&call.Update.Status)
	case execapi.Call_MESSAGE:
		x.messageFramework(call.Message.Data)
	}
	return accepted()
}

// send passes an event to a custom executor; one that is not subscribed
// misses it, as in Mesos.
func (x *executor) send(event *execapi.Event) {
	if x.stream != nil {
		x.stream.send(event)
	}
}

// subscribe takes a custom executor's subscription, its first or a later one.
func (x *executor) subscribe(s *stream, call *execapi.Call_Subscribe) {
	if x.stream != nil {
		x.stream.end()
	}
	x.stream = s
	if x.subscribing != nil {
		x.subscribing.Stop()
		x.subscribing = nil
	}
	x.a.c.loop.after(executorHeartbeat, func() { x.beat(s) })
	f := x.a.frameworks[x.framework]
	x.send(&execapi.Event{Type: execapi.Event_SUBSCRIBED, Subscribed: &execapi.Event_Subscribed{
		ExecutorInfo: x.infoOrCommand(), FrameworkInfo: *f.info, AgentInfo: *x.a.info,
		ContainerID: &mesos.ContainerID{Value: x.containerID}}})
	for i := range call.UnacknowledgedUpdates {
		x.updated(&call.UnacknowledgedUpdates[i].Status)
	}
	x.dropUnknown(call.UnacknowledgedTasks)
	if x.stopped {
		x.send(&execapi.Event{Type: execapi.Event_SHUTDOWN})
		return
	}
	queued := x.queued
	x.queued = nil
	for _, t := range queued {
		x.launch(t)
	}
}

// beat sends heartbeats for as long as a subscription lasts.
func (x *executor) beat(s *stream) {
	if x.stream != s {
		return
	}
	x.send(&execapi.Event{Type: execapi.Event_HEARTBEAT})
	x.a.c.loop.after(executorHeartbeat, func() { x.beat(s) })
}

// infoOrCommand describes the executor; a built-in one has no ExecutorInfo of
// its own, and nobody who could subscribe for it either.
func (x *executor) infoOrCommand() mesos.ExecutorInfo {
	if x.info != nil {
		return *x.info
	}
	return mesos.ExecutorInfo{ExecutorID: mesos.ExecutorID{Value: x.id}}
}

// dropUnknown ends tasks that were sent to the executor but that it does not
// have: they got lost while the agent was restarted.
func (x *executor) dropUnknown(known []mesos.TaskInfo) {
	for _, t := range x.liveTasks() {
		has := slices.ContainsFunc(known, func(info mesos.TaskInfo) bool { return info.TaskID.Value == t.id() })
		if t.latest != mesos.TASK_STAGING || has || slices.Contains(x.queued, t) {
			continue
		}
		state := mesos.TASK_DROPPED
		if f := x.a.frameworks[x.framework]; f != nil && !f.can.partitionAware {
			state = mesos.TASK_LOST
		}
		x.a.update(t, x.a.ownStatus(t, state, mesos.REASON_AGENT_RESTARTED, "Task launched during agent restart"))
	}
}

// updated takes an executor's update. One for a task that is gone is
// acknowledged at once, so that the executor can forget it.
func (x *executor) updated(status *mesos.TaskStatus) {
	t := x.a.task(x.framework, status.TaskID.Value)
	if t == nil || t.executor != x {
		x.send(acknowledgedEvent(status.TaskID, status.UUID))
		return
	}
	if t.updates.seen(status.UUID) {
		x.confirm(t, status)
		return
	}
	kept := *status
	if kept.ContainerStatus == nil {
		kept.ContainerStatus = x.containerStatus()
	}
	x.a.update(t, &kept)
	x.confirm(t, status)
}

// confirm tells the executor that the agent has its update.
func (x *executor) confirm(t *agentTask, status *mesos.TaskStatus) {
	x.send(acknowledgedEvent(t.info.TaskID, status.UUID))
}

func acknowledgedEvent(task mesos.TaskID, number []byte) *execapi.Event {
	return &execapi.Event{Type: execapi.Event_ACKNOWLEDGED,
		Acknowledged: &execapi.Event_Acknowledged{TaskID: task, UUID: number}}
}

// message passes a framework's message on.
func (x *executor) message(data []byte) {
	x.send(&execapi.Event{Type: execapi.Event_MESSAGE, Message: &execapi.Event_Message{Data: data}})
}

func (x *executor) messageFramework(data []byte) {
	framework, agentID, id := x.framework, x.a.id, x.id
	x.a.toMaster(Message{Kind: "MESSAGE", Framework: framework, Executor: id}, func(m *master) {
		if f := m.frameworks[framework]; f != nil {
			f.send(&scheduler.Event{Type: scheduler.Event_MESSAGE, Message: &scheduler.Event_Message{
				AgentID: mesos.AgentID{Value: agentID}, ExecutorID: mesos.ExecutorID{Value: id}, Data: data}})
		}
	})
}

// awaitSubscription ends an executor that does not subscribe in time.
func (x *executor) awaitSubscription() {
	limit := x.a.c.opts.ExecutorRegistrationTimeout
	x.expect(limit, mesos.REASON_EXECUTOR_REGISTRATION_TIMEOUT, "Executor did not register within "+mesosDuration(limit))
}

// awaitReturn does the same after the agent was restarted.
func (x *executor) awaitReturn() {
	x.expect(executorReregistration, mesos.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
		"Executor did not reregister within "+mesosDuration(executorReregistration))
}

func (x *executor) expect(limit time.Duration, reason mesos.TaskStatus_Reason, message string) {
	if x.stream != nil {
		return
	}
	x.subscribing = x.a.c.loop.after(limit, func() {
		if x.stream == nil && x.state == running && x.container != nil && x.a.alive {
			x.stopped, x.failure, x.failureReason = true, message, reason
			x.container.stop(atOnce)
		}
	})
}

// customExited reports the end of a custom executor: FAILURE to the framework
// and an end of each of its tasks.
func (x *executor) customExited(e exit) {
	if x.silent {
		return
	}
	framework, agentID, id := x.framework, x.a.id, x.id
	status := e.waitStatus()
	x.a.toMaster(Message{Kind: "EXECUTOR_EXITED", Framework: framework, Executor: id}, func(m *master) {
		m.executorExited(framework, agentID, id, status)
	})
	reason, message := mesos.REASON_EXECUTOR_TERMINATED, "Executor terminated"
	switch {
	case x.failure != "":
		reason, message = x.failureReason, x.failure
	case e.oom:
		reason, message = mesos.REASON_CONTAINER_LIMITATION_MEMORY, oomMessage(e)
	}
	for _, t := range x.liveTasks() {
		x.a.update(t, x.a.ownStatus(t, mesos.TASK_FAILED, reason, message))
	}
}

// waitStatus is the end as wait(2) reports it, which is what FAILURE carries.
func (e exit) waitStatus() int32 {
	if e.signal != 0 {
		return int32(e.signal)
	}
	return int32(e.code) << 8
}

func (m *master) executorExited(framework, agent, id string, status int32) {
	f := m.frameworks[framework]
	if f == nil {
		return
	}
	m.removeExecutor(f, executorKey{agent, id})
	f.send(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{
		AgentID: &mesos.AgentID{Value: agent}, ExecutorID: &mesos.ExecutorID{Value: id}, Status: &status}})
}
