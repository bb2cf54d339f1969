package scheduler_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// TestCancel cancels a run of which some tasks run and others wait: those that run get the grace period to end in,
// no other is launched, not even of steps that always run, and the run ends as cancelled.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := faultSetup(2)
	s.config.Limits.KillGrace = time.Minute
	c := newCentre(t, s)
	cleaned := filepath.Join(t.TempDir(), "cleaned")
	id := c.submit(`
name: cancelled
defaults: {image: busybox, resources: {cpus: 1, mem: 32MiB}}
steps:
  task:
    array: 10
    max_parallel: 4
    run: |
      trap 'echo $SPILLWAY_INDEX >>`+cleaned+`; exit 1' TERM
      while true; do sleep 0.01; done
  after: {needs: [task], when: always, run: work}
`, nil)
	c.until("some tasks run", c.running(id, 4))
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if m.Kind == "LAUNCH" {
			t.Errorf("%s was launched after the cancellation", m.Task)
		}
		return minimesos.Deliver
	})
	c.mustCancel(id)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunCancelled, tasks: 4, cancelled: 4, failed: 4})
	c.wait("no process is left", func(v minimesos.View) bool { return v.Containers() == 0 })
	if text, err := os.ReadFile(cleaned); err != nil || len(text) != 8 {
		t.Errorf("tasks that had time to clean up: %q (%v), want four", text, err)
	}
	if _, err := c.cancel(id); !errors.Is(err, state.ErrFinal) {
		t.Errorf("cancelling again: %v, want ErrFinal", err)
	}
}

// TestCancelOfDeafTask cancels a task that does not heed TERM.
func TestCancelOfDeafTask(t *testing.T) {
	t.Parallel()
	s := faultSetup(1)
	s.config.Limits.KillGrace = 50 * time.Millisecond
	c := newCentre(t, s)
	id := c.submit(`
name: deaf
steps: {task: {image: busybox, resources: {cpus: 1, mem: 32MiB}, run: "trap '' TERM; while true; do sleep 0.01; done"}}
`, nil)
	c.until("the task runs", c.running(id, 1))
	c.mustCancel(id)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunCancelled, tasks: 1, cancelled: 1, failed: 1})
	c.wait("no process is left", func(v minimesos.View) bool { return v.Containers() == 0 })
}

// TestCancelWhileAgentIsUnreachable cancels a run whose agent is known to be unreachable: it does not wait for it.
// What runs there is killed when the agent is back.
func TestCancelWhileAgentIsUnreachable(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(1)), newGate(t)
	id := c.submit(g.waiting(2), nil)
	c.until("all tasks run", c.running(id, 2))
	c.must(c.cluster.StopAgent("agent-1"))
	c.must(c.cluster.ExpireAgent("agent-1"))
	c.until("all tasks are unreachable", func() bool {
		return c.count(id, func(a state.AttemptRecord) bool { return !a.Unreachable.IsZero() }) == 2
	})
	c.mustCancel(id)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunCancelled, tasks: 2, cancelled: 2, failed: 2})
	c.must(c.cluster.ResumeAgent("agent-1"))
	c.wait("no process is left", func(v minimesos.View) bool { return v.Running("agent-1") == 0 && v.Containers() == 0 })
	c.check(id, want{phase: state.RunCancelled, tasks: 2, cancelled: 2, failed: 2})
}

// TestCancelWhileAgentIsSilent does the same before anybody has noticed that the agent is away.
func TestCancelWhileAgentIsSilent(t *testing.T) {
	t.Parallel()
	s := faultSetup(1)
	s.config.Limits.CancelWait = 50 * time.Millisecond
	c, g := newCentre(t, s), newGate(t)
	id := c.submit(g.waiting(2), nil)
	c.until("all tasks run", c.running(id, 2))
	c.must(c.cluster.StopAgent("agent-1"))
	c.mustCancel(id)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunCancelled, tasks: 2, cancelled: 2, failed: 2})
	c.must(c.cluster.ExpireAgent("agent-1"))
	c.must(c.cluster.ResumeAgent("agent-1"))
	c.wait("no process is left", func(v minimesos.View) bool { return v.Running("agent-1") == 0 && v.Containers() == 0 })
	c.check(id, want{phase: state.RunCancelled, tasks: 2, cancelled: 2, failed: 2})
}

// TestCancelOfLostLaunch cancels tasks that the master believes to start, and of which their agent has never heard: no
// KILL is ever answered.
func TestCancelOfLostLaunch(t *testing.T) {
	t.Parallel()
	s := faultSetup(1)
	s.config.Limits.CancelWait = 50 * time.Millisecond
	c, g := newCentre(t, s), newGate(t)
	c.cluster.DropLaunches(2)
	id := c.submit(g.waiting(2), nil)
	c.wait("the master believes that they start", func(v minimesos.View) bool { return v.Tasks() == 2 })
	c.mustCancel(id)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunCancelled, tasks: 2, cancelled: 2, failed: 2})
}

// TestKillGetsLost loses the first KILL of each task.
func TestKillGetsLost(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(1)), newGate(t)
	id := c.submit(g.waiting(3), nil)
	c.until("all tasks run", c.running(id, 3))
	lost := map[string]bool{}
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if m.Kind == "KILL" && !lost[m.Task] {
			lost[m.Task] = true
			return minimesos.Drop
		}
		return minimesos.Deliver
	})
	c.mustCancel(id)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunCancelled, tasks: 3, cancelled: 3, failed: 3})
	c.wait("no process is left", func(v minimesos.View) bool { return v.Containers() == 0 })
}

// TestSchedulerRestartsWhileCancelling has the scheduler end just after a cancellation was acknowledged.
func TestSchedulerRestartsWhileCancelling(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(1)), newGate(t)
	id := c.submit(g.waiting(3), nil)
	c.until("all tasks run", c.running(id, 3))
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if m.Kind == "KILL" {
			return minimesos.Drop
		}
		return minimesos.Deliver
	})
	c.mustCancel(id)
	c.must(c.stop())
	c.cluster.SetTap(nil)
	c.start()
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunCancelled, tasks: 3, cancelled: 3, failed: 3})
	c.wait("no process is left", func(v minimesos.View) bool { return v.Containers() == 0 })
}
