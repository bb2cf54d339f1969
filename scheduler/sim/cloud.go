package sim

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// cordon asks for an agent to be kept free of new tasks for a while.
func (p *people) cordon(agent string, d time.Duration) {
	p.w.daemon.input(&scheduler.Cordon{Agent: agent, Reason: "somebody wants it", For: d, Done: func() {
		p.w.tracef("answer: agent %s is cordoned for %s", agent, d)
		if p.w.audit != nil {
			p.w.audit.cordons[agent] = p.w.now + d
		}
	}})
}

// uncordon takes that back.
func (p *people) uncordon(agent string) {
	p.w.daemon.input(&scheduler.Uncordon{Agent: agent, Done: func() {
		p.w.tracef("answer: agent %s is no longer cordoned", agent)
	}})
}

// cordonAgent has an agent cordoned for a while; sometimes that is renewed, or taken back.
func cordonAgent(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	d := w.draw(Span{time.Second, 5 * time.Minute})
	w.fault("agent cordoned", "agent %s is to be cordoned for %s", a.id, d)
	w.people.cordon(a.id, d)
	switch w.rng.IntN(3) {
	case 0:
		w.after(w.draw(Span{0, d}), func() { w.people.uncordon(a.id) })
	case 1:
		w.after(w.draw(Span{0, d}), func() { w.people.cordon(a.id, d) })
	}
	return true
}

// cloudOf is on which cloud a machine is; "" if it is not on any.
func (m *Machine) cloudOf() string {
	if m.Attributes["spillway_vm"] == "" {
		return ""
	}
	return m.Attributes["spillway_cloud"]
}

// wanted reports whether a pipeline allows tasks that have waited for so long on a machine.
func (m *Machine) wanted(b spec.Burst, waited time.Duration) bool {
	if m.cloudOf() == "" {
		return true
	}
	named := len(b.Clouds) == 0
	for _, c := range b.Clouds {
		named = named || c == m.cloudOf()
	}
	return b.Allow && named && waited >= b.After
}

// place checks that a task may be launched on an agent: it is not cordoned, and if it is on a cloud the pipeline allows
// that by now. No step can have begun to wait before its run was submitted, or submitted again.
func (a *audit) place(id state.AttemptID, on string) {
	if until, cordoned := a.cordons[on]; cordoned && until > a.w.now {
		a.w.fail("%s is launched on %s, which is cordoned until %s", id, on, stamp(until))
	}
	r := a.runs[id.Run]
	begun := r.rec.Submitted
	if r.rec.Retried.After(begun) {
		begun = r.rec.Retried
	}
	for _, agent := range a.w.agents {
		if agent.id == on && !agent.machine.wanted(r.pipeline.Burst, a.w.time().Sub(begun)) {
			a.w.fail("%s is launched on %s of cloud %s; its pipeline says %+v", id, on, agent.machine.cloudOf(), r.pipeline.Burst)
		}
	}
}
