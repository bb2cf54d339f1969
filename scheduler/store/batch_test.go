package store_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Numbered batches: what is in the store after batch n follows from n alone, so that a store can be asked how many
// batches it holds and whether they are whole.

const (
	batchRun  = state.RunID("01jqzv5y6n8w3v9k2m4x7r1t0c")
	batchSize = 40
)

// batch n sets the framework id and the run's generation to n, launches some attempts, and ends those that batch
// n-1 launched.
func batch(n int) *state.Changes {
	id := strconv.Itoa(n)
	c := &state.Changes{FrameworkID: &id, Runs: []state.RunRecord{{
		ID: batchRun, Sequence: 1, Spec: "name: numbered", Phase: state.RunActive, Generation: n,
	}}}
	for i := range batchSize {
		c.Attempts = append(c.Attempts, batchAttempt(n, (n-1)*batchSize+i))
		if n > 1 {
			c.Attempts = append(c.Attempts, batchAttempt(n, (n-2)*batchSize+i))
		}
	}
	return c
}

// batchAttempt is the attempt of the task index as it is after batch n.
func batchAttempt(n, index int) state.AttemptRecord {
	born := index/batchSize + 1
	a := state.AttemptRecord{
		ID:    state.AttemptID{Run: batchRun, Step: "psd", Index: index},
		Agent: "a3f1c0de-1c4b-4a63-9a8e-7d1f0b8f3f0a-S12", Hostname: "node12.dpc.example",
		Generation: born, State: state.TaskStaging, Launched: time.Unix(int64(born), 0).UTC(),
	}
	if born < n {
		a.State, a.Source, a.Outcome = state.TaskFinished, state.SourceExecutor, state.Succeeded
		a.Ended = time.Unix(int64(born+1), 0).UTC()
	}
	return a
}

// wholeBatches returns the number of batches that the store holds, and fails if it holds anything but these.
func wholeBatches(t *testing.T, s store.Store) int {
	t.Helper()
	snap, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if snap.FrameworkID == "" {
		if len(snap.Runs)+len(snap.Attempts) > 0 {
			t.Fatalf("%d runs and %d attempts, but no framework id", len(snap.Runs), len(snap.Attempts))
		}
		return 0
	}
	n, err := strconv.Atoi(snap.FrameworkID)
	if err != nil {
		t.Fatal(err)
	}
	want := state.Snapshot{FrameworkID: strconv.Itoa(n), NextSequence: 2, Runs: batch(n).Runs}
	for i := range n * batchSize {
		want.Attempts = append(want.Attempts, batchAttempt(n, i))
	}
	if slices.Equal(snap.Attempts, want.Attempts) { // much faster than Diff, which shall show differences only
		snap.Attempts, want.Attempts = nil, nil
	}
	if diff := cmp.Diff(want, snap); diff != "" {
		t.Fatalf("the store is not as batch %d left it (-want +got):\n%s", n, diff)
	}
	return n
}

// commitBatches commits the batches from first to last.
func commitBatches(t *testing.T, s store.Store, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		if err := s.Commit(t.Context(), batch(n)); err != nil {
			t.Fatalf("batch %d: %v", n, err)
		}
	}
}

// fillUp commits batches after the last one, until one is refused, and returns the last that was not.
func fillUp(t *testing.T, s store.Store, last int) (int, error) {
	t.Helper()
	for n := last + 1; n < last+10_000; n++ {
		if err := s.Commit(t.Context(), batch(n)); err != nil {
			return n - 1, err
		}
	}
	return 0, fmt.Errorf("10,000 batches fit")
}
