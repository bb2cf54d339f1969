package placement

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func TestPackingOrder(t *testing.T) {
	tests := []struct {
		name   string
		agents []Agent
		shape  *Shape
		want   map[string]int // for three tasks
	}{
		{"used before empty", []Agent{agent("empty", 8), agent("used", 8, used(1))}, cpu(1), map[string]int{"used": 3}},
		{"fuller before less full", []Agent{agent("half", 4, used(4)), agent("full", 2, used(6))}, cpu(1), map[string]int{"full": 2, "half": 1}},
		{"small before large", []Agent{agent("large", 16), agent("small", 2)}, cpu(1), map[string]int{"small": 2, "large": 1}},
		{"full by memory", []Agent{agent("a", 8, used(1)), agent("b", 8, used(1), func(a *Agent) { a.Used.Mem = 1 << 20 })}, cpu(1), map[string]int{"b": 3}},
		{"gpus last", []Agent{agent("gpus", 2, gpu(1), used(6)), agent("plain", 2)}, cpu(1), map[string]int{"plain": 2, "gpus": 1}},
		{"gpus that are in use", []Agent{agent("gpus", 2, used(6), func(a *Agent) { a.Used.GPUs = 1 }), agent("plain", 8)}, cpu(1), map[string]int{"plain": 3}},
		{"local before cloud", []Agent{agent("cloud", 2, used(6), onCloud("hxn")), agent("local", 2)}, cpu(1, anywhere), map[string]int{"local": 2, "cloud": 1}},
		{"local with gpus before cloud", []Agent{agent("cloud", 2, onCloud("hxn")), agent("gpus", 2, gpu(1))}, cpu(1, anywhere), map[string]int{"gpus": 2, "cloud": 1}},
		{"the fullest of the cloud first", []Agent{agent("empty", 8, onCloud("hxn")), agent("full", 2, used(2), onCloud("ovh")), agent("less full", 3, used(1), onCloud("hxn"))},
			cpu(1, anywhere), map[string]int{"full": 2, "less full": 1}},
		{"gpus for those who need them", []Agent{agent("plain", 8), agent("gpus", 8, gpu(2))},
			&Shape{Need: spec.Resources{CPUs: 1000, GPUs: 1}}, map[string]int{"gpus": 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(8) {
				got := on(test.agents, NewRound(test.agents, seed).Place(test.shape, 3))
				if d := cmp.Diff(test.want, got); d != "" {
					t.Errorf("seed %d: %s", seed, d)
				}
			}
		})
	}
}

func anywhere(s *Shape) { s.Burst.Allow = true }

// TestBurst: which cloud agents take a task, as its author allows.
func TestBurst(t *testing.T) {
	agents := []Agent{agent("hxn", 1, onCloud("hxn")), agent("ovh", 1, onCloud("ovh")), agent("unnamed", 1, onCloud("")), agent("local", 1)}
	all := map[string]int{"local": 1, "hxn": 1, "ovh": 1, "unnamed": 1}
	for _, test := range []struct {
		name  string
		shape *Shape
		want  map[string]int
	}{
		{"nowhere", cpu(1), map[string]int{"local": 1}},
		{"anywhere", cpu(1, burst(spec.Burst{Allow: true})), all},
		{"on one cloud", cpu(1, burst(spec.Burst{Allow: true, Clouds: []string{"hxn"}})), map[string]int{"local": 1, "hxn": 1}},
		{"on two clouds", cpu(1, burst(spec.Burst{Allow: true, Clouds: []string{"hxn", "ovh"}})), map[string]int{"local": 1, "hxn": 1, "ovh": 1}},
		{"too early", cpu(1, burst(spec.Burst{Allow: true, After: time.Hour}), waited(time.Hour-1)), map[string]int{"local": 1}},
		{"in time", cpu(1, burst(spec.Burst{Allow: true, After: time.Hour}), waited(time.Hour)), all},
		{"in time on one cloud", cpu(1, burst(spec.Burst{Allow: true, After: time.Hour, Clouds: []string{"ovh"}}), waited(2*time.Hour)), map[string]int{"local": 1, "ovh": 1}},
		{"never, however long", cpu(1, burst(spec.Burst{Clouds: []string{"hxn"}}), waited(time.Hour)), map[string]int{"local": 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, on(agents, NewRound(agents, 1).Place(test.shape, 5))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestCordon: a cordoned agent takes nothing, is kept free for nothing, and is no reason to avoid another.
func TestCordon(t *testing.T) {
	agents := []Agent{agent("open", 1, used(3)), agent("cordoned", 4, cordoned)}
	round := NewRound(agents, 1)
	if d := cmp.Diff(map[string]int{"open": 1}, on(agents, round.Place(cpu(1, avoid("open")), 2))); d != "" {
		t.Error(d)
	}
	if nearest, ok := round.NearestToFit(cpu(4)); !ok || agents[nearest].ID != "open" || round.CouldHold(1, cpu(1)) || round.Possible(cpu(5)) {
		t.Errorf("a cordoned agent is kept free: %d, %v", nearest, ok)
	}
}

func TestSeedBreaksTies(t *testing.T) {
	agents := repeat(10, agent("a", 1))
	seen := map[int]bool{}
	for seed := range uint64(200) {
		first := NewRound(agents, seed).Place(cpu(1), 1)
		if again := NewRound(agents, seed).Place(cpu(1), 1); !slices.Equal(first, again) {
			t.Fatalf("seed %d: %v, then %v", seed, first, again)
		}
		seen[first[0].Agent] = true
	}
	if len(seen) != len(agents) {
		t.Errorf("200 seeds chose only %d of %d equal agents", len(seen), len(agents))
	}
}

func TestSpread(t *testing.T) {
	rack := func(n int) func(*Agent) { return with("rack", fmt.Sprintf("rack-%d", n)) }
	agents := []Agent{
		agent("a1", 4, used(4), rack(1)), agent("b1", 4, rack(1)),
		agent("a2", 2, rack(2)), agent("a3", 8, rack(3)), agent("none", 8),
	}
	tests := []struct {
		name   string
		counts map[string]int
		tasks  int
		want   map[string]int
	}{
		{"one each", nil, 4, map[string]int{"a1": 1, "a2": 1, "a3": 1, "none": 1}},
		{"fullest first within a value", nil, 12, map[string]int{"a1": 4, "a2": 2, "a3": 3, "none": 3}},
		{"never waits", nil, 100, map[string]int{"a1": 4, "b1": 4, "a2": 2, "a3": 8, "none": 8}},
		{"counts of before", map[string]int{"rack-1": 2, "": 1, "rack-9": 7}, 4, map[string]int{"a2": 2, "a3": 2}},
		{"counts of before reached", map[string]int{"rack-1": 2, "": 1}, 7, map[string]int{"a1": 1, "a2": 2, "a3": 3, "none": 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := cpu(1, spreadOver("rack"))
			s.SpreadCounts = test.counts
			if d := cmp.Diff(test.want, on(agents, NewRound(agents, 1).Place(s, test.tasks))); d != "" {
				t.Error(d)
			}
		})
	}
}

// Over the tasks of a step that are placed in several portions the round counts on by itself.
func TestSpreadCountsOn(t *testing.T) {
	agents := []Agent{agent("a", 8, with("rack", "1")), agent("b", 8, with("rack", "2"))}
	r := NewRound(agents, 1)
	s := cpu(1, spreadOver("rack"))
	var all []Assignment
	for range 6 {
		all = append(all, r.Place(s, 1)...)
	}
	if d := cmp.Diff(map[string]int{"a": 3, "b": 3}, on(agents, all)); d != "" {
		t.Error(d)
	}
}

func TestAvoidIsSoft(t *testing.T) {
	tests := []struct {
		name   string
		agents []Agent
		shape  *Shape
		want   map[string]int
	}{
		{"another takes it", []Agent{agent("bad", 8, used(8)), agent("good", 8)}, cpu(1, avoid("bad")), map[string]int{"good": 1}},
		{"another could, later", []Agent{agent("bad", 8), agent("busy", 0, used(8))}, cpu(1, avoid("bad")), map[string]int{}},
		{"another could, if it were offered", []Agent{agent("bad", 8), agent("declined", 0, func(a *Agent) { a.Unoffered.CPUs = 1000 })}, cpu(1, avoid("bad")), map[string]int{}},
		{"the only one", []Agent{agent("bad", 8)}, cpu(1, avoid("bad")), map[string]int{"bad": 1}},
		{"all are bad", []Agent{agent("bad", 8), agent("worse", 0)}, cpu(1, avoid("worse", "bad")), map[string]int{"bad": 1}},
		{"others are too small", []Agent{agent("bad", 8), agent("small", 1, used(2))}, cpu(4, avoid("bad")), map[string]int{"bad": 1}},
		{"others are elsewhere", []Agent{agent("bad", 8, with("site", "cnes")), agent("far", 8)}, cpu(1, avoid("bad"), where(siteCNES)), map[string]int{"bad": 1}},
		{"others go", []Agent{agent("bad", 8), agent("going", 8, maintenance(time.Hour))}, cpu(1, avoid("bad")), map[string]int{"bad": 1}},
		{"unknown agents", []Agent{agent("a", 8)}, cpu(1, avoid("gone")), map[string]int{"a": 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, on(test.agents, NewRound(test.agents, 1).Place(test.shape, 1))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMaintenance(t *testing.T) {
	tests := []struct {
		name  string
		agent Agent
		shape *Shape
		want  bool
	}{
		{"none planned", agent("a", 1), cpu(1), true},
		{"task of unknown length", agent("a", 1, maintenance(time.Hour)), cpu(1), false},
		{"task ends before", agent("a", 1, maintenance(time.Hour)), cpu(1, until(time.Hour)), true},
		{"task ends too late", agent("a", 1, maintenance(time.Hour)), cpu(1, until(time.Hour+time.Second)), false},
	}
	for _, test := range tests {
		if got := Fits(test.agent, test.shape); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestHostnameIsAnAttribute(t *testing.T) {
	node := constraint("hostname", spec.Equals, "node-1")
	a := Agent{ID: "a", Hostname: "node-1"}
	b := Agent{ID: "b", Hostname: "node-1", Attributes: map[string]string{"hostname": "other"}}
	if s := cpu(0, where(node)); !Fits(a, s) || Fits(b, s) {
		t.Errorf("the attribute comes first: %v %v", Fits(a, s), Fits(b, s))
	}
}

func TestTakingWhatIsNotThereIsABug(t *testing.T) {
	r := NewRound([]Agent{agent("a", 1)}, 1)
	mustPanic(t, func() { r.take(r.classOf(cpu(1)), &r.states[0], 2) })
	mustPanic(t, func() { r.Place(cpu(-1), 1) })
}
