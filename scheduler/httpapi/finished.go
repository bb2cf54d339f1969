package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// finishedKept is how many finished runs are kept as they were: people look at one for a while, page by page.
const finishedKept = 16

// finished makes runs that have ended from what the store holds, one at a time, since a run of a million tasks takes
// memory, and keeps those that were looked at last.
type finished struct {
	store   store.Reader
	loading sync.Mutex // held while a run is made
	mu      sync.Mutex
	runs    []*state.Run // the one that was asked for last is the last
}

// run returns the run of a record, or nil if it was retried meanwhile. It is shared, and to be read only.
func (f *finished) run(ctx context.Context, rec state.RunRecord) (*state.Run, error) {
	if run := f.kept(rec); run != nil {
		return run, nil
	}
	f.loading.Lock()
	defer f.loading.Unlock()
	if run := f.kept(rec); run != nil { // somebody else has asked for it meanwhile
		return run, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err // whoever asked has not waited for their turn
	}
	rec, attempts, err := f.store.Run(ctx, rec.ID)
	if err != nil || !rec.Phase.Final() {
		return nil, err
	}
	run, err := state.Inspect(rec, attempts)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.runs) == finishedKept {
		f.runs = slices.Delete(f.runs, 0, 1)
	}
	f.runs = append(f.runs, run)
	return run, nil
}

// kept returns a run that is kept, or nil.
func (f *finished) kept(rec state.RunRecord) *state.Run {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.runs, func(r *state.Run) bool {
		have := r.Record()
		return have.ID == rec.ID && have.Generation == rec.Generation
	})
	if i < 0 {
		return nil
	}
	run := f.runs[i]
	f.runs = append(slices.Delete(f.runs, i, i+1), run)
	return run
}

// withRun calls f with a run. An unfinished one is the state's own, and f is called on the daemon's loop with the
// reactor, must be quick and keep nothing but the pipeline. A finished one is as it was when it ended, and the reactor
// is nil.
func withRun[T any](ctx context.Context, s *Server, id state.RunID, f func(now time.Time, run *state.Run, r *scheduler.Reactor) (T, error)) (T, error) {
	type answer struct {
		value T
		found bool
	}
	for {
		a, err := look(ctx, s.cfg.Daemon, func(now time.Time, r *scheduler.Reactor) (a answer, err error) {
			if run := r.Run(id); run != nil {
				a.found = true
				a.value, err = f(now, run, r)
			}
			return a, err
		})
		if a.found || err != nil {
			return a.value, err
		}
		var none T
		rec, err := s.cfg.Store.Record(ctx, id)
		if err != nil {
			return none, missing(err, "run %s", id)
		}
		if !rec.Phase.Final() {
			continue // it was retried meanwhile
		}
		run, err := s.finished.run(ctx, rec)
		if err != nil {
			return none, missing(err, "run %s", id)
		}
		if run != nil {
			return f(rec.Ended, run, nil)
		}
	}
}
