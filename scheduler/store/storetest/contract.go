package storetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

func (b *bench) wantRun(run state.RunRecord, list attempts) {
	b.t.Helper()
	gotRun, gotAttempts := b.run(run.ID)
	b.same("Run's record", gotRun, run)
	b.same("Run's attempts", gotAttempts, list)
	rec, err := b.store.Record(context.Background(), run.ID)
	if err != nil {
		b.t.Fatalf("Record(%s): %v", run.ID, err)
	}
	b.same("Record", rec, run)
}

func (b *bench) wantNoRun(id state.RunID) {
	b.t.Helper()
	if _, _, err := b.store.Run(context.Background(), id); !errors.Is(err, store.ErrNotFound) {
		b.t.Fatalf("Run(%s): error %v, want ErrNotFound", id, err)
	}
	if _, err := b.store.Record(context.Background(), id); !errors.Is(err, store.ErrNotFound) {
		b.t.Fatalf("Record(%s): error %v, want ErrNotFound", id, err)
	}
	if _, err := b.store.Attempts(context.Background(), id, store.AttemptFilter{Index: -1, Limit: 1}); !errors.Is(err, store.ErrNotFound) {
		b.t.Fatalf("Attempts(%s): error %v, want ErrNotFound", id, err)
	}
}

func (b *bench) wantKey(run state.RunRecord) {
	b.t.Helper()
	got, err := b.store.RunByKey(context.Background(), run.Project, run.Key)
	if err != nil {
		b.t.Fatalf("RunByKey(%q, %q): %v", run.Project, run.Key, err)
	}
	b.same("RunByKey", got, run)
}

func (b *bench) wantNoKey(project, key string) {
	b.t.Helper()
	if got, err := b.store.RunByKey(context.Background(), project, key); !errors.Is(err, store.ErrNotFound) {
		b.t.Fatalf("RunByKey(%q, %q): run %s, error %v; want ErrNotFound", project, key, got.ID, err)
	}
}

func testKeys(t *testing.T, b *bench) {
	first, elsewhere, keyless, keyless2 := newRun(1), newRun(2), newRun(3), newRun(4)
	first.Key, elsewhere.Key = "nightly", "nightly"
	elsewhere.Project = "lisa"
	b.commit(&state.Changes{Runs: runs{first, elsewhere, keyless, keyless2}})
	b.again(func() {
		b.wantKey(first)
		b.wantKey(elsewhere)
		b.wantNoKey("lpf", "")
		b.wantNoKey("lpf", "night")
		b.wantNoKey("other", "nightly")
	})
	first.Phase = state.RunSucceeded
	b.commit(&state.Changes{Runs: runs{first}})
	b.again(func() { b.wantKey(first) })
}

func testRefused(t *testing.T, b *bench) {
	kept, attempt := newRun(1), newAttempt(runID(1), "psd", 0, 0)
	kept.Key = "nightly"
	b.commit(&state.Changes{Runs: runs{kept}, Attempts: attempts{attempt}})

	changed, started, fresh, id := kept, attempt, newRun(2), "other"
	changed.Phase, started.State = state.RunFailed, state.TaskRunning
	sameKey, sameSequence, noSequence := newRun(3), newRun(4), newRun(5)
	sameKey.Key, sameSequence.Sequence, noSequence.Sequence = "nightly", 1, 0
	twin, twin2 := newRun(6), newRun(7)
	twin.Key, twin2.Key = "hourly", "hourly"
	stray := newAttempt("no-such-run", "psd", 0, 0)
	for name, bad := range map[string]state.Changes{
		"an attempt of no run":     {Attempts: attempts{stray}},
		"the key of another run":   {Runs: runs{sameKey}},
		"the sequence of another":  {Runs: runs{sameSequence}},
		"no sequence":              {Runs: runs{noSequence}},
		"two new runs with a key":  {Runs: runs{twin, twin2}},
		"an attempt of no run, 2.": {Runs: runs{twin}, Attempts: attempts{newAttempt(twin2.ID, "psd", 0, 0)}},
	} {
		bad.Runs = append(runs{changed, fresh}, bad.Runs...)
		bad.Attempts = append(attempts{started, newAttempt(fresh.ID, "psd", 0, 0)}, bad.Attempts...)
		bad.FrameworkID = &id
		if err := b.store.Commit(context.Background(), &bad); err == nil {
			t.Fatalf("Commit took a batch with %s", name)
		}
		b.again(func() {
			b.wantLoaded(state.Snapshot{NextSequence: 2, Runs: runs{kept}, Attempts: attempts{attempt}})
			b.wantNoRun(fresh.ID)
		})
	}
	b.commit(&state.Changes{Runs: runs{fresh}})
	b.again(func() { b.wantRun(fresh, nil) })
}

func testContext(t *testing.T, b *bench) {
	kept := newRun(1)
	kept.Key = "nightly"
	b.commit(&state.Changes{Runs: runs{kept}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, call := range map[string]func() error{
		"Commit":      func() error { return b.store.Commit(ctx, &state.Changes{Runs: runs{newRun(2)}}) },
		"Load":        func() error { _, err := b.store.Load(ctx); return err },
		"Run":         func() error { _, _, err := b.store.Run(ctx, kept.ID); return err },
		"RunByKey":    func() error { _, err := b.store.RunByKey(ctx, kept.Project, kept.Key); return err },
		"Record":      func() error { _, err := b.store.Record(ctx, kept.ID); return err },
		"Runs":        func() error { _, err := b.store.Runs(ctx, store.RunFilter{Limit: 1}); return err },
		"no Runs":     func() error { _, err := b.store.Runs(ctx, store.RunFilter{}); return err },
		"Attempts":    func() error { _, err := b.store.Attempts(ctx, kept.ID, store.AttemptFilter{}); return err },
		"EndedBefore": func() error { _, err := b.store.EndedBefore(ctx, at(1), 1); return err },
		"Pipelines":   func() error { _, err := b.store.Pipelines(ctx, "lpf", "noise", 0, 1); return err },
		"Pipeline":    func() error { _, err := b.store.Pipeline(ctx, "lpf", "noise", 1); return err },
		"CountRuns":   func() error { _, err := b.store.CountRuns(ctx); return err },
		"Size":        func() error { _, err := b.store.Size(ctx); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: error %v, want context.Canceled", name, err)
		}
	}
	b.again(func() { b.wantLoaded(state.Snapshot{NextSequence: 2, Runs: runs{kept}}) })
	b.commit(&state.Changes{Runs: runs{newRun(2)}})
	b.again(func() { b.wantRun(newRun(2), nil) })
}

func testIsolation(t *testing.T, b *bench) {
	run, attempt := newRun(1), newAttempt(runID(1), "psd", 0, 0)
	mine := state.Changes{Runs: runs{run}, Attempts: attempts{attempt}}
	b.commit(&mine)
	mine.Runs[0].Phase, mine.Attempts[0].State = state.RunFailed, state.TaskLost // the caller uses its lists again
	before := b.load()
	read, list := b.run(run.ID)
	b.same("Run's record", read, run)

	later := attempt
	later.State = state.TaskRunning
	b.commit(&state.Changes{Attempts: attempts{later}})
	b.same("what Load returned before", before.Attempts, attempts{attempt})
	b.same("what Run returned before", list, attempts{attempt})
	before.Attempts[0].State, list[0].State = state.TaskGone, state.TaskGone // nor are the reader's lists the store's
	b.again(func() { b.wantRun(run, attempts{later}) })
	if !maps.Equal(read.Params, run.Params) {
		t.Errorf("Params are %v, want %v", read.Params, run.Params)
	}
}

// testWholeBatches commits batches that set one number in all records, while readers look.
func testWholeBatches(t *testing.T, b *bench) {
	batch := func(n int) *state.Changes {
		c := &state.Changes{Runs: runs{newRun(1)}}
		c.Runs[0].Generation = n
		for i := range 20 {
			a := newAttempt(runID(1), "psd", i, 0)
			a.Generation = n
			c.Attempts = append(c.Attempts, a)
		}
		return c
	}
	b.commit(batch(0))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := 0; ; {
				run, list, err := b.store.Run(context.Background(), runID(1))
				if err != nil || len(list) != 20 || run.Generation < last ||
					slices.ContainsFunc(list, func(a state.AttemptRecord) bool { return a.Generation != run.Generation }) {
					t.Errorf("after batch %d: Run gave batch %d and attempts %v, error %v", last, run.Generation, list, err)
					return
				}
				last = run.Generation
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range 50 {
		b.commit(batch(n + 1))
	}
	close(done)
	readers.Wait()
	b.again(func() { b.wantRun(batch(50).Runs[0], batch(50).Attempts) })
}
