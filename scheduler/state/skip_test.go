package state

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSkippedTasks: the tasks of a skipped step do not count as waiting, neither while the run goes on nor afterwards.
func TestSkippedTasks(t *testing.T) {
	w := newWorld(t)
	id := w.submit("name: p\ndefaults: {image: b, run: x, resources: {cpus: 1, mem: 1MiB}}\n" +
		"steps: {bad: {}, long: {}, next: {array: 3, needs: [bad]}}\n")
	w.fail(w.launch(2)[0].ID)
	check := func(when string, run *Run) {
		t.Helper()
		st := run.Step("next")
		if diff := cmp.Diff(Counts{Skipped: 3}, st.Counts()); diff != "" || st.Task(w.now, 2).Phase != TaskSkipped {
			t.Errorf("%s: task 2 is %s, counts (-want +got):\n%s", when, st.Task(w.now, 2).Phase, diff)
		}
	}
	check("live", w.s.Run(id))
	if all := w.s.CountTasks(); all.Pending != 0 || all.Skipped != 3 {
		t.Errorf("of all runs: %+v", all)
	}
	w.s.Check()
	w.restart()
	check("restarted", w.s.Run(id))
	w.finish(AttemptID{Run: id, Step: "long"})
	ended, err := Inspect(w.runs[id], w.attemptsOf(id))
	if err != nil {
		t.Fatal(err)
	}
	check("ended", ended)
}
