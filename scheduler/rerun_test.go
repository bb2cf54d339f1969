package scheduler_test

import (
	"errors"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// TestRetryOfRun retries a run of which half a step has failed: only that half and what needs it run again.
func TestRetryOfRun(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(2)), newGate(t)
	id := c.submit(`
name: halves
defaults: {image: busybox, resources: {cpus: 1, mem: 32MiB}}
steps:
  before: {run: "true", array: 3}
  half: {needs: [before], array: 4, run: test $(($SPILLWAY_INDEX % 2)) -eq 0 || test -e `+string(g)+`}
  after: {needs: [half], run: "true", array: 2}
`, nil)
	if _, err := c.retry(id); !errors.Is(err, state.ErrNotRetryable) {
		t.Errorf("retrying a run that has not ended: %v", err)
	}
	c.until("the run ends", c.ended(id))
	c.check(id, want{phase: state.RunFailed, tasks: 7, author: 2, failed: 2})

	if _, err := c.retry(id); err != nil {
		t.Fatal(err)
	}
	c.until("it has failed once more", func() bool { return c.ended(id)() && c.done[id].Generation == 1 })
	c.check(id, want{phase: state.RunFailed, tasks: 7, author: 4, failed: 2})

	g.open(t)
	if _, err := c.retry(id); err != nil {
		t.Fatal(err)
	}
	c.until("the run ends", func() bool { return c.ended(id)() && c.done[id].Generation == 2 })
	c.check(id, want{phase: state.RunSucceeded, tasks: 9, author: 4})
	for a := range c.seen {
		if again := a.Step == "half" && a.Index%2 == 1; a.Number > 0 && !again {
			t.Errorf("%s had no reason to run again", a)
		}
	}
	if _, err := c.retry(id); !errors.Is(err, state.ErrNotRetryable) {
		t.Errorf("retrying a run that has succeeded: %v", err)
	}
}

// TestSubmissionSentTwice sends a submission again with its key: while the run goes on, when it has ended, and to a
// scheduler that was started since.
func TestSubmissionSentTwice(t *testing.T) {
	t.Parallel()
	c, g := newCentre(t, faultSetup(1)), newGate(t)
	text := g.waiting(1)
	first, err := c.submitKey(text, nil, "key")
	if err != nil || first.Existing {
		t.Fatalf("%+v, %v", first, err)
	}
	again := func(when string) {
		t.Helper()
		second, err := c.submitKey(text, nil, "key")
		if err != nil || !second.Existing || second.Run.ID != first.Run.ID {
			t.Errorf("%s, the same submission gives run %q (existing: %v), %v", when, second.Run.ID, second.Existing, err)
		}
		if _, err := c.submitKey(text+"# other\n", nil, "key"); !errors.Is(err, scheduler.ErrKeyReused) {
			t.Errorf("%s, another spec with the same key: %v, want ErrKeyReused", when, err)
		}
		if _, err := c.submitKey(text, map[string]string{}, "other key"); err != nil {
			t.Errorf("%s, the same spec with another key: %v", when, err)
		}
	}
	c.until("it runs", c.running(first.Run.ID, 1))
	again("while it runs")
	c.must(c.stop())
	c.start()
	again("after a restart")
	g.open(t)
	c.until("the run ends", c.ended(first.Run.ID))
	again("when it has ended")
	c.must(c.stop())
	c.start()
	again("after another restart")
	c.check(first.Run.ID, want{phase: state.RunSucceeded, tasks: 1})
}
