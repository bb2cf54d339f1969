package planner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// Plan is what to do now, and what is said to those who wait.
type Plan struct {
	Actions []Action
	// Outlook says for each Demand of the situation, in the same order, what bursting does about it.
	Outlook []Outlook
}

// Verb is what is done with a machine.
type Verb string

// The verbs.
const (
	Boot   Verb = "boot"   // make a new one
	Start  Verb = "start"  // start or unshelve a kept one
	Drain  Verb = "drain"  // use it no more; what follows is its pool's Afterwards, or Action.Then
	Resume Verb = "resume" // a draining one is wanted again, and nothing final has been done
	Delete Verb = "delete" // now: it never served, has failed, or is kept in vain
)

// Action is one thing to do.
type Action struct {
	Verb Verb
	// VM is the intent of the machine; of a Boot it is empty, the caller makes it up.
	VM string
	// Pool, Cloud, Flavor and Zone say what to boot, and of what kind the machine is.
	Pool, Cloud, Flavor, Zone string
	// Then is what follows a drain if it is not what the pool does; empty: it is.
	Then vm.Afterwards
	// Reason is a sentence, without a full stop.
	Reason string
	// For are the demands, by index, that a Boot, Start or Resume is for.
	For []int
}

// String is one line: "boot c16 on hxn for pool burst: 16 tasks of r0/s would wait ...".
func (a Action) String() string {
	text := string(a.Verb)
	if a.VM != "" {
		text += " " + a.VM + ","
	}
	text += " " + a.Flavor + " on " + a.Cloud
	if a.Zone != "" {
		text += ", zone " + a.Zone
	}
	text += ", for pool " + a.Pool
	if a.Then != "" {
		text += ", then " + string(a.Then)
	}
	return text + ": " + a.Reason
}

// Outlook is what bursting does about a demand.
type Outlook struct {
	// VMs is how many machines come for it, Expected when the first of them serves; zero if none comes.
	VMs      int
	Expected time.Time
	// Why is a sentence, without a full stop: which machines come, or why none does.
	Why string
}

// Make makes a plan. Only the order of Demand, Pools, flavors, zones and Clouds matters; all else is a set.
func Make(s *Situation) Plan {
	p := newPlanning(s)
	p.upkeep()
	p.settle()
	p.grow()
	p.warm()
	p.shrink()
	p.explain()
	return p.plan
}

// planning is a plan in the making.
type planning struct {
	s       *Situation
	vms     []VM // by intent
	pools   map[string]*Pool
	flavors map[string]*Flavor // by cloud/name
	agents  map[string]*host   // by intent
	catalog *catalog
	full    []string        // by option: why no more of it can be had in this plan
	refused map[[2]int]bool // demand and option: a machine for its tasks was refused
	ledger  *ledger

	// gone are the machines that this plan takes away; awake are those that it brings back.
	gone, awake map[string]bool
	hosts       []*host
	// steps and first are those of the forecasts: first is after which time the first machine could be there.
	steps   []time.Duration
	first   time.Duration
	outlook *forecast
	// bursting are the demands that may go to a machine, in the order of the queue; holding lists the options of each
	// demand; why says of those that no machine is made for why that is so.
	bursting []int
	holding  [][]int
	why      []string
	plan     Plan
}

func newPlanning(s *Situation) *planning {
	p := &planning{
		s: packed(s), vms: slices.Clone(s.VMs), pools: map[string]*Pool{}, flavors: map[string]*Flavor{}, agents: map[string]*host{},
		catalog: newCatalog(s), ledger: newLedger(s), gone: map[string]bool{}, awake: map[string]bool{},
		holding: make([][]int, len(s.Demand)), plan: Plan{Outlook: make([]Outlook, len(s.Demand))},
	}
	slices.SortFunc(p.vms, func(a, b VM) int { return cmp.Compare(a.Intent, b.Intent) })
	for i := range s.Pools {
		pool := &s.Pools[i]
		p.pools[pool.Name] = pool
		for k := range pool.Flavors {
			f := &pool.Flavors[k]
			if p.flavors[f.Cloud+"/"+f.Name] == nil {
				p.flavors[f.Cloud+"/"+f.Name] = f
			}
		}
	}
	p.full = make([]string, len(p.catalog.options))
	arrivals := []time.Duration{usualBoot}
	for i, o := range p.catalog.options {
		if i == 0 {
			arrivals = arrivals[:0]
		}
		arrivals = append(arrivals, o.boot)
		if o.pool.keeps() {
			arrivals = append(arrivals, o.start)
		}
	}
	slices.Sort(arrivals)
	p.first, p.steps = arrivals[0], stepsFor(arrivals, ends(s, arrivals[0]))
	return p
}

// ends lists after which times tasks that run now are expected to end, of those that end after some time.
func ends(s *Situation, after time.Duration) (ends []time.Duration) {
	for i := range s.Agents {
		for _, f := range s.Agents[i].Frees {
			if d := f.At.Sub(s.Now); d > after && d < horizon {
				ends = append(ends, d)
			}
		}
	}
	return ends
}

// packed is the situation with tasks that do not spread. Spread prefers, it never refuses; here it would only lay a claim to
// more machines than the work needs.
func packed(s *Situation) *Situation {
	packed := *s
	packed.Demand = slices.Clone(s.Demand)
	for i := range packed.Demand {
		if d := &packed.Demand[i]; d.Shape.Spread != "" {
			shape := *d.Shape
			shape.Spread, shape.SpreadCounts = "", nil
			d.Shape = &shape
		}
	}
	return &packed
}

// keeps tells whether machines of the pool are stopped or shelved for the next peak.
func (p *Pool) keeps() bool { return p.Afterwards == vm.Stop || p.Afterwards == vm.Shelve }

// settle counts what there is once upkeep has said what goes.
func (p *planning) settle() {
	p.hosts = p.hostsOf()
	p.cast()
	hosts := map[string]int{}
	for i, h := range p.hosts {
		if h.vm != nil {
			hosts[h.vm.Intent] = i
		}
	}
	for i := range p.vms {
		v := &p.vms[i]
		needed := time.Duration(0)
		if i, serves := hosts[v.Intent]; serves {
			needed = p.needed(i)
		} else if h := p.agents[v.Intent]; h != nil {
			needed = h.lastFree().Sub(p.s.Now)
		}
		p.ledger.count(v, p.flavorOf(v), needed, !p.gone[v.Intent])
	}
	p.sort()
}

// sort finds out which demand may go to a machine, and why the other may not.
func (p *planning) sort() {
	p.bursting, p.why = nil, make([]string, len(p.s.Demand))
	reopens, closed := p.s.Calendar.opens(p.s.Now)
	for i := range p.s.Demand {
		p.why[i] = p.unfit(i)
		if p.why[i] == "" && closed {
			p.why[i] = "no machine is made in hours without bursting, which end in " + span(reopens.Sub(p.s.Now))
		}
		if p.why[i] == "" {
			p.bursting = append(p.bursting, i)
		}
	}
}

// flavorOf gives the flavor of a machine. One that is not configured any more has no resources, and counts as a machine.
func (p *planning) flavorOf(v *VM) *Flavor {
	if f := p.flavors[v.Cloud+"/"+v.Flavor]; f != nil {
		return f
	}
	return &Flavor{Cloud: v.Cloud, Name: v.Flavor}
}

// needed is how much longer the machine of a host is expected to be needed: until what runs there has ended, and what waits
// and goes there.
func (p *planning) needed(host int) (d time.Duration) {
	h := p.hosts[host]
	switch {
	case h.coming:
		d = max(0, h.expected.Sub(p.s.Now))
	case h.busy && len(h.frees) == 0:
		d = assumedRun
	case h.busy:
		d = max(0, h.lastFree().Sub(p.s.Now))
	}
	d += p.outlook.longest[host]
	if pool := p.pools[h.vm.Pool]; pool != nil {
		d += pool.Idle
	}
	return d
}

// leaves tells whether a machine takes no new tasks any more.
func (p *planning) leaves(v *VM) bool {
	if v == nil || p.awake[v.Intent] {
		return false
	}
	switch v.Stage {
	case vm.Draining, vm.Leaving, vm.Stopped, vm.Deleted, vm.Failed:
		return true
	}
	return p.gone[v.Intent]
}

// make adds a new machine to the plan, and to what the next forecast sees.
func (p *planning) make(o *option, zone string, demand []int, reason string) {
	name := p.name(len(p.plan.Actions))
	p.plan.Actions = append(p.plan.Actions, Action{
		Verb: Boot, Pool: o.pool.Name, Cloud: o.flavor.Cloud, Flavor: o.flavor.Name, Zone: zone, For: demand,
		Reason: reason,
	})
	p.hosts = append(p.hosts, &host{agent: o.agent(name), coming: true, expected: p.s.Now.Add(o.boot), option: o})
}

// name is what a machine is called while it has no intent.
func (p *planning) name(n int) string { return fmt.Sprintf("new-%06d", n) }
