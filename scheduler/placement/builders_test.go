package placement

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// noon is the time of all tests.
var noon = time.Date(2034, 10, 25, 12, 0, 0, 0, time.UTC)

// agent makes an agent with some cpus and plenty of everything else but gpus.
func agent(id string, freeCPUs int64, change ...func(*Agent)) Agent {
	a := Agent{ID: id, Free: spec.Resources{CPUs: 1000 * freeCPUs, Mem: 1 << 20, Disk: 1 << 20, Ports: 100}}
	for _, c := range change {
		c(&a)
	}
	return a
}

func used(cpus int64) func(*Agent) { return func(a *Agent) { a.Used.CPUs = 1000 * cpus } }

// held is what the scheduler's tasks hold, once what the agent was seen to have before others took it.
func held(r spec.Resources) func(*Agent) { return func(a *Agent) { a.Used = r } }

func once(r spec.Resources) func(*Agent) { return func(a *Agent) { a.Capacity = r } }

func gpu(n int64) func(*Agent) { return func(a *Agent) { a.Free.GPUs = n } }

func onCloud(cloud string) func(*Agent) { return func(a *Agent) { a.VM, a.Cloud = "vm-"+a.ID, cloud } }

func cordoned(a *Agent) { a.Cordoned = true }

func burst(b spec.Burst) func(*Shape) { return func(s *Shape) { s.Burst = b } }

func waited(d time.Duration) func(*Shape) { return func(s *Shape) { s.Waited = d } }

func maintenance(after time.Duration) func(*Agent) {
	return func(a *Agent) { a.UnavailableFrom = noon.Add(after) }
}

// with gives attributes, as name and value in turn.
func with(attributes ...string) func(*Agent) {
	return func(a *Agent) {
		a.Attributes = maps.Clone(a.Attributes)
		if a.Attributes == nil {
			a.Attributes = map[string]string{}
		}
		for i := 0; i < len(attributes); i += 2 {
			a.Attributes[attributes[i]] = attributes[i+1]
		}
	}
}

// cpu makes a shape that needs some cpus.
func cpu(n int64, change ...func(*Shape)) *Shape {
	s := &Shape{Need: spec.Resources{CPUs: 1000 * n}}
	for _, c := range change {
		c(s)
	}
	return s
}

func where(constraints ...spec.Constraint) func(*Shape) {
	return func(s *Shape) { s.Where = append(s.Where, constraints...) }
}

func spreadOver(attribute string) func(*Shape) { return func(s *Shape) { s.Spread = attribute } }

func avoid(ids ...string) func(*Shape) { return func(s *Shape) { s.Avoid = ids } }

func until(after time.Duration) func(*Shape) { return func(s *Shape) { s.Until = noon.Add(after) } }

// constraint makes a constraint the way a pipeline does: only spec can compile patterns.
func constraint(attribute string, op spec.Op, value string) spec.Constraint {
	source, err := spec.Parse("test.yaml", fmt.Appendf(nil,
		"{name: t, steps: {s: {image: i, run: r, resources: {cpus: 1, mem: 1MiB}, where: [{attribute: %s, %s: %q}]}}}",
		attribute, op, value))
	if err != nil {
		panic(err)
	}
	pipeline, err := source.Bind(nil)
	if err != nil {
		panic(err)
	}
	return pipeline.Steps[0].Where[0]
}

var (
	siteCNES  = constraint("site", spec.Equals, "cnes")
	rack1or2  = constraint("rack", spec.Matches, "rack-[12]")
	notOld    = constraint("hostname", spec.NotMatches, "old-.*")
	notRack2  = constraint("rack", spec.NotMatches, "rack-2")
	anyRack   = constraint("rack", spec.Matches, ".*")
	wheres    = []spec.Constraint{siteCNES, rack1or2, notOld, notRack2, anyRack}
	spreads   = []string{"", "", "rack", "hostname", "nothing"}
	durations = []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}
	bursts    = []spec.Burst{
		{}, {Allow: true}, {Allow: true, After: 2 * time.Hour}, {Allow: true, Clouds: []string{"hxn"}},
		{Allow: true, After: 2 * time.Hour, Clouds: []string{"ovh", "gcp"}}, {After: time.Hour, Clouds: []string{"hxn"}},
	}
)

// on sums assignments up by agent id.
func on(agents []Agent, assignments []Assignment) map[string]int {
	sums := map[string]int{}
	for _, a := range assignments {
		sums[agents[a.Agent].ID] += a.Count
	}
	return sums
}

// drawAgents draws a small cluster in which much is scarce.
func drawAgents(t *rapid.T) []Agent {
	resources := func(label string) spec.Resources {
		draw := rapid.Int64Range(0, 8)
		return spec.Resources{
			CPUs: 500 * draw.Draw(t, label+" half cpus"), Mem: 1024 * draw.Draw(t, label+" GiB"), Disk: 1024 * draw.Draw(t, label+" disk"),
			GPUs: rapid.SampledFrom([]int64{0, 0, 1, 2}).Draw(t, label+" gpus"), Ports: draw.Draw(t, label+" ports"),
		}
	}
	agents := make([]Agent, rapid.IntRange(0, 8).Draw(t, "agents"))
	for i := range agents {
		a := Agent{ID: fmt.Sprintf("S%d", i), Free: resources("free"), Used: resources("used")}
		if rapid.IntRange(0, 3).Draw(t, "declined") == 0 {
			a.Unoffered = resources("unoffered")
		}
		a.Hostname = rapid.SampledFrom([]string{"", "old-1", "node-1", "node-2"}).Draw(t, "hostname")
		for _, name := range []string{"site", "rack", "hostname"} {
			value := rapid.SampledFrom([]string{"none", "", "cnes", "rack-1", "rack-2", "rack-3", "old-2"}).Draw(t, name)
			if value != "none" {
				with(name, value)(&a)
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "planned") == 0 {
			maintenance(rapid.SampledFrom(durations).Draw(t, "maintenance"))(&a)
		}
		if rapid.IntRange(0, 2).Draw(t, "on a cloud") == 0 {
			onCloud(rapid.SampledFrom([]string{"", "hxn", "ovh"}).Draw(t, "cloud"))(&a)
		}
		a.Cordoned = rapid.IntRange(0, 4).Draw(t, "cordoned") == 0
		agents[i] = a
	}
	return agents
}

func drawShape(t *rapid.T, agents []Agent) *Shape {
	s := &Shape{Need: spec.Resources{
		CPUs: 500 * rapid.Int64Range(1, 5).Draw(t, "need half cpus"),
		Mem:  1024 * rapid.Int64Range(0, 4).Draw(t, "need GiB"),
		Disk: 1024 * rapid.Int64Range(0, 2).Draw(t, "need disk"),
		GPUs: rapid.SampledFrom([]int64{0, 0, 0, 1}).Draw(t, "need gpus"), Ports: rapid.Int64Range(0, 2).Draw(t, "need ports"),
	}}
	s.Where = rapid.SliceOfNDistinct(rapid.SampledFrom(wheres), 0, 2, spec.Constraint.String).Draw(t, "where")
	s.Spread = rapid.SampledFrom(spreads).Draw(t, "spread")
	if s.Spread != "" {
		s.SpreadCounts = rapid.MapOfN(rapid.SampledFrom([]string{"", "rack-1", "rack-2", "gone"}), rapid.IntRange(0, 3), 0, 3).Draw(t, "counts")
	}
	for _, a := range agents {
		if rapid.IntRange(0, 4).Draw(t, "avoid") == 0 {
			s.Avoid = append(s.Avoid, a.ID)
		}
	}
	s.Burst = rapid.SampledFrom(bursts).Draw(t, "burst")
	s.Waited = rapid.SampledFrom(durations).Draw(t, "waited")
	if rapid.Bool().Draw(t, "timed") {
		s.Until = noon.Add(rapid.SampledFrom(durations).Draw(t, "until"))
	}
	return s
}

// drawShapes draws shapes of which some differ in one thing only.
func drawShapes(t *rapid.T, agents []Agent) []*Shape {
	shapes := []*Shape{drawShape(t, agents)}
	for range rapid.IntRange(0, 3).Draw(t, "more shapes") {
		s := *drawShape(t, agents)
		like := *rapid.SampledFrom(shapes).Draw(t, "like")
		switch rapid.SampledFrom([]string{"avoid", "until", "where", "need", "burst", "waited", "all"}).Draw(t, "differs in") {
		case "avoid":
			like.Avoid = s.Avoid
			s = like
		case "until":
			like.Until = s.Until
			s = like
		case "where":
			like.Where = s.Where
			s = like
		case "need":
			like.Need = s.Need
			s = like
		case "burst":
			like.Burst = s.Burst
			s = like
		case "waited":
			like.Waited = s.Waited
			s = like
		}
		shapes = append(shapes, &s)
	}
	return shapes
}

// takes says whether an agent takes a task, from the words of the contract and without the rules.
func takes(agents []Agent, a *Agent, free spec.Resources, s *Shape) bool {
	return suits(a, free, s) && (!slices.Contains(s.Avoid, a.ID) || !slices.ContainsFunc(agents, func(b Agent) bool {
		return !slices.Contains(s.Avoid, b.ID) && suits(&b, all(b), s)
	}))
}

func suits(a *Agent, free spec.Resources, s *Shape) bool {
	for _, w := range s.Where {
		value, present := a.Attributes[w.Attribute]
		if !present && w.Attribute == "hostname" && a.Hostname != "" {
			value, present = a.Hostname, true
		}
		if !w.Holds(value, present) {
			return false
		}
	}
	if from := a.UnavailableFrom; !from.IsZero() && (s.Until.IsZero() || from.Before(s.Until)) {
		return false
	}
	if b := s.Burst; a.VM != "" && (!b.Allow || s.Waited < b.After || len(b.Clouds) > 0 && !slices.Contains(b.Clouds, a.Cloud)) {
		return false
	}
	return !a.Cordoned && holdsAll(free, s.Need)
}

func holdsAll(free, need spec.Resources) bool {
	return free.CPUs >= need.CPUs && free.Mem >= need.Mem && free.Disk >= need.Disk && free.GPUs >= need.GPUs && free.Ports >= need.Ports
}

// all is what an agent would have if the scheduler's tasks ended.
func all(a Agent) spec.Resources { return plus(plus(a.Free, a.Used, 1), a.Unoffered, 1) }

// plus is a and n times b.
func plus(a, b spec.Resources, n int64) spec.Resources {
	return spec.Resources{
		CPUs: a.CPUs + n*b.CPUs, Mem: a.Mem + n*b.Mem, Disk: a.Disk + n*b.Disk, GPUs: a.GPUs + n*b.GPUs, Ports: a.Ports + n*b.Ports,
	}
}

// mustPanic runs f and fails unless it panics.
func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}
