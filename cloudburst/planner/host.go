package planner

import (
	"cmp"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
)

// host is room for tasks: an agent that there is, or that of a machine which comes.
type host struct {
	// agent has in Free what nobody uses now, offered or not.
	agent placement.Agent
	vm    *VM // nil: one of the local cluster, or a machine that this plan makes
	// coming says that it does not serve yet; expected is when it will.
	coming   bool
	expected time.Time
	option   *option // of a machine that this plan makes
	frees    []Freed // by time
	// busy says that tasks run there, idle since when none does.
	busy bool
	idle time.Time
}

// hostsOf lists the room that there is and will be, in an order of its own. Machines that leave are none.
func (p *planning) hostsOf() []*host {
	var hosts []*host
	machines := map[string]*VM{}
	for i := range p.vms {
		machines[p.vms[i].Intent] = &p.vms[i]
	}
	serving := map[string]bool{}
	for i := range p.s.Agents {
		a := &p.s.Agents[i]
		h := &host{agent: a.Agent, vm: machines[a.VM], frees: slices.Clone(a.Frees), busy: a.Tasks > 0, idle: a.Idle}
		h.agent.Free, h.agent.Unoffered = a.Free.Plus(a.Unoffered, 1), a.Unoffered.Plus(a.Unoffered, -1)
		slices.SortFunc(h.frees, func(x, y Freed) int { return x.At.Compare(y.At) })
		if a.VM != "" {
			serving[a.VM] = true
			p.agents[a.VM] = h
		}
		if !a.Cordoned && !p.leaves(h.vm) {
			hosts = append(hosts, h)
		}
	}
	for i := range p.vms {
		v := &p.vms[i]
		flavor := p.flavors[v.Cloud+"/"+v.Flavor]
		pool := p.pools[v.Pool]
		if !serving[v.Intent] && v.comes() && flavor != nil && pool != nil && !p.leaves(v) {
			hosts = append(hosts, &host{agent: emptyAgent(pool, flavor, v.Intent), vm: v, coming: true, expected: v.Expected})
		}
	}
	slices.SortFunc(hosts, func(a, b *host) int { return cmp.Compare(a.agent.ID, b.agent.ID) })
	return hosts
}

// comes tells whether a machine without an agent is on its way to serve.
func (v *VM) comes() bool {
	switch v.Stage {
	case vm.Requested, vm.Building, vm.Active, vm.Joined, vm.Serving:
		return true
	}
	return false
}

// lastFree is when the last of the tasks on a host is expected to end; zero if that is not known of any.
func (h *host) lastFree() time.Time {
	if len(h.frees) == 0 {
		return time.Time{}
	}
	return h.frees[len(h.frees)-1].At
}
