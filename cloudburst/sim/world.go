package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// giveBack is how long it takes to delete a machine.
const giveBack = 15 * time.Second

// world is a day while it is played.
type world struct {
	day    *Day
	random *rand.Rand
	now    time.Time
	events events

	waiting  []*array // in the order in which they arrived
	agents   []*agent
	machines []*machine // that exist
	left     int        // tasks that have not ended
	booted   int        // machines so far
	report   Report
}

// array is work that has arrived.
type array struct {
	*Work
	shape   *placement.Shape
	started int // tasks; they start in order
	ended   int
	ran     time.Duration // by those that have ended
	since   time.Time     // a task of it was last started, or it arrived
}

// usual is how long its tasks are known to run.
func (a *array) usual() time.Duration {
	if a.ended > 0 {
		return a.ran / time.Duration(a.ended)
	}
	return a.Usual
}

// agent is a machine that runs tasks.
type agent struct {
	id      string
	free    spec.Resources
	all     spec.Resources
	vm      *machine // nil: of the local cluster
	idle    time.Time
	running map[*task]struct{}
}

// task is one that runs.
type task struct {
	of      *array
	on      *agent
	expires time.Time // when it is expected to end; zero: not known
}

// machine is a cloud machine.
type machine struct {
	intent   string
	flavor   *planner.Flavor
	created  time.Time
	expected time.Time
	agent    *agent // nil until it serves
	draining time.Time
	leaving  bool
}

// event is something that happens at a moment. Those of one moment happen in the order in which they were planned.
type event struct {
	at  time.Time
	seq int
	do  func()
}

type events struct {
	list []event
	seq  int
}

func (e *events) Len() int { return len(e.list) }
func (e *events) Less(i, j int) bool {
	if !e.list[i].at.Equal(e.list[j].at) {
		return e.list[i].at.Before(e.list[j].at)
	}
	return e.list[i].seq < e.list[j].seq
}
func (e *events) Swap(i, j int) { e.list[i], e.list[j] = e.list[j], e.list[i] }
func (e *events) Push(x any)    { e.list = append(e.list, x.(event)) }
func (e *events) Pop() any {
	last := e.list[len(e.list)-1]
	e.list = e.list[:len(e.list)-1]
	return last
}

func (w *world) at(t time.Time, do func()) {
	w.events.seq++
	heap.Push(&w.events, event{t, w.events.seq, do})
}

// Play plays the day by a policy, until all of its work is done and no machine is left.
func Play(d *Day, p Policy) Report {
	w := begin(d, p)
	end := d.Start.Add(24 * time.Hour)
	for w.left > 0 || w.now.Before(end) || len(w.machines) > 0 && !p.Keeps() {
		w.now = w.events.list[0].at
		if w.now.After(end.Add(patience)) {
			panic(fmt.Sprintf("sim: by %s, %d tasks and %d machines are left %s after the day", p.Name(), w.left, len(w.machines), patience))
		}
		for w.events.Len() > 0 && w.events.list[0].at.Equal(w.now) {
			heap.Pop(&w.events).(event).do()
		}
		w.place()
	}
	for _, m := range w.machines {
		w.pay(m)
	}
	w.report.finish(p)
	return w.report
}

// patience is how long after the day its work may take.
const patience = 7 * 24 * time.Hour

// begin makes the world of a day's beginning.
func begin(d *Day, p Policy) *world {
	w := &world{day: d, random: rand.New(rand.NewPCG(d.Seed, 1)), now: d.Start}
	for i, all := range d.Local {
		w.agents = append(w.agents, &agent{id: fmt.Sprintf("local-%d", i), free: all, all: all, idle: d.Start, running: map[*task]struct{}{}})
	}
	for i := range d.Work {
		work := &d.Work[i]
		w.left += len(work.Times)
		w.at(d.Start.Add(work.At), func() {
			w.waiting = append(w.waiting, &array{Work: work, shape: work.shape(), since: w.now})
			w.decide(p)
		})
	}
	every := p.Every()
	var tick func()
	tick = func() { w.decide(p); w.at(w.now.Add(every), tick) }
	w.at(d.Start, tick)
	return w
}

// place starts what fits, first what arrived first.
func (w *world) place() {
	if len(w.waiting) == 0 {
		return
	}
	usable := make([]*agent, 0, len(w.agents))
	seen := make([]placement.Agent, 0, len(w.agents))
	for _, a := range w.agents {
		if a.vm == nil || a.vm.draining.IsZero() {
			usable = append(usable, a)
			seen = append(seen, a.placing())
		}
	}
	round := placement.NewRound(seen, w.day.Seed)
	rest := w.waiting[:0]
	for _, a := range w.waiting {
		for _, to := range round.Place(a.shape, len(a.Times)-a.started) {
			for range to.Count {
				w.start(a, usable[to.Agent])
			}
		}
		if a.started < len(a.Times) {
			rest = append(rest, a)
		}
	}
	w.waiting = rest
}

func (w *world) start(of *array, on *agent) {
	run := of.Times[of.started]
	of.started++
	of.since = w.now
	wait, work := w.now.Sub(w.day.Start.Add(of.At)), run.Hours()*float64(of.Need.CPUs)/1000
	w.report.waits = append(w.report.waits, wait)
	w.report.work += work
	w.report.workWaits += work * wait.Hours()
	t := &task{of: of, on: on}
	if usual := of.usual(); usual > 0 {
		t.expires = w.now.Add(usual)
	}
	on.free, on.idle = on.free.Plus(of.Need, -1), time.Time{}
	on.running[t] = struct{}{}
	w.at(w.now.Add(run), func() {
		delete(on.running, t)
		if on.free = on.free.Plus(of.Need, 1); len(on.running) == 0 {
			on.idle = w.now
		}
		of.ended++
		of.ran += run
		w.left--
		w.release(on.vm)
	})
}

// placing is the agent as placement sees it.
func (a *agent) placing() placement.Agent {
	p := placement.Agent{ID: a.id, Hostname: a.id, Free: a.free, Used: a.all.Plus(a.free, -1), Capacity: a.all}
	if a.vm != nil {
		p.Attributes = map[string]string{vm.KeyIntent: a.vm.intent, vm.KeyPool: pool, vm.KeyCloud: "cloud"}
		p.VM, p.Cloud = a.vm.intent, "cloud"
	}
	return p
}
