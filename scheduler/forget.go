package scheduler

import (
	"context"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Forget asks for a finished run to be deleted, with its attempts. Done is called once that is durable, or with
// store.ErrNotFound, or with state.ErrNotFinal.
type Forget struct {
	ID   state.RunID
	Done func(error)
}

func (c *Forget) apply(r *Reactor, now time.Time) {
	if r.state.JustEnded(c.ID) {
		r.postpone(now, c)
		return
	}
	err := r.forget(c.ID)
	if err != nil {
		err = fmt.Errorf("run %s: %w", c.ID, err)
	}
	r.answer(func() {
		if err == nil {
			r.log.Info("run is deleted", "run", c.ID)
		}
		c.Done(err)
	})
}

func (r *Reactor) forget(id state.RunID) error {
	if r.state.Run(id) == nil {
		if _, err := r.finished(id); err != nil {
			return err
		}
	}
	return r.state.Forget(id)
}

const (
	// retainEvery is how often it is looked for runs that are to be forgotten, retainPause the time between two
	// batches of them, of retainBatch runs each: other work is not to wait for it.
	retainEvery = time.Minute
	retainPause = time.Second
	retainBatch = 50
)

// retain forgets runs that ended longer than KeepRuns ago, when it is time.
func (r *Reactor) retain(now time.Time) {
	keep := r.cfg.KeepRuns
	if keep <= 0 || now.Before(r.retained) {
		return
	}
	r.retained = now.Add(retainEvery)
	old, err := r.store.EndedBefore(context.Background(), now.Add(-keep), retainBatch)
	if err != nil {
		r.log.Error("old runs are not deleted: they cannot be looked for", "error", err)
		return
	}
	deleted := 0
	for _, id := range old {
		if r.state.Forget(id) == nil { // not if it is retried in this very batch
			deleted++
		}
	}
	if len(old) == retainBatch {
		r.retained = now.Add(retainPause)
	}
	if deleted > 0 {
		r.answer(func() { r.log.Info("old runs are deleted", "runs", deleted, "ended before", now.Add(-keep)) })
	}
}
