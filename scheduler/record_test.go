package scheduler_test

import (
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// want is what the store shall hold of a run that has ended.
type want struct {
	phase state.RunPhase
	tasks int
	// infra and author are how many attempts failed by whose fault, all tasks together.
	infra, author int
	cancelled     int
	failed        int // tasks that did not succeed for good
}

// check reads a run from the store. Whatever happened, each task has at most one success, which is its last
// attempt, and its attempts are numbered without a gap.
func (c *centre) check(id state.RunID, w want) {
	c.tb.Helper()
	rec, attempts, err := c.store.Run(c.tb.Context(), id)
	if err != nil {
		c.tb.Fatal(err)
	}
	if rec.Phase != w.phase {
		c.tb.Errorf("the run %s, it should have %s", rec.Phase, w.phase)
	}
	got := want{phase: rec.Phase}
	for i, a := range attempts {
		last := i == len(attempts)-1 || attempts[i+1].ID.Step != a.ID.Step || attempts[i+1].ID.Index != a.ID.Index
		isFirst := i == 0 || attempts[i-1].ID.Step != a.ID.Step || attempts[i-1].ID.Index != a.ID.Index
		checkAttempt(c.tb, attempts, i, isFirst, last)
		switch a.Outcome {
		case state.InfraFailed:
			got.infra++
		case state.AuthorFailed:
			got.author++
		case state.Cancelled:
			got.cancelled++
		}
		if last {
			got.tasks++
		}
		if last && a.Outcome != state.Succeeded {
			got.failed++
		}
	}
	if got != w {
		c.tb.Errorf("the store holds %+v, want %+v", got, w)
		for _, a := range attempts {
			c.tb.Logf("%s: %s %s %s %q: %s", a.ID, a.State, a.Reason, a.Source, a.Message, a.Outcome)
		}
	}
}

func checkAttempt(tb testing.TB, attempts []state.AttemptRecord, i int, isFirst, last bool) {
	tb.Helper()
	a := attempts[i]
	number := 0
	if !isFirst {
		number = attempts[i-1].ID.Number + 1
	}
	switch {
	case a.ID.Number != number:
		tb.Errorf("attempt %s comes after number %d", a.ID, number-1)
	case a.Outcome == "":
		tb.Errorf("attempt %s has not ended", a.ID)
	case a.Outcome == state.Succeeded && !last:
		tb.Errorf("%s succeeded and was attempted again", a.ID)
	case !last && a.Ended.After(attempts[i+1].Launched):
		tb.Errorf("%s was launched before %s was declared ended", attempts[i+1].ID, a.ID)
	}
}
