package planner

import (
	"math"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// rounds is how often a plan looks again at what it has ordered. One that is needed after that is ordered by the next plan.
const rounds = 8

// atOnce is how many machines of an option are made in one look at most. It is more than any cloud makes at a time, and keeps
// a plan from taking long over a queue that would fill a continent.
const atOnce = 1000

// grow makes machines until nothing would wait any more that is worth one. What was made is part of the next forecast, so
// that a plan which finds everything ordered orders nothing more.
func (p *planning) grow() {
	for range rounds {
		if !p.wanting() || !p.resume() && !p.start() && !p.boot() {
			return
		}
		p.cast()
	}
}

// cast makes the forecast anew.
func (p *planning) cast() {
	p.outlook = newForecast(p.s.Now, p.s.Demand, p.hosts, p.steps, p.first)
}

// wanting tells whether something could go to a machine that does not find room before one arrives.
func (p *planning) wanting() bool {
	step := p.outlook.at(p.first)
	return slices.ContainsFunc(p.bursting, func(d int) bool { return p.outlook.waiting[step][d] > 0 })
}

// batch is demand for machines of one option, in the order of the queue.
type batch struct {
	option *option
	demand []int
	tasks  []int // of each demand that wait when the machine is there
	load
	// machines is how many are to be made of it, cost what that and the wait for them costs for each task.
	machines int
	cost     float64
	// shortest is how long the shortest task runs; refusal is why there may be no machine even for that.
	shortest time.Duration
	refusal  string
}

// gather collects the demand that an option could hold and that is worth a machine of it.
func (p *planning) gather(option int, rest []int) *batch {
	o := p.catalog.options[option]
	b := &batch{option: o, shortest: math.MaxInt64}
	step := p.outlook.at(o.boot)
	var hours, served sums
	for _, d := range p.bursting {
		n := min(rest[d], int(p.outlook.waiting[step][d]))
		if n == 0 || !slices.Contains(p.holding[d], option) || p.refused[[2]int{d, option}] || !p.worth(d, o, n) {
			continue
		}
		need, run := p.s.Demand[d].Shape.Need, p.s.Demand[d].runs().Hours()
		b.demand, b.tasks = append(b.demand, d), append(b.tasks, n)
		b.load.tasks += n
		b.value += p.value(d) * float64(n)
		b.longest += run * float64(n)
		b.shortest = min(b.shortest, p.s.Demand[d].runs())
		hours.add(need, float64(n)*run)
		if _, starts := p.outlook.starts(d); starts {
			b.served += n
			b.wait += p.outlook.wait(d, step)
			served.add(need, float64(n)*run)
		}
	}
	if b.load.tasks > 0 {
		b.wait /= math.Max(1, float64(b.served))
		b.longest /= float64(b.load.tasks)
		b.work = math.Max(hours.machines(o.flavor.Resources), b.longest)
		b.servedWork = served.machines(o.flavor.Resources)
	}
	return b
}

// worth tells whether it is worth more that tasks of a demand do not wait longer than a machine takes to arrive than they
// would cost there.
func (p *planning) worth(d int, o *option, tasks int) bool {
	step := p.outlook.at(o.boot)
	part := share(p.s.Demand[d].Shape.Need, o.flavor.Resources)
	return p.outlook.wait(d, step)*p.value(d) > o.flavor.Price*part*p.s.Demand[d].runs().Hours()*float64(tasks) || p.late(d)
}

// sums adds resources up.
type sums [5]float64

func (s *sums) add(r spec.Resources, n float64) {
	for k, x := range [...]int64{r.CPUs, r.Mem, r.Disk, r.GPUs, r.Ports} {
		s[k] += float64(x) * n
	}
}

// machines is how many of a size the sum fills at least.
func (s *sums) machines(of spec.Resources) (most float64) {
	for k, x := range [...]int64{of.CPUs, of.Mem, of.Disk, of.GPUs, of.Ports} {
		if s[k] > 0 {
			most = math.Max(most, s[k]/math.Max(float64(x), 1e-9))
		}
	}
	return most
}

// share is which part of a machine something takes.
func share(need, of spec.Resources) float64 {
	var s sums
	s.add(need, 1)
	return s.machines(of)
}

// value is what it is worth that a task of a demand waits an hour less: what the operator says, or else a part of what an
// hour of it costs on the machines that hold it for the least.
func (p *planning) value(d int) float64 {
	if p.s.WaitValue > 0 {
		return p.s.WaitValue
	}
	least := math.Inf(1)
	for _, i := range p.holding[d] {
		f := p.catalog.options[i].flavor
		least = math.Min(least, f.Price*share(p.s.Demand[d].Shape.Need, f.Resources))
	}
	if least == 0 {
		return 1 // where machines cost nothing, any wait is worth one
	}
	return waitShare * least
}

// late tells whether a demand would miss its deadline without more machines.
func (p *planning) late(d int) bool {
	deadline := p.s.Demand[d].Deadline
	if deadline.IsZero() {
		return false
	}
	last, _ := p.outlook.starts(d)
	return p.s.Now.Add(last + p.s.Demand[d].runs()).After(deadline)
}

// boot orders new machines, and tells whether it did.
func (p *planning) boot() (some bool) {
	p.refused = map[[2]int]bool{}
	rest := make([]int, len(p.s.Demand))
	for _, d := range p.bursting {
		rest[d] = p.s.Demand[d].Tasks
	}
	batches := make([]*batch, len(p.catalog.options))
	for _, head := range p.bursting {
		for rest[head] > 0 {
			b := p.choose(head, rest, batches)
			if b == nil {
				break
			}
			ordered, full := p.order(b, rest)
			some = some || ordered
			if !full { // what is left is better off on these machines, one task after another
				for _, d := range b.demand {
					rest[d] = 0
				}
			}
			clear(batches)
		}
	}
	return some
}

// choose picks the option for a demand and for what else waits that the option could hold: the cheapest for a task, boot
// time and rounding included, and with what the wait for it is worth. nil: none is left, or none is worth its price. What
// was gathered is kept in batches.
func (p *planning) choose(head int, rest []int, batches []*batch) (best *batch) {
	cheapest := math.Inf(1)
	step := p.outlook.waiting[p.outlook.at(p.first)]
	if step[head] == 0 {
		return nil
	}
	for _, i := range p.holding[head] {
		o := p.catalog.options[i]
		if best != nil && o.rank > best.option.rank {
			break // options stand in the order of their ranks
		}
		if p.full[i] == "" {
			_, p.full[i] = p.ledger.clone().take(o, o.overhead(), true)
		}
		if p.full[i] != "" {
			p.blocked(head, p.full[i])
			continue
		}
		if p.refused[[2]int{head, i}] {
			continue
		}
		n := min(rest[head], int(p.outlook.waiting[p.outlook.at(o.boot)][head]))
		if n == 0 || !p.worth(head, o, n) {
			continue
		}
		if batches[i] == nil {
			batches[i] = p.gather(i, rest)
			p.size(batches[i])
		}
		if batches[i].refusal != "" {
			p.blocked(head, batches[i].refusal)
		}
		if b := batches[i]; b.machines > 0 && b.cost < cheapest {
			best, cheapest = b, b.cost
		}
	}
	return best
}

// size decides how many machines are to be made for a batch.
func (p *planning) size(b *batch) {
	var cost float64
	room, refusal := p.ledger.room(b.option, min(b.load.tasks, atOnce), b.option.overhead()+b.shortest)
	if room == 0 {
		b.refusal = refusal
		return
	}
	b.machines, cost = b.weigh(b.option, room)
	b.machines = max(b.machines, p.lateMachines(b))
	b.cost = (cost + b.value*b.option.boot.Hours()) / float64(b.load.tasks)
}

// order makes machines for a batch. full says that the option gave less than was wanted.
func (p *planning) order(b *batch, rest []int) (some, full bool) {
	o := b.option
	n := b.machines
	agents := make([]placement.Agent, n)
	for i := range agents {
		agents[i] = o.agent(p.name(len(p.plan.Actions) + i))
	}
	round := placement.NewRound(agents, 0)
	loads := make([]fill, n)
	for i, d := range b.demand {
		for _, a := range round.Place(p.s.Demand[d].Shape, b.tasks[i]) {
			loads[a.Agent].add(d, a.Count)
		}
	}
	for i := range loads {
		if len(loads[i].demand) == 0 {
			continue
		}
		zone, refusal := p.ledger.take(o, o.overhead()+p.longest(loads[i].demand), true)
		if refusal != "" {
			full = true
			for _, d := range loads[i].demand {
				p.refused[[2]int{d, o.index}] = true
				p.blocked(d, refusal)
			}
			continue
		}
		some = true
		for k, d := range loads[i].demand {
			rest[d] -= loads[i].tasks[k]
		}
		p.make(o, zone, loads[i].demand, p.because(loads[i].demand, o.boot))
	}
	return some, full
}

// longest is how long the longest task of some demand runs.
func (p *planning) longest(demand []int) (run time.Duration) {
	for _, d := range demand {
		run = max(run, p.s.Demand[d].runs())
	}
	return run
}

// fill is what goes to a new machine.
type fill struct {
	demand []int
	tasks  []int
}

func (f *fill) add(d, n int) {
	f.demand, f.tasks = append(f.demand, d), append(f.tasks, n)
}

// lateMachines is how many machines the tasks of a batch need that would miss their deadlines.
func (p *planning) lateMachines(b *batch) int {
	var s sums
	for i, d := range b.demand {
		if p.late(d) {
			s.add(p.s.Demand[d].Shape.Need, float64(b.tasks[i]))
		}
	}
	return int(math.Ceil(s.machines(b.option.flavor.Resources) - 1e-9))
}
