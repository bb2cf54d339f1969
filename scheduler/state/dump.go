package state

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Dump is the whole state as plain values, so that two states can be compared: the one that lives, and the one that
// is restored from what it has made durable. What a restart may find different is left out: when an attempt was last
// heard of or asked to end, and the order in which steps wait.
type Dump struct {
	FrameworkID  string
	NextSequence int64
	Runs         []RunDump
	Pipelines    []PipelineRecord
	Projects     map[string]spec.Resources // what live attempts hold, by project
	Agents       map[string]spec.Resources // the same by agent
}

// RunDump is a run of a Dump.
type RunDump struct {
	Record RunRecord
	Steps  []StepDump
}

// StepDump is a step of a Dump. Sets of tasks are written as intervals: "0-4 7".
type StepDump struct {
	Name       string
	Image      string // what is run
	Phase      StepPhase
	Broken     bool
	Needs      int // how many of the steps that it needs have not ended
	Fresh      string
	Succeeded  string
	Failed     string
	Cancelled  string
	Tasks      []TaskDump // those that live or wait for another attempt, by index
	Launchable int
	Waiting    bool // it is among the steps that have tasks to launch
	Opened     time.Time
	Launched   time.Time
	Ended      time.Time // zero while it goes on
}

// TaskDump is a task of a StepDump.
type TaskDump struct {
	Index, Number          int
	Live                   *AttemptRecord // nil if it waits
	ReadyAt                time.Time      // zero if it lives
	Ready                  bool
	Author, Infra, Limited int
	Avoid                  []string // "agent until time"
}

// Dump copies the state into plain values.
func (s *State) Dump() Dump {
	d := Dump{
		FrameworkID: s.frameworkID, NextSequence: s.next, Pipelines: s.Pipelines(),
		Projects: maps.Clone(s.usage.projects), Agents: maps.Clone(s.usage.agents),
	}
	for _, r := range s.Runs() {
		rd := RunDump{Record: r.rec}
		for _, st := range r.steps {
			rd.Steps = append(rd.Steps, st.dump())
		}
		d.Runs = append(d.Runs, rd)
	}
	return d
}

func (st *Step) dump() StepDump {
	d := StepDump{
		Name: st.spec.Name, Image: st.spec.Image, Phase: st.phase, Broken: st.broken, Needs: st.needs,
		Fresh: st.fresh.String(), Succeeded: st.succeeded.String(), Failed: st.failed.String(), Cancelled: st.cancelled.String(),
		Launchable: st.Launchable(), Waiting: st.place > 0,
		Opened: st.opened, Launched: st.launched,
	}
	if st.phase.Final() {
		d.Ended = st.ended
	}
	for _, t := range st.sortedTasks() {
		d.Tasks = append(d.Tasks, t.dump())
	}
	return d
}

func (t *task) dump() TaskDump {
	d := TaskDump{Index: t.index, Number: t.number, Ready: t.ready, Author: t.author, Infra: t.infra, Limited: t.limited}
	for _, a := range t.avoid {
		d.Avoid = append(d.Avoid, fmt.Sprintf("%s until %s", a.agent, a.until.UTC().Format(time.RFC3339Nano)))
	}
	if t.live == nil {
		d.ReadyAt = t.readyAt
		return d
	}
	rec := t.live.rec
	d.Live = &rec
	return d
}

// Check panics if the state contradicts itself. It looks at everything, so it is for tests and simulations.
func (s *State) Check() {
	usage := newUsage()
	var counts Counts
	for _, r := range s.Runs() {
		open := 0
		for _, st := range r.steps {
			counts = counts.Plus(st.Counts())
			if !st.phase.Final() {
				open++
			}
			s.checkStep(st, &usage)
		}
		if open != r.open || open == 0 {
			panic(fmt.Sprintf("state: run %s counts %d open steps, there are %d", r.rec.ID, r.open, open))
		}
	}
	if !maps.Equal(usage.projects, s.usage.projects) || !maps.Equal(usage.agents, s.usage.agents) ||
		!maps.Equal(usage.tasks.projects, s.usage.tasks.projects) || !maps.Equal(usage.tasks.agents, s.usage.tasks.agents) {
		panic(fmt.Sprintf("state: usage is %v, live attempts use %v", s.usage, usage))
	}
	if counted := s.CountTasks(); counted != counts {
		panic(fmt.Sprintf("state: %+v tasks are counted, there are %+v", counted, counts))
	}
	for i, st := range s.waiting {
		if st.place != i+1 {
			panic(fmt.Sprintf("state: step %s/%s is in place %d, not %d", st.run.rec.ID, st.spec.Name, i+1, st.place))
		}
	}
}

func (s *State) checkStep(st *Step, usage *usage) {
	name := fmt.Sprintf("state: step %s/%s", st.run.rec.ID, st.spec.Name)
	live, ready := 0, 0
	for _, t := range st.tasks {
		switch {
		case t.live != nil:
			live++
			usage.add(st.run.rec.Project, t.live.rec.Agent, st.spec.Resources, 1)
		case t.ready:
			ready++
		case t.timer.place == 0:
			panic(fmt.Sprintf("%s: task %d waits for nothing", name, t.index))
		}
	}
	total := st.fresh.Len() + st.succeeded.Len() + st.failed.Len() + st.cancelled.Len() + len(st.tasks)
	waits := st.phase == StepActive && st.run.rec.Phase == RunActive && st.Launchable() > 0
	switch {
	case total != st.spec.Tasks:
		panic(fmt.Sprintf("%s has %d tasks, not %d", name, total, st.spec.Tasks))
	case live != st.live || ready != len(st.ready):
		panic(fmt.Sprintf("%s counts %d live and %d ready tasks, there are %d and %d", name, st.live, len(st.ready), live, ready))
	case !sort.SliceIsSorted(st.ready, func(i, k int) bool { return st.ready[i].index < st.ready[k].index }):
		panic(name + ": ready tasks are out of order")
	case st.phase.Final() && st.phase != StepSkipped && len(st.tasks) > 0:
		panic(name + " has ended with tasks left")
	case waits != (st.place > 0) || waits && !slices.Contains(s.waiting, st):
		panic(fmt.Sprintf("%s: waiting is %v, should be %v", name, st.place > 0, waits))
	}
}

// String writes the ranges: "0-4 7".
func (s *Intervals) String() string {
	var b strings.Builder
	for i, sp := range s.spans {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d", sp.lo)
		if sp.hi-sp.lo > 1 {
			fmt.Fprintf(&b, "-%d", sp.hi-1)
		}
	}
	return b.String()
}

// Plus adds counts of other tasks.
func (c Counts) Plus(o Counts) Counts {
	return Counts{
		Pending: c.Pending + o.Pending, Retrying: c.Retrying + o.Retrying, Starting: c.Starting + o.Starting,
		Running: c.Running + o.Running, Lost: c.Lost + o.Lost,
		Succeeded: c.Succeeded + o.Succeeded, Failed: c.Failed + o.Failed, Cancelled: c.Cancelled + o.Cancelled,
		Skipped: c.Skipped + o.Skipped,
	}
}
