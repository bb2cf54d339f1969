package scheduler_test

import (
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// loseAgents runs one task that its author does not want retried, takes the agent away under it n times, and lets it
// finish then.
func loseAgents(t *testing.T, n int) (*centre, state.RunID) {
	s := impatient(faultSetup(1))
	c, g := newCentre(t, s), newGate(t)
	id := c.submit(`
name: unlucky
steps:
  task:
    image: busybox
    resources: {cpus: 1, mem: 32MiB}
    retries: {limit: 0}
    run: until test -e `+string(g)+`; do sleep 0.01; done
`, nil)
	for i := range n {
		c.until("the task runs", c.runningAs(id, 1, i))
		agent := c.agentOf(state.AttemptID{Run: id, Step: "task", Number: i})
		c.must(c.cluster.LoseAgent(agent))
		c.must(c.cluster.ExpireAgent(agent))
		c.must(c.cluster.AddAgent(minimesos.AgentOptions{}))
	}
	g.open(t)
	c.until("the run ends", c.ended(id))
	return c, id
}

func TestTwentyAgentLosses(t *testing.T) {
	t.Parallel()
	c, id := loseAgents(t, 20)
	c.check(id, want{phase: state.RunSucceeded, tasks: 1, infra: 20})
}

func TestTwentyOneAgentLosses(t *testing.T) {
	t.Parallel()
	c, id := loseAgents(t, 21)
	c.check(id, want{phase: state.RunFailed, tasks: 1, infra: 21, failed: 1})
	last := c.seen[state.AttemptID{Run: id, Step: "task", Number: 20}]
	if !strings.Contains(last.Message, "given up after 21 failures of the infrastructure") {
		t.Errorf("the last attempt says %q", last.Message)
	}
}

// TestLossesDoNotUseUpRetries mixes both sides' failures: the task fails twice by itself, as its author allows, and
// its agent is lost three times.
func TestLossesDoNotUseUpRetries(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, impatient(faultSetup(1))), newGate(t)
	id := c.submit(`
name: mixed
steps:
  task:
    image: busybox
    resources: {cpus: 1, mem: 32MiB}
    retries: {limit: 2, backoff: 1ms}
    run: |
      case $SPILLWAY_ATTEMPT in 1|3) exit 7;; 5) exit 0;; esac
      until test -e `+string(g)+`; do sleep 0.01; done
`, nil)
	for _, number := range []int{0, 2, 4} {
		c.until("the task runs", c.runningAs(id, 1, number))
		agent := c.agentOf(state.AttemptID{Run: id, Step: "task", Number: number})
		c.must(c.cluster.LoseAgent(agent))
		c.must(c.cluster.ExpireAgent(agent))
		c.must(c.cluster.AddAgent(minimesos.AgentOptions{}))
	}
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 1, infra: 3, author: 2})
}
