package scheduler

import (
	"fmt"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// TestHistory: after a restart run times are known of the latest finished runs of each pipeline, of all their steps.
func TestHistory(t *testing.T) {
	st, begun := store.NewMemory(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sequence := int64(0)
	finish := func(name string, phase state.RunPhase, ran time.Duration, tasks int) {
		t.Helper()
		sequence++
		id := state.RunID(fmt.Sprintf("run%d", sequence))
		c := &state.Changes{Runs: []state.RunRecord{{
			ID: id, Sequence: sequence, Name: name, Project: "p", Submitted: begun, Phase: phase, Ended: begun.Add(ran),
		}}}
		for _, step := range []string{"first", "second"} {
			for i := range tasks {
				c.Attempts = append(c.Attempts, state.AttemptRecord{
					ID: state.AttemptID{Run: id, Step: step, Index: i}, State: state.TaskFinished, Outcome: state.Succeeded, Started: begun, Ended: begun.Add(ran),
				})
			}
		}
		if err := st.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	finish("daily", state.RunSucceeded, 100*time.Hour, 30) // before the two that count
	finish("daily", state.RunFailed, time.Hour, 30)
	finish("daily", state.RunSucceeded, time.Hour, 3)
	finish("hourly", state.RunSucceeded, time.Minute, 1)
	finish("cancelled", state.RunCancelled, time.Minute, 1)
	learnt, err := readHistory(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	g := newRig(t)
	g.step(learnt)
	for _, c := range []struct {
		name string
		want time.Duration
	}{{"daily", time.Hour}, {"hourly", time.Minute}, {"cancelled", 0}} {
		g.submitText(fmt.Sprintf("name: %s\nproject: p\nsteps: {first: {image: b, run: x}, second: {image: b, run: x}}\n", c.name))
		for _, step := range g.r.Run(state.RunID(fmt.Sprintf("run%d", g.runs))).Steps() {
			if got := g.r.State().Usual(step); got != c.want {
				t.Errorf("step %s of %s usually runs %s, want %s", step.Spec().Name, c.name, got, c.want)
			}
		}
	}
}
