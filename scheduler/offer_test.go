package scheduler_test

import (
	"testing"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// launches tells whether a message is an ACCEPT that launches something.
func launches(m minimesos.Message) bool {
	return m.Call != nil && m.Call.Type == scheduler.Call_ACCEPT && len(m.Call.Accept.Operations) > 0
}

// TestOfferRescindedUnderLaunch has the master take an offer back when its ACCEPT is on the way.
func TestOfferRescindedUnderLaunch(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(1)), newGate(t)
	g.open(t)
	held := false
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if launches(m) && !held {
			held = true
			return minimesos.Hold
		}
		return minimesos.Deliver
	})
	id := c.submit(g.waiting(2), nil)
	c.wait("the launch is on its way", func(minimesos.View) bool { return held })
	if n := c.cluster.RescindOffers(); n == 0 {
		t.Error("there was no offer to take back")
	}
	c.cluster.Release()
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 2, infra: 2})
	for _, a := range c.seen {
		if a.ID.Number == 0 && a.State != state.TaskDropped {
			t.Errorf("%s ended as %s, want TASK_DROPPED", a.ID, a.State)
		}
	}
}

// TestLaunchDropped loses launches between the master, for which the tasks are about to start, and their agent. It
// comes to light when the agent registers again.
func TestLaunchDropped(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(1)), newGate(t)
	g.open(t)
	c.cluster.DropLaunches(2)
	id := c.submit(g.waiting(4), nil)
	c.until("those that were not lost have ended", func() bool {
		return c.count(id, func(a state.AttemptRecord) bool { return a.Outcome == state.Succeeded }) == 2
	})
	c.must(c.cluster.KillAgent("agent-1"))
	c.must(c.cluster.RestartAgent("agent-1"))
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 4, infra: 2})
}
