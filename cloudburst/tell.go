package cloudburst

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// tell reports to the scheduler what was seen and decided, before anything is done: if another agent works for the same
// scheduler, that is heard here.
func (a *Agent) tell(ctx context.Context, l *look, p planner.Plan) error {
	a.notice(l)
	a.mu.Lock()
	events := a.events
	a.events = nil
	a.mu.Unlock()
	r := a.report(l, p)
	r.Events = events
	ctx, cancel := context.WithTimeout(ctx, a.cfg.CallTimeout)
	defer cancel()
	err := a.cfg.Scheduler.Report(ctx, r)
	if err != nil {
		a.untold(events)
	}
	return err
}

// maxEvents bounds what is kept for a scheduler that does not answer.
const maxEvents = 1000

// untold keeps events for the next report.
func (a *Agent) untold(events []Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = slices.Concat(events, a.events)
	if n := len(a.events) - maxEvents; n > 0 {
		a.events = a.events[n:]
	}
}

// notice draws from what was seen what is to be remembered of it.
func (a *Agent) notice(l *look) {
	a.judge(l)
	there := map[string]bool{}
	for i := range l.vms {
		there[l.vms[i].Intent] = true
		a.learnt.watch(&l.vms[i].VM)
	}
	a.learnt.forget(there)
	a.backlog = backlogSince(l, a.backlog)
	a.answered = a.answered && !a.backlog.IsZero()
	a.metrics.looked(a, l)
}

// backlogSince is since when something waits that machines could help.
func backlogSince(l *look, before time.Time) time.Time {
	if l.demand == nil {
		return before
	}
	for i := range l.demand.Waiting {
		w := &l.demand.Waiting[i]
		if w.Burst.Allow && waitsForRoom(w.Reason) {
			if before.IsZero() {
				return l.now
			}
			return before
		}
	}
	return time.Time{}
}

// maxTold bounds of how many demands a report tells, those that are started first: the scheduler takes 4 MiB.
const maxTold = 10_000

func (a *Agent) report(l *look, p planner.Plan) *Report {
	r := &Report{Holder: a.cfg.Holder, Began: a.cfg.Began}
	for i := range l.vms {
		r.VMs = append(r.VMs, a.reportVM(l, &l.vms[i]))
	}
	if l.demand == nil {
		return r
	}
	for i, o := range p.Outlook {
		if len(r.Waiting) == maxTold {
			break
		}
		if i >= len(l.demand.Waiting) || o.Why == "" {
			continue
		}
		w := &l.demand.Waiting[i]
		r.Waiting = append(r.Waiting, ReportWaiting{Run: w.Run, Step: w.Step, Tasks: w.Tasks, VMs: o.VMs, Why: o.Why, Expected: known(o.Expected)})
	}
	return r
}

func (a *Agent) reportVM(l *look, v *planner.VM) ReportVM {
	r := ReportVM{
		Intent: v.Intent, Pool: v.Pool, Cloud: v.Cloud, Flavor: v.Flavor, Stage: string(v.Stage), Since: v.Since, Agent: v.Agent,
		Expected: known(a.expected(&v.VM, l.now)),
	}
	if f := a.cfg.flavor(v.Pool, v.Cloud, v.Flavor); f != nil {
		r.PricePerHour = f.Price
	}
	switch v.Stage {
	case vm.Failed:
		r.Reason = v.Fault
	case vm.Draining, vm.Leaving:
		r.Reason = v.DrainReason
		if wait := l.waitsFor(l.agentsOf[v.Intent], a.logWait(a.cfg.pool(v.Pool))); wait != "" && v.Stage == vm.Draining {
			r.Reason += "; " + wait
		}
	}
	if v.Unknown {
		r.Reason = strings.TrimSuffix("it is not known how it is now; "+r.Reason, "; ")
	}
	return r
}

// known is nil for a time that is not.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
