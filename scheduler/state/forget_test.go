package state

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForget(t *testing.T) {
	w := newWorld(t)
	id := w.submit("name: p\nsteps: {s: {image: b, run: x, resources: {cpus: 1, mem: 1MiB}}}\n")
	if err := w.s.Forget(id); !errors.Is(err, ErrNotFinal) {
		t.Errorf("forgetting a run that lives: %v", err)
	}
	a := w.launch(1)[0].ID
	w.s.Update(w.now, Status{TaskID: a.String(), State: TaskFinished, Source: SourceExecutor})
	if err := w.s.Forget(id); !errors.Is(err, ErrNotFinal) {
		t.Errorf("forgetting a run that has ended in the same batch: %v", err)
	}
	w.settle()
	if err := w.s.Forget(id); err != nil || !w.s.JustForgotten(id) {
		t.Errorf("forgetting a run that has ended: %v", err)
	}
	if diff := cmp.Diff(&Changes{Forgotten: []RunID{id}}, w.s.TakeChanges()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if w.s.JustForgotten(id) || !w.s.TakeChanges().Empty() {
		t.Error("the run is forgotten twice")
	}
}

// TestBrokenRetryLeavesNothing retries a run whose record does not fit its attempts.
func TestBrokenRetryLeavesNothing(t *testing.T) {
	w := newWorld(t)
	id := w.submit("name: p\nsteps: {s: {image: b, run: x, resources: {cpus: 1, mem: 1MiB}}}\n")
	w.fail(w.launch(1)[0].ID)
	rec, attempts := w.runs[id], w.attemptsOf(id)
	rec.Key = "nightly"
	stray := attempts[0]
	stray.ID.Step = "z"
	before := w.s.Dump()
	for name, list := range map[string][]AttemptRecord{
		"of no step": {attempts[0], stray},
		"of no task": {attempts[0], {ID: AttemptID{Run: id, Step: "s", Index: 1}}},
		"of task -1": {{ID: AttemptID{Run: id, Step: "s", Index: -1}}, attempts[0]},
	} {
		if _, err := w.s.Retry(w.now, rec, list); err == nil || !strings.Contains(err.Error(), "no task for") {
			t.Errorf("%s: error %v", name, err)
		}
		if w.s.Run(id) != nil || w.s.RunByKey(rec.Project, "nightly") != nil || len(w.s.Waiting()) > 0 || !w.s.TakeChanges().Empty() {
			t.Errorf("%s: something of the run is left", name)
		}
	}
	if diff := cmp.Diff(before, w.s.Dump()); diff != "" {
		t.Errorf("the state has changed (-before +after):\n%s", diff)
	}
	if _, err := w.s.Retry(w.now, rec, attempts); err != nil || w.s.Run(id) == nil {
		t.Errorf("retrying it as it was: %v", err)
	}
}
