package mesos

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Event is what a master tells a framework, in the scheduler's own terms.
type Event interface{ event() }

// Subscribed says that the framework is subscribed, for the first time or again. All offers of before are void.
type Subscribed struct {
	FrameworkID string
	// Master is the leading master's address, for people.
	Master string
}

// Disconnected says that the subscription has ended; the driver is already looking for the next one.
type Disconnected struct {
	Err error
}

// FrameworkRemoved says that the master has removed the framework, and with it all its tasks. The driver
// subscribes again under a new id, which the next Subscribed names.
type FrameworkRemoved struct {
	Message string
}

// Offers are new offers.
type Offers struct {
	Offers []Offer
}

// Rescinded says that an offer is no longer valid.
type Rescinded struct {
	OfferID string
}

// Update is a status update.
type Update struct {
	Status state.Status
}

// AgentFailed says that the master has removed an agent (event FAILURE without an executor).
type AgentFailed struct {
	AgentID string
}

// InverseOffers ask for agents to be given back for maintenance.
type InverseOffers struct {
	Offers []InverseOffer
}

// InverseRescinded says that an inverse offer is no longer valid.
type InverseRescinded struct {
	OfferID string
}

func (Subscribed) event()       {}
func (Disconnected) event()     {}
func (FrameworkRemoved) event() {}
func (Offers) event()           {}
func (Rescinded) event()        {}
func (Update) event()           {}
func (AgentFailed) event()      {}
func (InverseOffers) event()    {}
func (InverseRescinded) event() {}

// Offer is what of an agent may be used, for one role. The driver keeps the Mesos offer behind it until it is
// accepted, declined or rescinded.
type Offer struct {
	ID         string
	AgentID    string
	Hostname   string
	URL        string // of the agent's own API: "http://10.0.0.7:5051"; empty if the offer does not tell it
	Role       string
	Attributes map[string]string // text as it is, scalars in decimal, ranges and sets as Mesos writes them
	Resources  spec.Resources
	// UnavailableFrom is when a planned maintenance of the agent starts; zero if none is planned.
	UnavailableFrom time.Time
}

// InverseOffer asks for an agent (or all that the framework holds of it) to be free from a time on.
type InverseOffer struct {
	ID      string
	AgentID string
	From    time.Time
	// Duration is how long the agent will be away; zero: not known.
	Duration time.Duration
}
