package state

import (
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Load returns the state that a snapshot describes, at the time of loading.
func Load(now time.Time, cfg Config, snap Snapshot) (*State, error) {
	s := New(cfg)
	s.frameworkID = snap.FrameworkID
	s.next = max(snap.NextSequence, 1)
	for _, p := range snap.Pipelines {
		s.pipelines[pipelineKey{p.Project, p.Name}] = p
	}
	rest := snap.Attempts
	for _, rec := range snap.Runs {
		n := 0
		for n < len(rest) && rest[n].ID.Run == rec.ID {
			n++
		}
		if err := s.adopt(now, rec, rest[:n]); err != nil {
			return nil, err
		}
		s.Learn(rec.Project, rec.Name, rest[:n])
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("the store holds attempts of run %s, which it does not hold, or not in order", rest[0].ID.Run)
	}
	return s, nil
}

// Retry makes a finished run active again: what did not succeed is attempted again, with the author's and the
// infrastructure's retries counted anew. The record and the attempts are the store's.
func (s *State) Retry(now time.Time, rec RunRecord, attempts []AttemptRecord) (RunRecord, error) {
	if s.runs[rec.ID] != nil {
		return rec, fmt.Errorf("%w: run %s has not ended; wait for its end or cancel it first", ErrNotRetryable, rec.ID)
	}
	if rec.Phase == RunSucceeded {
		return rec, fmt.Errorf("%w: run %s has succeeded", ErrNotRetryable, rec.ID)
	}
	rec.Phase, rec.Cancelled, rec.Ended = RunActive, time.Time{}, time.Time{}
	rec.Generation++
	rec.Retried = now
	if err := s.adopt(now, rec, attempts); err != nil {
		return rec, err
	}
	if r := s.runs[rec.ID]; r != nil {
		s.touchRun(r)
	}
	return rec, nil
}

// adopt builds a run from its record and attempts.
func (s *State) adopt(now time.Time, rec RunRecord, attempts []AttemptRecord) error {
	parsed, err := spec.Parse("run "+string(rec.ID), []byte(rec.Spec))
	if err != nil {
		return fmt.Errorf("reading the spec of run %s: %w", rec.ID, err)
	}
	p, err := parsed.Bind(rec.Params)
	if err != nil {
		return fmt.Errorf("binding the parameters of run %s: %w", rec.ID, err)
	}
	if err := checkAttempts(p, rec.ID, attempts); err != nil {
		return err
	}
	r := s.newRun(rec, p.Pin(rec.Images))
	for len(attempts) > 0 {
		n := 1
		first := attempts[0].ID
		for n < len(attempts) && attempts[n].ID.Step == first.Step && attempts[n].ID.Index == first.Index {
			n++
		}
		s.adoptTask(now, r.byName[first.Step], attempts[:n])
		attempts = attempts[n:]
	}
	s.start(now, r)
	if r.cancelled() && !rec.Phase.Final() {
		s.cancelIdle(r)
		s.timers.set(&r.timer, rec.Cancelled.Add(s.cfg.CancelWait))
	}
	return nil
}

// checkAttempts makes sure, before anything of the run is built, that it has a task for each attempt.
func checkAttempts(p *spec.Pipeline, run RunID, attempts []AttemptRecord) error {
	tasks := make(map[string]int, len(p.Steps))
	for i := range p.Steps {
		tasks[p.Steps[i].Name] = p.Steps[i].Tasks
	}
	for i := range attempts {
		if id := attempts[i].ID; id.Index < 0 || id.Index >= tasks[id.Step] {
			return fmt.Errorf("the store holds attempt %s, which run %s has no task for", id, run)
		}
	}
	return nil
}

// Inspect builds a finished run as it was, to be looked at.
func Inspect(rec RunRecord, attempts []AttemptRecord) (*Run, error) {
	s := New(Config{})
	if err := s.adopt(rec.Ended, rec, attempts); err != nil {
		return nil, err
	}
	return s.runs[rec.ID], nil
}

// adoptTask puts a task where its attempts, ordered by number, have brought it.
func (s *State) adoptTask(now time.Time, st *Step, attempts []AttemptRecord) {
	last := attempts[len(attempts)-1]
	st.fresh.Remove(last.ID.Index)
	for i := range attempts {
		o := attempts[i].Outcome
		if (o == AuthorFailed || o == InfraFailed) && attempts[i].Generation == st.run.rec.Generation {
			st.noteFailure(&attempts[i])
		}
	}
	st.launched = later(st.launched, last.Launched)
	st.ended = later(st.ended, last.Ended)
	if ran, known := last.RunTime(); known {
		st.ran = st.ran.plus(ran)
	}
	switch {
	case last.Outcome == Succeeded:
		st.succeeded.Add(last.ID.Index)
		return
	case last.Outcome == Cancelled && last.Generation == st.run.rec.Generation:
		st.cancelled.Add(last.ID.Index)
		return
	case last.Outcome != "" && last.RetryAt.IsZero() && last.Generation == st.run.rec.Generation:
		st.failed.Add(last.ID.Index)
		return
	}
	t := &task{step: st, index: last.ID.Index, number: last.ID.Number}
	t.timer.task = t
	st.tasks[t.index] = t
	for i := range attempts {
		s.recount(t, &attempts[i])
	}
	if last.Outcome == "" {
		t.live = &attempt{task: t, rec: last, heard: now, askedAt: last.Killed}
		s.census.recount(t.live)
		st.live++
		s.usage.add(st.run.rec.Project, last.Agent, st.spec.Resources, 1)
	} else {
		t.readyAt = later(last.RetryAt, st.run.rec.Retried)
	}
	s.rearm(t)
}

// recount counts an ended attempt as nextAttempt did.
func (s *State) recount(t *task, a *AttemptRecord) {
	if a.Generation != t.step.run.rec.Generation {
		return
	}
	switch a.Outcome {
	case AuthorFailed:
		t.author++
	case InfraFailed:
		t.infra++
		if blameFor(a.State, a.Reason, a.Source).Limit > 0 {
			t.limited++
		}
		s.avoid(t, a)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
