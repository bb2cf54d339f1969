package scheduler_test

import (
	"context"
	"math/rand/v2"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// flaky is a DAG whose tasks with an odd index fail when they are run for the first time.
const flaky = `
name: flaky
defaults: {image: busybox, resources: {cpus: 0.5, mem: 32MiB}, retries: {limit: 1, backoff: 1ms}}
steps:
  first: {run: work, array: 20}
  second: {run: work, needs: [first], array: 20}
`

// flakySetup runs nothing but says what becomes of the tasks of flaky.
func flakySetup() setup {
	s := faultSetup(3)
	s.cluster.Runner = minimesos.Instant
	ran := map[state.AttemptID]bool{}
	s.cluster.Outcome = func(info mesos.TaskInfo) minimesos.Outcome {
		id, err := state.ParseAttemptID(info.TaskID.Value)
		id.Number = 0
		if err == nil && id.Index%2 == 1 && !ran[id] {
			ran[id] = true
			return minimesos.Outcome{State: mesos.TASK_FAILED, Message: "Command exited with status 1"}
		}
		return minimesos.Outcome{}
	}
	return s
}

// flakyWant is what becomes of flaky whatever happens to updates.
var flakyWant = want{phase: state.RunSucceeded, tasks: 40, author: 20}

// toFramework tells whether a message is an update on its way to the scheduler.
func toFramework(m minimesos.Message) bool {
	return m.Route == minimesos.EventToFramework && m.Status != nil
}

func TestEverythingComesTwice(t *testing.T) {
	t.Parallel()
	c := newCentre(t, flakySetup())
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if m.Status != nil || m.Kind == "ACKNOWLEDGE" || m.Kind == "KILL" || m.Kind == "RECONCILE" {
			return minimesos.Duplicate
		}
		return minimesos.Deliver
	})
	id := c.submit(flaky, nil)
	c.until("the run ends", c.ended(id))
	c.check(id, flakyWant)
}

// TestEverythingGetsLostOnce loses each update on its way to the scheduler the first time, and its acknowledgement the
// first time too.
func TestEverythingGetsLostOnce(t *testing.T) {
	t.Parallel()
	c := newCentre(t, flakySetup())
	seen := map[string]bool{}
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		id := ""
		switch {
		case toFramework(m):
			id = "update " + string(m.Status.UUID)
		case m.Route == minimesos.CallToMaster && m.Kind == "ACKNOWLEDGE":
			id = "acknowledgement " + string(m.Call.Acknowledge.UUID)
		default:
			return minimesos.Deliver
		}
		if seen[id] {
			return minimesos.Deliver
		}
		seen[id] = true
		return minimesos.Drop
	})
	id := c.submit(flaky, nil)
	c.until("the run ends", c.ended(id))
	c.check(id, flakyWant)
	c.wait("every end is acknowledged at last", func(v minimesos.View) bool { return v.Tasks() == 0 })
}

// TestUpdatesOutOfOrder makes every update come twice and lets all go in whatever order, some much later, so that
// older states come after newer ones, and after the end of the task.
func TestUpdatesOutOfOrder(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	c := newCentre(t, flakySetup())
	held, kept := 0, 0
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		switch {
		case m.Route == minimesos.AgentToMaster && m.Status != nil:
			return minimesos.Duplicate
		case toFramework(m):
			held++
			return minimesos.Hold
		}
		return minimesos.Deliver
	})
	// A second copy of RUNNING waits until the task's end is told.
	ran, ended, backwards := map[string]bool{}, map[string]bool{}, 0
	release := func() {
		messages := c.cluster.Held()
		var order []int
		for _, i := range rng.Perm(len(messages)) {
			task, status := messages[i].Task, messages[i].Status
			switch running := status.GetState() == mesos.TASK_RUNNING; {
			case len(status.UUID) == 0: // the answer to a reconciliation
			case running && ran[task] && !ended[task]:
				continue
			case running && ended[task]:
				backwards++
			case running:
				ran[task] = true
			default:
				ended[task] = true
			}
			order = append(order, i)
		}
		if len(order) > 0 { // none would be all
			c.cluster.Release(order...)
		}
		c.cluster.Look(func(minimesos.View) {
			held -= len(order)
			kept = len(messages) - len(order)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c.cluster.WaitFor(ctx, func(minimesos.View) bool { return held > kept }) == nil {
			release()
		}
	}()
	id := c.submit(flaky, nil)
	c.until("the run ends", c.ended(id))
	c.check(id, flakyWant)
	c.wait("every end is acknowledged", func(v minimesos.View) bool { return v.Tasks() == 0 })
	cancel()
	<-done
	if backwards == 0 {
		t.Error("no update came after the end of its task")
	}
	c.check(id, flakyWant)
}

// TestUpdateAfterEnd keeps the first update of each task until the run has ended.
func TestUpdateAfterEnd(t *testing.T) {
	t.Parallel()
	c := newCentre(t, flakySetup())
	kept := map[string]bool{}
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if toFramework(m) && len(m.Status.UUID) > 0 && !kept[m.Task] {
			kept[m.Task] = true
			return minimesos.Hold
		}
		return minimesos.Deliver
	})
	id := c.submit(flaky, nil)
	c.until("the run ends", c.ended(id))
	c.check(id, flakyWant)
	if n := len(c.cluster.Held()); n != 60 {
		t.Errorf("%d updates are still to come, want one of each attempt", n)
	}
	calls := 0
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		switch {
		case m.Route == minimesos.CallToMaster && m.Kind == "ACKNOWLEDGE":
			calls++
		case m.Kind == "LAUNCH":
			t.Errorf("%s was launched because of a late update", m.Task)
		}
		return minimesos.Deliver
	})
	c.cluster.Release()
	// Acknowledgements of the attempts' ends may still be on their way, and count as well.
	c.wait("all are acknowledged", func(minimesos.View) bool { return calls >= 60 })
	c.check(id, flakyWant)
}
