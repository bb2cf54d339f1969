package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Memory is a Store that lasts as long as the process, for simulations and tests. Its Close does nothing, so that
// a scheduler can be started again on what it holds.
type Memory struct {
	mu          sync.Mutex
	frameworkID string
	runs        map[state.RunID]*memoryRun
	keys        map[projectKey]*memoryRun
	order       []*memoryRun                           // by sequence
	last        int64                                  // the highest sequence that a run ever had
	pipelines   map[pipelineKey][]state.PipelineRecord // by version
}

// memoryRun is a run with its attempts. The attempts are values behind pointers of the store's own: callers never
// see these, so that an update can be made in place.
type memoryRun struct {
	record   state.RunRecord
	attempts map[attemptName]*state.AttemptRecord
	ordered  []*state.AttemptRecord // those of attempts; sorted if not unsorted
	unsorted bool
}

type projectKey struct{ project, key string }

// attemptName is an attempt's id within its run: shorter to hash.
type attemptName struct {
	step          string
	index, number int
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{runs: map[state.RunID]*memoryRun{}, keys: map[projectKey]*memoryRun{}, pipelines: map[pipelineKey][]state.PipelineRecord{}}
}

// Commit keeps the changes. A batch that is refused has left no trace.
func (m *Memory) Commit(ctx context.Context, changes *state.Changes) error {
	if changes.Empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(changes); err != nil {
		return err
	}
	for i := range changes.Runs {
		m.putRun(&changes.Runs[i])
	}
	var run *memoryRun
	for i := range changes.Attempts {
		a := &changes.Attempts[i]
		if run == nil || run.record.ID != a.ID.Run { // a batch often changes one run only
			run = m.runs[a.ID.Run]
		}
		run.putAttempt(a)
	}
	for i := range changes.Pipelines {
		m.putPipeline(&changes.Pipelines[i])
	}
	for _, id := range changes.Forgotten {
		m.forget(id)
	}
	if changes.FrameworkID != nil {
		m.frameworkID = *changes.FrameworkID
	}
	return nil
}

// check finds what a database would refuse.
func (m *Memory) check(changes *state.Changes) error {
	var fresh []*state.RunRecord
	for i := range changes.Runs {
		if r := &changes.Runs[i]; m.runs[r.ID] == nil {
			if err := m.checkNew(r, fresh); err != nil {
				return err
			}
			fresh = append(fresh, r)
		}
	}
	var last state.RunID
	for i := range changes.Attempts {
		id := changes.Attempts[i].ID
		if id.Run == last && i > 0 {
			continue
		}
		if m.runs[id.Run] == nil && !slices.ContainsFunc(fresh, func(r *state.RunRecord) bool { return r.ID == id.Run }) {
			return fmt.Errorf("attempt %s is of a run that is not in the store", id)
		}
		last = id.Run
	}
	return nil
}

// checkNew checks a run that is to be added to the store after the runs fresh of the same batch.
func (m *Memory) checkNew(r *state.RunRecord, fresh []*state.RunRecord) error {
	for _, f := range fresh {
		if f.ID == r.ID {
			return nil
		}
	}
	_, taken := m.position(r.Sequence)
	key := projectKey{r.Project, r.Key}
	repeated := m.keys[key] != nil
	for _, f := range fresh {
		taken = taken || f.Sequence == r.Sequence
		repeated = repeated || r.Key != "" && key == projectKey{f.Project, f.Key}
	}
	switch {
	case r.Sequence < 1 || taken:
		return fmt.Errorf("sequence %d of run %s is taken or not positive", r.Sequence, r.ID)
	case repeated:
		return fmt.Errorf("run %s has the key %q of another run of project %s", r.ID, r.Key, r.Project)
	}
	return nil
}

// position returns where in m.order the run with the sequence is or would be.
func (m *Memory) position(sequence int64) (int, bool) {
	return slices.BinarySearchFunc(m.order, sequence, func(r *memoryRun, s int64) int {
		return cmp.Compare(r.record.Sequence, s)
	})
}

func (m *Memory) putRun(r *state.RunRecord) {
	if known := m.runs[r.ID]; known != nil {
		known.record = *r
		return
	}
	run := &memoryRun{record: *r, attempts: map[attemptName]*state.AttemptRecord{}}
	m.runs[r.ID] = run
	if r.Key != "" {
		m.keys[projectKey{r.Project, r.Key}] = run
	}
	i, _ := m.position(r.Sequence)
	m.order = slices.Insert(m.order, i, run)
	m.last = max(m.last, r.Sequence)
}

// forget deletes a run; one that is not there is none already.
func (m *Memory) forget(id state.RunID) {
	run := m.runs[id]
	if run == nil {
		return
	}
	delete(m.runs, id)
	if r := &run.record; r.Key != "" {
		delete(m.keys, projectKey{r.Project, r.Key})
	}
	i, _ := m.position(run.record.Sequence)
	m.order = slices.Delete(m.order, i, i+1)
}

func (m *Memory) putPipeline(p *state.PipelineRecord) {
	key := pipelineKey{p.Project, p.Name}
	versions := m.pipelines[key]
	i, known := slices.BinarySearchFunc(versions, p.Version, func(v state.PipelineRecord, version int) int {
		return cmp.Compare(v.Version, version)
	})
	if known {
		versions[i] = *p
		return
	}
	m.pipelines[key] = slices.Insert(versions, i, *p)
}

func (r *memoryRun) putAttempt(a *state.AttemptRecord) {
	name := attemptName{a.ID.Step, a.ID.Index, a.ID.Number}
	if known := r.attempts[name]; known != nil {
		*known = *a
		return
	}
	own := *a
	r.attempts[name] = &own
	n := len(r.ordered)
	r.unsorted = r.unsorted || n > 0 && compareAttempts(r.ordered[n-1], &own) > 0
	r.ordered = append(r.ordered, &own)
}

func compareAttempts(a, b *state.AttemptRecord) int { return compareIDs(a.ID, b.ID) }

// sort brings the run's attempts into order.
func (r *memoryRun) sort() {
	if r.unsorted {
		slices.SortFunc(r.ordered, compareAttempts)
		r.unsorted = false
	}
}

// appendAttempts appends the run's attempts in order.
func (r *memoryRun) appendAttempts(dst []state.AttemptRecord) []state.AttemptRecord {
	r.sort()
	dst = slices.Grow(dst, len(r.ordered))
	for _, a := range r.ordered {
		dst = append(dst, *a)
	}
	return dst
}
