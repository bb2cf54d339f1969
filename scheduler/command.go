package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Submit asks for a run. Done is called once the run is durable, or with the reason why it is not taken.
type Submit struct {
	// ID is used if the submission makes a new run.
	ID state.RunID
	// Spec and Params are the texts from which Pipeline was made.
	Spec     string
	Params   map[string]string
	Pipeline *spec.Pipeline
	// By is the name of the caller's token; empty if none was asked for.
	By string
	// PipelineVersion is that of the stored pipeline whose spec this is; 0 if the spec came with the submission.
	PipelineVersion int
	// Images are the images that were resolved: what the spec writes, and what is run in its place.
	Images map[string]string
	// Key makes a submission that is sent twice one run; empty: none.
	Key  string
	Done func(Submitted, error)
}

// Submitted is the answer to a submission.
type Submitted struct {
	Run state.RunRecord
	// Existing says that the key had been used: Run is the run of then.
	Existing bool
}

// ErrKeyReused: the idempotency key was used for another submission.
var ErrKeyReused = errors.New("the idempotency key was used for another spec or other parameters; use a new key")

func (c *Submit) apply(r *Reactor, now time.Time) {
	if c.Key != "" {
		before, err := r.RunByKey(c.Pipeline.Project, c.Key)
		switch {
		case err == nil && r.state.JustForgotten(before.ID):
			r.postpone(now, c)
			return
		case err == nil && !sameSubmission(before, c):
			r.answer(func() { c.Done(Submitted{}, ErrKeyReused) })
			return
		case err == nil:
			r.answer(func() { c.Done(Submitted{Run: before, Existing: true}, nil) })
			return
		case !errors.Is(err, store.ErrNotFound):
			r.answer(func() { c.Done(Submitted{}, fmt.Errorf("looking for the idempotency key: %w", err)) })
			return
		}
	}
	run := r.state.Submit(now, state.Submission{
		ID: c.ID, Pipeline: c.Pipeline, Spec: c.Spec, Params: c.Params, Key: c.Key,
		By: c.By, PipelineVersion: c.PipelineVersion, Images: c.Images,
	})
	rec := run.Record()
	r.answer(func() {
		r.log.Info("run accepted", "run", rec.ID, "pipeline", rec.Name, "project", rec.Project)
		c.Done(Submitted{Run: rec}, nil)
	})
}

// RunByKey returns the run that was submitted to the project with an idempotency key, finished or not; store.ErrNotFound
// if there is none. Both places are asked from the loop, so that no run can be in neither.
func (r *Reactor) RunByKey(project, key string) (state.RunRecord, error) {
	if run := r.state.RunByKey(project, key); run != nil {
		return run.Record(), nil
	}
	return r.store.RunByKey(context.Background(), project, key)
}

// sameSubmission compares what was asked for. Who asks for a stored pipeline asks for its name: that it has got another
// version meanwhile does not make it another submission.
func sameSubmission(before state.RunRecord, c *Submit) bool {
	stored := before.PipelineVersion > 0 && c.PipelineVersion > 0 && before.Name == c.Pipeline.Name
	if !stored && before.Spec != c.Spec || len(before.Params) != len(c.Params) {
		return false
	}
	for k, v := range c.Params {
		if w, given := before.Params[k]; !given || v != w {
			return false
		}
	}
	return true
}

// Cancel asks for a run's end. Done is called once that is durable; the run's attempts may end later.
type Cancel struct {
	ID   state.RunID
	Done func(state.RunRecord, error)
}

func (c *Cancel) apply(r *Reactor, now time.Time) {
	rec, err := r.state.Cancel(now, c.ID)
	if errors.Is(err, state.ErrFinal) && !r.state.JustEnded(c.ID) {
		if _, missing := r.finished(c.ID); missing != nil {
			err = missing
		}
	}
	if err != nil {
		err = fmt.Errorf("run %s: %w", c.ID, err)
	}
	r.answer(func() {
		if err == nil {
			r.log.Info("run is being cancelled", "run", c.ID)
		}
		c.Done(rec, err)
	})
}

// finished returns the record of a run that the state does not hold: what the store has, unless it is forgotten.
func (r *Reactor) finished(id state.RunID) (state.RunRecord, error) {
	if r.state.JustForgotten(id) {
		return state.RunRecord{}, store.ErrNotFound
	}
	return r.store.Record(context.Background(), id)
}

// Retry asks for a finished run to be made active again. Done is called once that is durable.
type Retry struct {
	ID   state.RunID
	Done func(state.RunRecord, error)

	// before and attempts are the run as it was read for the loop; before.ID is empty if it was not.
	before   state.RunRecord
	attempts []state.AttemptRecord
}

// prepare reads the run's attempts, of which there may be hundreds of thousands, while the loop goes on. Should it fail,
// the loop finds out why.
func (c *Retry) prepare(ctx context.Context, st store.Store) {
	if before, attempts, err := st.Run(ctx, c.ID); err == nil && before.Phase.Final() {
		c.before, c.attempts = before, attempts
	}
}

func (c *Retry) apply(r *Reactor, now time.Time) {
	if r.state.JustEnded(c.ID) {
		r.postpone(now, c)
		return
	}
	rec, err := c.retry(r, now)
	r.answer(func() {
		if err == nil {
			r.log.Info("run is retried", "run", c.ID, "generation", rec.Generation)
		}
		c.Done(rec, err)
	})
}

func (c *Retry) retry(r *Reactor, now time.Time) (state.RunRecord, error) {
	if run := r.state.Run(c.ID); run != nil {
		return r.state.Retry(now, run.Record(), nil) // says why not
	}
	rec, err := r.finished(c.ID)
	if err != nil {
		return state.RunRecord{}, fmt.Errorf("run %s: %w", c.ID, err)
	}
	// What was read before is what there is, if the run has not been retried since: nothing else changes it.
	attempts := c.attempts
	if rec.Phase != state.RunSucceeded && (c.before.ID == "" || c.before.Generation != rec.Generation) {
		if _, attempts, err = r.store.Run(context.Background(), c.ID); err != nil {
			return state.RunRecord{}, fmt.Errorf("run %s: %w", c.ID, err)
		}
	}
	return r.state.Retry(now, rec, attempts)
}

// Read looks at the state between two batches; what it sees is durable. Look must be quick, must keep nothing of
// the reactor's, and is called on the reactor's goroutine.
type Read struct {
	Look func(now time.Time, r *Reactor)
}

func (c *Read) apply(r *Reactor, now time.Time) {
	r.answer(func() { c.Look(now, r) })
}
