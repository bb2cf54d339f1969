package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// asking is what the master has been told about wanting offers.
type asking struct {
	connected  bool
	suppressed bool
	// declined says that offers were given back with a filter since the last REVIVE, freed that a task has ended:
	// either way a REVIVE may bring offers at once that would otherwise come with a later allocation.
	declined, freed bool
	// reopened says that an agent that took nothing may take tasks again.
	reopened bool
	// arrivals is State.Arrivals when the master was last asked for offers.
	arrivals int
	revived  time.Time
	// wanted is when a REVIVE that came too soon after the last may go out; zero if none is wanted.
	wanted time.Time
}

// subscribed notes that a new subscription starts with offers and without filters.
func (d *asking) subscribed() {
	*d = asking{connected: true}
}

func (d *asking) disconnected() {
	*d = asking{suppressed: true}
}

// next returns when a postponed REVIVE is due.
func (d *asking) next() time.Time { return d.wanted }

// A REVIVE makes the master offer all agents anew, also those that were declined and have not changed.
const (
	// reviveCost is what that costs the master for each agent, roughly. When there is work that was not there
	// before it is asked for offers as soon as it can have made those of the last time.
	reviveCost = 20 * time.Microsecond
	// freedCost is the same where only resources have become free: to have them a little earlier is worth less, so
	// it may bring at most 5,000 offers a second.
	freedCost = 200 * time.Microsecond
	// allocation is the master's allocation interval unless an operator has set another (--allocation_interval). In
	// it the master offers what has become free by itself: a filter does not hold for an offer that is larger than
	// what was refused.
	allocation = time.Second
)

// reviveDue returns when the master may be asked for offers again; false if there is no reason to ask.
func (r *Reactor) reviveDue(newWork bool) (due time.Time, wanted bool) {
	d, agents := &r.asking, time.Duration(len(r.agents.byID))
	freed := r.cfg.ReviveInterval + agents*freedCost
	switch {
	case d.suppressed || newWork && d.declined:
		due = d.revived.Add(min(r.cfg.ReviveInterval+agents*reviveCost, allocation))
	case d.freed && freed < allocation:
		due = d.revived.Add(freed)
	default:
		return d.wanted, !d.wanted.IsZero()
	}
	if !d.wanted.IsZero() && d.wanted.Before(due) {
		due = d.wanted
	}
	return due, true
}

// askForOffers tells the master whether offers are wanted: SUPPRESS when nothing waits, REVIVE when work has
// arrived, or when resources have become free while work waits. Without the REVIVE, short tasks would wait for
// the master's next allocation round (1 s by default) or for a filter to expire.
func (r *Reactor) askForOffers(now time.Time) {
	d := &r.asking
	if !d.connected {
		return
	}
	if len(r.state.Waiting()) == 0 {
		if !d.suppressed {
			r.call(mesos.Suppress{})
			d.suppressed = true
		}
		d.freed, d.reopened, d.wanted = false, false, time.Time{}
		return
	}
	newWork := r.state.Arrivals() != d.arrivals || d.reopened
	d.arrivals, d.reopened = r.state.Arrivals(), false
	due, wanted := r.reviveDue(newWork)
	if !wanted {
		return
	}
	if due.After(now) {
		d.wanted = due
		return
	}
	r.call(mesos.Revive{})
	d.suppressed, d.declined, d.freed = false, false, false
	d.revived, d.wanted = now, time.Time{}
}
