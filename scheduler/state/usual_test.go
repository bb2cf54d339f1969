package state

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// TestEstimate: a mean is between the least and the greatest of what it comes from, and follows what changes.
func TestEstimate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(1, int64(100*time.Hour)), 1, 100).Draw(t, "times")
		var e estimate
		least, most := time.Duration(times[0]), time.Duration(times[0])
		for _, x := range times {
			e = e.plus(time.Duration(x))
			least, most = min(least, time.Duration(x)), max(most, time.Duration(x))
		}
		if e.mean < least || e.mean > most || e.n > memory {
			t.Fatalf("%+v of times from %s to %s", e, least, most)
		}
	})
	var e estimate
	for range 100 {
		e = e.plus(time.Hour)
	}
	for range 100 {
		e = e.plus(time.Minute)
	}
	if e.mean > 2*time.Minute {
		t.Errorf("a hundred tasks of a minute are said to take %s", e.mean)
	}
}

// TestUsual: what a run's own tasks tell counts for more the more of them there are.
func TestUsual(t *testing.T) {
	s := New(DefaultConfig())
	step := s.newRun(RunRecord{ID: "r", Project: "p", Name: "n"}, &spec.Pipeline{Steps: []spec.Step{{Name: "s", Tasks: 1}}}).steps[0]
	if got := s.Usual(step); got != 0 {
		t.Errorf("before anything is known: %s", got)
	}
	begun := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	attempt := func(ran time.Duration, outcome Outcome) AttemptRecord {
		return AttemptRecord{ID: AttemptID{Run: "before", Step: "s"}, Outcome: outcome, Started: begun, Ended: begun.Add(ran)}
	}
	s.Learn("p", "n", []AttemptRecord{
		attempt(time.Hour, Succeeded), attempt(time.Hour, Succeeded), attempt(time.Hour, Succeeded), attempt(time.Hour, Succeeded),
		attempt(time.Second, AuthorFailed), attempt(0, Succeeded), {ID: AttemptID{Step: "s"}, Outcome: Succeeded, Ended: begun},
	})
	s.Learn("p", "other", []AttemptRecord{attempt(time.Minute, Succeeded)})
	if got := s.Usual(step); got != time.Hour {
		t.Errorf("as in the run before: %s", got)
	}
	step.ran = step.ran.plus(2 * time.Hour)
	if got := s.Usual(step); got != 75*time.Minute {
		t.Errorf("with one of its own: %s", got)
	}
	for range memory {
		step.ran = step.ran.plus(2 * time.Hour)
	}
	if got := s.Usual(step); got < 110*time.Minute {
		t.Errorf("with many of its own: %s", got)
	}
}

// TestRunTimesAreBounded: of very many kinds of work those are forgotten that were not met for long.
func TestRunTimesAreBounded(t *testing.T) {
	r := newRunTimes()
	often := work{"p", "n", "often"}
	for i := range 5 * maxWork {
		r.add(work{"p", "n", fmt.Sprint(i)}, time.Second)
		if i%1000 == 0 {
			r.add(often, time.Minute)
		}
		if n := len(r.recent) + len(r.older); n > 2*maxWork+1 {
			t.Fatalf("%d kinds of work", n)
		}
	}
	if got := r.of(often); got.n != memory || got.mean != time.Minute {
		t.Errorf("what is met often: %+v", got)
	}
	if got := r.of(work{"p", "n", "0"}); got.n != 0 {
		t.Errorf("what was met once, long ago: %+v", got)
	}
}
