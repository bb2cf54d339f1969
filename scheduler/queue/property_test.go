package queue

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// oneAtATime is weighted DRF as it is written down: again and again the project with the smallest share starts one task,
// the first of its entries that fits somewhere.
func oneAtATime(s *scene) map[place]int {
	round := placement.NewRound(s.agents, s.seed)
	entries := slices.Clone(s.entries)
	slices.SortFunc(entries, func(a, b Entry) int {
		switch {
		case a.Priority != b.Priority:
			return b.Priority - a.Priority
		case a.Sequence != b.Sequence:
			return int(a.Sequence - b.Sequence)
		}
		return a.ID - b.ID
	})
	used := map[string]spec.Resources{}
	share := func(project string) float64 {
		u, all := plus(s.shares[project].Used, used[project], 1), s.total
		dominant := 0.0
		for _, part := range [][2]int64{{u.CPUs, all.CPUs}, {u.Mem, all.Mem}, {u.Disk, all.Disk}, {u.GPUs, all.GPUs}} {
			if part[1] > 0 {
				dominant = max(dominant, float64(part[0])/float64(part[1]))
			}
		}
		if w := s.shares[project].Weight; w > 0 {
			return dominant / w
		}
		return dominant
	}
	starts := map[place]int{}
	for {
		next := -1 // the first entry of the project whose turn it is
		seen := map[string]bool{}
		for i, e := range entries {
			if e.Count == 0 || seen[e.Project] {
				continue
			}
			seen[e.Project] = true
			if next < 0 {
				next = i
				continue
			}
			n := entries[next]
			mine, other := share(e.Project), share(n.Project)
			if mine < other || mine == other && (e.Sequence < n.Sequence || e.Sequence == n.Sequence && e.Project < n.Project) {
				next = i
			}
		}
		if next < 0 {
			return starts
		}
		e := &entries[next]
		if placed := round.Place(e.Shape, 1); len(placed) == 0 {
			e.Count = 0
		} else {
			e.Count--
			used[e.Project] = plus(used[e.Project], e.Shape.Need, 1)
			starts[place{e.ID, s.agents[placed[0].Agent].ID}]++
		}
	}
}

func TestMatchIsOneAtATimeDRF(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		if d := cmp.Diff(oneAtATime(s), places(s.agents, s.match().Assignments)); d != "" {
			t.Fatal(d)
		}
	})
}

// Nothing depends on the order in which agents and entries are listed, reservations included.
func TestPlanIsOneWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		s.drawReservations(t)
		plan := s.match()
		shuffled := *s
		shuffled.agents = rapid.Permutation(s.agents).Draw(t, "agents")
		shuffled.entries = rapid.Permutation(s.entries).Draw(t, "entries")
		again := shuffled.match()
		if d := cmp.Diff(places(s.agents, plan.Assignments), places(shuffled.agents, again.Assignments)); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(plan.String(), again.String()); d != "" {
			t.Fatal(d)
		}
	})
}

// What every plan keeps to: no agent holds more than it has, no entry starts more than it has, nothing waits that fits on
// an agent that is not kept free, what is kept free stays free for an entry that starves, and each entry can say why it
// waits.
func TestPlanInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		s.drawReservations(t)
		plan := s.match()
		free, left := map[int]spec.Resources{}, map[int]int{}
		byID := map[int]*Entry{}
		for i, a := range s.agents {
			free[i] = a.Free
		}
		for i, e := range s.entries {
			left[e.ID], byID[e.ID] = e.Count, &s.entries[i]
		}
		takes := func(agent int, shape *placement.Shape) bool {
			return holds(free[agent], shape.Need) && (len(shape.Where) == 0 || s.agents[agent].Attributes["site"] == "cnes")
		}
		for _, a := range plan.Assignments {
			for range a.Count {
				if !takes(a.Agent, byID[a.Entry].Shape) {
					t.Fatalf("%+v: agent has %+v free", a, free[a.Agent])
				}
				free[a.Agent] = plus(free[a.Agent], byID[a.Entry].Shape.Need, -1)
				left[a.Entry]--
			}
		}
		kept := map[int]int{}
		for _, r := range plan.Reservations {
			e := byID[r.Entry]
			if _, twice := kept[r.Agent]; twice || s.agents[r.Agent].ID != r.AgentID || left[r.Entry] == 0 || noon.Sub(e.Since) < s.opts.ReserveAfter || takes(r.Agent, e.Shape) {
				t.Fatalf("reservation %+v for %+v", r, e)
			}
			kept[r.Agent] = r.Entry
		}
		if len(kept) > s.opts.MaxReservations {
			t.Fatalf("%d reservations of at most %d", len(kept), s.opts.MaxReservations)
		}
		for id, n := range left {
			if n < 0 {
				t.Fatalf("entry %d starts %d tasks too many", id, -n)
			}
			for agent := range s.agents {
				if _, reserved := kept[agent]; n > 0 && !reserved && takes(agent, byID[id].Shape) {
					t.Fatalf("%d tasks of entry %d wait though agent %d takes one", n, id, agent)
				}
			}
			if n > 0 && plan.Why(byID[id]) == "" {
				t.Fatalf("entry %d waits without a reason", id)
			}
		}
	})
}

// Within a project no task starts while an equal one with higher priority, or submitted earlier, waits.
func TestOrderWithinProject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		plan := s.match()
		started := map[int]int{}
		for _, a := range plan.Assignments {
			started[a.Entry] += a.Count
		}
		for _, first := range s.entries {
			for _, second := range s.entries {
				ahead := first.Priority > second.Priority || first.Priority == second.Priority && first.Sequence < second.Sequence
				if ahead && first.Project == second.Project && first.Shape == second.Shape && started[first.ID] < first.Count && started[second.ID] > 0 {
					t.Fatalf("entry %d starts %d tasks while %d of %d wait", second.ID, started[second.ID], first.ID, first.Count)
				}
			}
		}
	})
}

// Always-backlogged projects with equal tasks stay within one task of each other's share per weight, round after round,
// whichever tasks end.
func TestFairnessOverTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const slots = 30
		weights := map[string]float64{"euclid": 1, "lisa": rapid.SampledFrom([]float64{1, 2, 5}).Draw(t, "lisa"), "swot": 0.5}
		running := map[string]int64{}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			s := &scene{shares: map[string]Share{}, total: spec.Resources{CPUs: 1000 * slots}}
			free := int64(slots)
			for i, project := range []string{"euclid", "lisa", "swot"} {
				running[project] -= rapid.Int64Range(0, running[project]).Draw(t, "end")
				free -= running[project]
				s.shares[project] = Share{Weight: weights[project], Used: spec.Resources{CPUs: 1000 * running[project]}}
				s.entries = append(s.entries, Entry{ID: i, Project: project, Count: slots, Shape: cpu(1)})
			}
			s.agents = []placement.Agent{agent("a", free, slots-free)}
			for _, a := range s.match().Assignments {
				running[s.entries[a.Entry].Project] += int64(a.Count)
			}
			sum := int64(0)
			for p, n := range running {
				sum += n
				if before := s.shares[p].Used.CPUs / 1000; n == before {
					continue // it may hold more than its part from times when others had nothing to do
				}
				for q, m := range running {
					if float64(n-1)/weights[p] > float64(m)/weights[q] {
						t.Fatalf("%s went on to %d tasks while %s has %d", p, n, q, m)
					}
				}
			}
			if sum != slots {
				t.Fatalf("%d of %d slots used", sum, slots)
			}
		}
	})
}
