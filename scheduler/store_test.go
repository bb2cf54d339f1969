package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// filling is a store that is full after some commits.
type filling struct {
	store.Store
	left atomic.Int64
}

func (f *filling) Commit(ctx context.Context, changes *state.Changes) error {
	if !changes.Empty() && f.left.Add(-1) < 0 {
		return fmt.Errorf("committing: %w", store.ErrFull)
	}
	return f.Store.Commit(ctx, changes)
}

// TestStoreFails has the store refuse a commit, each time a later one. The daemon must stop and say why; what it had
// not made durable must have had no effect; and once the store takes commits again, all that was acknowledged goes on.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	for commits := range 10 {
		t.Run(fmt.Sprintf("after %d commits", commits), func(t *testing.T) {
			t.Parallel()
			testStoreFails(t, commits)
		})
	}
}

func testStoreFails(t *testing.T, commits int) {
	s := flakySetup()
	full := &filling{}
	full.left.Store(int64(commits))
	s.open = func(ctx context.Context, file string) (st store.Store, err error) {
		full.Store, err = store.Open(ctx, file)
		return full, err
	}
	c := newCentre(t, s)
	launched := map[string]bool{}
	c.cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
		if m.Kind == "LAUNCH" {
			launched[m.Task] = true
		}
		return minimesos.Deliver
	})
	submitted, err := c.submitKey(flaky, nil, "key")
	acknowledged := err == nil
	if !acknowledged && !errors.Is(err, scheduler.ErrStopped) {
		t.Errorf("the submission was refused: %v", err)
	}
	select {
	case <-c.daemon.Done():
	case <-time.After(testTimeout):
		t.Fatal("the daemon goes on though it cannot keep its state")
	}
	c.cluster.Look(func(minimesos.View) { checkDurable(t, full.Store, launched) })
	if err := c.stop(); !errors.Is(err, store.ErrFull) {
		t.Errorf("the daemon ended with %v, want ErrFull", err)
	}

	full.left.Store(1 << 30)
	c.start()
	again, err := c.submitKey(flaky, nil, "key")
	if err != nil {
		t.Fatal(err)
	}
	if acknowledged && again.Run.ID != submitted.Run.ID {
		t.Errorf("run %s was acknowledged, the same submission makes run %s now", submitted.Run.ID, again.Run.ID)
	}
	c.until("the run ends", c.ended(again.Run.ID))
	// Launches that were kept but not sent are made again at the infrastructure's cost.
	_, attempts, err := c.store.Run(t.Context(), again.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	w := flakyWant
	for _, a := range attempts {
		if a.Outcome == state.InfraFailed {
			w.infra++
			if launched[a.ID.String()] {
				t.Errorf("%s was launched and then given up", a.ID)
			}
		}
	}
	c.check(again.Run.ID, w)
}

// checkDurable checks that the store knows of every attempt that was launched.
func checkDurable(t *testing.T, st store.Store, launched map[string]bool) {
	t.Helper()
	for attempt := range launched {
		id, err := state.ParseAttemptID(attempt)
		if err != nil {
			t.Fatal(err)
		}
		_, attempts, err := st.Run(context.Background(), id.Run)
		known := false
		for _, a := range attempts {
			known = known || a.ID == id
		}
		if !known {
			t.Errorf("%s was launched, and the store does not know it (%v)", attempt, err)
		}
	}
}
