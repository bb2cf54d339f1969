package minimesos

import (
	"os"
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

// TestFormerAgentsAreGone for a master whose cluster follows another in its work folder.
func TestFormerAgentsAreGone(t *testing.T) {
	o := hang(fast(Instant, 1))
	o.WorkDir = t.TempDir()
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offer := f.offers()[0]
	f.accept(offer, command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.Close())

	c = start(t, o)
	f = subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	if again := f.offers()[0].AgentID; again == offer.AgentID {
		t.Errorf("the agent is %s again", again.Value)
	}
	f.reconcile(scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: "a"}, AgentID: &offer.AgentID})
	if got := f.peek("a"); got.GetState() != mesos.TASK_GONE_BY_OPERATOR {
		t.Errorf("got %v %q", got.GetState(), got.GetMessage())
	}
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
	if got := f.peek("a"); got.GetState() != mesos.TASK_LOST || got.GetReason() != mesos.REASON_AGENT_DISCONNECTED ||
		got.GetMessage() != "Agent 127.0.0.1 disconnected" {
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

// An agent that is lost takes its tasks along; another may have its name.
func TestLoseAgent(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", "sleep 1000"))
	f.until("a", mesos.TASK_RUNNING)
	id := agentID(c, "agent-1")
	must(t, c.LoseAgent("agent-1"))
	must(t, c.ExpireAgent(id.Value))
	if got := f.peek("a").GetState(); got != mesos.TASK_UNREACHABLE {
		t.Errorf("got %v", got)
	}
	must(t, c.AddAgent(AgentOptions{Name: "agent-1"}))
	if again := agentID(c, "agent-1"); again == id {
		t.Error("the new agent has the old one's id")
	}
}

// The health check runs out by itself too, and not for one that is back.
func TestAgentTimeout(t *testing.T) {
	o := hang(fast(Instant, 2))
	o.AgentTimeout = 20 * time.Millisecond
	c := start(t, o)
	must(t, c.StopAgent("agent-1"))
	must(t, c.KillAgent("agent-2"))
	wait(t, c, "both are unreachable", func(v View) bool {
		return v.Agent("agent-1") == Unreachable && v.Agent("agent-2") == Unreachable
	})
	must(t, c.ResumeAgent("agent-1"))
	must(t, c.RestartAgent("agent-2"))
	wait(t, c, "both are back", func(v View) bool {
		return v.Agent("agent-1") == Registered && v.Agent("agent-2") == Registered
	})
}

// A kill that an agent missed is repeated when it is back.
func TestKillIsRepeated(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.StopAgent("agent-1"))
	f.kill("a")
	must(t, c.ResumeAgent("agent-1"))
	f.until("a", mesos.TASK_KILLED)
}

// A task that ends while its agent is away is reported when it is back.
func TestEndWhileUnreachable(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", "until [ -e go ]; do sleep 0.02; done"))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.StopAgent("agent-1"))
	must(t, c.ExpireAgent("agent-1"))
	if got := f.peek("a").GetState(); got != mesos.TASK_UNREACHABLE {
		t.Fatalf("got %v", got)
	}
	must(t, os.WriteFile(c.sandboxOf("a")+"/go", nil, 0o644))
	wait(t, c, "its process has ended", func(v View) bool { return v.Containers() == 0 })
	must(t, c.ResumeAgent("agent-1"))
	told := f.peek("a")
	if told.GetState() != mesos.TASK_FINISHED || told.GetReason() != mesos.REASON_AGENT_REREGISTERED {
		t.Errorf("the master says %v", told)
	}
	f.until("a", mesos.TASK_FINISHED)
	wait(t, c, "it is forgotten", func(v View) bool { return v.Tasks() == 0 && v.Running("agent-1") == 0 })
}

// Without PARTITION_AWARE the state is TASK_LOST, whatever has happened.
func TestLostWithoutPartitionAware(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	info := testFramework()
	info.Capabilities = info.Capabilities[2:]
	f := subscribe(t, c.URL(), info, mediaProtobuf)
	offer := f.offers()[0]
	f.accept(offer, command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	f.accept(offer, command("late", "")) // its offer is used up
	if got := f.peek("late"); got.GetState() != mesos.TASK_LOST {
		t.Errorf("late: %v", got)
	}
	must(t, c.StopAgent("agent-1"))
	must(t, c.ExpireAgent("agent-1"))
	if got := f.peek("a"); got.GetState() != mesos.TASK_LOST || got.GetReason() != mesos.REASON_AGENT_REMOVED {
		t.Errorf("a: %v", got)
	}
}

// Agents that do not come back to a restarted master become unreachable.
func TestReregisterTimeout(t *testing.T) {
	o := hang(fast(Instant, 1))
	o.ReregisterTimeout = 20 * time.Millisecond
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offer := f.offers()[0]
	f.accept(offer, command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.StopAgent("agent-1"))
	must(t, c.RestartMaster())
	f = subscribe(t, c.URL(), f.info, mediaProtobuf)
	wait(t, c, "it is given up", func(v View) bool { return v.Agent("agent-1") == Unreachable })
	f.reconcile(scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: "a"}, AgentID: &offer.AgentID})
	if got := f.peek("a").GetState(); got != mesos.TASK_UNREACHABLE {
		t.Errorf("got %v", got)
	}
}

// A framework that does not come back to a restarted master is removed with
// its tasks when its failover timeout is over.
func TestRecoveredFrameworkIsRemoved(t *testing.T) {
	c := start(t, fast(Process, 1))
	info := testFramework()
	info.FailoverTimeout = ptr(0.05)
	f := subscribe(t, c.URL(), info, mediaProtobuf)
	f.accept(f.offers()[0], command("a", "sleep 1000"))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.RestartMaster())
	f.ended()
	wait(t, c, "its task has ended", func(v View) bool { return len(v.Frameworks()) == 0 && v.Containers() == 0 })
}

// A framework that a restarted master knows from an agent gets its tasks back.
func TestFrameworkComesBackAfterItsAgents(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	must(t, c.RestartMaster())
	wait(t, c, "the framework is recovered", func(v View) bool { return len(v.Frameworks()) == 1 && !v.Connected(f.id) })
	f = subscribe(t, c.URL(), f.info, mediaProtobuf)
	f.reconcile()
	if got := f.peek("a").GetState(); got != mesos.TASK_RUNNING {
		t.Errorf("got %v", got)
	}
	if cpus := f.offers()[0].Resources[1].Scalar.Value; cpus != 3.9 {
		t.Errorf("%v cpus are offered, want what the task leaves: 3.9", cpus)
	}
}

func TestFaultsThatCannotBe(t *testing.T) {
	c := start(t, fast(Instant, 1))
	for what, err := range map[string]error{
		"resuming one that is not stopped":   c.ResumeAgent("agent-1"),
		"restarting one that lives":          c.RestartAgent("agent-1"),
		"expiring one that answers":          c.ExpireAgent("agent-1"),
		"stopping one that is not there":     c.StopAgent("nobody"),
		"starting a master that runs":        c.StartMaster(),
		"adding a second one of a name":      c.AddAgent(AgentOptions{Name: "agent-1"}),
		"adding one with a path for a name":  c.AddAgent(AgentOptions{Name: "../x"}),
		"adding one with bad resources":      c.AddAgent(AgentOptions{Resources: "cpus:many"}),
		"adding one with an unknown runner":  c.AddAgent(AgentOptions{Runner: "magic"}),
		"adding one at a port that is taken": c.AddAgent(AgentOptions{Addr: c.URL()[len("http://"):]}),
	} {
		if err == nil {
			t.Errorf("no error for %s", what)
		}
	}
	must(t, c.StopAgent("agent-1"))
	if err := c.StopAgent("agent-1"); err == nil {
		t.Error("no error for stopping one twice")
	}
	must(t, c.StopMaster())
	if err := c.StopMaster(); err == nil {
		t.Error("no error for stopping the master twice")
	}
}

// An agent that was away when a framework ended hears of it when it is back.
func TestTeardownWhileAgentIsAway(t *testing.T) {
	c := start(t, fast(Process, 2))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	for i, offer := range f.offers() {
		f.accept(offer, command([]string{"a", "b"}[i], "sleep 1000"))
	}
	f.until("a", mesos.TASK_RUNNING)
	f.until("b", mesos.TASK_RUNNING)
	must(t, c.StopAgent("agent-1"))
	must(t, c.StopAgent("agent-2"))
	must(t, c.ExpireAgent("agent-2"))
	f.simple(scheduler.Call_TEARDOWN)
	f.ended()
	must(t, c.ResumeAgent("agent-1"))
	must(t, c.ResumeAgent("agent-2"))
	wait(t, c, "no task is left", func(v View) bool { return v.Containers() == 0 })
}
