package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// failed makes a run with the key that has failed, and returns its submission.
func (g *rig) failed(key string) *Submit {
	g.t.Helper()
	sub := g.submission(1, 1)
	sub.Key = key
	g.step(sub)
	g.offer("o-"+string(sub.ID), 8)
	g.update(string(sub.ID)+".s.0.0", state.TaskFinished)
	if g.r.Run(sub.ID) != nil {
		g.t.Fatalf("run %s has not ended", sub.ID)
	}
	return sub
}

func (g *rig) forget(id state.RunID) (answer *error, in *Forget) {
	answer = new(error)
	*answer = errors.New("no answer")
	return answer, &Forget{ID: id, Done: func(err error) { *answer = err }}
}

func TestForgetCommand(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(1, 1))
	answer, in := g.forget("run1")
	if g.step(in); !errors.Is(*answer, state.ErrNotFinal) {
		t.Errorf("forgetting a run that lives: %v", *answer)
	}
	if answer, in = g.forget("no-such-run"); true {
		if g.step(in); !errors.Is(*answer, store.ErrNotFound) {
			t.Errorf("forgetting no run: %v", *answer)
		}
	}
	ended := g.failed("")
	answer, in = g.forget(ended.ID)
	twice, again := g.forget(ended.ID)
	if g.step(in, again); *answer != nil || !errors.Is(*twice, store.ErrNotFound) {
		t.Errorf("forgetting a run twice in one batch: %v, %v", *answer, *twice)
	}
	if _, err := g.store.Record(t.Context(), ended.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the store has the run: %v", err)
	}
}

// TestForgottenKeyIsFree sends a submission again in the batch that forgets its run: it is a new run.
func TestForgottenKeyIsFree(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	old := g.failed("nightly")
	_, forget := g.forget(old.ID)
	var got Submitted
	next := *old
	next.ID, next.Done = "next", func(s Submitted, err error) {
		if err != nil {
			t.Error(err)
		}
		got = s
	}
	g.step(forget, &next)
	g.step()
	if got.Run.ID != "next" || got.Existing {
		t.Errorf("the answer is run %q, existing %v", got.Run.ID, got.Existing)
	}
}

// TestForgottenIsNotRetried retries and cancels a run in the batch that forgets it.
func TestForgottenIsNotRetried(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	id := g.failed("").ID
	_, forget := g.forget(id)
	for range 2 { // in the same batch, and afterwards
		var retried, cancelled error
		g.step(forget,
			&Retry{ID: id, Done: func(_ state.RunRecord, err error) { retried = err }},
			&Cancel{ID: id, Done: func(_ state.RunRecord, err error) { cancelled = err }})
		if !errors.Is(retried, store.ErrNotFound) || !errors.Is(cancelled, store.ErrNotFound) {
			t.Errorf("retry: %v, cancel: %v; want ErrNotFound", retried, cancelled)
		}
	}
}

// TestRetention lets runs grow old: those are forgotten, batch by batch, and others are not.
func TestRetention(t *testing.T) {
	g := newRig(t)
	g.r.cfg.KeepRuns = time.Hour
	g.subscribe()
	var old []state.RunID
	for range retainBatch + 5 {
		old = append(old, g.failed("").ID)
	}
	g.pass(30 * time.Minute)
	young := g.failed("").ID
	left := func() int {
		return len(slices.DeleteFunc(slices.Clone(old), func(id state.RunID) bool {
			_, err := g.store.Record(t.Context(), id)
			return errors.Is(err, store.ErrNotFound)
		}))
	}
	g.step()
	if n := left(); n != len(old) {
		t.Fatalf("%d of %d runs are left before their time", n, len(old))
	}
	for _, c := range []struct {
		pass time.Duration
		want int
		next time.Duration
	}{
		{31 * time.Minute, 5, retainPause}, {retainPause, 0, retainEvery},
	} {
		g.pass(c.pass)
		g.step()
		if n := left(); n != c.want {
			t.Errorf("%d runs are left, want %d", n, c.want)
		}
		if at, any := g.r.Next(); !any || at.After(g.now.Add(c.next)) {
			t.Errorf("next step at %s, want one within %s of %s", at, c.next, g.now)
		}
	}
	if _, err := g.store.Record(t.Context(), young); err != nil {
		t.Errorf("the young run: %v", err)
	}
}

// TestPipelineCommands puts and deletes a pipeline, and submits a run of it twice with a key, the second time after a
// newer version came.
func TestPipelineCommands(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	var answers []string
	put := func(text string) *PutPipeline {
		return &PutPipeline{Project: "lpf", Name: "noise", Spec: text, By: "anna", Done: func(p state.PipelineRecord, created bool, err error) {
			answers = append(answers, fmt.Sprint(p.Version, created, err))
		}}
	}
	remove := &DeletePipeline{Project: "lpf", Name: "noise", Done: func(err error) {
		answers = append(answers, fmt.Sprint(errors.Is(err, store.ErrNotFound)))
	}}
	g.step(put("a"), put("a"), put("b"))
	g.boot()
	g.step(remove, remove, put("b"))
	want := []string{"1 true <nil>", "1 false <nil>", "2 false <nil>", "false", "true", "4 true <nil>"}
	if !slices.Equal(answers, want) {
		t.Errorf("answers %v, want %v", answers, want)
	}
	g.boot()
	if p, known := g.r.State().Pipeline("lpf", "noise"); !known || p.Version != 4 || p.Spec != "b" {
		t.Errorf("after a restart: %+v, %v", p, known)
	}
}

// TestKeyOfStoredPipeline: a run of a stored pipeline is asked for by name, so a newer version is no other submission.
func TestKeyOfStoredPipeline(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	first := g.submission(1, 1)
	first.Key, first.PipelineVersion, first.By = "nightly", 1, "anna"
	g.step(first)
	var got []string
	again := func(version int) {
		next := g.submission(2, 1) // another text
		next.Key, next.PipelineVersion = "nightly", version
		next.Done = func(s Submitted, err error) {
			got = append(got, fmt.Sprint(s.Run.ID, s.Existing, errors.Is(err, ErrKeyReused)))
		}
		g.step(next)
	}
	again(2)
	again(0)
	if want := []string{"run1true false", "false true"}; !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
	if rec := g.r.Run("run1").Record(); rec.SubmittedBy != "anna" || rec.PipelineVersion != 1 {
		t.Errorf("record %+v", rec)
	}
}

// TestRetryReadBefore retries with what was read of the run before the loop; what has changed since is read again.
func TestRetryReadBefore(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(1, 1))
	g.offer("o1", 8)
	g.update("run1.s.0.0", state.TaskRunning)
	g.step(&Cancel{ID: "run1", Done: func(state.RunRecord, error) {}})
	g.update("run1.s.0.0", state.TaskKilled)

	counted := &countingStore{Store: g.store}
	g.r.store = counted
	retry := func() (*Retry, *error) {
		err := new(error)
		c := &Retry{ID: "run1", Done: func(_ state.RunRecord, e error) { *err = e }}
		c.prepare(t.Context(), g.store)
		return c, err
	}
	prepared, err := retry()
	stale, staleErr := retry()
	if g.step(prepared); *err != nil || counted.runs != 0 {
		t.Fatalf("error %v, the loop read the attempts %d times", *err, counted.runs)
	}
	g.step(&Cancel{ID: "run1", Done: func(state.RunRecord, error) {}})
	if g.step(stale); *staleErr != nil || counted.runs != 1 || g.r.Run("run1").Record().Generation != 2 {
		t.Errorf("error %v, the loop read the attempts %d times", *staleErr, counted.runs)
	}
}

// countingStore counts how often a run is read with its attempts.
type countingStore struct {
	store.Store
	runs int
}

func (s *countingStore) Run(ctx context.Context, id state.RunID) (state.RunRecord, []state.AttemptRecord, error) {
	s.runs++
	return s.Store.Run(ctx, id)
}
