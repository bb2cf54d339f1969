package state

import (
	"cmp"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Record returns what the store keeps of the run.
func (r *Run) Record() RunRecord { return r.rec }

// Pipeline returns what the run executes.
func (r *Run) Pipeline() *spec.Pipeline { return r.pipeline }

// Deadline returns when the run's end is wanted; zero if its pipeline does not say, or it was not submitted.
func (r *Run) Deadline() time.Time {
	if r.pipeline.Deadline == 0 || r.rec.Submitted.IsZero() {
		return time.Time{}
	}
	return r.rec.Submitted.Add(r.pipeline.Deadline)
}

// Steps returns the run's steps in the order of the spec. They are the state's own: to be read only.
func (r *Run) Steps() []*Step { return r.steps }

// Step returns the step of a name, or nil.
func (r *Run) Step(name string) *Step { return r.byName[name] }

// Run returns the run that the step belongs to.
func (st *Step) Run() *Run { return st.run }

// Spec returns what the step's tasks run.
func (st *Step) Spec() *spec.Step { return st.spec }

// Shape returns what the step's tasks need of an agent. It is the same for all groups but for what they avoid.
func (st *Step) Shape() *placement.Shape { return st.shape }

// Phase returns how far the step is.
func (st *Step) Phase() StepPhase { return st.phase }

// Since returns since when the step's tasks have waited in vain: since it opened, or since one of them was last
// launched.
func (st *Step) Since() time.Time { return later(st.opened, st.launched) }

// Opened returns since when the step's tasks may be launched; zero while it waits for the steps that it needs.
func (st *Step) Opened() time.Time { return st.opened }

// Due returns since when the task that is being launched could have been: since its step opened, since its pause after a
// failure was over, and of a step that may run only so many tasks at a time, since another of them ended.
func (st *Step) Due(index int) time.Time {
	due := st.opened
	if t := st.tasks[index]; t != nil {
		due = later(due, t.readyAt)
	}
	if st.spec.MaxParallel > 0 {
		due = later(due, st.ended)
	}
	return due
}

// InBackoff returns how many tasks of the step wait until they may be attempted again.
func (st *Step) InBackoff() int { return len(st.tasks) - st.live - len(st.ready) }

// Held returns how many tasks of the step could be launched but for its MaxParallel.
func (st *Step) Held() int { return st.fresh.Len() + len(st.ready) - st.Launchable() }

// Failure returns the failed attempt of the run's generation that ended last, or nil. Those that made their task fail go
// before those that were followed by another attempt.
func (st *Step) Failure() *AttemptRecord { return st.failure }

// FirstLaunchable returns the index of a task that may be launched now; false if there is none.
func (st *Step) FirstLaunchable() (int, bool) {
	switch {
	case st.Launchable() == 0:
		return 0, false
	case len(st.ready) > 0:
		return st.ready[0].index, true
	}
	return st.fresh.spans[0].lo, true
}

// Counts are a step's tasks by what becomes of them; they add up to the step's tasks.
type Counts struct {
	Pending   int // not attempted yet
	Retrying  int // between two attempts
	Starting  int // launched, not running yet
	Running   int
	Lost      int // live on an unreachable agent
	Succeeded int
	Failed    int
	Cancelled int
	Skipped   int // not attempted, or not again, because the step was skipped
}

// Counts counts the step's tasks.
func (st *Step) Counts() Counts {
	c := Counts{
		Pending:   st.fresh.Len(),
		Succeeded: st.succeeded.Len(),
		Failed:    st.failed.Len(),
		Cancelled: st.cancelled.Len(),
	}
	for _, t := range st.tasks {
		if t.live == nil {
			c.Retrying++
			continue
		}
		switch t.live.stage() {
		case lost:
			c.Lost++
		case starting:
			c.Starting++
		default:
			c.Running++
		}
	}
	if st.phase == StepSkipped {
		c.Skipped, c.Pending, c.Retrying = c.Pending+c.Retrying, 0, 0
	}
	return c
}

// Agents calls f with the agent of each live attempt of the step, in no particular order.
func (st *Step) Agents(f func(agent string)) {
	for _, t := range st.tasks {
		if t.live != nil {
			f(t.live.rec.Agent)
		}
	}
}

// EachActive calls f with every step whose tasks may be launched, or could but for a wait or a limit of its own, in
// no particular order.
func (s *State) EachActive(f func(*Step)) {
	for _, r := range s.runs {
		if r.rec.Phase != RunActive {
			continue
		}
		for _, st := range r.steps {
			if st.phase == StepActive {
				f(st)
			}
		}
	}
}

// TaskPhase says how far a task is.
type TaskPhase string

// The phases of a task.
const (
	TaskPending   TaskPhase = "pending"
	TaskBackoff   TaskPhase = "backoff" // waits before it is attempted again
	TaskReady     TaskPhase = "ready"   // may be attempted again
	TaskLive      TaskPhase = "live"
	TaskSucceeded TaskPhase = "succeeded"
	TaskGivenUp   TaskPhase = "failed"
	TaskStopped   TaskPhase = "cancelled"
	TaskSkipped   TaskPhase = "skipped"
)

// TaskView is what is known of one task of an unfinished run.
type TaskView struct {
	Phase TaskPhase
	// Number is that of the last attempt; -1: none was made, or the task has ended.
	Number  int
	ReadyAt time.Time
	Avoid   []string
	// AuthorFailures and InfraFailures count towards the two limits.
	AuthorFailures, InfraFailures int
	// Live is the living attempt, or nil.
	Live *AttemptRecord
}

// Task returns what is known of the task with an index that the step has.
func (st *Step) Task(now time.Time, index int) TaskView {
	switch {
	case st.phase == StepSkipped && (st.fresh.Contains(index) || st.tasks[index] != nil):
		return TaskView{Phase: TaskSkipped, Number: -1}
	case st.fresh.Contains(index):
		return TaskView{Phase: TaskPending, Number: -1}
	case st.succeeded.Contains(index):
		return TaskView{Phase: TaskSucceeded, Number: -1}
	case st.failed.Contains(index):
		return TaskView{Phase: TaskGivenUp, Number: -1}
	case st.cancelled.Contains(index):
		return TaskView{Phase: TaskStopped, Number: -1}
	}
	t := st.tasks[index]
	v := TaskView{Phase: TaskBackoff, Number: t.number, ReadyAt: t.readyAt, Avoid: t.avoided(now),
		AuthorFailures: t.author, InfraFailures: t.infra}
	switch {
	case t.live != nil:
		rec := t.live.rec
		v.Phase, v.Live = TaskLive, &rec
	case t.ready:
		v.Phase = TaskReady
	}
	return v
}

// Quiet returns the live attempts to ask the master about, ordered by run, step and index: those of which
// nothing was heard since the subscription began, those that are about to start or whose agent is unreachable and
// that were not heard of for the short time, and those not heard of for the long time.
func (s *State) Quiet(now, subscribed time.Time, short, long time.Duration) []AttemptRecord {
	// This looks at all that lives, every minute: only what is found is put in order.
	var quiet []*attempt
	s.eachUnordered(func(a *attempt) {
		limit := long
		if a.rec.State.rank() < TaskRunning.rank() || !a.rec.Unreachable.IsZero() {
			limit = short
		}
		if !a.heard.After(subscribed) && a.rec.Launched.Before(subscribed) || now.Sub(a.heard) >= limit {
			quiet = append(quiet, a)
		}
	})
	slices.SortFunc(quiet, func(a, b *attempt) int {
		x, y := a.task, b.task
		return cmp.Or(
			cmp.Compare(x.step.run.rec.Sequence, y.step.run.rec.Sequence),
			cmp.Compare(x.step.serial, y.step.serial), // a run's steps are numbered in order
			cmp.Compare(x.index, y.index),
		)
	})
	records := make([]AttemptRecord, len(quiet))
	for i, a := range quiet {
		records[i] = a.rec
	}
	return records
}

func (s *State) eachUnordered(f func(*attempt)) {
	for _, r := range s.runs {
		for _, st := range r.steps {
			for _, t := range st.tasks {
				if t.live != nil {
					f(t.live)
				}
			}
		}
	}
}

// EachLive calls f with every live attempt and its step, those of a step one after the other, in no particular order
// otherwise. The record is to be read only, and during the call.
func (s *State) EachLive(f func(st *Step, rec *AttemptRecord)) {
	s.eachUnordered(func(a *attempt) { f(a.task.step, &a.rec) })
}

// Live returns all live attempts, ordered by run, step and index.
func (s *State) Live() []AttemptRecord {
	var live []AttemptRecord
	s.eachLive(func(a *attempt) { live = append(live, a.rec) })
	return live
}

func (s *State) eachLive(f func(*attempt)) {
	for _, r := range s.Runs() {
		for _, st := range r.steps {
			if st.live == 0 {
				continue
			}
			for _, t := range st.sortedTasks() {
				if t.live != nil {
					f(t.live)
				}
			}
		}
	}
}
