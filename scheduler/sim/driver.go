package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// driver does what mesos.Driver does, on the simulated network: it subscribes again and again, hands events over, and
// delivers calls in order, except that acknowledgements overtake.
type driver struct {
	w *world
	// process counts the daemons that have used it: what was meant for an earlier one is void.
	process     int
	frameworkID string
	sub         *subscription // nil while there is none
	tries       int
	// holding keeps updates back, in held, until somebody lets them go.
	holding bool
	held    []mesos.Update
}

// subscription is one connection to the master: the stream of events, and the calls.
type subscription struct {
	w         *world
	process   int
	framework *framework
	// open is how the master sees it, begun how the driver does: it has read SUBSCRIBED.
	open, begun bool
	// deaf: the connection is broken, and nobody has noticed; what is sent is lost.
	deaf bool
	// book holds the offers that the driver knows.
	book map[string]bool
	// events and calls are when the last event and the last call arrive: none overtakes another.
	events, calls time.Duration
}

func newDriver(w *world) *driver { return &driver{w: w} }

// start begins to subscribe for a new daemon.
func (d *driver) start(frameworkID string) {
	d.frameworkID, d.tries = frameworkID, 0
	d.connect()
}

// stop is the end of the daemon's process: its connection breaks off.
func (d *driver) stop() {
	d.process++
	s := d.sub
	d.sub = nil
	if s != nil {
		d.w.after(d.w.network(), func() { d.w.master.hangUp(s) })
	}
}

// connect subscribes, or tries again later.
func (d *driver) connect() {
	process := d.process
	d.w.soon(d.w.network(), func() {
		switch {
		case process != d.process:
		case !d.w.master.up:
			d.again(errors.New("connection refused"))
		case d.w.master.removed[d.frameworkID]:
			d.give(process, mesos.FrameworkRemoved{Message: "Framework has been removed"})
			d.frameworkID = ""
			d.again(nil)
		default:
			d.w.master.subscribe(d.frameworkID, process)
		}
	})
}

// again subscribes after a pause that grows.
func (d *driver) again(error) {
	pause := 100 * time.Millisecond << min(d.tries, 7)
	d.tries++
	process := d.process
	d.w.after(pause/2+d.w.draw(Span{0, pause / 2}), func() {
		if process == d.process && d.sub == nil {
			d.connect()
		}
	})
}

func (d *driver) give(process int, e mesos.Event) {
	if process == d.process {
		d.w.daemon.input(scheduler.Event{Event: e})
	}
}

// send delivers calls; without a subscription they are dropped.
func (d *driver) send(calls []mesos.Call) {
	s := d.sub
	if s == nil {
		d.w.tracef("  %d calls dropped: no subscription", len(calls))
		return
	}
	for _, c := range calls {
		if accept, ok := c.(mesos.Accept); ok && !s.holds(&accept) {
			continue
		}
		arrives := d.w.now + d.w.network()
		if _, ack := c.(mesos.Acknowledge); !ack {
			arrives = max(arrives, s.calls)
			s.calls = arrives
		}
		d.w.soon(arrives-d.w.now, func() { s.arrived(c) })
	}
}

// holds takes the offers of an Accept out of the driver's book. If one is not there, the launches are reported as
// dropped, as mesos.Driver does.
func (s *subscription) holds(c *mesos.Accept) bool {
	if s.w.sc.Timing.Quick {
		return true
	}
	unknown := ""
	for _, id := range c.OfferIDs {
		if !s.book[id] {
			unknown = id
		}
		delete(s.book, id)
	}
	if unknown == "" {
		return true
	}
	s.w.tracef("  the driver does not know offer %s any more", unknown)
	for _, l := range c.Launches {
		s.w.driver.give(s.process, dropped(l.ID.String(), c.AgentID, unknown, s.w.time()))
	}
	return false
}

// dropped is the answer to a launch on an offer that is no longer valid (recording 07).
func dropped(task, agent, offer string, now time.Time) mesos.Update {
	return mesos.Update{Status: state.Status{
		TaskID: task, Agent: agent, State: state.TaskDropped, Reason: state.ReasonInvalidOffers, Source: state.SourceMaster,
		Message: fmt.Sprintf("Task launched with invalid offers: Offer %s is no longer valid", offer), Time: now,
	}}
}

// arrived is a call's arrival at the master.
func (s *subscription) arrived(c mesos.Call) {
	if !s.open || s.deaf || !s.w.master.up {
		if s.w.trace != nil {
			s.w.tracef("lost: %s", describeCall(c))
		}
		return
	}
	s.w.master.handle(s.framework, c)
}

// send puts an event into the stream.
func (s *subscription) send(e mesos.Event) {
	arrives := s.w.now + s.w.network()
	if _, update := e.(mesos.Update); update {
		noise := &s.w.sc.noise
		if s.w.chance(noise.duplicate) {
			again := arrives + s.w.draw(noise.lateBy)
			s.w.report.Faults["update twice"]++
			s.w.at(again, func() { s.deliver(e) })
		}
		if s.w.chance(noise.late) {
			s.w.report.Faults["update late"]++
			s.w.at(arrives+s.w.draw(noise.lateBy), func() { s.deliver(e) })
			return
		}
	}
	arrives = max(arrives, s.events)
	s.events = arrives
	s.w.soon(arrives-s.w.now, func() { s.deliver(e) })
}

// deliver hands an event to the daemon, if it is still the one that subscribed.
func (s *subscription) deliver(e mesos.Event) {
	d := s.w.driver
	if s.process != d.process || s.begun && d.sub != s || s.deaf {
		return
	}
	switch e := e.(type) {
	case mesos.Update:
		if d.holding {
			d.held = append(d.held, e)
			return
		}
	case mesos.Subscribed:
		s.begun, d.sub, d.frameworkID, d.tries = true, s, e.FrameworkID, 0
	case mesos.Offers:
		if !s.w.sc.Timing.Quick {
			for i := range e.Offers {
				s.book[e.Offers[i].ID] = true
			}
		}
	}
	d.give(s.process, e)
	if update, ok := e.(mesos.Update); ok {
		s.w.people.overheard(&update.Status)
	}
}

// end is when the driver notices that the subscription has ended: after what was in the stream before.
func (s *subscription) end(reason error) {
	d := s.w.driver
	s.w.after(max(s.w.network(), s.events-s.w.now), func() {
		if s.process != d.process || s.begun && d.sub != s {
			return
		}
		if s.begun {
			d.sub = nil
			d.give(s.process, mesos.Disconnected{Err: reason})
		}
		if errors.Is(reason, errRemoved) {
			d.give(s.process, mesos.FrameworkRemoved{Message: reason.Error()})
			d.frameworkID = ""
		}
		d.again(reason)
	})
}

// errRemoved ends the subscription of a framework that was removed.
var errRemoved = errors.New("the framework has been removed")
