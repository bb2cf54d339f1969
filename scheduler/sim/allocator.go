package sim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// roleState is what the allocator knows of one role of a framework.
type roleState struct {
	name       string
	framework  *framework // nil for the greedy one
	suppressed bool
	allocated  spec.Resources // offered or used
	// revived counts the REVIVE calls: filters from before do not hold any more.
	revived int
}

// filter keeps what an agent has free from being offered to a role again, if it is no more than what was refused.
type filter struct {
	role    *roleState
	revived int
	refused spec.Resources
	until   time.Duration
}

// offer is an offer that was not answered.
type offer struct {
	id        string
	entry     *entry
	role      *roleState
	resources spec.Resources
}

// The smallest amounts that are worth an offer; one of them is enough (--min_allocatable_resources of the master).
const (
	leastCPUs = 10 // thousandths
	leastMem  = 32 // MiB
)

// tick is the allocation that takes place from time to time.
func (m *master) tick() {
	if m.up {
		m.allocate()
	}
	m.w.after(m.w.sc.Timing.Allocation, m.tick)
}

// allocateSoon makes an allocation outside the interval, as a REVIVE or a new agent does.
func (m *master) allocateSoon() {
	if m.soonAllocating || !m.up {
		return
	}
	m.soonAllocating = true
	m.w.soon(m.w.network(), func() {
		m.soonAllocating = false
		if m.up {
			m.allocate()
		}
	})
}

// allocate offers what is free to whoever has least and does not refuse it.
func (m *master) allocate() {
	candidates := m.candidates()
	if len(candidates) == 0 {
		return
	}
	offers := map[*framework][]mesos.Offer{}
	made := 0
	for _, e := range m.entries {
		if e.quiet > m.w.now || !e.connected || e.inactive || e.free.CPUs < leastCPUs && e.free.Mem < leastMem {
			continue
		}
		r := m.receiver(candidates, e)
		switch {
		case r == nil:
		case r == m.greedy:
			m.feed(e)
		default:
			if offers[r.framework] == nil {
				offers[r.framework] = make([]mesos.Offer, 0, max(m.offered, 16))
			}
			made++
			offers[r.framework] = append(offers[r.framework], m.offer(e, r))
		}
	}
	m.offered = made
	for _, f := range m.sortedFrameworks() {
		if len(offers[f]) > 0 {
			f.send(mesos.Offers{Offers: offers[f]})
		}
	}
}

// candidates are the roles that want offers.
func (m *master) candidates() []*roleState {
	var all []*roleState
	for _, f := range m.sortedFrameworks() {
		for _, r := range f.roles {
			if f.sub != nil && !r.suppressed {
				all = append(all, r)
			}
		}
	}
	if m.greedy != nil {
		all = append(all, m.greedy)
	}
	return all
}

// receiver chooses who is offered what an agent has free; nil: nobody.
func (m *master) receiver(candidates []*roleState, e *entry) *roleState {
	var best *roleState
	for _, r := range candidates {
		if m.refuses(r, e) {
			continue
		}
		if best == nil || m.share(r) < m.share(best) {
			best = r
		}
	}
	return best
}

// refuses reports whether a filter of the role holds for what the agent has free. Filters that do not hold any more
// are dropped.
func (m *master) refuses(r *roleState, e *entry) bool {
	kept, refused := e.filters[:0], time.Duration(0)
	for i := range e.filters {
		f := &e.filters[i]
		if f.until > m.w.now && f.revived == f.role.revived {
			if f.role == r && within(e.free, f.refused) {
				refused = f.until
			}
			kept = append(kept, *f)
		}
	}
	e.filters = kept
	if len(m.w.sc.Roles) == 1 && m.greedy == nil {
		e.quiet = refused
	}
	return refused > 0
}

// stir makes the next allocation look at all agents.
func (m *master) stir() {
	for _, e := range m.entries {
		e.quiet = 0
	}
}

// give gives resources back to an agent.
func (e *entry) give(r spec.Resources) {
	e.free, e.quiet = plus(e.free, r), 0
}

// share is a role's dominant share.
func (m *master) share(r *roleState) float64 {
	return max(float64(r.allocated.CPUs)/float64(m.total.CPUs+1), float64(r.allocated.Mem)/float64(m.total.Mem+1))
}

// offer takes what an agent has free into an offer.
func (m *master) offer(e *entry, r *roleState) mesos.Offer {
	o := &offer{id: m.newOfferID(e), entry: e, role: r, resources: e.free}
	e.free = spec.Resources{}
	r.allocated = plus(r.allocated, o.resources)
	m.w.report.Offers++
	e.offers = append(e.offers, o)
	if m.w.chance(m.w.sc.noise.rescind) {
		m.w.after(m.w.draw(Span{0, 20 * time.Millisecond}), func() {
			if m.outstanding(o.id) == o {
				m.w.report.Faults["offers rescinded"]++
				m.rescind(o)
			}
		})
	}
	return mesos.Offer{
		ID: o.id, AgentID: e.id, Hostname: e.agent.machine.Name, Role: r.name, Attributes: e.agent.machine.Attributes,
		Resources: o.resources, UnavailableFrom: e.unavailableFrom,
	}
}

// takeBack ends an offer; its resources are free again, and not offered to the same role for a while.
func (m *master) takeBack(o *offer, refuse time.Duration) {
	e := o.entry
	i := slices.Index(e.offers, o)
	e.offers = slices.Delete(e.offers, i, i+1)
	e.give(o.resources)
	o.role.allocated = minus(o.role.allocated, o.resources)
	m.refuse(e, o.role, o.resources, refuse)
}

// newOfferID names an offer: by a number, and by the agent's, by which it is found again.
func (m *master) newOfferID(e *entry) string {
	m.nextOffer++
	b := make([]byte, 0, 16)
	b = strconv.AppendInt(append(b, 'o'), int64(m.nextOffer), 10)
	return string(strconv.AppendInt(append(b, '.'), int64(e.agent.number), 10))
}

// outstanding finds an offer that was not answered yet; nil if there is none.
func (m *master) outstanding(id string) *offer {
	n, err := strconv.Atoi(id[strings.IndexByte(id, '.')+1:])
	if err != nil || n >= len(m.w.agents) {
		return nil
	}
	if e := m.byID[m.w.agents[n].id]; e != nil {
		for _, o := range e.offers {
			if o.id == id {
				return o
			}
		}
	}
	return nil
}

// refuse sets a filter. It holds at least until the next allocation.
func (m *master) refuse(e *entry, r *roleState, refused spec.Resources, d time.Duration) {
	if d > 0 && refused != (spec.Resources{}) {
		d = max(d, m.w.sc.Timing.Allocation)
		e.filters = append(e.filters, filter{role: r, revived: r.revived, refused: refused, until: m.w.now + d})
	}
}

// rescind takes an offer back that the scheduler may be about to answer.
func (m *master) rescind(o *offer) {
	m.takeBack(o, 0)
	o.role.framework.send(mesos.Rescinded{OfferID: o.id})
}

func (m *master) rescindAll(e *entry) {
	for _, o := range slices.Clone(e.offers) {
		m.rescind(o)
	}
}

// feed gives what an agent has free to the greedy framework, which keeps it for a while.
func (m *master) feed(e *entry) {
	a, r, taken := e.agent, m.greedy, e.free
	if m.w.trace != nil {
		m.w.tracef("the other framework takes %s of %s", describeResources(taken), a.id)
	}
	e.free = spec.Resources{}
	a.foreign = plus(a.foreign, taken)
	r.allocated = plus(r.allocated, taken)
	m.w.after(m.w.draw(Span{2 * time.Second, 90 * time.Second}), func() {
		a.foreign, a.returned = minus(a.foreign, taken), m.w.now
		if m.greedy == r {
			r.allocated = minus(r.allocated, taken)
		}
		if e := m.byID[a.id]; e != nil {
			e.give(taken)
		}
		if m.w.chance(0.5) && m.greedy == r {
			if e := m.byID[a.id]; e != nil {
				m.refuse(e, r, e.total, m.w.draw(Span{time.Second, 30 * time.Second}))
			}
		}
	})
}
