package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

const manyRuns = 100_000

// historyStart is when the first run of a history was submitted; the others follow it by a minute each.
var historyStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// historyRun makes the runs that a scheduler has after months: 20 projects, 200 pipelines, 50 owners, few runs failed,
// the latest not ended.
func historyRun(i int) state.RunRecord {
	r := state.RunRecord{
		ID: state.RunID(fmt.Sprintf("01jqzv5y6n8w3v9k2m%08d", i)), Sequence: int64(i + 1),
		Name: fmt.Sprintf("pipeline-%d", i%200), Project: fmt.Sprintf("project-%d", i%20),
		Owner: fmt.Sprintf("group-%d@dpc.example", i%50), Spec: "name: pipeline\n", Params: map[string]string{"n": "1"},
		Submitted: historyStart.Add(time.Duration(i) * time.Minute), Phase: state.RunSucceeded,
	}
	switch {
	case i >= manyRuns-100:
		r.Phase = state.RunActive
		return r
	case i%97 == 0:
		r.Phase = state.RunFailed
	}
	r.Ended = r.Submitted.Add(time.Hour)
	return r
}

// history makes a store with manyRuns runs.
func history(tb testing.TB) *store.SQLite {
	s := open(tb, filepath.Join(tb.TempDir(), "store.db"))
	for i := 0; i < manyRuns; {
		c := &state.Changes{}
		for range 10_000 {
			c.Runs = append(c.Runs, historyRun(i))
			i++
		}
		if err := s.Commit(tb.Context(), c); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// BenchmarkRuns measures a list of 50 runs out of 100,000 by filters that find many, few and none.
func BenchmarkRuns(b *testing.B) {
	s := history(b)
	defer s.Close()
	middle := historyStart.Add(manyRuns / 2 * time.Minute)
	filters := map[string]store.RunFilter{
		"newest":             {},
		"oldest page":        {Before: 51},
		"project":            {Projects: []string{"project-3"}},
		"projects":           {Projects: []string{"project-3", "project-4", "project-19"}},
		"no such project":    {Projects: []string{"project-x"}},
		"name":               {Name: "pipeline-7"},
		"no such name":       {Name: "pipeline-x"},
		"name elsewhere":     {Name: "pipeline-7", Projects: []string{"project-8"}},
		"owner":              {Owner: "group-7@dpc.example"},
		"no such owner":      {Owner: "nobody"},
		"owner elsewhere":    {Owner: "group-7@dpc.example", Projects: []string{"project-8"}},
		"active":             {Phases: []state.RunPhase{state.RunActive}},
		"failed":             {Phases: []state.RunPhase{state.RunFailed}},
		"cancelled":          {Phases: []state.RunPhase{state.RunCancelled, state.RunCancelling}},
		"all phases":         {Phases: []state.RunPhase{state.RunActive, state.RunCancelling, state.RunSucceeded, state.RunFailed, state.RunCancelled}},
		"failed of project":  {Phases: []state.RunPhase{state.RunFailed}, Projects: []string{"project-3"}},
		"active of old":      {Phases: []state.RunPhase{state.RunActive}, Until: middle},
		"an hour":            {Since: middle, Until: middle.Add(time.Hour)},
		"before all":         {Until: historyStart},
		"since long":         {Since: historyStart.Add(time.Hour)},
		"hour of no project": {Since: middle, Until: middle.Add(time.Hour), Projects: []string{"project-x"}},
		"ended before":       {EndedBefore: historyStart.Add(3 * time.Hour)},
		"ended before all":   {EndedBefore: historyStart},
		"all at once": {Projects: []string{"project-3", "project-7"}, Name: "pipeline-7", Owner: "group-7@dpc.example",
			Phases: []state.RunPhase{state.RunCancelled}, Since: historyStart, Until: middle, EndedBefore: middle},
	}
	for name, f := range filters {
		f.Limit = 50
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Runs(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCountRuns measures what a scrape of the metrics asks for.
func BenchmarkCountRuns(b *testing.B) {
	s := history(b)
	defer s.Close()
	for b.Loop() {
		if _, err := s.CountRuns(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAttempts measures a page of 100 attempts of a run that has 500,000.
func BenchmarkAttempts(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"))
	defer s.Close()
	l := newLoad()
	for index := 0; index < 500_000; {
		c := &state.Changes{}
		if index == 0 {
			c.Runs = []state.RunRecord{l.run}
		}
		for range 10_000 {
			c.Attempts = append(c.Attempts, l.attempt(index, 2))
			index++
		}
		if err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	for name, f := range map[string]store.AttemptFilter{
		"first":    {Index: -1},
		"middle":   {Index: -1, After: state.AttemptID{Step: "psd", Index: 250_000}},
		"of step":  {Step: "psd", Index: -1, After: state.AttemptID{Step: "psd", Index: 250_000}},
		"last":     {Index: -1, After: state.AttemptID{Step: "psd", Index: 499_990}},
		"one task": {Step: "psd", Index: 400_000},
		"index":    {Index: 400_000},
		"no step":  {Step: "none", Index: -1},
	} {
		f.Limit = 100
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Attempts(b.Context(), batchRun, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkForget measures commits that delete a run of 100,000 attempts bit by bit, the longest of them.
func BenchmarkForget(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"))
	defer s.Close()
	l := newLoad()
	c := &state.Changes{Runs: []state.RunRecord{l.run}}
	for index := range 100_000 {
		c.Attempts = append(c.Attempts, l.attempt(index, 2))
	}
	other := historyRun(1)
	var longest time.Duration
	for b.Loop() {
		if err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		if err := s.Commit(b.Context(), &state.Changes{Runs: []state.RunRecord{other}, Forgotten: []state.RunID{batchRun}}); err != nil {
			b.Fatal(err)
		}
		for range 50 {
			start := time.Now()
			if err := s.Commit(b.Context(), &state.Changes{Runs: []state.RunRecord{other}}); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(start))
		}
	}
	b.ReportMetric(float64(longest.Microseconds())/1e3, "longest-ms")
}
