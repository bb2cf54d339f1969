package cloudburst

import (
	"context"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
)

// Preview is what a round sees and would do.
type Preview struct {
	// VMs are the cluster's machines, as the planner sees them; Report is what the scheduler would be told.
	VMs    []planner.VM
	Report *Report
	// Demand is what waits; nil: the scheduler does not answer, or has no master.
	Demand *Demand
	Plan   planner.Plan
	// Waits says what the drain of a machine waits for now, by intent.
	Waits map[string]string
	// Trouble is what did not answer.
	Trouble []error
}

// Preview looks and plans as a round does, tells nobody, and changes nothing.
func (a *Agent) Preview(ctx context.Context, now time.Time) *Preview {
	l := a.look(ctx, now, a.cfg.Patience)
	a.notice(l)
	p := a.plan(l)
	preview := &Preview{VMs: l.vms, Report: a.report(l, p), Demand: l.demand, Plan: p, Waits: map[string]string{}, Trouble: l.trouble}
	for i := range l.vms {
		v := &l.vms[i]
		if wait := l.waitsFor(l.agentsOf[v.Intent], a.logWait(a.cfg.pool(v.Pool))); wait != "" {
			preview.Waits[v.Intent] = wait
		}
	}
	return preview
}
