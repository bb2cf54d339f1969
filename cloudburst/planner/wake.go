package planner

import (
	"slices"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
)

// resume takes draining machines back for what would wait for a machine to arrive, and tells whether it did.
func (p *planning) resume() bool {
	return p.wake(Resume, vm.Draining, func(v *VM) *host {
		h := p.agents[v.Intent]
		if h == nil || v.Fault != "" || v.Held {
			return nil
		}
		back := *h
		back.agent.Cordoned = false
		return &back
	})
}

// start starts machines that are kept, which is faster than making new ones.
func (p *planning) start() bool { return p.wake(Start, vm.Stopped, p.started) }

// started is a stopped machine as it is once it was started; nil if it cannot be.
func (p *planning) started(v *VM) *host {
	pool, flavor := p.pools[v.Pool], p.flavors[v.Cloud+"/"+v.Flavor]
	if pool == nil || flavor == nil {
		return nil
	}
	after := pool.Start.of(flavor)
	return &host{agent: emptyAgent(pool, flavor, v.Intent), vm: v, coming: true, expected: p.s.Now.Add(after)}
}

// wake brings machines of a stage back on which something fits that would wait.
func (p *planning) wake(verb Verb, stage vm.Stage, hostOf func(*VM) *host) (some bool) {
	var hosts []*host
	var agents []placement.Agent
	for _, v := range p.asleep(stage) {
		if h := hostOf(v); h != nil {
			h.vm = v
			hosts, agents = append(hosts, h), append(agents, h.agent)
		}
	}
	if len(hosts) == 0 {
		return false
	}
	loads := p.spread(agents)
	for i, h := range hosts {
		if d := loads[i].demand; len(d) > 0 {
			refusal := p.bring(verb, h, d, p.because(d, h.expected.Sub(p.s.Now)))
			some = some || refusal == ""
			for _, d := range d {
				p.blocked(d, refusal)
			}
		}
	}
	return some
}

// asleep lists the machines in a stage from which they can be brought back.
func (p *planning) asleep(stage vm.Stage) (all []*VM) {
	for i := range p.vms {
		v := &p.vms[i]
		if v.Stage == stage && !v.Unknown && v.InFlight == "" && !p.gone[v.Intent] && !p.awake[v.Intent] {
			all = append(all, v)
		}
	}
	return all
}

// spread puts what would wait, and is worth a machine, on some agents.
func (p *planning) spread(agents []placement.Agent) []fill {
	loads := make([]fill, len(agents))
	round := placement.NewRound(agents, 0)
	step := p.outlook.at(p.first)
	for _, d := range p.bursting {
		n := int(p.outlook.waiting[step][d])
		if n == 0 || !slices.ContainsFunc(p.holding[d], func(i int) bool { return p.worth(d, p.catalog.options[i], n) }) {
			continue
		}
		for _, a := range round.Place(p.s.Demand[d].Shape, n) {
			loads[a.Agent].add(d, a.Count)
		}
	}
	return loads
}

// bring brings one machine back, or says why it may not be.
func (p *planning) bring(verb Verb, h *host, demand []int, reason string) (refusal string) {
	v := h.vm
	i := slices.IndexFunc(p.catalog.options, func(o *option) bool {
		return o.pool.Name == v.Pool && o.flavor.Cloud == v.Cloud && o.flavor.Name == v.Flavor
	})
	if i < 0 {
		return "pool " + v.Pool + " has no flavor " + v.Flavor + " on " + v.Cloud + " any more"
	}
	if o := p.catalog.options[i]; verb == Start { // a draining one is counted already
		if _, refusal = p.ledger.take(o, o.start+o.pool.Idle+p.longest(demand), false); refusal != "" {
			return refusal
		}
	}
	p.awake[v.Intent] = true
	p.plan.Actions = append(p.plan.Actions, Action{
		Verb: verb, VM: v.Intent, Pool: v.Pool, Cloud: v.Cloud, Flavor: v.Flavor, Zone: v.Zone, For: demand, Reason: reason,
	})
	p.hosts = append(p.hosts, h)
	return ""
}
