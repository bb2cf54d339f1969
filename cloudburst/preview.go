package cloudburst

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
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
	// Trouble is what did not answer, and Silent who: "cloud hxn does not answer". What only they know is not known.
	Trouble []error
	Silent  []Silence
}

// Silence is somebody who has not said what a round asks for.
type Silence struct {
	// Cloud is its name; empty: it is the scheduler or the master.
	Cloud string
	// Words are a sentence without a full stop.
	Words string
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
	preview.hear(l)
	return preview
}

// hear finds out who has not answered. A cloud that was not waited for any longer has not failed, and is silent all the same.
func (p *Preview) hear(l *look) {
	for _, name := range slices.Sorted(maps.Keys(l.clouds)) {
		c := l.clouds[name]
		if c.fresh {
			continue
		}
		if c.err == nil {
			p.Trouble = append(p.Trouble, fmt.Errorf("asking cloud %s: it has not answered yet", name))
		}
		p.Silent = append(p.Silent, Silent(name, c.err))
	}
	if l.demand == nil {
		p.Silent = append(p.Silent, Silence{Words: "the scheduler does not say what waits"})
	}
	if !l.masterUp {
		p.Silent = append(p.Silent, Silence{Words: "the Mesos master does not answer"})
	}
}

// Silent is a cloud that does not answer, or refuses to.
func Silent(cloud string, err error) Silence {
	if err != nil && openstack.KindOf(err) == openstack.Denied {
		return Silence{cloud, fmt.Sprintf("cloud %s does not accept the credentials", cloud)}
	}
	return Silence{cloud, fmt.Sprintf("cloud %s does not answer", cloud)}
}
