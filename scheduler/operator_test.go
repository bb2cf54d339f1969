package scheduler_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// operator makes a call of the master's operator API.
func (c *centre) operator(call string) {
	c.tb.Helper()
	resp, err := http.Post(c.cluster.URL()+"/api/v1", "application/json", strings.NewReader(call))
	c.must(err)
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		c.tb.Fatalf("%s: %s %s (%v)", call, resp.Status, text, err)
	}
}

// TestFrameworkTornDown has an operator remove the framework while it is subscribed: it comes back under another id
// and runs its tasks again.
func TestFrameworkTornDown(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(2)), newGate(t)
	id := c.submit(g.waiting(4), nil)
	c.until("all tasks run", c.running(id, 4))
	before := c.framework
	c.operator(fmt.Sprintf(`{"type": "TEARDOWN", "teardown": {"framework_id": {"value": %q}}}`, before))
	c.until("all tasks run again", c.runningAs(id, 4, 1))
	if c.framework == before || c.framework == "" {
		t.Errorf("the framework's id is %q, it was %q", c.framework, before)
	}
	g.open(t)
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 4, infra: 4})
	c.wait("nothing of the removed framework runs", func(v minimesos.View) bool { return v.Containers() == 0 })
}

// TestAgentTakenAway has an operator mark an agent gone, or drain it: what ran there runs elsewhere at once.
func TestAgentTakenAway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		call  string
		state state.TaskState
	}{
		"gone":             {`{"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": %q}}}`, state.TaskGoneByOperator},
		"drained":          {`{"type": "DRAIN_AGENT", "drain_agent": {"agent_id": {"value": %q}}}`, state.TaskKilled},
		"drained for ever": {`{"type": "DRAIN_AGENT", "drain_agent": {"agent_id": {"value": %q}, "mark_gone": true}}`, state.TaskGoneByOperator},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := faultSetup(2)
			s.config.Limits.AvoidFor = 0 // the agent must be avoided because it offers nothing
			c, g := newCentre(t, s), newGate(t)
			id := c.submit(g.waiting(1), nil)
			c.until("the task runs", c.running(id, 1))
			agent := c.agentOf(first(id))
			c.operator(fmt.Sprintf(tc.call, agent))
			c.until("the task runs again", c.runningAs(id, 1, 1))
			if other := c.agentOf(state.AttemptID{Run: id, Step: "task", Number: 1}); other == agent {
				t.Error("the task was launched on the same agent again")
			}
			g.open(t)
			c.until("the run ends", c.ended(id))
			c.check(id, want{phase: state.RunSucceeded, tasks: 1, infra: 1})
			if got := c.seen[first(id)].State; got != tc.state {
				t.Errorf("the first attempt ended as %s, want %s", got, tc.state)
			}
		})
	}
}

// TestMaintenance plans the maintenance of an agent: the scheduler agrees, leaves what runs there alone, and launches
// nothing there that may still run when it starts.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	s := faultSetup(0)
	s.cluster.Agents = []minimesos.AgentOptions{{Name: "stays", Hostname: "stays"}, {Name: "goes", Hostname: "goes"}}
	c, g := newCentre(t, s), newGate(t)
	running := c.submit(g.waiting(8), nil)
	c.until("both agents are full", c.running(running, 8))
	agreed := false
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		agreed = agreed || m.Kind == "ACCEPT_INVERSE_OFFERS"
		return minimesos.Deliver
	})
	start := time.Now().Add(time.Hour).UnixNano()
	c.operator(fmt.Sprintf(`{"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": {"schedule": {"windows": [
		{"machine_ids": [{"hostname": "goes", "ip": "127.0.0.1"}], "unavailability": {"start": {"nanoseconds": %d}}}]}}}`, start))
	c.wait("the scheduler agrees", func(minimesos.View) bool { return agreed })
	long := c.submit(`
name: long
steps: {task: {array: 20, run: "true", timeout: 2h, image: busybox, resources: {cpus: 1, mem: 32MiB}}}
`, nil)
	g.open(t)
	c.until("the run ends that was there first", c.ended(running))
	c.check(running, want{phase: state.RunSucceeded, tasks: 8})
	c.until("the run of long tasks ends", c.ended(long))
	c.check(long, want{phase: state.RunSucceeded, tasks: 20})
	for _, a := range c.seen {
		if a.ID.Run == long && a.Hostname != "stays" {
			t.Errorf("%s, which may run for two hours, was launched on %s, which goes in one", a.ID, a.Hostname)
		}
	}
}
