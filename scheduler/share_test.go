package scheduler_test

import (
	"context"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// handover is how long another framework may wait for what a scheduler that has nothing to run does not need.
const handover = 5 * time.Second

// suppression notes in a tap whether the scheduler has last asked for offers, or for none.
type suppression struct{ suppressed bool }

func (s *suppression) tap(m minimesos.Message) minimesos.Verdict {
	if m.Route == minimesos.CallToMaster && (m.Kind == "SUPPRESS" || m.Kind == "REVIVE") {
		s.suppressed = m.Kind == "SUPPRESS"
	}
	return minimesos.Deliver
}

// idle checks that the scheduler has asked for no more offers and holds none.
func (c *centre) idle(s *suppression) {
	c.tb.Helper()
	c.wait("the scheduler has asked for no more offers and holds none", func(v minimesos.View) bool {
		return s.suppressed && v.Offers(c.framework) == 0
	})
}

func TestIdleSchedulerHoldsNothing(t *testing.T) {
	t.Parallel()
	c := newCentre(t, faultSetup(3))
	s := &suppression{}
	c.cluster.SetTap(s.tap)
	c.must(c.cluster.RestartMaster()) // so that the tap has seen the subscription
	c.until("the scheduler is subscribed", func() bool { return c.framework != "" })
	c.idle(s)
	ctx, cancel := context.WithTimeout(t.Context(), handover)
	defer cancel()
	if err := subscribeGreedy(t, c.cluster.URL()).until(ctx, 12); err != nil {
		t.Error(err)
	}
	c.idle(s)
}

// TestOtherFrameworkGetsAll has a second framework wait for what a run uses; it must be offered all of it soon after
// the queue has become empty. It keeps that, and gives it back only by its own end: then the next run gets it.
func TestOtherFrameworkGetsAll(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(3)), newGate(t)
	s := &suppression{}
	c.cluster.SetTap(s.tap)
	id := c.submit(g.waiting(20), nil)
	c.until("the cluster is full", c.running(id, 12))
	other := subscribeGreedy(t, c.cluster.URL())
	g.open(t)
	c.until("the run ends", c.ended(id))
	ctx, cancel := context.WithTimeout(t.Context(), handover)
	defer cancel()
	if err := other.until(ctx, 12); err != nil {
		t.Fatal(err)
	}
	c.idle(s)

	id = c.submit(g.waiting(4), nil)
	c.wait("the scheduler asks for offers", func(minimesos.View) bool { return !s.suppressed })
	if n := c.count(id, func(state.AttemptRecord) bool { return true }); n > 0 {
		t.Errorf("%d launches on resources of which another framework holds the offers", n)
	}
	other.close()
	c.until("the second run ends", c.ended(id))
	c.check(id, want{phase: state.RunSucceeded, tasks: 4})
	c.idle(s)
}

// TestWaitingTasksHoldNothing has tasks wait for something else than resources, or for more than any agent has: the
// other framework gets what they cannot use.
func TestWaitingTasksHoldNothing(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]struct {
		spec string
		runs int // how many of its tasks run meanwhile, one CPU each
	}{
		"for one another":     {"{array: 5, max_parallel: 1, run: sleep 1000, resources: {cpus: 1, mem: 32MiB}}", 1},
		"for a larger agent":  {"{array: 5, run: work, resources: {cpus: 64, mem: 32MiB}}", 0},
		"for their next turn": {"{run: exit 1, retries: {limit: 1, backoff: 1h}, resources: {cpus: 1, mem: 32MiB}}", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCentre(t, faultSetup(3))
			id := c.submit("name: waiting\ndefaults: {image: busybox}\nsteps: {task: "+rest.spec+"}\n", nil)
			c.until("what may run runs", c.running(id, rest.runs))
			ctx, cancel := context.WithTimeout(t.Context(), handover)
			defer cancel()
			if err := subscribeGreedy(t, c.cluster.URL()).until(ctx, float64(12-rest.runs)); err != nil {
				t.Error(err)
			}
		})
	}
}
