package planner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// shrink gives back what is not needed any more: machines that have been idle, and kept ones beyond their number.
func (p *planning) shrink() {
	for i := range p.s.Pools {
		pool := &p.s.Pools[i]
		for _, h := range p.surplus(pool) {
			p.remove(h.vm, p.then(pool), fmt.Sprintf("nothing has run there for %s, and nothing that waits needs it", span(p.s.Now.Sub(h.idle))))
		}
		p.discard(pool)
	}
}

// surplus lists the machines of a pool that are to go because they are idle, first those that are worth least.
func (p *planning) surplus(pool *Pool) []*host {
	idle, ripe := 0, []*host{}
	for i, h := range p.hosts {
		if h.vm == nil || h.vm.Pool != pool.Name || h.busy || h.coming || i < len(p.outlook.taken) && p.outlook.taken[i] {
			continue
		}
		idle++
		v := h.vm
		if !v.Unknown && v.InFlight == "" && !p.awake[v.Intent] && !h.idle.IsZero() && p.s.Now.Sub(h.idle) >= pool.Idle {
			ripe = append(ripe, h)
		}
	}
	slices.SortFunc(ripe, func(a, b *host) int {
		return cmp.Or(cmp.Compare(p.flavorOf(b.vm).Price, p.flavorOf(a.vm).Price), a.vm.Lease.Compare(b.vm.Lease), cmp.Compare(a.vm.Intent, b.vm.Intent))
	})
	goes := ripe[:min(len(ripe), max(0, idle-pool.Ready))]
	for len(goes) > 0 && p.missed(goes) {
		goes = goes[:len(goes)/2]
	}
	return goes
}

// missed tells whether machines would be made a minute after some have gone.
func (p *planning) missed(goes []*host) bool {
	if len(p.s.Demand) == 0 {
		return false
	}
	q := p.without(goes, time.Minute)
	q.grow()
	return len(q.plan.Actions) > 0
}

// without is the planning some time later, when some hosts are gone and all that this plan makes is under way.
func (p *planning) without(goes []*host, later time.Duration) *planning {
	s := *p.s
	s.Now = s.Now.Add(later)
	s.Demand = slices.Clone(s.Demand)
	for i := range s.Demand {
		if d := &s.Demand[i]; d.Shape.Waited < d.Shape.Burst.After {
			d.Shape = waited(d.Shape, d.Shape.Waited+later)
		}
	}
	q := *p
	q.s, q.ledger, q.full, q.plan = &s, p.ledger.clone(), slices.Clone(p.full), Plan{}
	q.awake, q.gone, q.holding = maps.Clone(p.awake), maps.Clone(p.gone), slices.Clone(p.holding)
	q.hosts = slices.DeleteFunc(slices.Clone(p.hosts), func(h *host) bool { return slices.Contains(goes, h) })
	for _, h := range goes {
		q.gone[h.vm.Intent] = true
	}
	q.sort()
	q.cast()
	return &q
}

// then is what becomes of the next machine that a pool gives back.
func (p *planning) then(pool *Pool) vm.Afterwards {
	if pool.keeps() && p.kept(pool) < pool.Stopped {
		return pool.Afterwards
	}
	return vm.Delete
}

// kept counts the machines of a pool that are stopped, or will be.
func (p *planning) kept(pool *Pool) (n int) {
	for i := range p.vms {
		v := &p.vms[i]
		if v.Pool == pool.Name && !p.awake[v.Intent] && !p.gone[v.Intent] && v.Stage == vm.Stopped {
			n++
		}
	}
	return n
}

// discard deletes the stopped machines of a pool that are more than it keeps.
func (p *planning) discard(pool *Pool) {
	var stopped []*VM
	for i := range p.vms {
		v := &p.vms[i]
		if v.Pool == pool.Name && v.Stage == vm.Stopped && !v.Unknown && v.InFlight == "" && !p.awake[v.Intent] && !p.gone[v.Intent] {
			stopped = append(stopped, v)
		}
	}
	slices.SortStableFunc(stopped, func(a, b *VM) int { return a.Lease.Compare(b.Lease) })
	for _, v := range stopped[:max(0, len(stopped)-pool.Stopped)] {
		p.remove(v, vm.Delete, fmt.Sprintf("pool %s keeps no more than %d stopped", pool.Name, pool.Stopped))
	}
}
