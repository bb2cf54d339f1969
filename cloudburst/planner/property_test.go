package planner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// draw draws a small site: two clouds, two pools, a cluster, machines in all stages, and a queue.
func draw(t *rapid.T) *Situation {
	s := situation()
	s.Order = rapid.SampledFrom([]Order{"", ByPreference, ByPrice}).Draw(t, "order")
	s.WaitValue = rapid.SampledFrom([]float64{0, 0.01, 0.1, 10}).Draw(t, "wait value")
	s.Clouds = []Cloud{drawCloud(t, "hxn"), drawCloud(t, "cc")}
	s.Pools = []Pool{drawPool(t, "burst"), drawPool(t, "more")}
	s.Caps = drawCaps(t)
	for range rapid.IntRange(0, 3).Draw(t, "spent") {
		s.Spent = append(s.Spent, Spent{
			Cloud: rapid.SampledFrom([]string{"hxn", "cc"}).Draw(t, "spent cloud"), Pool: rapid.SampledFrom([]string{"burst", "more"}).Draw(t, "spent pool"),
			VCPUHours: rapid.Float64Range(0, 20).Draw(t, "spent hours"), Money: rapid.Float64Range(0, 3).Draw(t, "spent money"),
		})
	}
	for range rapid.IntRange(0, 4).Draw(t, "local") {
		local(rapid.SampledFrom([]int64{2, 8, 16}).Draw(t, "cpus"), rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "busy"))(s)
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "machines") {
		drawMachine(t, s, fmt.Sprintf("vm-%d", i))
	}
	for range rapid.IntRange(0, 5).Draw(t, "demands") {
		drawDemand(t, s)
	}
	return s
}

func drawCloud(t *rapid.T, name string) Cloud {
	c := cloud(name)
	c.Reachable = rapid.IntRange(0, 5).Draw(t, "silent") > 0
	c.FreeInstances = rapid.IntRange(-1, 6).Draw(t, "instances")
	c.FreeVCPUs = rapid.SampledFrom([]int{-1, 0, 16, 40}).Draw(t, "vcpus")
	c.AtOnce = rapid.IntRange(0, 5).Draw(t, "at once")
	c.Caps = drawCaps(t)
	for range rapid.IntRange(0, 2).Draw(t, "backoffs") {
		c.Backoffs = append(c.Backoffs, Backoff{
			Flavor: rapid.SampledFrom([]string{"", "c4", "c16"}).Draw(t, "flavor"), Zone: rapid.SampledFrom([]string{"", "z1", "z2"}).Draw(t, "zone"),
			Until: noon.Add(rapid.SampledFrom([]time.Duration{-time.Minute, time.Minute}).Draw(t, "until")), Why: "No valid host",
		})
	}
	return c
}

func drawCaps(t *rapid.T) Caps {
	if rapid.Bool().Draw(t, "no caps") {
		return Caps{}
	}
	return Caps{
		VMs: rapid.IntRange(0, 6).Draw(t, "cap of vms"), VCPUs: rapid.SampledFrom([]int{0, 10, 40}).Draw(t, "cap of vcpus"),
		VCPUHours: rapid.SampledFrom([]float64{0, 10, 40}).Draw(t, "cap of hours"), Money: rapid.SampledFrom([]float64{0, 1, 5}).Draw(t, "cap of money"),
	}
}

func drawPool(t *rapid.T, name string) Pool {
	p := Pool{
		Name: name, Lease: 24 * time.Hour, Idle: 2 * time.Minute, Boot: BootTime{Default: 2 * time.Minute}, Start: BootTime{Default: 30 * time.Second},
		Afterwards: rapid.SampledFrom([]vm.Afterwards{vm.Delete, vm.Stop, vm.Shelve}).Draw(t, "afterwards"),
		Ready:      rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "ready"), Stopped: rapid.IntRange(0, 2).Draw(t, "stopped"),
		Attributes: map[string]string{"site": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "site")}, Caps: drawCaps(t),
	}
	for _, cpus := range []int64{4, 16, 64} {
		if rapid.Bool().Draw(t, "flavor") {
			f := flavor(rapid.SampledFrom([]string{"hxn", "cc"}).Draw(t, "cloud"), cpus)
			f.Zones = rapid.SampledFrom([][]string{nil, {"z1"}, {"z1", "z2"}}).Draw(t, "zones")
			f.Price *= rapid.SampledFrom([]float64{0, 1, 1, 1.5}).Draw(t, "dearer")
			p.Flavors = append(p.Flavors, f)
		}
	}
	return p
}

func drawMachine(t *rapid.T, s *Situation, intent string) {
	pool := &s.Pools[rapid.IntRange(0, len(s.Pools)-1).Draw(t, "pool")]
	if len(pool.Flavors) == 0 {
		return
	}
	f := &pool.Flavors[rapid.IntRange(0, len(pool.Flavors)-1).Draw(t, "flavor")]
	stage := rapid.SampledFrom(vm.Stages).Draw(t, "stage")
	machine(intent, stage, func(v *VM, a *Agent) {
		v.Pool, v.Cloud, v.Flavor = pool.Name, f.Cloud, f.Name
		v.Unknown = rapid.IntRange(0, 5).Draw(t, "unknown") == 0
		v.InFlight = rapid.SampledFrom([]string{"", "", "", "boot"}).Draw(t, "in flight")
		v.Lease = noon.Add(rapid.SampledFrom([]time.Duration{-time.Minute, time.Minute, 20 * time.Hour, 20 * time.Hour}).Draw(t, "lease"))
		a.Agent = emptyAgent(pool, f, intent)
		a.Cordoned = stage == vm.Draining
		if rapid.Bool().Draw(t, "busy") {
			a.Tasks, a.Idle, a.Used, a.Free = 1, time.Time{}, a.Free, spec.Resources{}
			a.Frees = []Freed{{noon.Add(rapid.SampledFrom([]time.Duration{-time.Minute, time.Minute, time.Hour}).Draw(t, "frees")), a.Used}}
		} else {
			a.Idle = noon.Add(-rapid.SampledFrom([]time.Duration{time.Second, time.Hour}).Draw(t, "idle"))
		}
	})(s)
}

func drawDemand(t *rapid.T, s *Situation) {
	run := rapid.SampledFrom([]time.Duration{0, 20 * time.Second, 5 * time.Minute, 3 * time.Hour}).Draw(t, "run")
	waits(rapid.IntRange(1, 60).Draw(t, "tasks"), rapid.SampledFrom([]int64{1, 2, 5, 16, 100}).Draw(t, "need"), run, func(d *Demand) {
		d.Room = rapid.IntRange(0, 5).Draw(t, "no room") > 0
		b := &d.Shape.Burst
		b.Allow = rapid.IntRange(0, 5).Draw(t, "forbidden") > 0
		b.After = rapid.SampledFrom([]time.Duration{0, 0, 90 * time.Second, time.Hour}).Draw(t, "after")
		b.Clouds = rapid.SampledFrom([][]string{nil, nil, {"cc"}, {"elsewhere"}}).Draw(t, "clouds")
		d.Shape.Where = rapid.SampledFrom([][]spec.Constraint{nil, nil, {siteA}}).Draw(t, "where")
		d.Shape.Spread = rapid.SampledFrom([]string{"", "", "hostname"}).Draw(t, "spread")
		if rapid.IntRange(0, 4).Draw(t, "urgent") == 0 {
			d.Deadline = noon.Add(10 * time.Minute)
		}
	})(s)
}

// ordered is the situation right after a plan was begun: what was booted or started is on its way, what was drained drains.
func ordered(s *Situation, p Plan) *Situation {
	next := *s
	next.VMs, next.Agents, next.Clouds = slices.Clone(s.VMs), slices.Clone(s.Agents), slices.Clone(s.Clouds)
	for i, a := range p.Actions {
		at := slices.IndexFunc(next.VMs, func(v VM) bool { return v.Intent == a.VM })
		agent := slices.IndexFunc(next.Agents, func(g Agent) bool { return g.VM == a.VM && a.VM != "" })
		pool := poolNamed(s, a.Pool)
		switch a.Verb {
		case Boot:
			f := pool.Flavors[slices.IndexFunc(pool.Flavors, func(f Flavor) bool { return f.Cloud == a.Cloud && f.Name == a.Flavor })]
			next.VMs = append(next.VMs, VM{Expected: s.Now.Add(pool.Boot.of(&f)), VM: vm.VM{
				Intent: fmt.Sprintf("ordered-%03d", i), Pool: a.Pool, Cloud: a.Cloud, Flavor: a.Flavor, Zone: a.Zone, Stage: vm.Requested,
				Since: s.Now, Created: s.Now, Lease: s.Now.Add(pool.Lease), InFlight: "boot",
			}})
			c := &next.Clouds[slices.IndexFunc(next.Clouds, func(c Cloud) bool { return c.Name == a.Cloud })]
			if c.FreeInstances > 0 {
				c.FreeInstances--
			}
			if c.FreeVCPUs > 0 {
				c.FreeVCPUs -= f.VCPUs
			}
		case Start:
			next.VMs[at].Stage, next.VMs[at].InFlight, next.VMs[at].Expected = vm.Building, "start", s.Now.Add(pool.Start.Default)
			next.Agents = slices.DeleteFunc(next.Agents, func(g Agent) bool { return g.VM == a.VM })
		case Resume:
			next.VMs[at].Stage, next.Agents[agent].Cordoned = vm.Serving, false
		case Drain:
			next.VMs[at].Stage, next.Agents[agent].Cordoned = vm.Draining, true
		case Delete:
			if next.VMs[at].Stage = vm.Leaving; s.VMs[at].Stage == vm.Stopped {
				next.VMs[at].Stage = vm.Deleted
			}
		}
	}
	return &next
}

func poolNamed(s *Situation, name string) *Pool {
	return &s.Pools[slices.IndexFunc(s.Pools, func(p Pool) bool { return p.Name == name })]
}

// TestPlanSettles: a plan that finds what it has ordered under way orders nothing more.
func TestPlanSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		p := Make(s)
		again := Make(ordered(s, p))
		for _, a := range again.Actions {
			t.Fatalf("after\n%+v\nthe next plan wants\n%+v", p.Actions, a)
		}
	})
}

// TestOrderOfSetsIsNothing: agents, machines, back-offs and what was spent are sets.
func TestOrderOfSetsIsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		want := Make(s)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(len(s.Agents), func(i, j int) { s.Agents[i], s.Agents[j] = s.Agents[j], s.Agents[i] })
		random.Shuffle(len(s.VMs), func(i, j int) { s.VMs[i], s.VMs[j] = s.VMs[j], s.VMs[i] })
		random.Shuffle(len(s.Spent), func(i, j int) { s.Spent[i], s.Spent[j] = s.Spent[j], s.Spent[i] })
		for i := range s.Clouds {
			b := s.Clouds[i].Backoffs
			random.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
		}
		if diff := cmp.Diff(want, Make(s)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestCapsHold: nothing is made beyond caps, quotas, back-offs and the number that may be in the making.
func TestCapsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		before, after := s, ordered(s, Make(s))
		check := func(name string, caps Caps, in func(pool, cloud string) bool) {
			was, is := uses(before, in), uses(after, in)
			if caps.VMs > 0 && is.vms > max(caps.VMs, was.vms) {
				t.Fatalf("%s: %d machines of %d", name, is.vms, caps.VMs)
			}
			if caps.VCPUs > 0 && is.vcpus > max(caps.VCPUs, was.vcpus) {
				t.Fatalf("%s: %d vcpus of %d:\n%+v", name, is.vcpus, caps.VCPUs, Make(s).Actions)
			}
			if caps.Money > 0 && is.money > caps.Money && is.vms > was.vms {
				t.Fatalf("%s: %g spent of %g, and machines are made", name, is.money, caps.Money)
			}
			if caps.VCPUHours > 0 && is.hours > caps.VCPUHours && is.vms > was.vms {
				t.Fatalf("%s: %g hours of %g, and machines are made", name, is.hours, caps.VCPUHours)
			}
		}
		check("all", s.Caps, func(string, string) bool { return true })
		for _, c := range s.Clouds {
			check(c.Name, c.Caps, func(_, cloud string) bool { return cloud == c.Name })
		}
		for _, p := range s.Pools {
			check(p.Name, p.Caps, func(pool, _ string) bool { return pool == p.Name })
		}
		checkClouds(t, s, after, Make(s))
	})
}

// used is what counts against caps.
type used struct {
	vms, vcpus   int
	hours, money float64
}

func uses(s *Situation, in func(pool, cloud string) bool) (u used) {
	for _, v := range s.VMs {
		if v.Stage != vm.Stopped && v.Stage != vm.Deleted && in(v.Pool, v.Cloud) {
			u.vms++
			for _, f := range poolNamed(s, v.Pool).Flavors {
				if f.Cloud == v.Cloud && f.Name == v.Flavor {
					u.vcpus += f.VCPUs
				}
			}
		}
	}
	for _, spent := range s.Spent {
		if in(spent.Pool, spent.Cloud) {
			u.hours += spent.VCPUHours
			u.money += spent.Money
		}
	}
	return u
}

func checkClouds(t *rapid.T, s, after *Situation, p Plan) {
	for _, c := range s.Clouds {
		boots, vcpus, making := 0, 0, 0
		for _, v := range after.VMs {
			if v.Cloud == c.Name && v.InFlight != "start" && (v.Stage == vm.Requested || v.Stage == vm.Building) {
				making++
			}
		}
		for _, a := range p.Actions {
			if a.Verb != Boot || a.Cloud != c.Name {
				continue
			}
			boots++
			for _, f := range poolNamed(s, a.Pool).Flavors {
				if f.Cloud == c.Name && f.Name == a.Flavor {
					vcpus += f.VCPUs
				}
			}
			for _, b := range c.Backoffs {
				if (b.Flavor == "" || b.Flavor == a.Flavor) && (b.Zone == "" || b.Zone == a.Zone) && b.Until.After(s.Now) {
					t.Fatalf("%s %s is in back-off", a.Flavor, a.Zone)
				}
			}
		}
		switch {
		case boots > 0 && !c.Reachable:
			t.Fatalf("%s is silent", c.Name)
		case c.FreeInstances >= 0 && boots > c.FreeInstances, c.FreeVCPUs >= 0 && vcpus > c.FreeVCPUs:
			t.Fatalf("%d machines, %d vcpus are made; the quota has %d, %d", boots, vcpus, c.FreeInstances, c.FreeVCPUs)
		case c.AtOnce > 0 && boots > 0 && making > c.AtOnce:
			t.Fatalf("%d in the making, of %d", making, c.AtOnce)
		}
	}
}

// TestMachinesAreForWhatFits: a machine is made for demand that may have it and fits it, or to be ready, and unknown and
// busy ones are let be.
func TestMachinesAreForWhatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		p := Make(s)
		for _, a := range p.Actions {
			if a.Reason == "" {
				t.Fatalf("no reason: %+v", a)
			}
			for _, v := range s.VMs {
				if v.Intent == a.VM && (v.Unknown || v.InFlight != "") {
					t.Fatalf("unknown or busy: %+v", a)
				}
			}
			if a.Verb == Boot && len(a.For) == 0 && poolNamed(s, a.Pool).Ready == 0 {
				t.Fatalf("for nothing: %+v", a)
			}
			for _, d := range a.For {
				checkFor(t, s, &s.Demand[d], a)
			}
		}
		for i, o := range p.Outlook {
			if o.Why == "" || o.VMs > 0 && o.Expected.Before(s.Now) {
				t.Fatalf("demand %d: %+v", i, o)
			}
		}
	})
}

func checkFor(t *rapid.T, s *Situation, d *Demand, a Action) {
	pool := poolNamed(s, a.Pool)
	f := pool.Flavors[slices.IndexFunc(pool.Flavors, func(f Flavor) bool { return f.Cloud == a.Cloud && f.Name == a.Flavor })]
	if !d.Room || !placement.Fits(emptyAgent(pool, &f, "new"), d.Shape) {
		t.Fatalf("%+v is for\n%+v\n%+v", a, d, d.Shape)
	}
}

// TestMoreRoomMakesNoMore: with one more machine on its way, or one more agent, no more machines are made for a step. (For
// several this need not be so: an agent can serve just those steps that would have shared a machine with others.)
func TestMoreRoomMakesNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situation()
		s.WaitValue = rapid.SampledFrom([]float64{0, 0.01, 0.1}).Draw(t, "wait value")
		need := rapid.Int64Range(1, 16).Draw(t, "need")
		run := rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "run")
		waits(rapid.IntRange(1, 300).Draw(t, "tasks"), need, run)(s)
		for range rapid.IntRange(0, 4).Draw(t, "local") {
			local(16, rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "busy"))(s)
		}
		before := counted(Make(s))[Boot]
		if rapid.Bool().Draw(t, "machine") {
			machine("more", vm.Building)(s)
		} else {
			local(16, rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(t, "more"))(s)
		}
		if after := counted(Make(s))[Boot]; after > before {
			t.Fatalf("%d machines, %d with more room", before, after)
		}
	})
}
