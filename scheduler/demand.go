package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// demand is what the master has been told about wanting offers.
type demand struct {
	connected  bool
	suppressed bool
	// declined says that offers were given back with a filter since the last REVIVE, freed that a task has ended:
	// either way a REVIVE may bring offers at once that would otherwise come with a later allocation.
	declined, freed bool
	// waiting is how many tasks waited when the master was last asked for offers.
	waiting int
	revived time.Time
	// wanted is when a REVIVE that came too soon after the last may go out; zero if none is wanted.
	wanted time.Time
}

// subscribed notes that a new subscription starts with offers and without filters.
func (d *demand) subscribed() {
	*d = demand{connected: true}
}

func (d *demand) disconnected() {
	*d = demand{suppressed: true}
}

// next returns when a postponed REVIVE is due.
func (d *demand) next() time.Time { return d.wanted }

// reviveCost is what a REVIVE costs the master for each agent, roughly: it offers them all anew.
const reviveCost = 20 * time.Microsecond

// reviveInterval keeps REVIVE calls, which make the master look at every agent, from filling its time.
func (r *Reactor) reviveInterval() time.Duration {
	return min(r.cfg.ReviveInterval+time.Duration(len(r.agents.byID))*reviveCost, time.Second)
}

// askForOffers tells the master whether offers are wanted: SUPPRESS when nothing waits, REVIVE when work has
// arrived, or when resources have become free while work waits. Without the REVIVE, short tasks would wait for
// the master's next allocation round (1 s by default) or for a filter to expire.
func (r *Reactor) askForOffers(now time.Time) {
	d := &r.demand
	if !d.connected {
		return
	}
	waiting := r.launchable()
	if waiting == 0 {
		if !d.suppressed {
			r.call(mesos.Suppress{})
			d.suppressed = true
		}
		d.freed, d.waiting, d.wanted = false, 0, time.Time{}
		return
	}
	newWork := waiting > d.waiting
	d.waiting = waiting
	if !d.suppressed && !d.freed && !(newWork && d.declined) {
		if d.wanted.IsZero() {
			return
		}
	}
	if due := d.revived.Add(r.reviveInterval()); due.After(now) {
		d.wanted = due
		return
	}
	r.call(mesos.Revive{})
	d.suppressed, d.declined, d.freed = false, false, false
	d.revived, d.wanted = now, time.Time{}
}

// launchable counts the tasks that could be launched now if they were offered what they need.
func (r *Reactor) launchable() int {
	n := 0
	for _, st := range r.state.Waiting() {
		n += st.Launchable()
	}
	return n
}
