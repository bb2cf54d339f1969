package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// reconciler asks the master about tasks of which nothing is heard. No answer means nothing: after a failover
// a master answers for a task only when its agent is back, or has been given up. So it asks again, less and
// less often, until every task has been heard of.
type reconciler struct {
	// next is when to ask again; zero while there is no subscription.
	next time.Time
	// since is when the subscription began: what was heard before may have been missed.
	since time.Time
	wait  time.Duration
	// all is when to ask for everything that the master knows, to find tasks that should not be there.
	all time.Time
}

const (
	reconcileFirst = 5 * time.Second
	reconcileMost  = time.Minute
	reconcileAll   = 15 * time.Minute
	// reconcileChunk bounds one call: a master handles each in one go.
	reconcileChunk = 1000
)

// start begins anew with a subscription: everything is asked about at once.
func (c *reconciler) start(now time.Time) {
	*c = reconciler{next: now, since: now, wait: reconcileFirst, all: now}
}

func (c *reconciler) stop() { *c = reconciler{} }

// reconcile asks about the tasks that have been silent for too long, when it is time.
func (r *Reactor) reconcile(now time.Time) {
	c := &r.recon
	if c.next.IsZero() || c.next.After(now) {
		return
	}
	quiet := r.state.Quiet(now, c.since, reconcileMost, r.cfg.ReconcileEvery)
	refs := make([]mesos.TaskRef, len(quiet))
	for i, a := range quiet {
		refs[i] = mesos.TaskRef{TaskID: a.ID.String(), AgentID: a.Agent}
	}
	for len(refs) > 0 {
		n := min(len(refs), reconcileChunk)
		r.call(mesos.Reconcile{Tasks: refs[:n]})
		refs = refs[n:]
	}
	if !c.all.After(now) {
		r.call(mesos.Reconcile{})
		c.all = now.Add(reconcileAll)
	}
	c.next = now.Add(c.wait)
	c.wait = min(2*c.wait, reconcileMost)
}
