// Package state is what happened to the runs and what may happen next: runs, steps, tasks, attempts. It is
// pure: every call takes the time, changes memory, and collects what must be made durable (TakeChanges) before
// what may then be done (TakeKills).
//
// A task that was never attempted is not an object: a step keeps the indices of its pending, succeeded and
// failed tasks as intervals, and an object only for a task that lives or waits for another attempt.
package state

import (
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Config holds the limits that are the operator's, not the author's.
type Config struct {
	// InfraLimit is how many attempts of one task may end by the infrastructure's fault and be made again.
	InfraLimit int
	// InfraBackoff is the wait after the first infrastructure failure; it doubles up to InfraMaxBackoff.
	InfraBackoff, InfraMaxBackoff time.Duration
	// UnreachableWait is how long a task on an unreachable agent is waited for before it is replaced.
	UnreachableWait time.Duration
	// KillGrace is how long a killed task may take to end by itself.
	KillGrace time.Duration
	// KillRetry is how long after the grace period a kill that was not answered is asked for again.
	KillRetry time.Duration
	// CancelWait is how long a cancelled run waits for its attempts to end before it is cancelled all the same.
	CancelWait time.Duration
	// TimeoutSlack is how much longer than its timeout an attempt may run before the scheduler kills it: the
	// agent, which was told the timeout too, is closer and comes first.
	TimeoutSlack time.Duration
	// LaunchTimeout is how much longer than its timeout an attempt that has one may take from its launch without
	// running yet: to pull an image takes long.
	LaunchTimeout time.Duration
	// AvoidFor is how long a task stays away from an agent that failed it.
	AvoidFor time.Duration
	// Seed makes the jitter of backoffs, so that a replay waits as long as the original.
	Seed uint64
}

// DefaultConfig returns the limits that are used unless an operator sets others.
func DefaultConfig() Config {
	return Config{
		InfraLimit:      20,
		InfraBackoff:    time.Second,
		InfraMaxBackoff: 5 * time.Minute,
		UnreachableWait: 10 * time.Minute,
		KillGrace:       10 * time.Second,
		KillRetry:       30 * time.Second,
		CancelWait:      2 * time.Minute,
		TimeoutSlack:    10 * time.Second,
		LaunchTimeout:   15 * time.Minute,
		AvoidFor:        10 * time.Minute,
	}
}

// State is all unfinished runs. A finished run is in the store only.
type State struct {
	cfg  Config
	runs map[RunID]*Run
	keys map[projectKey]RunID
	// justEnded are the runs whose end is not taken yet (TakeChanges): the store does not know it.
	justEnded map[RunID]*Run
	// forgotten are the runs whose deletion is not taken yet.
	forgotten map[RunID]bool
	// pipelines holds the newest version of each, also of the deleted ones.
	pipelines map[pipelineKey]PipelineRecord
	// waiting holds the steps that have tasks to launch; each knows its place in it.
	waiting []*Step
	timers  timers
	usage   usage
	census  census
	// runTimes are what was learnt of runs, ended ones too.
	runTimes runTimes
	next     int64 // sequence of the next run
	// subscribed is since when the master can be heard; zero while it cannot.
	subscribed time.Time
	serial     int // of the last step
	// arrivals counts how often something became launchable, or launchable on more agents.
	arrivals int

	dirtyRuns     []*Run
	dirtyAttempts []*attempt
	// dirtyPipelines are new versions, which never change.
	dirtyPipelines []PipelineRecord
	framework      *string
	frameworkID    string
	kills          []Kill
}

type projectKey struct{ project, key string }

// Kill is an attempt whose end shall be asked for.
type Kill struct {
	ID    AttemptID
	Agent string
}

// New returns an empty state.
func New(cfg Config) *State {
	return &State{
		cfg:       cfg,
		runs:      map[RunID]*Run{},
		keys:      map[projectKey]RunID{},
		justEnded: map[RunID]*Run{},
		forgotten: map[RunID]bool{},
		pipelines: map[pipelineKey]PipelineRecord{},
		usage:     newUsage(),
		runTimes:  newRunTimes(),
		next:      1,
	}
}

// FrameworkID returns the id under which the scheduler is known to the master; empty before the first
// subscription.
func (s *State) FrameworkID() string { return s.frameworkID }

// SetFrameworkID keeps the id that the master gave.
func (s *State) SetFrameworkID(id string) {
	s.frameworkID = id
	s.framework = &id
}

// Config returns the limits.
func (s *State) Config() Config { return s.cfg }

// Run returns an unfinished run, or nil.
func (s *State) Run(id RunID) *Run { return s.runs[id] }

// JustEnded reports whether the run has ended since TakeChanges was last called: what the store tells of it is
// out of date until these changes are committed.
func (s *State) JustEnded(id RunID) bool { return s.justEnded[id] != nil }

// Forget deletes a run that has ended, which the caller has found in the store. ErrNotFinal: it has not ended, or only
// just (JustEnded).
func (s *State) Forget(id RunID) error {
	if s.runs[id] != nil || s.justEnded[id] != nil {
		return ErrNotFinal
	}
	s.forgotten[id] = true
	return nil
}

// JustForgotten reports whether the run was forgotten since TakeChanges was last called: the store has it still.
func (s *State) JustForgotten(id RunID) bool { return s.forgotten[id] }

// RunByKey returns the run that was submitted to the project with the idempotency key, or nil. A run that has ended
// is known for as long as JustEnded says so; then the store has it.
func (s *State) RunByKey(project, key string) *Run {
	id := s.keys[projectKey{project, key}]
	if r := s.runs[id]; r != nil {
		return r
	}
	return s.justEnded[id]
}

// Runs returns all unfinished runs in the order of their submission.
func (s *State) Runs() []*Run {
	all := make([]*Run, 0, len(s.runs))
	for _, r := range s.runs {
		all = append(all, r)
	}
	sort.Slice(all, func(i, k int) bool { return all[i].rec.Sequence < all[k].rec.Sequence })
	return all
}

// Waiting returns the steps that have tasks to launch, in no particular but reproducible order. The slice is
// the state's own and good until the next change.
func (s *State) Waiting() []*Step { return s.waiting }

// Arrivals counts how often a step got something to launch, or one more task to launch again.
func (s *State) Arrivals() int { return s.arrivals }

// Used returns what the live attempts of a project hold.
func (s *State) Used(project string) spec.Resources { return s.usage.projects[project] }

// UsedOn returns what the live attempts on an agent hold.
func (s *State) UsedOn(agent string) spec.Resources { return s.usage.agents[agent] }

// Projects calls f with what the live attempts of each project hold, in no particular order.
func (s *State) Projects(f func(project string, used spec.Resources)) {
	for p, u := range s.usage.projects {
		f(p, u)
	}
}

// LiveOn returns how many attempts live on an agent.
func (s *State) LiveOn(agent string) int { return s.usage.tasks.agents[agent] }

// EachProject calls f with how many attempts of each project live, in no particular order.
func (s *State) EachProject(f func(project string, live int)) {
	for p, n := range s.usage.tasks.projects {
		f(p, n)
	}
}

// TakeChanges returns what has changed since it was last called.
func (s *State) TakeChanges() *Changes {
	c := &Changes{FrameworkID: s.framework, Pipelines: s.dirtyPipelines}
	s.framework, s.dirtyPipelines = nil, nil
	if len(s.forgotten) > 0 {
		c.Forgotten = slices.Sorted(maps.Keys(s.forgotten))
		clear(s.forgotten)
	}
	if n := len(s.dirtyRuns); n > 0 {
		c.Runs = make([]RunRecord, n)
	}
	for i, r := range s.dirtyRuns {
		c.Runs[i], r.dirty = r.rec, false
	}
	if n := len(s.dirtyAttempts); n > 0 {
		c.Attempts = make([]AttemptRecord, n)
	}
	for i, a := range s.dirtyAttempts {
		c.Attempts[i], a.dirty = a.rec, false
	}
	s.dirtyRuns, s.dirtyAttempts = s.dirtyRuns[:0], s.dirtyAttempts[:0]
	for _, r := range s.justEnded {
		delete(s.keys, projectKey{r.rec.Project, r.rec.Key})
	}
	clear(s.justEnded)
	return c
}

// TakeKills returns the attempts whose end shall be asked for since it was last called.
func (s *State) TakeKills() []Kill {
	k := s.kills
	s.kills = nil
	return k
}

func (s *State) touchRun(r *Run) {
	if !r.dirty {
		r.dirty = true
		s.dirtyRuns = append(s.dirtyRuns, r)
	}
}

func (s *State) touchAttempt(a *attempt) {
	s.census.recount(a)
	if !a.dirty {
		a.dirty = true
		s.dirtyAttempts = append(s.dirtyAttempts, a)
	}
}
