package planner

import (
	"fmt"
	"slices"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// warm makes machines where fewer are ready than a pool keeps.
func (p *planning) warm() {
	if _, closed := p.s.Calendar.opens(p.s.Now); closed {
		return
	}
	before := len(p.hosts)
	for i := range p.s.Pools {
		pool := &p.s.Pools[i]
		if p.backlog(pool) { // for which another machine is not worth its price
			continue
		}
		for ready := p.ready(pool); ready < pool.Ready && p.prepare(pool); {
			ready++
		}
	}
	if len(p.hosts) > before {
		p.cast()
	}
}

// backlog tells whether something waits, and goes on waiting, that machines of a pool could take.
func (p *planning) backlog(pool *Pool) bool {
	step := p.outlook.at(p.first)
	return slices.ContainsFunc(p.bursting, func(d int) bool {
		return p.outlook.waiting[step][d] > 0 && slices.ContainsFunc(p.holding[d], func(i int) bool { return p.catalog.options[i].pool == pool })
	})
}

// ready counts the machines of a pool that are free, and stay so as far as one can see, or that are on their way.
func (p *planning) ready(pool *Pool) (n int) {
	for i, h := range p.hosts {
		if p.poolOf(h) == pool.Name && (h.coming || !h.busy && !p.outlook.taken[i]) {
			n++
		}
	}
	return n
}

func (p *planning) poolOf(h *host) string {
	switch {
	case h.vm != nil:
		return h.vm.Pool
	case h.option != nil:
		return h.option.pool.Name
	}
	return ""
}

// prepare starts or makes one machine of a pool, of the first flavor that may be.
func (p *planning) prepare(pool *Pool) bool {
	reason := fmt.Sprintf("pool %s keeps %s ready", pool.Name, count(pool.Ready, "VM"))
	for _, v := range p.asleep(vm.Stopped) {
		if h := p.started(v); v.Pool == pool.Name && h != nil && p.bring(Start, h, nil, reason) == "" {
			return true
		}
	}
	for _, o := range p.catalog.options {
		if o.pool != pool {
			continue
		}
		if zone, refusal := p.ledger.take(o, o.boot+o.pool.Idle, true); refusal == "" {
			p.make(o, zone, nil, reason)
			return true
		}
	}
	return false
}
