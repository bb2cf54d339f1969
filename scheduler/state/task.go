package state

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// task is a task of a step that lives, or that waits for another attempt.
type task struct {
	step  *Step
	index int
	// number is that of the last attempt.
	number int
	live   *attempt
	// readyAt is when the next attempt may be made; ready says that the step's list holds the task.
	readyAt time.Time
	ready   bool
	// author and infra count the failures of the run's generation, by whose fault they were; limited counts
	// those of the latter that have a limit of their own.
	author, infra, limited int
	avoid                  []avoidance
	timer                  timer
}

// avoidance keeps a task away from an agent that failed it.
type avoidance struct {
	agent string
	until time.Time
}

// attempt is a live attempt.
type attempt struct {
	rec   AttemptRecord
	task  *task
	dirty bool
	// counted is the stage under which the attempt is counted.
	counted stage
	// heard is when the last update came; askedAt when the kill was last asked for.
	heard, askedAt time.Time
}

// sortedTasks returns the tasks by index: no decision may depend on the order of a map.
func (st *Step) sortedTasks() []*task {
	all := make([]*task, 0, len(st.tasks))
	for _, t := range st.tasks {
		all = append(all, t)
	}
	sort.Slice(all, func(i, k int) bool { return all[i].index < all[k].index })
	return all
}

// forget drops a task that has ended.
func (s *State) forget(t *task) {
	t.unready()
	s.timers.set(&t.timer, time.Time{})
	delete(t.step.tasks, t.index)
}

// makeReady puts a task whose backoff has passed among those that may be launched.
func (s *State) makeReady(t *task) {
	st := t.step
	i := sort.Search(len(st.ready), func(i int) bool { return st.ready[i].index >= t.index })
	st.ready = append(st.ready, nil)
	copy(st.ready[i+1:], st.ready[i:])
	st.ready[i], t.ready = t, true
	s.arrivals++
	s.updateWaiting(st)
}

func (t *task) unready() {
	if !t.ready {
		return
	}
	st := t.step
	i := sort.Search(len(st.ready), func(i int) bool { return st.ready[i].index >= t.index })
	if i == 0 {
		st.ready = st.ready[1:] // the usual case, made cheap for steps with very many retries
	} else {
		st.ready = append(st.ready[:i], st.ready[i+1:]...)
	}
	t.ready = false
}

// updateWaiting puts the step into the list of those that have tasks to launch, or takes it out.
func (s *State) updateWaiting(st *Step) {
	waits := st.phase == StepActive && st.run.rec.Phase == RunActive && st.Launchable() > 0
	last := len(s.waiting) - 1
	switch {
	case waits && st.place == 0:
		s.waiting = append(s.waiting, st)
		s.arrivals++
		st.place = len(s.waiting)
	case !waits && st.place > 0:
		moved := s.waiting[last]
		s.waiting[st.place-1], moved.place = moved, st.place
		s.waiting[last] = nil
		s.waiting = s.waiting[:last]
		st.place = 0
	}
}

// Launchable returns how many tasks of the step may be launched now.
func (st *Step) Launchable() int {
	n := st.fresh.Len() + len(st.ready)
	if limit := st.spec.MaxParallel; limit > 0 {
		n = min(n, limit-st.live)
	}
	return max(n, 0)
}

// Group is tasks of one step that may be launched and are placed alike: they avoid the same agents.
type Group struct {
	Step *Step
	// Avoid are the agents that failed these tasks lately.
	Avoid []string
	Count int
	// tasks are those that were attempted before; when they are used up, fresh ones follow.
	tasks []*task
}

// ID tells groups apart, and stays the same while a group waits.
func (g *Group) ID() int {
	first := 0
	if len(g.Avoid) > 0 {
		first = 1 + g.tasks[0].index
	}
	return g.Step.serial*(2*spec.MaxTasks) + first
}

// Owns reports whether a group's ID is one of the step's.
func (st *Step) Owns(id int) bool { return id/(2*spec.MaxTasks) == st.serial }

// Groups returns the step's launchable tasks, grouped, the one that avoids nothing first. Their counts add up
// to Launchable.
func (st *Step) Groups(now time.Time) []Group {
	groups := []Group{{Step: st, Count: st.fresh.Len()}}
	var index map[string]int
	for _, t := range st.ready {
		avoid := t.avoided(now)
		i := 0
		if len(avoid) > 0 {
			key := strings.Join(avoid, " ")
			if i = index[key]; i == 0 {
				if index == nil {
					index = map[string]int{}
				}
				i = len(groups)
				index[key] = i
				groups = append(groups, Group{Step: st, Avoid: avoid})
			}
		}
		groups[i].tasks = append(groups[i].tasks, t)
		groups[i].Count++
	}
	if groups[0].Count == 0 {
		groups = groups[1:]
	}
	left := st.Launchable()
	for i := range groups {
		groups[i].Count = min(groups[i].Count, left)
		left -= groups[i].Count
	}
	return groups
}

// avoided returns the agents to stay away from at now, sorted.
func (t *task) avoided(now time.Time) []string {
	var agents []string
	for _, a := range t.avoid {
		if a.until.After(now) {
			agents = append(agents, a.agent)
		}
	}
	sort.Strings(agents)
	return agents
}

// take picks the next task of the group: one that was attempted before, else the lowest fresh one, for which
// there is no object yet.
func (g *Group) take() (index int, t *task) {
	if len(g.tasks) > 0 {
		t = g.tasks[0]
		g.tasks = g.tasks[1:]
		return t.index, t
	}
	return g.Step.fresh.TakeFirst(), nil
}

// Agent is an agent that tasks are launched on, as its offer tells.
type Agent struct {
	ID       string
	Hostname string
	URL      string // of its API; empty if the offer does not tell it
}

// Launch records that n tasks of the group are launched on an agent, and returns their attempts. The records
// must be durable before the master hears of them.
func (s *State) Launch(now time.Time, g *Group, n int, agent Agent) []AttemptRecord {
	if n > g.Count {
		panic(fmt.Sprintf("state: launching %d of %d tasks", n, g.Count))
	}
	g.Count -= n
	st := g.Step
	launched := make([]AttemptRecord, 0, n)
	for range n {
		index, t := g.take()
		if t == nil {
			t = &task{step: st, index: index, number: -1}
			t.timer.task = t
			st.tasks[index] = t
		} else {
			t.unready()
		}
		t.number++
		t.live = &attempt{task: t, heard: now, rec: AttemptRecord{
			ID:         AttemptID{Run: st.run.rec.ID, Step: st.spec.Name, Index: index, Number: t.number},
			Generation: st.run.rec.Generation,
			Agent:      agent.ID,
			Hostname:   agent.Hostname,
			AgentURL:   agent.URL,
			State:      TaskStaging,
			ExitCode:   noExitCode,
			Launched:   now,
		}}
		st.live++
		s.rearm(t)
		s.touchAttempt(t.live)
		launched = append(launched, t.live.rec)
	}
	st.launched = now
	s.usage.add(st.run.rec.Project, agent.ID, st.spec.Resources, int64(n))
	s.updateWaiting(st)
	return launched
}
