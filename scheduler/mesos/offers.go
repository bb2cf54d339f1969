package mesos

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
)

// keptRescinded is how many rescinded offers are remembered, for ACCEPTs that were decided before the rescind was
// known.
const keptRescinded = 4096

// offerBook holds the Mesos offers behind placement's numbers, of one subscription. The stream adds, the sender of
// calls takes.
type offerBook struct {
	revocable bool

	mu        sync.Mutex
	held      map[string]*heldOffer
	rescinded []string // ids in held that were rescinded, oldest first
}

// heldOffer is what of an offer is needed to accept it.
type heldOffer struct {
	id        string
	agent     string
	resources []mesosgo.Resource
}

func newOfferBook(revocable bool) *offerBook {
	return &offerBook{revocable: revocable, held: map[string]*heldOffer{}}
}

// add keeps offers and says what placement shall know of them.
func (b *offerBook) add(offers []mesosgo.Offer) []Offer {
	b.mu.Lock()
	defer b.mu.Unlock()
	converted := make([]Offer, len(offers))
	for i := range offers {
		o := &offers[i]
		b.held[o.ID.Value] = &heldOffer{
			id: o.ID.Value, agent: o.AgentID.Value, resources: o.Resources,
		}
		converted[i] = Offer{
			ID:         o.ID.Value,
			AgentID:    o.AgentID.Value,
			Hostname:   o.Hostname,
			URL:        agentURL(o.URL),
			Role:       offerRole(o),
			Attributes: convertAttributes(o.Attributes, o.Domain),
			Resources:  newPool(o.Resources, b.revocable).resources(),
		}
		if o.Unavailability != nil {
			converted[i].UnavailableFrom = time.Unix(0, o.Unavailability.Start.Nanoseconds).UTC()
		}
	}
	return converted
}

// agentURL is where the agent's API listens. The address is rather used than the name, which need not resolve here, but
// for https: certificates are made out to names.
func agentURL(u *mesosgo.URL) string {
	if u == nil || u.Scheme == "" || u.Address.Port <= 0 {
		return ""
	}
	host, other := u.Address.GetIP(), u.Address.GetHostname()
	if host == "" || u.Scheme == "https" && other != "" {
		host = other
	}
	if host == "" {
		return ""
	}
	return u.Scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(u.Address.Port)))
}

func offerRole(o *mesosgo.Offer) string {
	if role := o.AllocationInfo.GetRole(); role != "" {
		return role
	}
	return "*"
}

// rescind notes that the master has taken an offer back. It is kept for a while: an ACCEPT of it may be on its way, and
// the master is the one to answer it.
func (b *offerBook) rescind(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[id] == nil {
		return
	}
	if len(b.rescinded) >= keptRescinded {
		delete(b.held, b.rescinded[0])
		b.rescinded = b.rescinded[1:]
	}
	b.rescinded = append(b.rescinded, id)
}

// take removes offers that are being accepted or declined; those that are not held are named in unknown.
func (b *offerBook) take(ids []string) (held []*heldOffer, unknown []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		o := b.held[id]
		if o == nil {
			unknown = append(unknown, id)
			continue
		}
		delete(b.held, id)
		held = append(held, o)
	}
	return held, unknown
}

// acceptance is an ACCEPT that is being made: offers of one agent and one role, since the master refuses to launch on
// offers of several roles together.
type acceptance struct {
	ids   []mesosgo.OfferID
	pool  pool
	tasks []mesosgo.TaskInfo
}

func newAcceptance(offers []*heldOffer, revocable bool) *acceptance {
	a := &acceptance{}
	for _, o := range offers {
		a.ids = append(a.ids, mesosgo.OfferID{Value: o.id})
		a.pool = append(a.pool, newPool(o.resources, revocable)...)
	}
	a.pool.sort()
	return a
}

// launch adds a launch, with what it needs of the offers.
func (a *acceptance) launch(agent string, l *Launch) error {
	resources, ports, lack := a.pool.carve(l.Resources)
	if lack != "" {
		return fmt.Errorf("the offers hold too little: %s", lack)
	}
	a.tasks = append(a.tasks, taskInfo(l, agent, resources, ports))
	return nil
}
