package minimesos

import (
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// The smallest amounts that are worth an offer: one of the two is enough
// (Mesos' --min_allocatable_resources, "cpus:0.01|mem:32").
const (
	minOfferedCPUs = 10
	minOfferedMem  = 32_000
)

// roleState is what the allocator knows of one role of one framework.
type roleState struct {
	framework  *framework
	role       string
	suppressed bool
	allocated  bag // offered or in use
	filters    map[*agentEntry][]filter
}

func newRoleState(f *framework, role string) *roleState {
	return &roleState{framework: f, role: role, filters: map[*agentEntry][]filter{}}
}

// filter keeps an agent's resources from being offered again. It holds for
// offers that are no larger than what was refused.
type filter struct {
	refused bag
	until   time.Time
}

// offer is one offer that has not been answered.
type offer struct {
	id        string
	framework *framework
	entry     *agentEntry
	role      string
	amount    bag
	timer     *time.Timer
	proto     *mesos.Offer
}

// defaultRefuse is what Filters.refuse_seconds means when it is not set.
const defaultRefuse = 5 * time.Second

func refuseTime(filters *mesos.Filters) time.Duration {
	if filters == nil || filters.RefuseSeconds == nil {
		return defaultRefuse
	}
	return time.Duration(min(max(filters.GetRefuseSeconds(), 0), 365*24*3600) * float64(time.Second))
}

// recover takes resources back from a framework; refuse > 0 keeps them from
// being offered to it for that long, and at least until the next allocation.
// As in Mesos, this alone does not make the master offer them.
func (m *master) recover(entry *agentEntry, f *framework, role string, amount *bag, refuse time.Duration) {
	if amount.empty() {
		return
	}
	state := f.roleState(role)
	state.allocated.subtract(amount)
	if entry.removed {
		return
	}
	entry.available.add(amount)
	if refuse > 0 && !f.removed {
		state.refuse(entry, amount, max(refuse, m.opts.AllocationInterval))
	}
}

// refuse adds a filter, and drops those that it makes superfluous.
func (s *roleState) refuse(entry *agentEntry, amount *bag, length time.Duration) {
	now := time.Now()
	added := filter{amount.clone(), now.Add(length)}
	kept := slices.DeleteFunc(s.filters[entry], func(f filter) bool {
		return !now.Before(f.until) || (!f.until.After(added.until) && added.refused.contains(&f.refused))
	})
	s.filters[entry] = append(kept, added)
}

// allocate offers all free resources to whoever may have them.
func (m *master) allocate() {
	m.allocateNow = false
	m.offerFree(m.candidates())
	m.offerInverse()
}

func (m *master) offerFree(candidates []*roleState) {
	if len(candidates) == 0 {
		return
	}
	now := time.Now()
	offers := map[*framework][]*offer{}
	var receivers []*framework
	for _, entry := range m.agentOrder {
		if !entry.offerable() {
			continue
		}
		m.sortByShare(candidates)
		for _, state := range candidates {
			if state.refuses(entry, now) {
				continue
			}
			f := state.framework
			if offers[f] == nil {
				receivers = append(receivers, f)
			}
			offers[f] = append(offers[f], m.makeOffer(state, entry))
			break
		}
	}
	for _, f := range receivers {
		f.send(offersEvent(offers[f]))
	}
}

// candidates are the roles of connected frameworks that want offers.
func (m *master) candidates() []*roleState {
	var out []*roleState
	for _, f := range m.order {
		if !f.connected() {
			continue
		}
		for _, role := range rolesOf(f.info) {
			if state := f.roles[role]; !state.suppressed {
				out = append(out, state)
			}
		}
	}
	return out
}

// sortByShare puts first whoever has least, by dominant resource fairness:
// first between roles, then between the frameworks of a role.
func (m *master) sortByShare(candidates []*roleState) {
	if len(candidates) < 2 {
		return
	}
	byRole := map[string]*bag{}
	for _, f := range m.order {
		for role, state := range f.roles {
			if byRole[role] == nil {
				byRole[role] = &bag{}
			}
			byRole[role].add(&bag{scalars: state.allocated.scalars})
		}
	}
	slices.SortStableFunc(candidates, func(a, b *roleState) int {
		if a.role != b.role {
			if d := cmpFloat(m.share(byRole[a.role]), m.share(byRole[b.role])); d != 0 {
				return d
			}
			return strings.Compare(a.role, b.role)
		}
		return cmpFloat(m.share(&a.allocated), m.share(&b.allocated))
	})
}

// share is the largest part that an amount has of any resource of the cluster.
func (m *master) share(amount *bag) (share float64) {
	for _, s := range amount.scalars {
		if total := m.total.milli(s.name); total > 0 {
			share = max(share, float64(s.milli)/float64(total))
		}
	}
	return share
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// refuses tells whether this role of this framework gets no offer of entry.
func (s *roleState) refuses(entry *agentEntry, now time.Time) bool {
	if entry.hasGPUs && !s.framework.can.gpus {
		return true
	}
	filters := s.filters[entry]
	if len(filters) == 0 {
		return false
	}
	filters = slices.DeleteFunc(filters, func(f filter) bool { return !now.Before(f.until) })
	if len(filters) == 0 {
		delete(s.filters, entry)
		return false
	}
	s.filters[entry] = filters
	return slices.ContainsFunc(filters, func(f filter) bool { return f.refused.contains(&entry.available) })
}

func (m *master) makeOffer(state *roleState, entry *agentEntry) *offer {
	o := &offer{id: m.newOfferID(), framework: state.framework, entry: entry, role: state.role, amount: entry.available}
	entry.available = bag{}
	state.allocated.add(&o.amount)
	m.offers[o.id] = o
	state.framework.offers[o] = struct{}{}
	entry.offers[o] = struct{}{}
	o.proto = offerProto(o)
	if m.opts.OfferTimeout > 0 {
		o.timer = m.loop.after(m.opts.OfferTimeout, func() {
			if m.offers[o.id] == o {
				m.rescind(o)
			}
		})
	}
	return o
}

func offerProto(o *offer) *mesos.Offer {
	var allocation *mesos.Resource_AllocationInfo
	if o.framework.can.multiRole {
		allocation = &mesos.Resource_AllocationInfo{Role: &o.role}
	}
	entry := o.entry
	return &mesos.Offer{
		ID: mesos.OfferID{Value: o.id}, FrameworkID: mesos.FrameworkID{Value: o.framework.id},
		AgentID: mesos.AgentID{Value: entry.id}, Hostname: entry.info.Hostname, URL: entry.url,
		Resources: o.amount.resources(&anyRole, allocation), Attributes: entry.info.Attributes,
		ExecutorIDs: entry.executorIDs(o.framework), Unavailability: entry.unavailability, AllocationInfo: allocation,
	}
}

// anyRole is the role of unreserved resources.
var anyRole = "*"

func offersEvent(offers []*offer) *scheduler.Event {
	list := make([]mesos.Offer, len(offers))
	for i, o := range offers {
		list[i] = *o.proto
	}
	return &scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: list}}
}

// forget takes an offer out of the books; its resources stay allocated.
func (m *master) forget(o *offer) {
	if o.timer != nil {
		o.timer.Stop()
	}
	delete(m.offers, o.id)
	delete(o.framework.offers, o)
	delete(o.entry.offers, o)
}

// discard takes an offer and its resources back without a word.
func (m *master) discard(o *offer, refuse time.Duration) {
	m.forget(o)
	m.recover(o.entry, o.framework, o.role, &o.amount, refuse)
}

// rescind takes an offer back and says so.
func (m *master) rescind(o *offer) {
	m.discard(o, 0)
	o.framework.send(&scheduler.Event{Type: scheduler.Event_RESCIND,
		Rescind: &scheduler.Event_Rescind{OfferID: mesos.OfferID{Value: o.id}}})
}

// dropOffers takes back all offers of a framework.
func (m *master) dropOffers(f *framework, rescind bool) {
	for _, o := range sortedOffers(f.offers) {
		if rescind {
			m.rescind(o)
		} else {
			m.discard(o, 0)
		}
	}
	for o := range f.inverse {
		m.forgetInverse(o)
	}
}

// sortedOffers puts offers in the order in which they were made.
func sortedOffers(offers map[*offer]struct{}) []*offer {
	out := make([]*offer, 0, len(offers))
	for o := range offers {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b *offer) int {
		if d := len(a.id) - len(b.id); d != 0 {
			return d
		}
		return strings.Compare(a.id, b.id)
	})
	return out
}
