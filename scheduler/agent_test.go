package scheduler_test

import (
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func TestAgentRestartsWhileTasksRun(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(1)), newGate(t)
	id := c.submit(g.waiting(4), nil)
	c.until("all tasks run", c.running(id, 4))
	c.must(c.cluster.KillAgent("agent-1"))
	c.must(c.cluster.RestartAgent("agent-1"))
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 4})
}

// TestTasksEndWhileAgentIsAway has tasks end when their agent's process is dead, and when it cannot be reached.
func TestTasksEndWhileAgentIsAway(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(2)), newGate(t)
	id := c.submit(g.waiting(8), nil)
	c.until("all tasks run", c.running(id, 8))
	c.must(c.cluster.KillAgent("agent-1"))
	c.must(c.cluster.StopAgent("agent-2"))
	g.open(t)
	c.wait("all processes have ended", func(v minimesos.View) bool { return v.Containers() == 0 })
	c.must(c.cluster.RestartAgent("agent-1"))
	c.must(c.cluster.ResumeAgent("agent-2"))
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 8})
}

// TestAgentBackInTime has an agent become unreachable and come back before its task is replaced: the same attempt
// goes on.
func TestAgentBackInTime(t *testing.T) {
	t.Parallel()
	s := faultSetup(2)
	s.cluster.AgentTimeout = 10 * time.Millisecond
	c, g := newCentre(t, s), newGate(t)
	id := c.submit(g.waiting(1), nil)
	c.until("the task runs", c.running(id, 1))
	agent := c.agentOf(first(id))
	c.must(c.cluster.StopAgent(agent))
	c.until("the task is unreachable", func() bool { return !c.seen[first(id)].Unreachable.IsZero() })
	c.must(c.cluster.ResumeAgent(agent))
	c.until("the task runs again", c.running(id, 1))
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 1})
}

// impatient replaces the tasks of unreachable agents at once.
func impatient(s setup) setup {
	s.config.Limits.UnreachableWait = time.Millisecond
	return s
}

// TestAgentBackTooLate has an agent come back after its task was replaced: the attempt that it brings along is killed,
// the other one counts.
func TestAgentBackTooLate(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, impatient(faultSetup(2))), newGate(t)
	id := c.submit(g.waiting(1), nil)
	c.until("the task runs", c.running(id, 1))
	agent := c.agentOf(first(id))
	c.must(c.cluster.StopAgent(agent))
	c.must(c.cluster.ExpireAgent(agent))
	c.until("the task runs on another agent", c.runningAs(id, 1, 1))
	if other := c.agentOf(state.AttemptID{Run: id, Step: "task", Number: 1}); other == agent {
		t.Error("the task was launched again on the agent that cannot be reached")
	}
	c.wait("both attempts run", func(v minimesos.View) bool { return v.Containers() == 2 })
	c.must(c.cluster.ResumeAgent(agent))
	c.wait("the replaced attempt is killed", func(v minimesos.View) bool { return v.Running(agent) == 0 && v.Containers() == 1 })
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 1, infra: 1})
}

// TestReplacedTaskFinishesLate has a task that was replaced finish all the same, and its agent tell so while the other
// attempt runs: that changes nothing, but is acknowledged.
func TestReplacedTaskFinishesLate(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, impatient(faultSetup(2))), newGate(t)
	own := newGate(t)
	id := c.submit(`
name: late
steps:
  task:
    image: busybox
    resources: {cpus: 1, mem: 32MiB}
    run: |
      case $SPILLWAY_ATTEMPT in 0) gate=`+string(own)+`;; *) gate=`+string(g)+`;; esac
      until test -e $gate; do sleep 0.01; done
`, nil)
	c.until("the task runs", c.running(id, 1))
	agent := c.agentOf(first(id))
	c.must(c.cluster.StopAgent(agent))
	c.must(c.cluster.ExpireAgent(agent))
	c.until("the task runs on another agent", c.runningAs(id, 1, 1))
	own.open(t)
	c.wait("the first attempt has finished", func(v minimesos.View) bool { return v.Containers() == 1 })
	c.must(c.cluster.ResumeAgent(agent))
	c.wait("its end is acknowledged", func(v minimesos.View) bool { return v.Running(agent) == 0 })
	if c.ended(id)() {
		t.Error("the run has ended by an attempt that was replaced")
	}
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 1, infra: 1})
}

// TestAgentBackAfterRun has an agent bring back a task of a run that has ended since.
func TestAgentBackAfterRun(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, impatient(faultSetup(2))), newGate(t)
	id := c.submit(`
name: ended
steps:
  task:
    image: busybox
    resources: {cpus: 1, mem: 32MiB}
    run: test $SPILLWAY_ATTEMPT -gt 0 || until test -e `+string(g)+`; do sleep 0.01; done
`, nil)
	c.until("the task runs", c.running(id, 1))
	agent := c.agentOf(first(id))
	c.must(c.cluster.StopAgent(agent))
	c.must(c.cluster.ExpireAgent(agent))
	c.until("the run ends", c.ended(id))
	c.must(c.cluster.ResumeAgent(agent))
	c.wait("what it ran is killed", func(v minimesos.View) bool { return v.Running(agent) == 0 && v.Containers() == 0 })
	c.check(id, want{phase: state.RunSucceeded, tasks: 1, infra: 1})
}

// TestSchedulerAwayWhileAgentIsLost restarts the scheduler when an agent is gone: it hears of that by asking.
func TestSchedulerAwayWhileAgentIsLost(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, impatient(faultSetup(2))), newGate(t)
	id := c.submit(g.waiting(2), nil)
	c.until("all tasks run", c.running(id, 2))
	agent := c.agentOf(first(id))
	lost := c.count(id, func(a state.AttemptRecord) bool { return a.Agent == agent })
	c.must(c.stop())
	c.must(c.cluster.LoseAgent(agent))
	c.must(c.cluster.ExpireAgent(agent))
	c.start()
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 2, infra: lost})
}
