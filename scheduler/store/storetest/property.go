package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// testProperty commits drawn batches, restarts the store in between, and compares all that can be read with a
// model that is too simple to be wrong.
func testProperty(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, open)
		b.t = t
		m := &model{next: 1, runs: map[state.RunID]state.RunRecord{}, attempts: map[state.AttemptID]state.AttemptRecord{},
			versions: map[string]pipelines{}}
		for range rapid.IntRange(1, 8).Draw(rt, "batches") {
			changes := m.draw(rt)
			b.commit(changes)
			m.apply(changes)
			if rapid.IntRange(0, 3).Draw(rt, "restart if 0") == 0 {
				b.reopen()
			}
			m.compare(rt, b)
		}
		b.close()
	})
}

type model struct {
	frameworkID string
	next        int64
	runs        map[state.RunID]state.RunRecord
	attempts    map[state.AttemptID]state.AttemptRecord
	versions    map[string]pipelines // of the pipelines of project lpf, oldest first
}

func (m *model) apply(c *state.Changes) {
	for _, r := range c.Runs {
		m.runs[r.ID] = r
		m.next = max(m.next, r.Sequence+1)
	}
	for _, a := range c.Attempts {
		m.attempts[a.ID] = a
	}
	for _, p := range c.Pipelines {
		m.versions[p.Name] = append(m.versions[p.Name], p)
	}
	for _, id := range c.Forgotten {
		delete(m.runs, id)
		maps.DeleteFunc(m.attempts, func(a state.AttemptID, _ state.AttemptRecord) bool { return a.Run == id })
	}
	if c.FrameworkID != nil {
		m.frameworkID = *c.FrameworkID
	}
}

// inOrder returns the runs by sequence.
func (m *model) inOrder() runs {
	return slices.SortedFunc(maps.Values(m.runs), func(a, b state.RunRecord) int { return cmp.Compare(a.Sequence, b.Sequence) })
}

// attemptsOf returns the attempts of a run in order.
func (m *model) attemptsOf(run state.RunID) attempts {
	var list attempts
	for id, a := range m.attempts {
		if id.Run == run {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b state.AttemptRecord) int {
		return cmp.Or(cmp.Compare(a.ID.Step, b.ID.Step), cmp.Compare(a.ID.Index, b.ID.Index), cmp.Compare(a.ID.Number, b.ID.Number))
	})
	return list
}

func (m *model) snapshot() state.Snapshot {
	snap := state.Snapshot{FrameworkID: m.frameworkID, NextSequence: m.next}
	for _, r := range m.inOrder() {
		if !r.Phase.Final() {
			snap.Runs = append(snap.Runs, r)
			snap.Attempts = append(snap.Attempts, m.attemptsOf(r.ID)...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.versions)) {
		versions := m.versions[name]
		snap.Pipelines = append(snap.Pipelines, versions[len(versions)-1])
	}
	return snap
}

func (m *model) compare(rt *rapid.T, b *bench) {
	b.wantLoaded(m.snapshot())
	all := m.inOrder()
	for _, r := range all {
		b.wantRun(r, m.attemptsOf(r.ID))
		if r.Key != "" {
			b.wantKey(r)
		}
	}
	for name, versions := range m.versions {
		versions = slices.Clone(versions)
		slices.Reverse(versions)
		b.wantPipelines("lpf", name, 0, 100, versions)
	}
	slices.Reverse(all)
	before := rapid.Int64Range(0, m.next).Draw(rt, "before")
	limit := rapid.IntRange(0, 4).Draw(rt, "limit")
	if before > 0 {
		all = slices.DeleteFunc(all, func(r state.RunRecord) bool { return r.Sequence >= before })
	}
	b.wantRuns(store.RunFilter{Before: before, Limit: limit}, all[:min(limit, len(all))])
}

// draw returns a batch that the model's next commit may be.
func (m *model) draw(rt *rapid.T) *state.Changes {
	c := &state.Changes{}
	known := m.inOrder()
	if len(known) > 0 && rapid.IntRange(0, 2).Draw(rt, "forget if 0") == 0 {
		i := rapid.IntRange(0, len(known)-1).Draw(rt, "forgotten run")
		c.Forgotten = append(c.Forgotten, known[i].ID)
		known = slices.Delete(known, i, i+1)
	}
	for _, name := range []string{"noise", "glitch"} {
		if rapid.IntRange(0, 3).Draw(rt, "put "+name+" if 0") == 0 {
			c.Pipelines = append(c.Pipelines, m.drawVersion(rt, name))
		}
	}
	for range rapid.IntRange(0, 2).Draw(rt, "new runs") {
		r := m.drawNew(rt, m.next+int64(len(c.Runs)))
		c.Runs, known = append(c.Runs, r), append(known, r)
	}
	if len(known) > 0 {
		for range rapid.IntRange(0, 2).Draw(rt, "changed runs") {
			r := rapid.SampledFrom(known).Draw(rt, "changed run")
			drawProgress(rt, &r)
			c.Runs = append(c.Runs, r)
		}
		for range rapid.IntRange(0, 8).Draw(rt, "attempts") {
			c.Attempts = append(c.Attempts, drawAttempt(rt, rapid.SampledFrom(known).Draw(rt, "run").ID))
		}
	}
	if rapid.Bool().Draw(rt, "new framework id") {
		id := drawText(rt, "framework id")
		c.FrameworkID = &id
	}
	return c
}

func (m *model) drawVersion(rt *rapid.T, name string) state.PipelineRecord {
	return state.PipelineRecord{
		Project: "lpf", Name: name, Version: len(m.versions[name]) + 1, Spec: drawText(rt, "spec"), By: drawText(rt, "by"),
		Put: drawTime(rt, "put"), Deleted: rapid.Bool().Draw(rt, "deleted"),
	}
}

func (m *model) drawNew(rt *rapid.T, sequence int64) state.RunRecord {
	r := newRun(sequence)
	r.Name, r.Owner, r.Spec = drawText(rt, "name"), drawText(rt, "owner"), drawText(rt, "spec")
	r.Project = rapid.SampledFrom([]string{"lpf", "lisa"}).Draw(rt, "project")
	r.Params = rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(rt, "params")
	r.Images = rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(rt, "images")
	r.SubmittedBy, r.PipelineVersion = drawText(rt, "by"), rapid.IntRange(0, 3).Draw(rt, "version")
	r.Submitted = drawTime(rt, "submitted")
	if rapid.Bool().Draw(rt, "has a key") {
		r.Key = fmt.Sprint("key ", sequence)
	}
	drawProgress(rt, &r)
	return r
}

func drawProgress(rt *rapid.T, r *state.RunRecord) {
	r.Phase = rapid.SampledFrom([]state.RunPhase{
		state.RunActive, state.RunCancelling, state.RunSucceeded, state.RunFailed, state.RunCancelled,
	}).Draw(rt, "phase")
	r.Generation = rapid.IntRange(0, 3).Draw(rt, "generation")
	r.Cancelled, r.Ended = drawTime(rt, "cancelled"), drawTime(rt, "ended")
}

func drawAttempt(rt *rapid.T, run state.RunID) state.AttemptRecord {
	a := newAttempt(run,
		rapid.SampledFrom([]string{"a", "a-b", "ab", "b"}).Draw(rt, "step"),
		rapid.IntRange(0, 11).Draw(rt, "index"), rapid.IntRange(0, 2).Draw(rt, "number"))
	a.State = rapid.SampledFrom([]state.TaskState{state.TaskStaging, state.TaskRunning, state.TaskFinished}).Draw(rt, "state")
	a.Agent, a.Message = drawText(rt, "agent"), drawText(rt, "message")
	a.Outcome = rapid.SampledFrom([]state.Outcome{"", state.Succeeded, state.InfraFailed}).Draw(rt, "outcome")
	a.ExitCode = rapid.IntRange(-1, 255).Draw(rt, "exit code")
	a.Started, a.RetryAt = drawTime(rt, "started"), drawTime(rt, "retry at")
	return a
}

// drawText draws any bytes.
func drawText(rt *rapid.T, label string) string {
	return string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(rt, label))
}

// drawTime draws the zero time or any that a store must keep.
func drawTime(rt *rapid.T, label string) time.Time {
	if n := rapid.Int64().Draw(rt, label); n != 0 {
		return time.Unix(0, n).UTC()
	}
	return time.Time{}
}
