package scheduler_test

import (
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func TestMasterRestartsWhileTasksRun(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(3)), newGate(t)
	id := c.submit(g.waiting(6), nil)
	c.until("all tasks run", c.running(id, 6))
	c.must(c.cluster.RestartMaster())
	c.wait("the scheduler is back", func(v minimesos.View) bool { return v.Connected(c.framework) })
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 6})
}

// TestTasksEndWhileMasterIsAway has tasks end when nobody can hear of it.
func TestTasksEndWhileMasterIsAway(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(2)), newGate(t)
	id := c.submit(g.waiting(4), nil)
	c.until("all tasks run", c.running(id, 4))
	c.must(c.cluster.StopMaster())
	g.open(t)
	c.wait("all processes have ended", func(v minimesos.View) bool { return v.Containers() == 0 })
	c.must(c.cluster.StartMaster())
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 4})
}

// TestSilenceAfterMasterRestart lets the agents come back only after the scheduler has asked the new master about its
// tasks. Until then the master does not answer, and that means nothing; later, the scheduler asks again.
func TestSilenceAfterMasterRestart(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(2)), newGate(t)
	id := c.submit(g.waiting(4), nil)
	c.until("all tasks run", c.running(id, 4))
	c.must(c.cluster.StopMaster())
	for _, agent := range []string{"agent-1", "agent-2"} {
		c.must(c.cluster.StopAgent(agent))
	}
	asked, answered, launched := 0, 0, 0
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		switch {
		case m.Call != nil && m.Call.Type == scheduler.Call_RECONCILE && len(m.Call.Reconcile.Tasks) == 4:
			asked++
		case m.Route == minimesos.EventToFramework && m.Status != nil:
			answered++
		case m.Kind == "LAUNCH":
			launched++
		}
		return minimesos.Deliver
	})
	c.must(c.cluster.StartMaster())
	c.wait("the scheduler has asked", func(minimesos.View) bool { return asked >= 1 })
	c.cluster.Look(func(minimesos.View) {
		if answered > 0 {
			t.Errorf("the master answered %d times for agents that are away", answered)
		}
	})
	for _, agent := range []string{"agent-1", "agent-2"} {
		c.must(c.cluster.ResumeAgent(agent))
	}
	c.wait("the scheduler has been told", func(minimesos.View) bool { return answered >= 4 })
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 4})
	c.cluster.Look(func(minimesos.View) {
		if launched > 0 {
			t.Errorf("%d launches after the restart", launched)
		}
	})
}

// TestAgentsDoNotComeBack has the agents of a restarted master stay away until it gives them up. Nothing is said about
// their tasks then, except to those who ask.
func TestAgentsDoNotComeBack(t *testing.T) {
	t.Parallel()
	s := faultSetup(1)
	s.cluster.ReregisterTimeout = 300 * time.Millisecond
	s.config.Limits.UnreachableWait = time.Millisecond
	c, g := newCentre(t, s), newGate(t)
	id := c.submit(g.waiting(2), nil)
	c.until("all tasks run", c.running(id, 2))
	c.must(c.cluster.StopMaster())
	c.must(c.cluster.LoseAgent("agent-1"))
	c.must(c.cluster.StartMaster())
	c.must(c.cluster.AddAgent(minimesos.AgentOptions{}))
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 2, infra: 2})
}

// TestLaunchLostWithMaster has the master take an ACCEPT and die before it does anything about it.
func TestLaunchLostWithMaster(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(2)), newGate(t)
	g.open(t)
	accepted := 0
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if m.Call != nil && m.Call.Type == scheduler.Call_ACCEPT && len(m.Call.Accept.Operations) > 0 && accepted < 2 {
			accepted++
			return minimesos.Drop
		}
		return minimesos.Deliver
	})
	id := c.submit(g.waiting(8), nil)
	c.wait("the launches are lost", func(minimesos.View) bool { return accepted == 2 })
	c.must(c.cluster.RestartMaster())
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 8, infra: 8})
}

// TestFrameworkRemovedAfterFailoverTimeout keeps the scheduler away until the master has given the framework up and
// ended its tasks. It comes back under another id and runs them again.
func TestFrameworkRemovedAfterFailoverTimeout(t *testing.T) {
	t.Parallel()
	s := faultSetup(2)
	s.driver.FailoverTimeout = time.Millisecond
	c, g := newCentre(t, s), newGate(t)
	id := c.submit("name: done\nsteps: {task: {run: \"true\", image: busybox, resources: {cpus: 1, mem: 32MiB}}}\n", nil)
	c.until("the first run ends", c.ended(id))
	id = c.submit(g.waiting(4), nil)
	c.until("all tasks run", c.running(id, 4))
	before := c.framework
	c.must(c.stop())
	c.wait("the framework and its tasks are gone", func(v minimesos.View) bool {
		return len(v.Frameworks()) == 0 && v.Containers() == 0
	})
	c.start()
	c.until("all tasks run again", c.runningAs(id, 4, 1))
	if c.framework == before || c.framework == "" {
		t.Errorf("the framework's id is %q, it was %q", c.framework, before)
	}
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 4, infra: 4})
}
