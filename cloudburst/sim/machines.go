package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// pool is the name of the one pool.
const pool = "burst"

// decide asks the policy, and does what it says.
func (w *world) decide(p Policy) {
	w.place() // what fits does not wait
	for _, a := range p.Decide(w.situation()) {
		switch a.Verb {
		case planner.Boot:
			w.boot(a.Flavor)
		case planner.Drain, planner.Delete:
			if m := w.machine(a.VM); m != nil && m.draining.IsZero() {
				m.draining = w.now
				w.release(m)
			}
		case planner.Resume:
			if m := w.machine(a.VM); m != nil && !m.leaving {
				m.draining = time.Time{}
			}
		default:
			panic(fmt.Sprintf("sim: nothing is kept stopped here, but the policy says %q", a.Verb))
		}
	}
}

func (w *world) machine(intent string) *machine {
	for _, m := range w.machines {
		if m.intent == intent {
			return m
		}
	}
	return nil
}

func (w *world) boot(flavor string) {
	if len(w.machines) >= w.day.VMs {
		w.report.Refused++
		return
	}
	i := slices.IndexFunc(w.day.Flavors, func(f planner.Flavor) bool { return f.Name == flavor })
	m := &machine{intent: fmt.Sprintf("vm-%d", w.booted), flavor: &w.day.Flavors[i], created: w.now}
	w.booted++
	m.expected = w.now.Add(w.day.Boot)
	w.machines = append(w.machines, m)
	took := time.Duration(float64(w.day.Boot) * (0.8 + 0.4*w.random.Float64())).Truncate(time.Second)
	w.at(w.now.Add(took), func() {
		if m.leaving {
			return
		}
		m.agent = &agent{id: m.intent, free: m.flavor.Resources, all: m.flavor.Resources, vm: m, idle: w.now, running: map[*task]struct{}{}}
		w.agents = append(w.agents, m.agent)
	})
}

// release gives a machine back if it is not wanted and runs nothing.
func (w *world) release(m *machine) {
	if m == nil || m.draining.IsZero() || m.leaving || m.agent != nil && len(m.agent.running) > 0 {
		return
	}
	m.leaving = true
	w.at(w.now.Add(giveBack), func() {
		w.pay(m)
		w.machines = slices.DeleteFunc(w.machines, func(o *machine) bool { return o == m })
		w.agents = slices.DeleteFunc(w.agents, func(a *agent) bool { return a.vm == m })
	})
}

// pay counts what a machine has cost until now.
func (w *world) pay(m *machine) {
	hours := w.now.Sub(m.created).Hours()
	w.report.VMs++
	w.report.VMHours += hours
	w.report.Cost += hours * m.flavor.Price
}

// situation is what a policy is shown.
func (w *world) situation() *planner.Situation {
	s := &planner.Situation{
		Now: w.now,
		Pools: []planner.Pool{{
			Name: pool, Flavors: w.day.Flavors, Afterwards: vm.Delete, Lease: 48 * time.Hour, Idle: idleTime,
			Caps: planner.Caps{VMs: w.day.VMs}, Boot: planner.BootTime{Default: w.day.Boot},
		}},
		Clouds: []planner.Cloud{{
			Name: "cloud", Reachable: true, FreeInstances: w.day.VMs - len(w.machines),
			FreeVCPUs: -1, FreeMemMiB: -1, FreePorts: -1, FreeVolumes: -1,
		}},
	}
	for _, a := range w.waiting {
		s.Demand = append(s.Demand, planner.Demand{
			Run: a.Pipeline, Pipeline: a.Pipeline, Step: "work", Project: "default", Tasks: len(a.Times) - a.started, Shape: a.shape,
			Since: a.since, RunTime: a.usual(), Room: true,
		})
	}
	for _, a := range w.agents {
		s.Agents = append(s.Agents, a.seen())
	}
	for _, m := range w.machines {
		s.VMs = append(s.VMs, m.seen())
	}
	return s
}

func (a *agent) seen() planner.Agent {
	seen := planner.Agent{Agent: a.placing(), Tasks: len(a.running), Idle: a.idle}
	if a.vm != nil {
		seen.VM, seen.Cordoned = a.vm.intent, !a.vm.draining.IsZero()
	}
	for t := range a.running {
		if !t.expires.IsZero() {
			seen.Frees = append(seen.Frees, planner.Freed{At: t.expires, Resources: t.of.Need})
		}
	}
	slices.SortFunc(seen.Frees, func(x, y planner.Freed) int { return x.At.Compare(y.At) })
	return seen
}

func (m *machine) seen() planner.VM {
	v := planner.VM{VM: vm.VM{
		Intent: m.intent, Pool: pool, Cloud: "cloud", Flavor: m.flavor.Name, Server: m.intent, Created: m.created,
		Lease: m.created.Add(48 * time.Hour), Stage: vm.Building, Since: m.created,
	}}
	switch {
	case m.leaving:
		v.Stage, v.Draining = vm.Leaving, m.draining
	case !m.draining.IsZero():
		v.Stage, v.Draining = vm.Draining, m.draining
	case m.agent != nil:
		v.Stage = vm.Serving
	default:
		v.Expected = m.expected
	}
	if m.agent != nil {
		v.Agent, v.Joined = m.agent.id, m.expected
	}
	return v
}
