package planner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// world is a small site that does what plans say. Tasks run exactly as long as they usually do.
type world struct {
	t        *testing.T
	random   *rand.Rand
	s        *Situation
	tasks    []running
	ends     map[string]time.Time // when a machine arrives
	made     int
	arrived  time.Time            // when something was last added to the queue
	drained  map[string]time.Time // by flavor: when a machine was last drained because it was idle
	drains   int
	finished int
	served   int // tasks that ended on machines
}

type running struct {
	agent string
	need  spec.Resources
	ends  time.Time
}

// TestTenThousandSteps: arrivals, ends, arrivals of machines and drains in any order. No machine on which tasks run is
// deleted, and none is drained because it is idle only to be made again.
func TestTenThousandSteps(t *testing.T) {
	w := &world{t: t, random: rand.New(rand.NewPCG(7, 0)), s: situation(), ends: map[string]time.Time{}, drained: map[string]time.Time{}}
	w.s.Pools[0].Flavors = []Flavor{flavor("hxn", 4), flavor("hxn", 16)}
	w.s.Pools[0].Afterwards, w.s.Pools[0].Stopped = vm.Stop, 1
	w.s.Pools[0].Lease = 3 * time.Hour
	w.s.Caps.VMs = 12
	for i := range 2 {
		w.s.Agents = append(w.s.Agents, Agent{Idle: noon, Agent: placement.Agent{ID: fmt.Sprintf("local-%d", i), Free: resources(8)}})
	}
	for range 10_000 {
		w.step()
	}
	if w.made < 100 || w.drains < 100 || w.finished < 10_000 || w.served < 1000 {
		t.Errorf("%d machines, %d drains, %d tasks, %d of them on machines: too little happened", w.made, w.drains, w.finished, w.served)
	}
}

func (w *world) step() {
	s := w.s
	s.Now = s.Now.Add(time.Duration(1+w.random.IntN(30)) * time.Second)
	if w.random.IntN(12) == 0 {
		waits(1+w.random.IntN(60), []int64{1, 2, 4, 8}[w.random.IntN(4)], time.Duration(1+w.random.IntN(900))*time.Second)(s)
		s.Demand[len(s.Demand)-1].Since = s.Now
		w.arrived = s.Now
	}
	w.end()
	w.progress()
	w.place()
	for _, a := range Make(s).Actions {
		w.do(a)
	}
}

// end ends tasks.
func (w *world) end() {
	w.tasks = slices.DeleteFunc(w.tasks, func(r running) bool {
		if r.ends.After(w.s.Now) {
			return false
		}
		a := w.agent(r.agent)
		if a == nil {
			w.t.Fatalf("%s: %s has gone, and its task with it", w.s.Now, r.agent)
		}
		a.Free, a.Used = a.Free.Plus(r.need, 1), a.Used.Plus(r.need, -1)
		if a.Tasks--; a.Tasks == 0 {
			a.Idle = w.s.Now
		}
		a.Frees = slices.DeleteFunc(slices.Clone(a.Frees), func(f Freed) bool { return !f.At.After(w.s.Now) })
		w.finished++
		if a.VM != "" {
			w.served++
		}
		return true
	})
}

// progress lets machines arrive and leave.
func (w *world) progress() {
	for i := range w.s.VMs {
		v := &w.s.VMs[i]
		if at, coming := w.ends[v.Intent]; coming && !at.After(w.s.Now) {
			delete(w.ends, v.Intent)
			v.Stage, v.InFlight, v.Agent = vm.Serving, "", fmt.Sprintf("%s@%d", v.Intent, w.s.Now.Unix())
			pool := &w.s.Pools[0]
			f := pool.Flavors[slices.IndexFunc(pool.Flavors, func(f Flavor) bool { return f.Name == v.Flavor })]
			a := Agent{Idle: w.s.Now, Agent: emptyAgent(pool, &f, v.Intent)}
			a.ID = v.Agent
			w.s.Agents = append(w.s.Agents, a)
		}
		if a := w.agent(v.Agent); v.Stage == vm.Draining && a.Tasks == 0 && w.random.IntN(3) == 0 {
			w.s.Agents = slices.DeleteFunc(w.s.Agents, func(a Agent) bool { return a.ID == v.Agent })
			v.Agent, v.Stage = "", vm.Deleted
			if v.Then == vm.Stop {
				v.Stage = vm.Stopped
			}
		}
	}
	w.s.VMs = slices.DeleteFunc(w.s.VMs, func(v VM) bool { return v.Stage == vm.Deleted })
}

func (w *world) agent(id string) *Agent {
	i := slices.IndexFunc(w.s.Agents, func(a Agent) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return &w.s.Agents[i]
}

// place starts what fits.
func (w *world) place() {
	var agents []placement.Agent
	for i := range w.s.Agents {
		agents = append(agents, w.s.Agents[i].Agent)
	}
	round := placement.NewRound(agents, 1)
	for i := range w.s.Demand {
		d := &w.s.Demand[i]
		for _, to := range round.Place(d.Shape, d.Tasks) {
			a := &w.s.Agents[to.Agent]
			ends := w.s.Now.Add(d.RunTime)
			for range to.Count {
				w.tasks = append(w.tasks, running{a.ID, d.Shape.Need, ends})
				a.Free, a.Used = a.Free.Plus(d.Shape.Need, -1), a.Used.Plus(d.Shape.Need, 1)
				a.Frees = append(a.Frees, Freed{ends, d.Shape.Need})
			}
			a.Tasks, a.Idle, d.Tasks = a.Tasks+to.Count, time.Time{}, d.Tasks-to.Count
		}
	}
	w.s.Demand = slices.DeleteFunc(w.s.Demand, func(d Demand) bool { return d.Tasks == 0 })
}

// do carries an action out, if the plan may have it.
func (w *world) do(a Action) {
	s, pool := w.s, &w.s.Pools[0]
	i := slices.IndexFunc(s.VMs, func(v VM) bool { return v.Intent == a.VM })
	if at := w.drained[a.Flavor]; at.After(w.arrived) && s.Now.Sub(at) <= time.Minute && a.Verb != Drain && a.Verb != Delete {
		w.t.Fatalf("%s: one was drained at %s, nothing has arrived since %s, but now: %+v", s.Now, at, w.arrived, a)
	}
	switch a.Verb {
	case Boot:
		name := fmt.Sprintf("vm-%05d", w.made)
		w.made++
		s.VMs = append(s.VMs, VM{Expected: s.Now.Add(pool.Boot.Default), VM: vm.VM{
			Intent: name, Pool: a.Pool, Cloud: a.Cloud, Flavor: a.Flavor, Stage: vm.Building, InFlight: "boot", Lease: s.Now.Add(pool.Lease),
		}})
		w.ends[name] = s.Now.Add(pool.Boot.Default)
	case Start:
		v := &s.VMs[i]
		v.Stage, v.InFlight, v.Expected = vm.Building, "start", s.Now.Add(pool.Start.Default)
		w.ends[v.Intent] = v.Expected
	case Resume:
		s.VMs[i].Stage, w.agent(s.VMs[i].Agent).Cordoned = vm.Serving, false
	case Drain:
		v, agent := &s.VMs[i], w.agent(s.VMs[i].Agent)
		v.Stage, v.Then, agent.Cordoned = vm.Draining, a.Then, true
		if v.Then == "" {
			v.Then = pool.Afterwards
		}
		w.drains++
		switch leased := pool.leaseNear(v, s.Now, agent); {
		case leased:
		case agent.Tasks > 0:
			w.t.Fatalf("%s: tasks run there: %+v", s.Now, a)
		default:
			w.drained[a.Flavor] = s.Now
		}
	case Delete:
		if s.VMs[i].Agent != "" {
			w.t.Fatalf("%s: it serves: %+v", s.Now, a)
		}
		s.VMs[i].Stage = vm.Deleted
	}
}

// leaseNear tells whether a machine may be drained because of its lease.
func (p *Pool) leaseNear(v *VM, now time.Time, a *Agent) bool {
	near := now.Add(15 * time.Minute)
	for _, f := range a.Frees {
		if f.At.After(near) {
			near = f.At
		}
	}
	return !v.Lease.After(near)
}
