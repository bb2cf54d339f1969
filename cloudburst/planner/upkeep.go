package planner

import (
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// upkeep takes away what cannot stay, whatever waits: failed machines, those of no pool, and those whose lease or budget is
// over.
func (p *planning) upkeep() {
	p.hostsOf() // who serves
	for i := range p.vms {
		v := &p.vms[i]
		if v.Unknown || v.InFlight != "" || v.Stage == vm.Leaving || v.Stage == vm.Deleted {
			continue
		}
		switch reason := p.mustGo(v); {
		case reason == "":
		case v.Stage == vm.Draining:
			p.gone[v.Intent] = true // it is not resumed
		default:
			p.remove(v, vm.Delete, reason)
		}
	}
}

// mustGo says why a machine cannot stay; "" if it can.
func (p *planning) mustGo(v *VM) string {
	pool := p.pools[v.Pool]
	switch {
	case v.Stage == vm.Failed && v.Fault != "":
		return "it has failed: " + v.Fault
	case v.Stage == vm.Failed:
		return "it has failed"
	case pool == nil:
		return "there is no pool " + v.Pool + " any more"
	case p.leaseEnds(v, pool):
		return "its lease ends " + p.in(v.Lease)
	case v.Stage == vm.Stopped:
		return ""
	}
	for _, scope := range p.ledger.scopes(v.Pool, v.Cloud) {
		if why := scope.usedUp(); why != "" {
			return why
		}
	}
	return ""
}

// leaseEnds tells whether nothing new is to be put on a machine because of its lease: it is about to end, or what runs
// there lasts until then.
func (p *planning) leaseEnds(v *VM, pool *Pool) bool {
	if v.Lease.IsZero() {
		return false
	}
	end := p.s.Now.Add(min(pool.Lease/10, 15*time.Minute))
	if h := p.agents[v.Intent]; h != nil && h.lastFree().After(end) {
		end = h.lastFree()
	}
	return !v.Lease.After(end)
}

// remove takes a machine away: by a drain if it may run something, at once otherwise.
func (p *planning) remove(v *VM, then vm.Afterwards, reason string) {
	p.gone[v.Intent] = true
	action := Action{Verb: Delete, VM: v.Intent, Pool: v.Pool, Cloud: v.Cloud, Flavor: v.Flavor, Zone: v.Zone, Reason: reason}
	h := p.agents[v.Intent]
	if h != nil && (v.Stage != vm.Failed || h.busy) {
		action.Verb = Drain
		if pool := p.pools[v.Pool]; pool == nil || then != pool.Afterwards {
			action.Then = then
		}
	}
	p.plan.Actions = append(p.plan.Actions, action)
}

func (p *planning) in(t time.Time) string {
	if d := t.Sub(p.s.Now); d > 0 {
		return "in " + span(d)
	}
	return "now"
}
