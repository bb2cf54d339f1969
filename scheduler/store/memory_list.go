package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Runs returns runs, the newest first; see Reader.
func (m *Memory) Runs(ctx context.Context, f RunFilter) ([]state.RunRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var runs []state.RunRecord
	for i := len(m.order) - 1; i >= 0 && len(runs) < f.Limit; i-- {
		if r := m.order[i].record; f.includes(&r) {
			r.Spec, r.Params, r.Images = "", nil, nil
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// EndedBefore returns runs that ended before the time, those first that ended first.
func (m *Memory) EndedBefore(ctx context.Context, t time.Time, limit int) ([]state.RunID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var ended []*memoryRun
	f := RunFilter{EndedBefore: t}
	for _, r := range m.order {
		if f.includes(&r.record) {
			ended = append(ended, r)
		}
	}
	slices.SortStableFunc(ended, func(a, b *memoryRun) int { return a.record.Ended.Compare(b.record.Ended) })
	var ids []state.RunID
	for _, r := range ended[:min(max(limit, 0), len(ended))] {
		ids = append(ids, r.record.ID)
	}
	return ids, nil
}

// Attempts returns attempts of one run; see Reader.
func (m *Memory) Attempts(ctx context.Context, id state.RunID, f AttemptFilter) ([]state.AttemptRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[id]
	if r == nil {
		return nil, fmt.Errorf("run %s: %w", id, ErrNotFound)
	}
	r.sort()
	var attempts []state.AttemptRecord
	for _, a := range r.ordered {
		if len(attempts) >= f.Limit {
			break
		}
		if f.includes(a) {
			attempts = append(attempts, *a)
		}
	}
	return attempts, nil
}

// pipelineKey names a pipeline.
type pipelineKey struct{ project, name string }

func comparePipelines(a, b pipelineKey) int {
	return cmp.Or(cmp.Compare(a.project, b.project), cmp.Compare(a.name, b.name))
}

// Pipelines returns the versions of a pipeline, the newest first; see Reader.
func (m *Memory) Pipelines(ctx context.Context, project, name string, before, limit int) ([]state.PipelineRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	versions := m.pipelines[pipelineKey{project, name}]
	var list []state.PipelineRecord
	for i := len(versions) - 1; i >= 0 && len(list) < limit; i-- {
		if v := versions[i]; before == 0 || v.Version < before {
			v.Spec = ""
			list = append(list, v)
		}
	}
	return list, nil
}

// Pipeline returns one version of a pipeline.
func (m *Memory) Pipeline(ctx context.Context, project, name string, version int) (state.PipelineRecord, error) {
	if err := ctx.Err(); err != nil {
		return state.PipelineRecord{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.pipelines[pipelineKey{project, name}] {
		if v.Version == version {
			return v, nil
		}
	}
	return state.PipelineRecord{}, fmt.Errorf("version %d of pipeline %s/%s: %w", version, project, name, ErrNotFound)
}

// CountRuns counts the runs by phase.
func (m *Memory) CountRuns(ctx context.Context) (map[state.RunPhase]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[state.RunPhase]int{}
	for _, r := range m.order {
		counts[r.record.Phase]++
	}
	return counts, nil
}

// Size is 0: nothing is on a disk.
func (m *Memory) Size(ctx context.Context) (bytes int64, err error) { return 0, ctx.Err() }
