package scheduler

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/queue"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Queue is what waits: the tasks whose turn has come and that do not run. Tasks of steps that need other steps first
// are not in it.
type Queue struct {
	// Projects are those with tasks that wait or run, by name.
	Projects []ProjectQueue
	// Waiting is in the order in which tasks will be started if they fit; what could not be started whatever is free,
	// by a limit or a pause of its own, comes last. A step occurs once for each reason for which tasks of it wait.
	Waiting []WaitingStep
}

// ProjectQueue sums up what a project has and wants.
type ProjectQueue struct {
	Project string
	Weight  float64
	// Used is what the project's live attempts hold, Running how many these are.
	Used    spec.Resources
	Running int
	// Waiting is how many tasks wait, Reasons how many for which reason.
	Waiting int
	Reasons map[WaitReason]int
	// Pending is what those of them need that could start if there were room.
	Pending spec.Resources
	// Oldest is since when the longest-waiting of these has waited, as WaitingStep.Since; zero if there are none.
	Oldest time.Time
}

// WaitingStep is tasks of one step that wait for one reason.
type WaitingStep struct {
	Run      state.RunID
	Project  string
	Pipeline string
	Step     string
	Tasks    int
	// Since is since when they have waited in vain: since their turn came, or a task of the step was last launched.
	Since time.Time
	// Each is what one task needs.
	Each   spec.Resources
	Reason WaitReason
	// Why is the reason in a sentence, that of the first of them.
	Why string
}

// Outlook is what the queue looks like at one moment. It is made in little time, on the reactor's goroutine, and holds
// nothing that changes. To explain the queue takes longer, at 10,000 agents and a hundred shapes tens of milliseconds;
// that may be done on any goroutine.
type Outlook struct {
	explainer *explainer
	entries   []queue.Entry
	steps     []Demanded // of the entries, without reasons
	shares    map[string]queue.Share
	total     spec.Resources
	held      []heldStep
	projects  map[string]*ProjectQueue

	coming func(run state.RunID, step string) string // Reactor.OnTheWay

	once      sync.Once
	explained Queue
}

// heldStep is tasks that could not be started now whatever is free.
type heldStep struct {
	Demanded
	sequence int64 // of their run
}

// Queue returns what waits, in which order, and why. It is Outlook and Explain at once.
func (r *Reactor) Queue(now time.Time) Queue { return r.Outlook(now).Explain() }

// Outlook returns what the queue looks like now.
func (r *Reactor) Outlook(now time.Time) *Outlook {
	o := &Outlook{explainer: r.explaining(now), projects: map[string]*ProjectQueue{}, coming: r.OnTheWay}
	o.shares, o.total = r.shares()
	r.state.EachActive(func(st *state.Step) { o.add(now, st, r.state.Usual(st)) })
	r.state.EachProject(func(project string, live int) {
		p := o.project(project)
		p.Running, p.Used = live, r.state.Used(project)
	})
	return o
}

// AgentCounts sums up the agents.
type AgentCounts struct {
	// Local are those of the local cluster, Cloud those on cloud machines; Cordoned are those of both that are cordoned.
	Local, Cloud, Cordoned int
	// Free is what they have free together as far as their offers have told.
	Free spec.Resources
}

// Agents counts the agents that are known.
func (o *Outlook) Agents() AgentCounts {
	c := AgentCounts{Free: o.explainer.free}
	for i := range o.explainer.agents {
		a := &o.explainer.agents[i]
		if a.VM != "" {
			c.Cloud++
		} else {
			c.Local++
		}
		if a.Cordoned {
			c.Cordoned++
		}
	}
	return c
}

func (o *Outlook) add(now time.Time, st *state.Step, usual time.Duration) {
	held, pausing, launchable := st.Held(), st.InBackoff(), st.Launchable()
	if held+pausing+launchable == 0 {
		return
	}
	rec, p := st.Run().Record(), st.Run().Pipeline()
	w := Demanded{
		WaitingStep: WaitingStep{
			Run: rec.ID, Project: rec.Project, Pipeline: rec.Name, Step: st.Spec().Name,
			Since: st.Since(), Each: st.Spec().Resources,
		},
		Spread: st.Shape().Spread, BurstFrom: burstFrom(st), Usual: usual, Timeout: st.Spec().Timeout, Deadline: st.Run().Deadline(),
	}
	if launchable > 0 {
		for _, g := range st.Groups(now) {
			if w.Tasks = g.Count; g.Count == 0 {
				continue
			}
			w.Shape = shapeOf(now, st, g.Avoid)
			o.steps = append(o.steps, w)
			o.entries = append(o.entries, queue.Entry{
				ID: g.ID(), Project: rec.Project, Priority: p.Priority, Sequence: rec.Sequence,
				Since: w.Since, Count: g.Count, Shape: w.Shape,
			})
		}
	}
	w.Shape = shapeOf(now, st, nil)
	if w.Tasks = held; held > 0 {
		w.Reason, w.Why = WaitMaxParallel, whyHeld(st.Spec().MaxParallel)
		o.held = append(o.held, heldStep{w, rec.Sequence})
	}
	if w.Tasks = pausing; pausing > 0 {
		w.Reason, w.Why = WaitBackoff, whyPausing
		o.held = append(o.held, heldStep{w, rec.Sequence})
	}
}

func (o *Outlook) project(name string) *ProjectQueue {
	p := o.projects[name]
	if p == nil {
		p = &ProjectQueue{Project: name, Weight: o.shares[name].Weight, Reasons: map[WaitReason]int{}}
		if p.Weight <= 0 {
			p.Weight = 1
		}
		o.projects[name] = p
	}
	return p
}

// Explain returns what waits, in which order, and why. It is made once, and to be read only.
func (o *Outlook) Explain() Queue {
	o.once.Do(func() {
		o.explained.Waiting = merged(o.demanded())
		for i := range o.explained.Waiting {
			w := &o.explained.Waiting[i]
			w.Why += w.Reason.onTheWay(o.coming, w.Run, w.Step)
		}
		for i := range o.explained.Waiting {
			w := &o.explained.Waiting[i]
			o.project(w.Project).count(w)
		}
		for _, p := range o.projects {
			o.explained.Projects = append(o.explained.Projects, *p)
		}
		slices.SortFunc(o.explained.Projects, func(a, b ProjectQueue) int { return cmp.Compare(a.Project, b.Project) })
	})
	return o.explained
}

// demanded lists what starts as soon as there is room, in the order in which it will, and then what is held. Tasks for
// which agents are kept free go first.
func (o *Outlook) demanded() []Demanded {
	order := queue.Order(o.entries, o.shares, o.total)
	kept := map[int]int{}
	for i, k := range o.explainer.kept {
		kept[k.entry] = i - len(o.explainer.kept)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(kept[o.entries[a].ID], kept[o.entries[b].ID])
	})
	waiting := make([]Demanded, 0, len(order)+len(o.held))
	for _, i := range order {
		w, e := o.steps[i], &o.entries[i]
		w.Reason, w.Why = o.explainer.why(func(entry int) bool { return entry == e.ID }, e.Shape)
		waiting = append(waiting, w)
	}
	slices.SortStableFunc(o.held, func(a, b heldStep) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, h := range o.held {
		waiting = append(waiting, h.Demanded)
	}
	return waiting
}

// merged tells once of the tasks of a step that wait for one reason.
func merged(all []Demanded) []WaitingStep {
	type line struct {
		run    state.RunID
		step   string
		reason WaitReason
	}
	lines := make(map[line]int, len(all))
	waiting := make([]WaitingStep, 0, len(all))
	for i := range all {
		w := &all[i].WaitingStep
		at := line{w.Run, w.Step, w.Reason}
		if before, there := lines[at]; there {
			waiting[before].Tasks += w.Tasks
			continue
		}
		lines[at] = len(waiting)
		waiting = append(waiting, *w)
	}
	return waiting
}

// count adds waiting tasks of the project.
func (p *ProjectQueue) count(w *WaitingStep) {
	p.Waiting += w.Tasks
	p.Reasons[w.Reason] += w.Tasks
	if w.Reason == WaitMaxParallel || w.Reason == WaitBackoff {
		return
	}
	p.Pending = p.Pending.Plus(w.Each, int64(w.Tasks))
	if p.Oldest.IsZero() || w.Since.Before(p.Oldest) {
		p.Oldest = w.Since
	}
}
