package storetest

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

func testPages(t *testing.T, b *bench) {
	var newest runs
	for _, sequence := range []int64{1, 2, 5, 9, 10} {
		run := newRun(sequence)
		if sequence%2 == 0 {
			run.Phase = state.RunSucceeded
		}
		b.commit(&state.Changes{Runs: runs{run}})
		newest = slices.Insert(newest, 0, run)
	}
	b.again(func() {
		for _, c := range []struct {
			before int64
			limit  int
			want   runs
		}{
			{0, 10, newest}, {0, 5, newest}, {0, 2, newest[:2]}, {9, 2, newest[2:4]}, {2, 2, newest[4:]},
			{7, 1, newest[2:3]}, {100, 1, newest[:1]}, {1, 5, nil}, {0, 0, nil}, {0, -1, nil},
		} {
			b.wantRuns(store.RunFilter{Before: c.before, Limit: c.limit}, c.want)
		}
	})
}

func testFilter(t *testing.T, b *bench) {
	all := map[int64]state.RunRecord{}
	put := func(sequence int64, phase state.RunPhase, project, name, owner string) {
		r := newRun(sequence)
		r.Phase, r.Project, r.Name, r.Owner = phase, project, name, owner
		if phase.Final() {
			r.Ended = at(sequence + 100)
		}
		all[sequence] = r
		b.commit(&state.Changes{Runs: runs{r}})
	}
	put(1, state.RunSucceeded, "lpf", "noise", "anna")
	put(2, state.RunFailed, "lpf", "noise", "bert")
	put(3, state.RunActive, "lisa", "noise", "anna")
	put(4, state.RunCancelled, "lisa", "glitch", "anna")
	put(5, state.RunCancelling, "taiji", "glitch", "bert")
	put(6, state.RunSucceeded, "lpf", "glitch", "bert")
	b.again(func() {
		for _, c := range []struct {
			filter store.RunFilter
			want   []int64
		}{
			{store.RunFilter{Projects: []string{"lpf"}}, []int64{6, 2, 1}},
			{store.RunFilter{Projects: []string{"lisa", "taiji", "none"}}, []int64{5, 4, 3}},
			{store.RunFilter{Projects: []string{}}, nil},
			{store.RunFilter{Name: "noise"}, []int64{3, 2, 1}},
			{store.RunFilter{Name: "nois"}, nil},
			{store.RunFilter{Owner: "bert"}, []int64{6, 5, 2}},
			{store.RunFilter{Phases: []state.RunPhase{state.RunSucceeded}}, []int64{6, 1}},
			{store.RunFilter{Phases: []state.RunPhase{state.RunActive, state.RunCancelling}}, []int64{5, 3}},
			{store.RunFilter{Phases: []state.RunPhase{}}, nil},
			{store.RunFilter{Since: at(3)}, []int64{6, 5, 4, 3}},
			{store.RunFilter{Until: at(3)}, []int64{2, 1}},
			{store.RunFilter{Since: at(2), Until: at(5)}, []int64{4, 3, 2}},
			{store.RunFilter{EndedBefore: at(104)}, []int64{2, 1}},
			{store.RunFilter{EndedBefore: at(1000)}, []int64{6, 4, 2, 1}},
			{store.RunFilter{Before: 6, Projects: []string{"lpf"}, Owner: "bert"}, []int64{2}},
			{store.RunFilter{Projects: []string{"lpf"}, Name: "noise", Owner: "anna", Since: at(0), Until: at(2),
				Phases: []state.RunPhase{state.RunSucceeded}, EndedBefore: at(102)}, []int64{1}},
		} {
			var want runs
			for _, sequence := range c.want {
				want = append(want, all[sequence])
			}
			c.filter.Limit = 10
			b.wantRuns(c.filter, want)
			c.filter.Limit = 1
			b.wantRuns(c.filter, want[:min(1, len(want))])
		}
	})
}

func (b *bench) wantAttempts(run state.RunID, f store.AttemptFilter, want attempts) {
	b.t.Helper()
	got, err := b.store.Attempts(context.Background(), run, f)
	if err != nil {
		b.t.Fatalf("Attempts(%s, %+v): %v", run, f, err)
	}
	b.same(fmt.Sprintf("Attempts(%s, %+v)", run, f), got, want)
}

func testAttemptPages(t *testing.T, b *bench) {
	changes := state.Changes{Runs: runs{newRun(1), newRun(2)}}
	var want attempts
	for _, step := range []string{"a", "a-b", "a1", "ab", "b"} {
		for _, index := range []int{0, 2, 10} {
			for number := range 2 {
				want = append(want, newAttempt(runID(1), step, index, number))
			}
		}
	}
	changes.Attempts = append(slices.Clone(want), newAttempt(runID(2), "a", 2, 0))
	b.commit(&changes)
	b.again(func() {
		b.wantAttempts(runID(1), store.AttemptFilter{Index: -1, Limit: 100}, want)
		b.wantAttempts(runID(1), store.AttemptFilter{Index: -1}, nil)
		for limit := 1; limit < 8; limit++ {
			var read attempts
			f := store.AttemptFilter{Index: -1, Limit: limit}
			for {
				page, err := b.store.Attempts(context.Background(), runID(1), f)
				if err != nil || len(page) > limit {
					t.Fatalf("Attempts(%+v): %d attempts, error %v", f, len(page), err)
				}
				if len(page) == 0 {
					break
				}
				read = append(read, page...)
				f.After = page[len(page)-1].ID
			}
			b.same(fmt.Sprintf("pages of %d attempts", limit), read, want)
		}
		b.wantAttempts(runID(1), store.AttemptFilter{Step: "a-b", Index: -1, Limit: 100}, want[6:12])
		b.wantAttempts(runID(1), store.AttemptFilter{Step: "a-b", Index: 2, Limit: 100}, want[8:10])
		b.wantAttempts(runID(1), store.AttemptFilter{Step: "a-b", Index: 2, After: want[8].ID, Limit: 100}, want[9:10])
		b.wantAttempts(runID(1), store.AttemptFilter{Step: "a-b", Index: -1, After: want[7].ID, Limit: 3}, want[8:11])
		b.wantAttempts(runID(1), store.AttemptFilter{Step: "a-b", Index: -1, After: want[5].ID, Limit: 3}, want[6:9])
		b.wantAttempts(runID(1), store.AttemptFilter{Step: "a-b", Index: -1, After: want[12].ID, Limit: 3}, nil)
		b.wantAttempts(runID(1), store.AttemptFilter{Index: 0, Limit: 3}, attempts{want[0], want[1], want[6]})
		b.wantAttempts(runID(1), store.AttemptFilter{Step: "c", Index: -1, Limit: 3}, nil)
		b.wantAttempts(runID(2), store.AttemptFilter{Index: -1, Limit: 3}, changes.Attempts[len(want):])
	})
}

func testEndedBefore(t *testing.T, b *bench) {
	for i, ended := range []int64{50, 30, 0, 30, 10} {
		run := newRun(int64(i + 1))
		if ended > 0 {
			run.Phase, run.Ended = state.RunFailed, at(ended)
		}
		b.commit(&state.Changes{Runs: runs{run}})
	}
	b.again(func() {
		for _, c := range []struct {
			before int64
			limit  int
			want   []state.RunID
		}{
			{100, 10, []state.RunID{runID(5), runID(2), runID(4), runID(1)}},
			{100, 2, []state.RunID{runID(5), runID(2)}},
			{50, 10, []state.RunID{runID(5), runID(2), runID(4)}},
			{10, 10, nil}, {100, 0, nil}, {100, -1, nil},
		} {
			got, err := b.store.EndedBefore(context.Background(), at(c.before), c.limit)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("EndedBefore(%d, %d) = %v, error %v; want %v", c.before, c.limit, got, err, c.want)
			}
		}
	})
}

func testCounts(t *testing.T, b *bench) {
	want := map[state.RunPhase]int{}
	for i, phase := range []state.RunPhase{
		state.RunSucceeded, state.RunActive, state.RunFailed, state.RunSucceeded, state.RunCancelling, state.RunSucceeded,
	} {
		run := newRun(int64(i + 1))
		run.Phase = phase
		b.commit(&state.Changes{Runs: runs{run}})
		want[phase]++
		b.again(func() {
			got, err := b.store.CountRuns(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			b.same("CountRuns", got, want)
		})
	}
}

func (b *bench) pipeline(project, name string, version int) state.PipelineRecord {
	b.t.Helper()
	p, err := b.store.Pipeline(context.Background(), project, name, version)
	if err != nil {
		b.t.Fatalf("Pipeline(%s, %s, %d): %v", project, name, version, err)
	}
	return p
}

func (b *bench) wantPipelines(project, name string, before, limit int, want pipelines) {
	b.t.Helper()
	got, err := b.store.Pipelines(context.Background(), project, name, before, limit)
	if err != nil {
		b.t.Fatalf("Pipelines(%s, %s, %d, %d): %v", project, name, before, limit, err)
	}
	want = slices.Clone(want)
	for i := range want {
		want[i].Spec = ""
	}
	b.same(fmt.Sprintf("Pipelines(%s, %s, %d, %d)", project, name, before, limit), got, want)
}

func testPipelines(t *testing.T, b *bench) {
	version := func(project, name string, n int) state.PipelineRecord {
		return state.PipelineRecord{
			Project: project, Name: name, Version: n, Spec: fmt.Sprintf("name: %s # %d", name, n), By: "anna", Put: at(int64(n)),
		}
	}
	deleted := state.PipelineRecord{Project: "lpf", Name: "noise", Version: 3, By: "bert", Put: at(9), Deleted: true}
	noise := pipelines{deleted, version("lpf", "noise", 2), version("lpf", "noise", 1)}
	other, elsewhere := version("lpf", "glitch", 1), version("lisa", "noise", 1)
	b.commit(&state.Changes{Pipelines: pipelines{noise[2], other}})
	b.commit(&state.Changes{Pipelines: pipelines{noise[1], elsewhere}})
	b.commit(&state.Changes{Pipelines: pipelines{noise[0]}})
	b.again(func() {
		b.wantLoaded(state.Snapshot{NextSequence: 1, Pipelines: pipelines{elsewhere, other, deleted}})
		b.wantPipelines("lpf", "noise", 0, 10, noise)
		b.wantPipelines("lpf", "noise", 0, 2, noise[:2])
		b.wantPipelines("lpf", "noise", 2, 2, noise[2:])
		b.wantPipelines("lpf", "noise", 0, 0, nil)
		b.wantPipelines("lpf", "nois", 0, 10, nil)
		for _, p := range append(slices.Clone(noise), other, elsewhere) {
			b.same("Pipeline", b.pipeline(p.Project, p.Name, p.Version), p)
		}
		for _, n := range []int{0, 4, -1} {
			if _, err := b.store.Pipeline(context.Background(), "lpf", "noise", n); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Pipeline, version %d: error %v, want ErrNotFound", n, err)
			}
		}
	})
}

func testForgotten(t *testing.T, b *bench) {
	kept, forgotten := newRun(1), newRun(2)
	forgotten.Key, forgotten.Phase, forgotten.Ended = "nightly", state.RunFailed, at(5)
	b.commit(&state.Changes{Runs: runs{kept, forgotten}, Attempts: attempts{
		newAttempt(kept.ID, "psd", 0, 0), newAttempt(forgotten.ID, "psd", 0, 0), newAttempt(forgotten.ID, "psd", 1, 0),
	}})
	b.commit(&state.Changes{Forgotten: []state.RunID{forgotten.ID, "no-such-run"}})
	b.again(func() {
		b.wantNoRun(forgotten.ID)
		b.wantNoKey(forgotten.Project, "nightly")
		b.wantRuns(store.RunFilter{Limit: 10}, runs{kept})
		// Its sequence is not given again.
		b.wantLoaded(state.Snapshot{NextSequence: 3, Runs: runs{kept}, Attempts: attempts{newAttempt(kept.ID, "psd", 0, 0)}})
	})
	next := newRun(3)
	next.Key = "nightly"
	b.commit(&state.Changes{Runs: runs{next}})
	b.again(func() { b.wantKey(next) })
}

// testForgottenLarge forgets more attempts than a store deletes at a time.
func testForgottenLarge(t *testing.T, b *bench) {
	changes := state.Changes{Runs: runs{newRun(1), newRun(2)}}
	for i := range 5000 {
		changes.Attempts = append(changes.Attempts, newAttempt(runID(1), "psd", i, 0))
	}
	other := newAttempt(runID(2), "psd", 0, 0)
	changes.Attempts = append(changes.Attempts, other)
	b.commit(&changes)
	b.commit(&state.Changes{Forgotten: []state.RunID{runID(1)}})
	for i := range 4 {
		other.Launched = other.Launched.Add(time.Second)
		b.commit(&state.Changes{Attempts: attempts{other}})
		if i%2 == 0 {
			b.reopen()
		}
		b.wantNoRun(runID(1))
		b.wantRun(changes.Runs[1], attempts{other})
	}
}
