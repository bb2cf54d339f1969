package scheduler_test

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// slow is a task that never ends by itself.
const slow = `
name: slow
steps:
  task:
    image: busybox
    resources: {cpus: 1, mem: 32MiB}
    run: while true; do sleep 0.01; done
    timeout: 50ms
    retries: {limit: 1, backoff: 1ms}
`

// TestTimeoutByAgent leaves it to the agent to end a task that runs for too long.
func TestTimeoutByAgent(t *testing.T) {
	t.Parallel()
	c := newCentre(t, faultSetup(1))
	testTimeoutOf(t, c, state.ReasonMaxCompletionTimeReached)
}

// TestTimeoutByScheduler has an agent that does not heed max_completion_time.
func TestTimeoutByScheduler(t *testing.T) {
	t.Parallel()
	s := faultSetup(1)
	s.cluster.Runner = minimesos.Instant
	s.cluster.Outcome = func(mesos.TaskInfo) minimesos.Outcome { return minimesos.Outcome{State: mesos.TASK_RUNNING} }
	s.config.Limits.TimeoutSlack = 20 * time.Millisecond
	testTimeoutOf(t, newCentre(t, s), "")
}

// testTimeoutOf runs a task that takes too long, twice: its author has one retry.
func testTimeoutOf(t *testing.T, c *centre, reason state.Reason) {
	id := c.submit(slow, nil)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunFailed, tasks: 1, author: 2, failed: 1})
	a := c.seen[first(id)]
	if a.Message != "ran longer than its timeout of 50ms" || a.Reason != reason {
		t.Errorf("the first attempt ended with %s %q", a.Reason, a.Message)
	}
	c.wait("no process is left", func(v minimesos.View) bool { return v.Containers() == 0 && v.Tasks() == 0 })
}

// TestTimeoutWhileAgentIsAway has a task's time run out while its agent cannot be reached; the agent ends it by itself.
func TestTimeoutWhileAgentIsAway(t *testing.T) {
	t.Parallel()
	s := faultSetup(1)
	s.config.Limits.TimeoutSlack = time.Millisecond
	c := newCentre(t, s)
	id := c.submit(`
name: slow
steps: {task: {image: busybox, resources: {cpus: 1, mem: 32MiB}, run: sleep 1000, timeout: 500ms}}
`, nil)
	c.until("the task runs", c.running(id, 1))
	c.must(c.cluster.StopAgent("agent-1"))
	c.must(c.cluster.ExpireAgent("agent-1"))
	c.until("the scheduler asks for its end", func() bool { return c.seen[first(id)].Kill == state.KillTimeout })
	c.wait("the agent has ended it", func(v minimesos.View) bool { return v.Containers() == 0 })
	c.must(c.cluster.ResumeAgent("agent-1"))
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunFailed, tasks: 1, author: 1, failed: 1})
}
