package queue

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func TestProjectsShareByWeight(t *testing.T) {
	one := &placement.Shape{Need: spec.Resources{CPUs: 1000}}
	round := placement.NewRound([]placement.Agent{{ID: "a", Free: spec.Resources{CPUs: 12000}}}, 1)
	plan := Match(time.Time{}, []Entry{
		{ID: 1, Project: "lisa", Sequence: 1, Count: 100, Shape: one},
		{ID: 2, Project: "euclid", Sequence: 2, Count: 100, Shape: one},
	}, map[string]Share{"lisa": {Weight: 2}}, round, spec.Resources{CPUs: 12000}, Options{})
	want := []Assignment{{Entry: 1, Agent: 0, Count: 8}, {Entry: 2, Agent: 0, Count: 4}}
	if d := cmp.Diff(want, plan.Assignments); d != "" {
		t.Error(d)
	}
}

func TestStarvingEntryGetsAnAgent(t *testing.T) {
	now := time.Unix(1000, 0)
	big := &placement.Shape{Need: spec.Resources{CPUs: 16000}}
	one := &placement.Shape{Need: spec.Resources{CPUs: 1000}}
	entries := []Entry{
		{ID: 1, Project: "p", Sequence: 1, Since: now.Add(-time.Hour), Count: 1, Shape: big},
		{ID: 2, Project: "p", Sequence: 2, Since: now, Count: 100, Shape: one},
	}
	agents := []placement.Agent{{ID: "x", Free: spec.Resources{CPUs: 12000}, Used: spec.Resources{CPUs: 4000}}}
	opts := Options{ReserveAfter: time.Minute, MaxReservations: 1}
	plan := Match(now, entries, nil, placement.NewRound(agents, 1), spec.Resources{CPUs: 16000}, opts)
	if d := cmp.Diff("entry 1 waits for x\n", plan.String()); d != "" {
		t.Error(d)
	}
	if got, want := plan.Why(&entries[0]), "agent x is kept free for it (needs 16 cpus, 12 free now)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := plan.Why(&entries[1]), "1 agent is kept free for a task that waited longer"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	agents[0] = placement.Agent{ID: "x", Free: spec.Resources{CPUs: 16000}}
	opts.Reserved = plan.Reservations
	plan = Match(now, entries, nil, placement.NewRound(agents, 1), spec.Resources{CPUs: 16000}, opts)
	if d := cmp.Diff("entry 1 starts 1 on x\n", plan.String()); d != "" {
		t.Error(d)
	}
}

func TestWhyWithoutAnOffer(t *testing.T) {
	idle := placement.Agent{ID: "x", Unoffered: spec.Resources{CPUs: 16000}}
	s := scene{agents: []placement.Agent{idle}, entries: []Entry{waits(1, 20, 1, cpu(16))}, opts: Options{ReserveAfter: time.Minute, MaxReservations: 1}}
	plan := s.match()
	if got, want := plan.Why(&s.entries[0]), "agent x is kept free for it (has room, but makes no offer now)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
