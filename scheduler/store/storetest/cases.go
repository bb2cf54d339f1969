package storetest

import (
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

type (
	runs     = []state.RunRecord
	attempts = []state.AttemptRecord

	pipelines = []state.PipelineRecord
)

func testEmpty(t *testing.T, b *bench) {
	b.again(func() {
		b.wantLoaded(state.Snapshot{NextSequence: 1})
		b.wantRuns(store.RunFilter{Limit: 10}, nil)
		b.wantNoRun("no-such-run")
		b.wantNoKey("lpf", "no-such-key")
		b.commit(&state.Changes{})
	})
}

func testFields(t *testing.T, b *bench) {
	run, attempt, pipeline := filled[state.RunRecord](), filled[state.AttemptRecord](), filled[state.PipelineRecord]()
	attempt.ID.Run = run.ID
	id := "framework"
	b.commit(&state.Changes{Runs: runs{run}, Attempts: attempts{attempt}, Pipelines: pipelines{pipeline}, FrameworkID: &id})
	b.again(func() {
		b.wantLoaded(state.Snapshot{
			FrameworkID: id, NextSequence: run.Sequence + 1, Runs: runs{run}, Attempts: attempts{attempt},
			Pipelines: pipelines{pipeline},
		})
		b.wantRun(run, attempts{attempt})
		b.wantRuns(store.RunFilter{Limit: 1}, runs{run})
		b.same("Pipeline", b.pipeline(pipeline.Project, pipeline.Name, pipeline.Version), pipeline)
		b.wantKey(run)
	})
}

func testForeignBytes(t *testing.T, b *bench) {
	for i, text := range []string{"", "\x00", "a\x00b", "\xff\xfe", "naïve ☂ \U0001F30A", "'; DROP TABLE runs; --", "\ufeff\r\n"} {
		run := newRun(int64(i + 1))
		run.Name, run.Owner, run.Spec, run.Key = text, text, text, text
		attempt := newAttempt(run.ID, "psd", 0, 0)
		attempt.Message, attempt.Hostname, attempt.Reason = text, text, state.Reason(text)
		b.commit(&state.Changes{Runs: runs{run}, Attempts: attempts{attempt}, FrameworkID: &text})
		b.again(func() {
			b.wantRun(run, attempts{attempt})
			b.same("the framework id", b.load().FrameworkID, text)
		})
	}
}

func testParams(t *testing.T, b *bench) {
	for i, params := range []map[string]string{nil, {}, {"": ""}, {"a": "1", "b": "\"\\\n☂<&>\x00"}} {
		run := newRun(int64(i + 1))
		run.Params, run.Images = params, params
		b.commit(&state.Changes{Runs: runs{run}})
		b.again(func() { b.wantRun(run, nil) })
	}
}

func testReplace(t *testing.T, b *bench) {
	run, attempt := newRun(1), newAttempt(runID(1), "psd", 0, 0)
	other := newAttempt(runID(1), "psd", 1, 0)
	b.commit(&state.Changes{Runs: runs{run}, Attempts: attempts{attempt, other}})

	attempt.State, attempt.Started = state.TaskRunning, at(5)
	b.commit(&state.Changes{Attempts: attempts{attempt}})
	b.again(func() { b.wantRun(run, attempts{attempt, other}) })

	// A field can become empty again.
	attempt.Started, attempt.Hostname, attempt.ExitCode = state.AttemptRecord{}.Started, "", 0
	run.Phase, run.Cancelled = state.RunCancelling, at(9)
	b.commit(&state.Changes{Runs: runs{run}, Attempts: attempts{attempt}})
	b.again(func() { b.wantRun(run, attempts{attempt, other}) })
}

func testTwice(t *testing.T, b *bench) {
	first, later := newRun(1), newRun(1)
	later.Phase, later.Ended = state.RunFailed, at(7)
	staging, failed := newAttempt(first.ID, "psd", 0, 0), newAttempt(first.ID, "psd", 0, 0)
	failed.State, failed.Outcome = state.TaskFailed, state.AuthorFailed
	b.commit(&state.Changes{Runs: runs{first, later}, Attempts: attempts{staging, failed}})
	b.again(func() { b.wantRun(later, attempts{failed}) })
}

func testKeepsText(t *testing.T, b *bench) {
	run := newRun(1)
	run.Spec = string(make([]byte, 1<<20)) // the longest that the language allows
	b.commit(&state.Changes{Runs: runs{run}})
	run.Phase, run.Ended, run.Generation = state.RunSucceeded, at(8), 3
	b.commit(&state.Changes{Runs: runs{run}})
	b.again(func() { b.wantRun(run, nil) })
}

func testLoadOpen(t *testing.T, b *bench) {
	var all, open runs
	var ofOpen attempts
	for i, phase := range []state.RunPhase{
		state.RunSucceeded, state.RunActive, state.RunFailed, state.RunCancelling, state.RunCancelled, state.RunActive,
	} {
		run := newRun(int64(i + 1))
		run.Phase = phase
		attempt := newAttempt(run.ID, "psd", 0, 0)
		b.commit(&state.Changes{Runs: runs{run}, Attempts: attempts{attempt}})
		all = append(all, run)
		if !phase.Final() {
			open, ofOpen = append(open, run), append(ofOpen, attempt)
		}
	}
	b.again(func() {
		b.wantLoaded(state.Snapshot{NextSequence: 7, Runs: open, Attempts: ofOpen})
		for _, run := range all {
			b.wantRun(run, attempts{newAttempt(run.ID, "psd", 0, 0)})
		}
	})
}

func testOrder(t *testing.T, b *bench) {
	var changes state.Changes
	var want attempts
	for _, sequence := range []int64{2, 3, 11} { // whose ids sort the other way round
		changes.Runs = append(changes.Runs, newRun(sequence))
		for _, step := range []string{"a", "a-b", "a1", "ab", "b"} { // as bytes, not as a language sorts
			for _, index := range []int{0, 2, 10} {
				want = append(want, newAttempt(runID(sequence), step, index, 0), newAttempt(runID(sequence), step, index, 1))
			}
		}
	}
	for i := range want {
		changes.Attempts = append(changes.Attempts, want[(i*7)%len(want)]) // 7 and 90 have no common factor
	}
	b.commit(&changes)
	b.again(func() {
		b.wantLoaded(state.Snapshot{NextSequence: 12, Runs: changes.Runs, Attempts: want})
		b.wantRun(changes.Runs[1], want[30:60])
	})
}

func testRetried(t *testing.T, b *bench) {
	run, first := newRun(1), newAttempt(runID(1), "psd", 0, 0)
	run.Phase, run.Ended = state.RunFailed, at(4)
	first.State, first.Outcome, first.Ended = state.TaskFailed, state.AuthorFailed, at(3)
	b.commit(&state.Changes{Runs: runs{run}, Attempts: attempts{first}})
	b.wantLoaded(state.Snapshot{NextSequence: 2})

	run.Phase, run.Ended, run.Generation = state.RunActive, state.RunRecord{}.Ended, 1
	second := newAttempt(run.ID, "psd", 0, 1)
	b.commit(&state.Changes{Runs: runs{run}, Attempts: attempts{second}})
	b.again(func() {
		b.wantLoaded(state.Snapshot{NextSequence: 2, Runs: runs{run}, Attempts: attempts{first, second}})
	})
}

func testFrameworkID(t *testing.T, b *bench) {
	for _, id := range []string{"a3f1c0de-0001", "a3f1c0de-0002", ""} {
		b.commit(&state.Changes{FrameworkID: &id})
		b.commit(&state.Changes{FrameworkID: nil})
		b.again(func() { b.wantLoaded(state.Snapshot{FrameworkID: id, NextSequence: 1}) })
	}
}

func testLargeBatch(t *testing.T, b *bench) {
	changes := state.Changes{Runs: runs{newRun(1)}}
	for i := range 5000 {
		changes.Attempts = append(changes.Attempts, newAttempt(runID(1), "psd", i, 0))
	}
	b.commit(&changes)
	b.again(func() { b.wantRun(changes.Runs[0], changes.Attempts) })
}
