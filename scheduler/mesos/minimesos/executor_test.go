package minimesos

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	execapi "github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// onExecutor puts a task on a custom executor that a shell command starts.
func onExecutor(task mesos.TaskInfo, id, shell string) mesos.TaskInfo {
	task.Command = nil
	task.Executor = &mesos.ExecutorInfo{ExecutorID: mesos.ExecutorID{Value: id}, Resources: some("cpus:0.1;mem:32"),
		Command: &mesos.CommandInfo{Shell: ptr(true), Value: &shell}}
	return task
}

// actsElsewhere is the command of an executor in whose place a test acts.
const actsElsewhere = "env > env.tmp; mv env.tmp env.txt; until [ -e done ]; do sleep 0.02; done"

// testExecutor makes an executor's calls, in protobuf.
type testExecutor struct {
	t      *testing.T
	url    string
	id     mesos.ExecutorID
	fw     mesos.FrameworkID
	body   io.Closer
	events chan *execapi.Event
}

func newTestExecutor(t *testing.T, c *Cluster, f *testClient, id string) *testExecutor {
	t.Helper()
	url, err := c.agentURL("agent-1")
	must(t, err)
	_, err = readSoon(c.sandboxOf(id) + "/env.txt")
	must(t, err)
	return &testExecutor{t: t, url: url, id: mesos.ExecutorID{Value: id}, fw: *f.info.ID}
}

func (x *testExecutor) post(call *execapi.Call) *http.Response {
	x.t.Helper()
	call.ExecutorID, call.FrameworkID = x.id, x.fw
	body, err := call.Marshal()
	must(x.t, err)
	r, err := http.NewRequest(http.MethodPost, x.url+"/api/v1/executor", bytes.NewReader(body))
	must(x.t, err)
	r.Close = true
	r.Header.Set("Content-Type", string(mediaProtobuf))
	r.Header.Set("Accept", string(mediaProtobuf))
	response, err := http.DefaultClient.Do(r)
	must(x.t, err)
	return response
}

func (x *testExecutor) call(call *execapi.Call) int {
	x.t.Helper()
	response := x.post(call)
	_, err := io.ReadAll(response.Body)
	must(x.t, err)
	must(x.t, response.Body.Close())
	return response.StatusCode
}

// subscribe opens the stream and waits for SUBSCRIBED.
func (x *testExecutor) subscribe(call *execapi.Call_Subscribe) {
	x.t.Helper()
	response := x.post(&execapi.Call{Type: execapi.Call_SUBSCRIBE, Subscribe: call})
	if response.StatusCode != http.StatusOK {
		x.t.Fatalf("SUBSCRIBE: %s", response.Status)
	}
	x.body, x.events = response.Body, make(chan *execapi.Event, 100)
	x.t.Cleanup(func() { response.Body.Close() })
	go func(events chan<- *execapi.Event) {
		defer close(events)
		frames := recordio.NewReader(response.Body)
		for {
			frame, err := frames.ReadFrame()
			if err != nil {
				return
			}
			event := new(execapi.Event)
			if event.Unmarshal(frame) != nil {
				return
			}
			events <- event
		}
	}(x.events)
	x.next(execapi.Event_SUBSCRIBED)
}

// next waits for an event of a type; others are passed over.
func (x *testExecutor) next(kind execapi.Event_Type) *execapi.Event {
	x.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case event, ok := <-x.events:
			if !ok {
				x.t.Fatalf("the stream ended while waiting for %v", kind)
			}
			if event.Type == kind {
				return event
			}
		case <-timeout.C:
			x.t.Fatalf("no %v came", kind)
		}
	}
}

func statusOf(task string, state mesos.TaskState) mesos.TaskStatus {
	id := uuid.New()
	return mesos.TaskStatus{TaskID: mesos.TaskID{Value: task}, State: &state, Source: mesos.SOURCE_EXECUTOR.Enum(), UUID: id[:]}
}

func update(status mesos.TaskStatus) *execapi.Call {
	return &execapi.Call{Type: execapi.Call_UPDATE, Update: &execapi.Call_Update{Status: status}}
}

func TestExecutorProgram(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offer := f.offers()[0]
	program := exampleExecutor(t)
	f.accept(offer, onExecutor(command("a", ""), "x", program), onExecutor(command("b", ""), "x", program))
	f.until("a", mesos.TASK_FINISHED)
	f.until("b", mesos.TASK_FINISHED)
	if rest := f.offers()[0]; len(rest.ExecutorIDs) != 1 || rest.ExecutorIDs[0].Value != "x" {
		t.Errorf("the offer names the executors %v", rest.ExecutorIDs)
	}
	f.call(&scheduler.Call{Type: scheduler.Call_SHUTDOWN, Shutdown: &scheduler.Call_Shutdown{
		ExecutorID: mesos.ExecutorID{Value: "x"}, AgentID: offer.AgentID}})
	if got := f.next(scheduler.Event_FAILURE).Failure; got.GetStatus() != 0 || got.ExecutorID.GetValue() != "x" {
		t.Errorf("got %v", got)
	}
	wait(t, c, "its resources are free", func(v View) bool { return v.Containers() == 0 })
}

// An executor that dies takes its tasks along, and its resources come back.
func TestExecutorDies(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], onExecutor(command("a", ""), "x", "exit 7"))
	if got := f.next(scheduler.Event_FAILURE).Failure; got.GetStatus() != 7<<8 {
		t.Errorf("status %d, want %d", got.GetStatus(), 7<<8)
	}
	if got := f.until("a", mesos.TASK_FAILED); got.GetReason() != mesos.REASON_EXECUTOR_TERMINATED || got.GetSource() != mesos.SOURCE_AGENT {
		t.Errorf("got %v", got)
	}
	for cpus := 0.0; cpus != 4; { // at last all are offered again
		for _, offer := range f.offers() {
			cpus = offer.Resources[1].Scalar.Value
			f.decline(0, offer)
		}
	}
}

func TestExecutorThatNeverSubscribes(t *testing.T) {
	o := fast(Process, 1)
	o.ExecutorRegistrationTimeout = 20 * time.Millisecond
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], onExecutor(command("a", ""), "x", "sleep 1000"))
	got := f.until("a", mesos.TASK_FAILED)
	if got.GetReason() != mesos.REASON_EXECUTOR_REGISTRATION_TIMEOUT || got.GetMessage() != "Executor did not register within 20ms" {
		t.Errorf("got %v", got)
	}
}

func TestExecutorCallsThatAreRefused(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], onExecutor(command("a", ""), "x", actsElsewhere))
	x := newTestExecutor(t, c, f, "x")
	running := statusOf("a", mesos.TASK_RUNNING)
	if status := x.call(update(running)); status != http.StatusForbidden {
		t.Errorf("an update before the subscription: %d", status)
	}
	x.subscribe(&execapi.Call_Subscribe{})
	other := running
	other.ExecutorID = &mesos.ExecutorID{Value: "y"}
	agents := running
	agents.Source = mesos.SOURCE_AGENT.Enum()
	staging := statusOf("a", mesos.TASK_STAGING)
	unnamed := running
	unnamed.UUID = nil
	for _, bad := range []mesos.TaskStatus{other, agents, staging, unnamed} {
		if status := x.call(update(bad)); status != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, status)
		}
	}
	for _, bad := range []*execapi.Call{{Type: execapi.Call_UPDATE}, {Type: execapi.Call_MESSAGE}, {}} {
		if status := x.call(bad); status != http.StatusBadRequest {
			t.Errorf("%v: %d", bad.Type, status)
		}
	}
	stranger := *x
	stranger.id.Value = "stranger"
	if status := stranger.call(&execapi.Call{Type: execapi.Call_MESSAGE, Message: &execapi.Call_Message{Data: []byte("x")}}); status != http.StatusBadRequest {
		t.Errorf("a call of an executor that is not there: %d", status)
	}
	if status := x.call(&execapi.Call{Type: execapi.Call_HEARTBEAT}); status != http.StatusAccepted {
		t.Errorf("a heartbeat: %d", status)
	}
}

// A task that is killed while its executor starts is never delivered.
func TestQueuedTaskIsKilled(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], onExecutor(command("a", ""), "x", actsElsewhere), onExecutor(command("b", ""), "x", actsElsewhere))
	x := newTestExecutor(t, c, f, "x")
	f.kill("a")
	if got := f.update("a"); got.GetState() != mesos.TASK_KILLED || got.GetReason() != mesos.REASON_TASK_KILLED_DURING_LAUNCH {
		t.Errorf("got %v", got)
	}
	x.subscribe(&execapi.Call_Subscribe{})
	if got := x.next(execapi.Event_LAUNCH).Launch.Task.TaskID.Value; got != "b" {
		t.Errorf("%s is launched", got)
	}
}

// The agent dies while an executor runs; the executor comes back with what
// was not acknowledged. What was sent before counts once.
func TestExecutorOutlivesAgent(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], onExecutor(command("a", ""), "x", actsElsewhere), onExecutor(command("b", ""), "x", actsElsewhere))
	x := newTestExecutor(t, c, f, "x")
	x.subscribe(&execapi.Call_Subscribe{})
	a, b := x.next(execapi.Event_LAUNCH).Launch.Task, x.next(execapi.Event_LAUNCH).Launch.Task
	before := statusOf("a", mesos.TASK_RUNNING)
	x.call(update(before))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.KillAgent("agent-1"))
	for range x.events { // until the stream ends
	}
	must(t, c.RestartAgent("agent-1"))
	after := statusOf("a", mesos.TASK_FINISHED)
	x.subscribe(&execapi.Call_Subscribe{UnacknowledgedTasks: []mesos.TaskInfo{a}, UnacknowledgedUpdates: []execapi.Call_Update{{Status: before}, {Status: after}}})
	if got := f.update("a").GetState(); got != mesos.TASK_FINISHED {
		t.Errorf("a is %v", got)
	}
	got := f.update(b.TaskID.Value)
	if got.GetState() != mesos.TASK_DROPPED || got.GetReason() != mesos.REASON_AGENT_RESTARTED {
		t.Errorf("b, which the executor never got: %v", got)
	}
}

// An executor that does not come back to a restarted agent is ended.
func TestExecutorDoesNotComeBack(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], onExecutor(command("a", ""), "x", actsElsewhere))
	x := newTestExecutor(t, c, f, "x")
	x.subscribe(&execapi.Call_Subscribe{})
	x.call(update(statusOf("a", mesos.TASK_RUNNING)))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.KillAgent("agent-1"))
	must(t, c.RestartAgent("agent-1"))
	got := f.until("a", mesos.TASK_FAILED)
	if got.GetReason() != mesos.REASON_EXECUTOR_REREGISTRATION_TIMEOUT {
		t.Errorf("got %v", got)
	}
}

func TestExecutorEnvironmentInDockerStandIn(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	task := onExecutor(command("a", ""), "x", actsElsewhere)
	task.Executor.Container = likeDocker(mesos.TaskInfo{}).Container
	f.accept(f.offers()[0], task)
	newTestExecutor(t, c, f, "x")
	dir := c.sandboxOf("x")
	env, err := os.ReadFile(dir + "/env.txt")
	must(t, err)
	for _, want := range []string{"MESOS_SANDBOX=" + dir, "MESOS_DIRECTORY=" + dir, "MESOS_EXECUTOR_ID=x", "MESOS_CHECKPOINT=1", "MESOS_CONTAINER_NAME=mesos-"} {
		if !strings.Contains("\n"+string(env), "\n"+want) {
			t.Errorf("%s is not in the environment", want)
		}
	}
}
