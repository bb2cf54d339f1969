package state

import (
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// world drives a State as a reactor does: it keeps what changes, and can restart from it.
type world struct {
	t        testing.TB
	now      time.Time
	cfg      Config
	s        *State
	runs     map[RunID]RunRecord
	attempts map[AttemptID]AttemptRecord
	kills    []Kill
	runCount int
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), cfg: DefaultConfig(),
		runs: map[RunID]RunRecord{}, attempts: map[AttemptID]AttemptRecord{},
	}
	w.s = New(w.cfg)
	return w
}

// settle ends a batch: what changed is kept, kills are collected.
func (w *world) settle() {
	c := w.s.TakeChanges()
	for _, r := range c.Runs {
		w.runs[r.ID] = r
	}
	for _, a := range c.Attempts {
		w.attempts[a.ID] = a
	}
	w.kills = append(w.kills, w.s.TakeKills()...)
}

func (w *world) submit(text string) RunID {
	w.t.Helper()
	return w.submitWith(text, nil)
}

// submitWith submits a spec whose images were resolved.
func (w *world) submitWith(text string, images map[string]string) RunID {
	w.t.Helper()
	parsed, err := spec.Parse("test", []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := parsed.Bind(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.runCount++
	id := RunID(fmt.Sprintf("run%d", w.runCount))
	w.s.Submit(w.now, Submission{ID: id, Pipeline: p, Spec: text, Images: images})
	w.settle()
	return id
}

// launch launches up to n tasks of whatever waits, and returns their attempts.
func (w *world) launch(n int) []AttemptRecord {
	var launched []AttemptRecord
	for n > 0 && len(w.s.Waiting()) > 0 {
		g := w.s.Waiting()[0].Groups(w.now)[0]
		k := min(n, g.Count)
		launched = append(launched, w.s.Launch(w.now, &g, k, Agent{ID: "agent-1", Hostname: "host-1", URL: "http://10.0.0.1:5051"})...)
		n -= k
	}
	w.settle()
	return launched
}

func (w *world) update(id AttemptID, st TaskState, reason Reason, source Source, message string) {
	w.s.Update(w.now, Status{TaskID: id.String(), State: st, Reason: reason, Source: source, Message: message, Agent: "agent-1"})
	w.settle()
}

func (w *world) finish(id AttemptID) { w.update(id, TaskFinished, "", SourceExecutor, "") }
func (w *world) fail(id AttemptID) {
	w.update(id, TaskFailed, "", SourceExecutor, "Command exited with status 3")
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.s.Expire(w.now)
	w.settle()
}

// snapshot is what a store would load.
func (w *world) snapshot() Snapshot {
	snap := Snapshot{FrameworkID: w.s.FrameworkID()}
	for _, r := range w.runs {
		snap.NextSequence = max(snap.NextSequence, r.Sequence+1)
		if !r.Phase.Final() {
			snap.Runs = append(snap.Runs, r)
		}
	}
	sort.Slice(snap.Runs, func(i, k int) bool { return snap.Runs[i].ID < snap.Runs[k].ID })
	for _, r := range snap.Runs {
		snap.Attempts = append(snap.Attempts, w.attemptsOf(r.ID)...)
	}
	return snap
}

func (w *world) attemptsOf(id RunID) []AttemptRecord {
	var list []AttemptRecord
	for _, a := range w.attempts {
		if a.ID.Run == id {
			list = append(list, a)
		}
	}
	sort.Slice(list, func(i, k int) bool {
		a, b := list[i].ID, list[k].ID
		switch {
		case a.Step != b.Step:
			return a.Step < b.Step
		case a.Index != b.Index:
			return a.Index < b.Index
		}
		return a.Number < b.Number
	})
	return list
}

// restart forgets the state and loads it again.
func (w *world) restart() {
	w.t.Helper()
	s, err := Load(w.now, w.cfg, w.snapshot())
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	w.s.Expire(w.now)
	w.settle()
}

// wantSame checks that the state is what it was.
func (w *world) wantSame(before Dump) {
	w.t.Helper()
	if diff := cmp.Diff(before, w.s.Dump()); diff != "" {
		w.t.Errorf("the state differs (-before +now):\n%s", diff)
	}
}

// phases returns the steps' phases, of finished runs too.
func (w *world) phases(id RunID) map[string]StepPhase {
	w.t.Helper()
	r := w.s.Run(id)
	if r == nil {
		var err error
		if r, err = Inspect(w.runs[id], w.attemptsOf(id)); err != nil {
			w.t.Fatal(err)
		}
	}
	phases := map[string]StepPhase{}
	for _, st := range r.Steps() {
		phases[st.Spec().Name] = st.Phase()
	}
	return phases
}
