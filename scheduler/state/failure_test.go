package state

import (
	"testing"
	"time"
)

// TestFailure: a step that failed is explained by the task that failed, not by one that succeeded when it was tried again.
func TestFailure(t *testing.T) {
	w := newWorld(t)
	id := w.submit("name: p\nsteps: {s: {image: b, run: x, array: 2, retries: {limit: 1, backoff: 1s}, resources: {cpus: 1, mem: 1MiB}}}\n")
	check := func(index, number int) {
		t.Helper()
		for _, when := range []string{"live", "restarted"} {
			got := w.s.Run(id).Step("s").Failure()
			if got == nil || got.ID.Index != index || got.ID.Number != number {
				t.Errorf("%s: the failure is %+v, want attempt %d of task %d", when, got, number, index)
			}
			w.restart()
		}
	}
	first := w.launch(2)
	w.fail(first[0].ID)
	check(0, 0)
	w.pass(time.Hour)
	w.fail(w.launch(1)[0].ID)
	check(0, 1)
	w.pass(time.Second)
	w.fail(first[1].ID) // later than what task 0 has failed by
	check(0, 1)
	w.pass(time.Hour)
	w.finish(w.launch(1)[0].ID)
	if ended, err := Inspect(w.runs[id], w.attemptsOf(id)); err != nil || ended.Step("s").Failure().ID != (AttemptID{Run: id, Step: "s", Number: 1}) {
		t.Errorf("the run has ended: the failure is %+v (%v)", ended.Step("s").Failure(), err)
	}

	if _, err := w.s.Retry(w.now, w.runs[id], w.attemptsOf(id)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	for _, when := range []string{"retried", "restarted"} {
		if got := w.s.Run(id).Step("s").Failure(); got != nil {
			t.Errorf("%s: what failed before stands beside what goes on: %+v", when, got)
		}
		w.restart()
	}
	w.pass(time.Second)
	w.fail(w.launch(1)[0].ID) // it is tried again, but what was before is over
	check(0, 2)
}
