package planner

import (
	"fmt"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// warm makes machines where fewer are idle, or will be, than a pool keeps ready.
func (p *planning) warm() {
	if _, closed := p.s.Calendar.opens(p.s.Now); closed {
		return
	}
	for i := range p.s.Pools {
		pool := &p.s.Pools[i]
		for idle := p.ready(pool); idle < pool.Ready; idle++ {
			if !p.prepare(pool) {
				break
			}
		}
	}
}

// ready counts the machines of a pool that nothing runs on, and nothing that waits will.
func (p *planning) ready(pool *Pool) (n int) {
	for i, h := range p.hosts {
		if p.poolOf(h) == pool.Name && !h.busy && !p.outlook.taken[i] {
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
