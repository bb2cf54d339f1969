package minimesos

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// hang makes every task of an Instant agent run until it is killed.
func hang(o Options) Options {
	o.Outcome = func(mesos.TaskInfo) Outcome { return Outcome{State: mesos.TASK_RUNNING} }
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeclineReviveSuppress(t *testing.T) {
	c := start(t, fast(Instant, 2))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offers := f.offers()
	if len(offers) != 2 {
		t.Fatalf("%d offers, want 2", len(offers))
	}
	f.decline(600, offers...)
	f.simple(scheduler.Call_REVIVE)
	if offers = f.offers(); len(offers) != 2 {
		t.Fatalf("%d offers after REVIVE, want 2", len(offers))
	}
	f.simple(scheduler.Call_SUPPRESS)
	f.decline(0, offers...)
	other := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	for n := 0; n < 2; {
		n += len(other.offers())
	}
	other.close()
	wait(t, c, "the other framework is gone", func(v View) bool { return !v.Connected(other.id) })
	f.simple(scheduler.Call_REVIVE)
	if offers = f.offers(); len(offers) != 2 {
		t.Fatalf("%d offers at last, want 2", len(offers))
	}
}

func TestFailover(t *testing.T) {
	c := start(t, fast(Instant, 1))
	old := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	old.accept(old.offers()[0], command("a", ""))
	first := old.peek("a")
	f := subscribe(t, c.URL(), old.info, mediaProtobuf)
	if message := old.next(scheduler.Event_ERROR).Error.Message; message != "Framework failed over" {
		t.Errorf("the old stream says %q", message)
	}
	old.ended()
	again := f.update("a")
	if string(again.UUID) != string(first.UUID) {
		t.Errorf("the update that came again has another uuid")
	}
	f.until("a", mesos.TASK_FINISHED)
}

func TestUnacknowledgedUpdatesComeAgain(t *testing.T) {
	o := fast(Instant, 1)
	o.UpdateRetryInterval = 10 * time.Millisecond
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	for range 3 {
		if state := f.peek("a").GetState(); state != mesos.TASK_RUNNING {
			t.Fatalf("got %v, want TASK_RUNNING again", state)
		}
	}
}

func TestReconcileCases(t *testing.T) {
	c := start(t, hang(fast(Instant, 2)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offers := f.offers()
	f.accept(offers[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	ask := func(id string, agent string) *mesos.TaskStatus {
		task := scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: id}}
		if agent != "" {
			task.AgentID = &mesos.AgentID{Value: agent}
		}
		f.reconcile(task)
		return f.peek(id)
	}
	check := func(status *mesos.TaskStatus, state mesos.TaskState, message string) {
		t.Helper()
		if status.GetState() != state || status.GetMessage() != "Reconciliation: "+message || len(status.UUID) > 0 {
			t.Errorf("got %v %q", status.GetState(), status.GetMessage())
		}
	}
	here, there := offers[0].AgentID.Value, offers[1].AgentID.Value
	check(ask("a", here), mesos.TASK_RUNNING, "Latest task state")
	check(ask("b", here), mesos.TASK_GONE, "Task is unknown to the agent")
	check(ask("c", "nowhere"), mesos.TASK_UNKNOWN, "Task is unknown")
	check(ask("d", ""), mesos.TASK_UNKNOWN, "Task is unknown")
	must(t, c.StopAgent(there))
	must(t, c.ExpireAgent(there))
	check(ask("e", there), mesos.TASK_UNREACHABLE, "Task is unreachable")
	f.reconcile()
	check(f.peek("a"), mesos.TASK_RUNNING, "Latest task state")
}

func TestAgentUnreachableAndBack(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.StopAgent("agent-1"))
	must(t, c.ExpireAgent("agent-1"))
	if got := f.peek("a"); got.GetState() != mesos.TASK_UNREACHABLE || got.UnreachableTime == nil {
		t.Fatalf("got %v", got)
	}
	f.next(scheduler.Event_FAILURE)
	must(t, c.ResumeAgent("agent-1"))
	if got := f.peek("a"); got.GetState() != mesos.TASK_RUNNING || got.GetReason() != mesos.REASON_AGENT_REREGISTERED {
		t.Fatalf("got %v", got)
	}
	f.kill("a")
	f.until("a", mesos.TASK_KILLED)
}

func TestLaunchLostOnTheWay(t *testing.T) {
	c := start(t, fast(Instant, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	c.DropLaunches(1)
	f.accept(f.offers()[0], command("a", ""))
	f.reconcile(scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: "a"}})
	if got := f.peek("a").GetState(); got != mesos.TASK_STAGING {
		t.Fatalf("got %v, want TASK_STAGING", got)
	}
	must(t, c.StopAgent("agent-1"))
	must(t, c.ResumeAgent("agent-1"))
	if got := f.update("a"); got.GetState() != mesos.TASK_DROPPED || got.GetSource() != mesos.SOURCE_AGENT {
		t.Fatalf("got %v", got)
	}
}

func TestAgentRestart(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", "sleep 1000"))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.KillAgent("agent-1"))
	wait(t, c, "the master has seen it", func(v View) bool { return v.Agent("agent-1") == Disconnected })
	must(t, c.RestartAgent("agent-1"))
	wait(t, c, "it is back", func(v View) bool { return v.Agent("agent-1") == Registered })
	f.kill("a")
	f.until("a", mesos.TASK_KILLED)
}

func TestAgentRestartWithoutCheckpoint(t *testing.T) {
	c := start(t, fast(Process, 1))
	info := testFramework()
	info.Checkpoint = nil
	f := subscribe(t, c.URL(), info, mediaProtobuf)
	f.accept(f.offers()[0], command("a", "sleep 1000"))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.KillAgent("agent-1"))
	if got := f.peek("a"); got.GetState() != mesos.TASK_LOST || got.GetReason() != mesos.REASON_AGENT_DISCONNECTED {
		t.Fatalf("got %v", got)
	}
	must(t, c.RestartAgent("agent-1"))
	wait(t, c, "its process is gone", func(v View) bool { return v.Containers() == 0 })
}

func TestMasterRestart(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offer := f.offers()[0]
	f.accept(offer, command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.StopMaster())
	f.ended()
	must(t, c.StopAgent("agent-1"))
	must(t, c.StartMaster())
	f = subscribe(t, c.URL(), f.info, mediaProtobuf)
	asked := scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: "a"}, AgentID: &offer.AgentID}
	unknown := scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: "b"}, AgentID: &mesos.AgentID{Value: "x"}}
	f.reconcile(asked, unknown)
	event := f.next(scheduler.Event_UPDATE)
	if id := event.Update.Status.TaskID.Value; id != "b" {
		t.Fatalf("an update of %s came before its agent was back", id)
	}
	must(t, c.ResumeAgent("agent-1"))
	wait(t, c, "the agent is back", func(v View) bool { return v.Agent("agent-1") == Registered })
	f.reconcile(asked)
	if got := f.peek("a"); got.GetState() != mesos.TASK_RUNNING || got.GetReason() != mesos.REASON_RECONCILIATION {
		t.Fatalf("got %v", got)
	}
}

func TestFailoverTimeoutRemovesFramework(t *testing.T) {
	c := start(t, fast(Process, 1))
	info := testFramework()
	info.FailoverTimeout = ptr(0.001)
	f := subscribe(t, c.URL(), info, mediaProtobuf)
	f.accept(f.offers()[0], command("a", "sleep 1000"))
	f.until("a", mesos.TASK_RUNNING)
	f.close()
	wait(t, c, "the framework and its task are gone", func(v View) bool {
		return len(v.Frameworks()) == 0 && v.Containers() == 0
	})
	again := &testClient{t: t, url: c.URL(), media: mediaProtobuf, info: f.info, http: f.http}
	again.open()
	if message := again.next(scheduler.Event_ERROR).Error.Message; message != "Framework has been removed" {
		t.Errorf("got %q", message)
	}
}
