package planner

import (
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// noon is the time of all tests: a Wednesday.
var noon = time.Date(2034, 10, 25, 12, 0, 0, 0, time.UTC)

func resources(cpus int64) spec.Resources {
	return spec.Resources{CPUs: 1000 * cpus, Mem: cpus << 11, Disk: 1 << 20, Ports: 100}
}

// situation is a pool of one flavor of 16 cpus for 0.80 an hour on the cloud hxn, which boots in 2 minutes, and tasks whose
// waiting costs 1 an hour each. Nothing waits, and nothing is there.
func situation(change ...func(*Situation)) *Situation {
	s := &Situation{
		Now: noon, Clouds: []Cloud{cloud("hxn")}, WaitValue: 1,
		Pools: []Pool{{
			Name: "burst", Flavors: []Flavor{flavor("hxn", 16)}, Afterwards: vm.Delete, Lease: 24 * time.Hour,
			Idle: 2 * time.Minute, Boot: BootTime{Default: 2 * time.Minute}, Start: BootTime{Default: 30 * time.Second},
		}},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func cloud(name string) Cloud {
	return Cloud{Name: name, Reachable: true, FreeInstances: -1, FreeVCPUs: -1, FreeMemMiB: -1, FreePorts: -1, FreeVolumes: -1}
}

// flavor costs 0.05 for a cpu.
func flavor(cloud string, cpus int64) Flavor {
	return Flavor{
		Cloud: cloud, Name: fmt.Sprintf("c%d", cpus), Resources: resources(cpus), VCPUs: int(cpus), MemMiB: int(cpus) << 11,
		Price: 0.05 * float64(cpus),
	}
}

// waits adds tasks of some cpus that may burst, and wait for room.
func waits(tasks int, cpus int64, run time.Duration, change ...func(*Demand)) func(*Situation) {
	return func(s *Situation) {
		d := Demand{
			Run: fmt.Sprintf("r%d", len(s.Demand)), Step: "s", Project: "lpf", Pipeline: "noise", Tasks: tasks, RunTime: run,
			Since: noon.Add(-time.Minute), Room: true, Why: "needs room",
			Shape: &placement.Shape{
				Need:  spec.Resources{CPUs: 1000 * cpus, Mem: 1 << 10},
				Burst: spec.Burst{Allow: true}, Waited: time.Minute,
			},
		}
		for _, c := range change {
			c(&d)
		}
		s.Demand = append(s.Demand, d)
	}
}

// local adds an agent of the local cluster of some cpus, all in use until some time from now; 0: nobody knows until when.
func local(cpus int64, busy time.Duration) func(*Situation) {
	return func(s *Situation) {
		a := Agent{Tasks: 1, Agent: placement.Agent{ID: fmt.Sprintf("L%03d", len(s.Agents)), Used: resources(cpus), Capacity: resources(cpus)}}
		if busy > 0 {
			a.Frees = []Freed{{noon.Add(busy), a.Used}}
		}
		s.Agents = append(s.Agents, a)
	}
}

// machine adds a machine of the pool in a stage. From Joined to Draining it has an agent that has been idle for an hour.
func machine(intent string, stage vm.Stage, change ...func(*VM, *Agent)) func(*Situation) {
	return func(s *Situation) {
		v := VM{VM: vm.VM{
			Intent: intent, Pool: "burst", Cloud: "hxn", Flavor: "c16", Server: "server-" + intent, Stage: stage,
			Created: noon.Add(-time.Hour), Since: noon.Add(-time.Hour), Lease: noon.Add(20 * time.Hour),
		}}
		a := Agent{Idle: noon.Add(-time.Hour)}
		if len(s.Pools[0].Flavors) > 0 {
			a.Agent = emptyAgent(&s.Pools[0], &s.Pools[0].Flavors[0], intent)
		}
		switch stage {
		case vm.Requested, vm.Building, vm.Active:
			v.Expected = noon.Add(2 * time.Minute)
		case vm.Joined, vm.Serving:
			v.Agent = "A-" + intent
		case vm.Draining:
			v.Agent, a.Cordoned, v.Draining = "A-"+intent, true, noon.Add(-time.Minute)
		}
		for _, c := range change {
			c(&v, &a)
		}
		if a.ID = v.Agent; a.ID != "" {
			s.Agents = append(s.Agents, a)
		}
		s.VMs = append(s.VMs, v)
	}
}

func keeps(n int) func(*Situation) {
	return func(s *Situation) { s.Pools[0].Afterwards, s.Pools[0].Stopped = vm.Stop, n }
}

func ready(n int) func(*Situation) { return func(s *Situation) { s.Pools[0].Ready = n } }

// held: an operator has drained all machines.
func held(s *Situation) {
	for i := range s.VMs {
		s.VMs[i].Held = true
	}
}

var siteA = constraint("site", spec.Equals, "a")

func constraint(attribute string, op spec.Op, value string) spec.Constraint {
	c, err := spec.NewConstraint(attribute, op, value)
	if err != nil {
		panic(err)
	}
	return c
}
