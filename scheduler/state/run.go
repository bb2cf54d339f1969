package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Run is an unfinished run: one execution of a pipeline.
type Run struct {
	rec      RunRecord
	pipeline *spec.Pipeline
	steps    []*Step // in the order of pipeline.Steps
	byName   map[string]*Step
	// open counts the steps that have not ended.
	open  int
	dirty bool
	timer timer // cancellation
}

// StepPhase says how far a step is.
type StepPhase string

// The phases of a step. The last four are final.
const (
	StepWaiting   StepPhase = "waiting" // for steps it needs
	StepActive    StepPhase = "active"
	StepSucceeded StepPhase = "succeeded"
	StepFailed    StepPhase = "failed"
	StepSkipped   StepPhase = "skipped"
	StepCancelled StepPhase = "cancelled"
)

// Final reports whether the step has ended.
func (p StepPhase) Final() bool { return p != StepWaiting && p != StepActive }

// Step is one step of an unfinished run.
type Step struct {
	run *Run
	// serial is unique among the steps that this State has ever held.
	serial int
	spec   *spec.Step
	shape  *placement.Shape
	phase  StepPhase
	// broken says of a skipped step that a failure is behind it, so that `when: failure` steps after it run.
	broken bool
	// needed are the steps that need this one, needs how many of its own have not ended.
	neededBy []*Step
	needs    int

	fresh     Intervals // indices of tasks that were never attempted
	succeeded Intervals
	failed    Intervals
	cancelled Intervals
	// tasks holds those that live or will be attempted again; ready those of them that may be now, by index.
	tasks map[int]*task
	ready []*task
	live  int
	// opened is when the last of its needs ended; launched and ended are when a task of it last was. They follow
	// from the attempts, so a restart finds them again.
	opened, launched, ended time.Time
	// ran is how long those of the run that have succeeded have run.
	ran estimate
	// failure is the failed attempt that says most about the step, for people.
	failure *AttemptRecord
	timer   timer // when its tasks may go to clouds
	// place is 1 + the step's index in State.waiting; 0: nothing to launch.
	place int
}

// Submission is a run that an author asks for.
type Submission struct {
	ID       RunID
	Pipeline *spec.Pipeline
	Spec     string
	Params   map[string]string
	Key      string
	// By, PipelineVersion and Images become those of the run's record.
	By              string
	PipelineVersion int
	Images          map[string]string
}

var (
	// ErrFinal: the run has ended, so there is nothing to cancel.
	ErrFinal = errors.New("the run has already ended")
	// ErrNotFinal: the run has not ended, so it cannot be deleted; cancel it first.
	ErrNotFinal = errors.New("the run has not ended: cancel it first")
	// ErrNotRetryable: the run has not ended, or has succeeded.
	ErrNotRetryable = errors.New("nothing to retry")
)

// Submit takes a run in. The caller has made sure that no run of the project has the key.
func (s *State) Submit(now time.Time, sub Submission) *Run {
	p := sub.Pipeline.Pin(sub.Images)
	rec := RunRecord{
		ID:              sub.ID,
		Sequence:        s.next,
		Name:            p.Name,
		Project:         p.Project,
		Owner:           p.Owner,
		SubmittedBy:     sub.By,
		PipelineVersion: sub.PipelineVersion,
		Spec:            sub.Spec,
		Params:          sub.Params,
		Images:          sub.Images,
		Key:             sub.Key,
		Submitted:       now,
		Phase:           RunActive,
	}
	s.next++
	r := s.newRun(rec, p)
	s.touchRun(r)
	s.start(now, r)
	return r
}

func (s *State) newRun(rec RunRecord, p *spec.Pipeline) *Run {
	if s.runs[rec.ID] != nil {
		panic(fmt.Sprintf("state: run %s exists already", rec.ID))
	}
	r := &Run{rec: rec, pipeline: p, byName: make(map[string]*Step, len(p.Steps)), open: len(p.Steps)}
	r.timer.run = r
	for i := range p.Steps {
		sp := &p.Steps[i]
		s.serial++
		st := &Step{run: r, serial: s.serial, spec: sp, phase: StepWaiting, needs: len(sp.Needs), tasks: map[int]*task{}}
		st.shape = &placement.Shape{Need: sp.Resources, Where: sp.Where, Spread: sp.Spread, Burst: p.Burst}
		st.timer.step = st
		st.fresh = Range(0, sp.Tasks)
		r.steps = append(r.steps, st)
		r.byName[sp.Name] = st
	}
	for _, st := range r.steps {
		for _, n := range st.spec.Needs {
			r.steps[n].neededBy = append(r.steps[n].neededBy, st)
		}
	}
	s.runs[rec.ID] = r
	if rec.Key != "" {
		s.keys[projectKey{rec.Project, rec.Key}] = rec.ID
	}
	return r
}

// start opens the steps that need nothing.
func (s *State) start(now time.Time, r *Run) {
	for _, st := range r.steps {
		if st.needs == 0 && st.phase == StepWaiting {
			s.open(st)
		}
	}
	s.maybeFinish(now, r)
}

// open is the join: it decides about a step when all the steps that it needs have ended, once per run.
func (s *State) open(st *Step) {
	failed, skipped := false, false
	st.opened = later(st.run.rec.Submitted, st.run.rec.Retried)
	for _, n := range st.spec.Needs {
		need := st.run.steps[n]
		failed = failed || need.phase == StepFailed || need.broken
		skipped = skipped || need.phase == StepSkipped
		st.opened = later(st.opened, later(need.opened, need.ended))
	}
	runs := false
	switch st.spec.When {
	case spec.Always:
		runs = true
	case spec.OnFailure:
		runs = failed
	default:
		runs = !failed && !skipped
	}
	if !runs {
		st.broken = failed
		s.endStep(st, StepSkipped)
		return
	}
	st.phase = StepActive
	if b := &st.shape.Burst; b.Allow && b.After > 0 {
		s.timers.set(&st.timer, st.opened.Add(b.After))
	}
	s.updateWaiting(st)
	s.maybeEndStep(st)
}

// maybeEndStep ends an active step when none of its tasks is left, or none may be launched any more.
func (s *State) maybeEndStep(st *Step) {
	left := st.fresh.Len() + len(st.tasks)
	switch {
	case st.phase != StepActive || st.live > 0:
	case left > 0 && st.run.cancelled():
		s.cancelStep(st)
	case left > 0:
	case st.failed.Len() > 0:
		s.endStep(st, StepFailed)
	case st.cancelled.Len() > 0:
		s.endStep(st, StepCancelled)
	default:
		s.endStep(st, StepSucceeded)
	}
}

func (s *State) endStep(st *Step, phase StepPhase) {
	st.phase = phase
	st.run.open--
	s.timers.set(&st.timer, time.Time{})
	s.updateWaiting(st)
	for _, next := range st.neededBy {
		next.needs--
		if next.needs == 0 && next.phase == StepWaiting {
			s.open(next)
		}
	}
}

// cancelled reports whether the run's cancellation was asked for.
func (r *Run) cancelled() bool { return !r.rec.Cancelled.IsZero() }

// maybeFinish ends the run when all its steps have. A cancelled run ends as cancelled whatever its steps did.
func (s *State) maybeFinish(now time.Time, r *Run) {
	if r.open > 0 || r.rec.Phase.Final() {
		return
	}
	r.rec.Phase = RunSucceeded
	for _, st := range r.steps {
		if st.phase == StepFailed {
			r.rec.Phase = RunFailed
		}
	}
	if r.cancelled() {
		r.rec.Phase = RunCancelled
	}
	r.rec.Ended = now
	s.touchRun(r)
	s.timers.set(&r.timer, time.Time{})
	delete(s.runs, r.rec.ID)
	s.justEnded[r.rec.ID] = r
}

// Cancel stops the run: it launches nothing any more, not even its `when: always` steps, and its live attempts
// are killed. Cancelling twice changes nothing.
func (s *State) Cancel(now time.Time, id RunID) (RunRecord, error) {
	r := s.runs[id]
	if r == nil {
		return RunRecord{}, ErrFinal
	}
	if r.cancelled() {
		return r.rec, nil
	}
	r.rec.Phase, r.rec.Cancelled = RunCancelling, now
	s.touchRun(r)
	for _, st := range r.steps {
		for _, t := range st.sortedTasks() {
			switch {
			case t.live == nil:
			case !t.live.rec.Unreachable.IsZero():
				s.endAttempt(now, t.live, Cancelled)
			default:
				s.kill(now, t.live, KillCancel)
				s.rearm(t)
			}
		}
	}
	s.cancelIdle(r)
	s.timers.set(&r.timer, now.Add(s.cfg.CancelWait))
	s.maybeFinish(now, r)
	return r.rec, nil
}

// cancelIdle ends the steps of a cancelled run that have no live attempt.
func (s *State) cancelIdle(r *Run) {
	for _, st := range r.steps {
		if !st.phase.Final() && st.live == 0 {
			s.cancelStep(st)
		}
		s.updateWaiting(st)
	}
}

// cancelStep ends a step of a cancelled run that has no live attempt.
func (s *State) cancelStep(st *Step) {
	ended := st.cancelled
	st.cancelled, st.fresh = st.fresh, Intervals{}
	ended.Each(func(lo, hi int) {
		for i := lo; i < hi; i++ {
			st.cancelled.Add(i)
		}
	})
	for _, t := range st.sortedTasks() {
		st.cancelled.Add(t.index)
		s.forget(t)
	}
	s.endStep(st, StepCancelled)
}
