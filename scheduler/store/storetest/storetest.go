// Package storetest says, as tests, what every implementation of store.Store has to do.
package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// An Open makes a store with nothing in it, and a function that closes the store and opens what it holds again,
// as after a restart. The suite closes what it was given.
type Open func(t *testing.T) (s Both, reopen func() Both)

// Both are the two sides of a store.
type Both interface {
	store.Store
	store.Reader
}

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"an empty store", testEmpty},
		{"every field comes back", testFields},
		{"foreign bytes come back", testForeignBytes},
		{"params come back", testParams},
		{"a record replaces the one before", testReplace},
		{"of two records in a batch the later counts", testTwice},
		{"a run keeps its text", testKeepsText},
		{"load gives what is not final", testLoadOpen},
		{"load is ordered", testOrder},
		{"a retried run is loaded again", testRetried},
		{"the framework id", testFrameworkID},
		{"idempotency keys", testKeys},
		{"runs page by page", testPages},
		{"runs by filter", testFilter},
		{"attempts page by page", testAttemptPages},
		{"counts of runs", testCounts},
		{"runs that ended before a time", testEndedBefore},
		{"pipelines", testPipelines},
		{"a forgotten run leaves no trace", testForgotten},
		{"a forgotten run with very many attempts", testForgottenLarge},
		{"a refused batch leaves no trace", testRefused},
		{"an ended context", testContext},
		{"what was read does not change", testIsolation},
		{"readers see whole batches", testWholeBatches},
		{"a large batch", testLargeBatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, open)
			c.test(t, b)
			b.close()
		})
	}
	t.Run("any sequence of batches", func(t *testing.T) { testProperty(t, open) })
}

// bench is a store under test. Its methods fail the test where the store fails.
type bench struct {
	t     testing.TB
	store Both
	open  func() Both
}

func newBench(t *testing.T, open Open) *bench {
	t.Helper()
	b := &bench{t: t}
	b.store, b.open = open(t)
	return b
}

func (b *bench) close() {
	b.t.Helper()
	if err := b.store.Close(); err != nil {
		b.t.Fatalf("Close: %v", err)
	}
}

// reopen restarts the store.
func (b *bench) reopen() { b.store = b.open() }

func (b *bench) commit(c *state.Changes) {
	b.t.Helper()
	if err := b.store.Commit(context.Background(), c); err != nil {
		b.t.Fatalf("Commit: %v", err)
	}
}

func (b *bench) load() state.Snapshot {
	b.t.Helper()
	snap, err := b.store.Load(context.Background())
	if err != nil {
		b.t.Fatalf("Load: %v", err)
	}
	return snap
}

func (b *bench) run(id state.RunID) (state.RunRecord, []state.AttemptRecord) {
	b.t.Helper()
	run, attempts, err := b.store.Run(context.Background(), id)
	if err != nil {
		b.t.Fatalf("Run(%s): %v", id, err)
	}
	return run, attempts
}

// wantRuns checks what Runs lists: records without their texts.
func (b *bench) wantRuns(f store.RunFilter, want runs) {
	b.t.Helper()
	got, err := b.store.Runs(context.Background(), f)
	if err != nil {
		b.t.Fatalf("Runs(%+v): %v", f, err)
	}
	want = slices.Clone(want)
	for i := range want {
		want[i].Spec, want[i].Params, want[i].Images = "", nil, nil
	}
	b.same(fmt.Sprintf("Runs(%+v)", f), got, want)
}

// again calls check on the store as it is, and once more after a restart.
func (b *bench) again(check func()) {
	b.t.Helper()
	check()
	b.reopen()
	check()
}

// wantLoaded checks what Load returns.
func (b *bench) wantLoaded(want state.Snapshot) {
	b.t.Helper()
	got := b.load()
	b.same("Load's runs", got.Runs, want.Runs)
	b.same("Load's attempts", got.Attempts, want.Attempts)
	b.same("Load's pipelines", got.Pipelines, want.Pipelines)
	got.Runs, got.Attempts, got.Pipelines, want.Runs, want.Attempts, want.Pipelines = nil, nil, nil, nil, nil, nil
	b.same("Load's framework id and next sequence", got, want)
}

// same compares records; a list with nothing in it is equal to none.
func (b *bench) same(what string, got, want any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got, emptyLists); diff != "" {
		b.t.Fatalf("%s differ from what was committed (-committed +read):\n%s", what, diff)
	}
}

var emptyLists = cmp.Options{
	cmp.FilterValues(func(x, y []state.RunRecord) bool { return len(x)+len(y) == 0 }, cmp.Ignore()),
	cmp.FilterValues(func(x, y []state.PipelineRecord) bool { return len(x)+len(y) == 0 }, cmp.Ignore()),
	cmp.FilterValues(func(x, y []state.AttemptRecord) bool { return len(x)+len(y) == 0 }, cmp.Ignore()),
}
