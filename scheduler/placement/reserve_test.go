package placement

import (
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func TestNearestIsByTheScarcestResource(t *testing.T) {
	agents := []Agent{
		{ID: "much of one", Free: spec.Resources{CPUs: 15000, Mem: 0}, Used: spec.Resources{CPUs: 1000, Mem: 4096}},
		{ID: "half of both", Free: spec.Resources{CPUs: 8000, Mem: 2048}, Used: spec.Resources{CPUs: 8000, Mem: 2048}},
		{ID: "half of both, busier", Free: spec.Resources{CPUs: 8000, Mem: 2048}, Used: spec.Resources{CPUs: 80000, Mem: 2048}},
		{ID: "too small", Free: spec.Resources{CPUs: 15000, Mem: 4096}},
	}
	s := &Shape{Need: spec.Resources{CPUs: 16000, Mem: 4096}}
	for seed := range uint64(4) {
		if got, ok := NewRound(agents, seed).NearestToFit(s); !ok || got != 1 {
			t.Errorf("seed %d: agent %d, %v", seed, got, ok)
		}
	}
}

// What was declined counts as near: it comes back with the next offer.
func TestNearestCountsWhatIsNotOffered(t *testing.T) {
	agents := []Agent{
		{ID: "busy", Free: spec.Resources{CPUs: 12000}, Used: spec.Resources{CPUs: 4000}},
		{ID: "declined", Unoffered: spec.Resources{CPUs: 16000}},
	}
	r := NewRound(agents, 1)
	if got, ok := r.NearestToFit(cpu(16)); !ok || got != 1 {
		t.Errorf("agent %d, %v", got, ok)
	}
	if r.Fits(cpu(16)) || r.Shortage(1, cpu(16)) != "" {
		t.Errorf("fits: %v, short: %q", r.Fits(cpu(16)), r.Shortage(1, cpu(16)))
	}
}

func TestShortage(t *testing.T) {
	agents := []Agent{{ID: "a", Free: spec.Resources{CPUs: 12000, Mem: 512}, Used: spec.Resources{CPUs: 4000, Mem: 4096}}}
	r := NewRound(agents, 1)
	tests := []struct {
		need spec.Resources
		want string
	}{
		{spec.Resources{CPUs: 16000}, "needs 16 cpus, 12 free now"},
		{spec.Resources{CPUs: 12500, Mem: 1024}, "needs 12.5 cpus, 12 free now; needs 1GiB mem, 512MiB free now"},
		{spec.Resources{CPUs: 1000, GPUs: 1, Ports: 2}, "needs 1 gpu, 0 free now; needs 2 ports, 0 free now"},
		{spec.Resources{CPUs: 1000}, ""},
	}
	for _, test := range tests {
		if got := r.Shortage(0, &Shape{Need: test.need}); got != test.want {
			t.Errorf("\n got %s\nwant %s", got, test.want)
		}
	}
}

// A task that is put on its reserved agent counts for the spread of its step.
func TestPlaceReservedCounts(t *testing.T) {
	agents := []Agent{agent("a", 2, with("rack", "1")), agent("b", 2, with("rack", "2"))}
	r := NewRound(agents, 1)
	s := cpu(1, spreadOver("rack"))
	r.Reserve(0)
	if !r.PlaceReserved(0, s) {
		t.Fatal("not placed")
	}
	if got := r.Place(s, 1); len(got) != 1 || got[0].Agent != 1 {
		t.Errorf("the next task goes to %v", got)
	}
}
