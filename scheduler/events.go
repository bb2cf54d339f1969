package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// Event is an event of the master's as an input.
type Event struct{ mesos.Event }

func (in Event) apply(r *Reactor, now time.Time) {
	r.observer.Heard(in.Event)
	switch e := in.Event.(type) {
	case mesos.Subscribed:
		r.onSubscribed(now, e)
	case mesos.Disconnected:
		r.onDisconnected(e)
	case mesos.FrameworkRemoved:
		r.onFrameworkRemoved(now, e)
	case mesos.Offers:
		for _, o := range e.Offers {
			r.agents.addOffer(now, o, r.state.UsedOn(o.AgentID))
		}
	case mesos.Rescinded:
		r.agents.removeOffer(e.OfferID)
	case mesos.Update:
		r.onUpdate(now, e)
	case mesos.AgentFailed:
		r.agents.remove(e.AgentID)
	case mesos.InverseOffers:
		r.onInverseOffers(e)
	case mesos.InverseRescinded:
		// Agreeing to a maintenance binds the scheduler to nothing, so there is nothing to take back.
	}
}

func (r *Reactor) onSubscribed(now time.Time, e mesos.Subscribed) {
	if before := r.state.FrameworkID(); before != e.FrameworkID {
		if before != "" {
			r.log.Warn("the master knows the framework under another id: its tasks are lost", "was", before, "is", e.FrameworkID)
			r.state.FrameworkLost(now)
		}
		r.state.SetFrameworkID(e.FrameworkID)
	}
	r.log.Info("subscribed", "master", e.Master, "framework", e.FrameworkID)
	r.agents.voidOffers()
	r.asking.subscribed()
	r.recon.start(now)
	r.state.Listen(now)
	r.moved++
}

func (r *Reactor) onDisconnected(e mesos.Disconnected) {
	r.log.Warn("subscription ended", "error", e.Err)
	r.agents.voidOffers()
	r.asking.disconnected()
	r.recon.stop()
	r.moved++
	r.state.Listen(time.Time{})
}

func (r *Reactor) onFrameworkRemoved(now time.Time, e mesos.FrameworkRemoved) {
	r.log.Warn("the master has removed the framework: its tasks are lost and will be run again", "message", e.Message)
	r.agents.voidOffers()
	r.state.FrameworkLost(now)
	r.state.SetFrameworkID("")
}

func (r *Reactor) onUpdate(now time.Time, e mesos.Update) {
	st := e.Status
	before := r.state.UsedOn(st.Agent)
	r.state.Update(now, st)
	if after := r.state.UsedOn(st.Agent); after != before {
		r.agents.freed(now, st.Agent, before.Plus(after, -1), after)
	}
	if len(st.UUID) > 0 {
		r.call(mesos.Acknowledge{TaskID: st.TaskID, AgentID: st.Agent, UUID: st.UUID})
	}
	if st.State.Terminal() {
		r.asking.freed = true
	}
}

// onInverseOffers agrees to give agents back, and launches nothing there that would not have ended by then.
func (r *Reactor) onInverseOffers(e mesos.InverseOffers) {
	ids := make([]string, 0, len(e.Offers))
	for _, o := range e.Offers {
		ids = append(ids, o.ID)
		r.agents.setMaintenance(o.AgentID, o.From)
	}
	r.call(mesos.AcceptInverseOffers{OfferIDs: ids})
}
