package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Load returns what a scheduler starts from.
func (m *Memory) Load(ctx context.Context) (state.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return state.Snapshot{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	snap := state.Snapshot{FrameworkID: m.frameworkID, NextSequence: m.last + 1}
	var open []*memoryRun
	attempts := 0
	for _, r := range m.order {
		if !r.record.Phase.Final() {
			open = append(open, r)
			attempts += len(r.ordered)
		}
	}
	snap.Attempts = make([]state.AttemptRecord, 0, attempts)
	for _, r := range open {
		snap.Runs = append(snap.Runs, r.record)
		snap.Attempts = r.appendAttempts(snap.Attempts)
	}
	for _, key := range slices.SortedFunc(maps.Keys(m.pipelines), comparePipelines) {
		versions := m.pipelines[key]
		snap.Pipelines = append(snap.Pipelines, versions[len(versions)-1])
	}
	return snap, nil
}

// Run returns one run, finished or not, with all its attempts ordered by step, index and number.
func (m *Memory) Run(ctx context.Context, id state.RunID) (state.RunRecord, []state.AttemptRecord, error) {
	if err := ctx.Err(); err != nil {
		return state.RunRecord{}, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[id]
	if r == nil {
		return state.RunRecord{}, nil, fmt.Errorf("run %s: %w", id, ErrNotFound)
	}
	return r.record, r.appendAttempts(nil), nil
}

// RunByKey returns the run that was submitted to the project with the idempotency key.
func (m *Memory) RunByKey(ctx context.Context, project, key string) (state.RunRecord, error) {
	if err := ctx.Err(); err != nil {
		return state.RunRecord{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.keys[projectKey{project, key}]
	if r == nil {
		return state.RunRecord{}, fmt.Errorf("run with key %q of project %s: %w", key, project, ErrNotFound)
	}
	return r.record, nil
}

// Record returns one run, finished or not.
func (m *Memory) Record(ctx context.Context, id state.RunID) (state.RunRecord, error) {
	if err := ctx.Err(); err != nil {
		return state.RunRecord{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[id]
	if r == nil {
		return state.RunRecord{}, fmt.Errorf("run %s: %w", id, ErrNotFound)
	}
	return r.record, nil
}

// Close does nothing: a store that is opened again is the same one.
func (m *Memory) Close() error { return nil }
