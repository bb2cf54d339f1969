package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Reader is the side of those who look: what it returns is durable. It may be used from any goroutine.
type Reader interface {
	// Runs returns runs in the order of their submission, newest first, without Spec, Params and Images.
	Runs(ctx context.Context, f RunFilter) ([]state.RunRecord, error)
	// Record returns one run, finished or not; ErrNotFound if there is none.
	Record(ctx context.Context, id state.RunID) (state.RunRecord, error)
	// Run returns the same with all its attempts, ordered by step (by bytes), index and number. There may be very
	// many: Attempts reads them page by page.
	Run(ctx context.Context, id state.RunID) (state.RunRecord, []state.AttemptRecord, error)
	// Attempts returns attempts of one run, in the same order; ErrNotFound if there is no such run.
	Attempts(ctx context.Context, id state.RunID, f AttemptFilter) ([]state.AttemptRecord, error)
	// Pipelines returns the versions of a pipeline, newest first, at most limit of them, from the one before the
	// given version on (0: from the newest on), deletions included, without Spec.
	Pipelines(ctx context.Context, project, name string, before, limit int) ([]state.PipelineRecord, error)
	// Pipeline returns one version of a pipeline; ErrNotFound if there is none.
	Pipeline(ctx context.Context, project, name string, version int) (state.PipelineRecord, error)
	// CountRuns counts the runs by phase; a phase that no run is in may be missing.
	CountRuns(ctx context.Context) (map[state.RunPhase]int, error)
	// Size is how many bytes of the disk the store takes; 0 if it is on none. The error is ErrMoved if its files were
	// removed or replaced, which other reads do not notice.
	Size(ctx context.Context) (bytes int64, err error)
}

// RunFilter says which runs are meant: those to which all of it applies. The zero value of a field applies to every run.
type RunFilter struct {
	// Before is a sequence: the list begins with the run submitted before it.
	Before int64
	// Limit is how many runs are returned at most; 0: none.
	Limit int
	// Projects are those of which the runs may be; nil: any.
	Projects    []string
	Name, Owner string
	// Phases are those in which the runs may be; nil: any.
	Phases []state.RunPhase
	// Since and Until bound the time of submission: [Since, Until).
	Since, Until time.Time
	// EndedBefore applies to runs that have ended, and did so before it.
	EndedBefore time.Time
}

// includes reports whether the filter applies to the run; Limit aside.
func (f *RunFilter) includes(r *state.RunRecord) bool {
	return (f.Before == 0 || r.Sequence < f.Before) &&
		(f.Projects == nil || slices.Contains(f.Projects, r.Project)) &&
		(f.Name == "" || r.Name == f.Name) &&
		(f.Owner == "" || r.Owner == f.Owner) &&
		(f.Phases == nil || slices.Contains(f.Phases, r.Phase)) &&
		(f.Since.IsZero() || !r.Submitted.Before(f.Since)) &&
		(f.Until.IsZero() || r.Submitted.Before(f.Until)) &&
		(f.EndedBefore.IsZero() || !r.Ended.IsZero() && r.Ended.Before(f.EndedBefore))
}

// AttemptFilter says which attempts of a run are meant.
type AttemptFilter struct {
	Step  string // empty: all
	Index int    // of the task; -1: all
	// After is the attempt after which the list begins; its Run is not looked at. The zero value: the list
	// begins with the first.
	After state.AttemptID
	// Limit is how many attempts are returned at most; 0: none.
	Limit int
}

// includes reports whether the filter applies to the attempt; Limit aside.
func (f *AttemptFilter) includes(a *state.AttemptRecord) bool {
	return (f.Step == "" || a.ID.Step == f.Step) && (f.Index < 0 || a.ID.Index == f.Index) &&
		(f.After.Step == "" || compareIDs(a.ID, f.After) > 0)
}

// compareIDs orders the attempts of one run.
func compareIDs(a, b state.AttemptID) int {
	return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Number, b.Number))
}
