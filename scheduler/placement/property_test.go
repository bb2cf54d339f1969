package placement

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// book keeps account of a round from outside.
type book struct {
	agents []Agent
	free   []spec.Resources
}

func newBook(agents []Agent) *book {
	b := &book{agents: agents}
	for _, a := range agents {
		b.free = append(b.free, a.Free)
	}
	return b
}

func (b *book) take(t *rapid.T, s *Shape, assignments []Assignment) (n int) {
	for _, a := range assignments {
		for range a.Count {
			if !takes(b.agents, &b.agents[a.Agent], b.free[a.Agent], s) {
				t.Fatalf("task %+v is on agent %+v with %+v free", s, b.agents[a.Agent], b.free[a.Agent])
			}
			b.free[a.Agent] = plus(b.free[a.Agent], s.Need, -1)
			n++
		}
	}
	return n
}

func (b *book) takers(s *Shape) (n int) {
	for i := range b.agents {
		if takes(b.agents, &b.agents[i], b.free[i], s) {
			n++
		}
	}
	return n
}

// No agent gets more than it has or what a rule forbids, no task waits that fits, and explanations count every agent once.
func TestPlaceAndExplainKeepTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawAgents(t)
		round, book := NewRound(agents, rapid.Uint64().Draw(t, "seed")), newBook(agents)
		shapes := drawShapes(t, agents)
		for range rapid.IntRange(1, 8).Draw(t, "portions") {
			s := rapid.SampledFrom(shapes).Draw(t, "shape")
			n := rapid.IntRange(0, 6).Draw(t, "tasks")
			if placed := book.take(t, s, round.Place(s, n)); placed > n {
				t.Fatalf("%d tasks placed of %d", placed, n)
			} else if placed < n && book.takers(s) > 0 {
				t.Fatalf("%d tasks placed of %d though %d agents take one", placed, n, book.takers(s))
			}
			for _, s := range shapes {
				e := round.Explain(s)
				sum := e.Admitting
				for _, r := range e.Refusals {
					sum += r.Agents
				}
				if sum != len(agents) || e.Agents != len(agents) || e.Admitting != book.takers(s) || round.Fits(s) != (e.Admitting > 0) {
					t.Fatalf("%+v of %d agents, of which %d take it; fits: %v", e, len(agents), book.takers(s), round.Fits(s))
				}
			}
		}
	})
}

// The plan depends on the agents and the seed, not on their order, nor on how tasks are divided into portions.
func TestPlanIsOneWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawAgents(t)
		seed := rapid.Uint64().Draw(t, "seed")
		shuffled := rapid.Permutation(agents).Draw(t, "shuffled")
		first, second := NewRound(agents, seed), NewRound(shuffled, seed)
		for range rapid.IntRange(1, 4).Draw(t, "shapes") {
			s := drawShape(t, agents)
			n := rapid.IntRange(1, 6).Draw(t, "tasks")
			var singly []Assignment
			for range n {
				singly = append(singly, second.Place(s, 1)...)
			}
			if d := cmp.Diff(on(agents, first.Place(s, n)), on(shuffled, singly)); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// Each task goes to a value of the spread attribute with the fewest tasks of the step, among those with room for it.
func TestSpreadIsEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawAgents(t)
		s := drawShape(t, agents)
		s.Spread = "rack"
		counts := maps.Clone(s.SpreadCounts)
		if counts == nil {
			counts = map[string]int{}
		}
		round, book := NewRound(agents, 1), newBook(agents)
		for {
			least := -1
			for i := range agents {
				n := counts[agents[i].Attributes["rack"]]
				if takes(agents, &agents[i], book.free[i], s) && (least < 0 || n < least) {
					least = n
				}
			}
			placed := round.Place(s, 1)
			if book.take(t, s, placed) == 0 {
				return
			}
			value := agents[placed[0].Agent].Attributes["rack"]
			if counts[value] != least {
				t.Fatalf("task goes to rack %q with %d of the step, though one with %d has room", value, counts[value], least)
			}
			counts[value]++
		}
	})
}

// A reservation keeps everybody out until it is released, and then nothing is forgotten.
func TestReserveAndRelease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawAgents(t)
		if len(agents) == 0 {
			return
		}
		round, book := NewRound(agents, 1), newBook(agents)
		shapes := []*Shape{drawShape(t, agents), drawShape(t, agents)}
		kept := rapid.IntRange(0, len(agents)-1).Draw(t, "kept")
		round.Reserve(kept)
		for _, s := range shapes {
			placed := round.Place(s, 100)
			if slices.ContainsFunc(placed, func(a Assignment) bool { return a.Agent == kept }) {
				t.Fatalf("%v on the agent that is kept free", placed)
			}
			book.take(t, s, placed)
		}
		takes := takes(agents, &agents[kept], book.free[kept], shapes[0])
		if got := round.PlaceReserved(kept, shapes[0]); got != takes {
			t.Fatalf("the task for which the agent is kept is placed: %v", got)
		}
		if takes {
			book.take(t, shapes[0], []Assignment{{kept, 1}})
		} else {
			round.Release(kept)
		}
		for _, s := range shapes {
			if n := book.take(t, s, round.Place(s, 100)); n < 100 && book.takers(s) > 0 {
				t.Fatalf("%d placed after the release, though %d agents take one", n, book.takers(s))
			}
		}
	})
}

// NearestToFit gives an agent that could hold the task, and the one that is nearest to it.
func TestNearestToFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawAgents(t)
		s := drawShape(t, agents)
		round := NewRound(agents, 1)
		any := slices.ContainsFunc(agents, func(a Agent) bool { return takes(agents, &a, all(a), s) })
		agent, ok := round.NearestToFit(s)
		if ok != any || round.Possible(s) != any {
			t.Fatalf("found: %v, possible: %v, but: %v", ok, round.Possible(s), any)
		}
		if !ok {
			return
		}
		if !takes(agents, &agents[agent], all(agents[agent]), s) || !round.CouldHold(agent, s) {
			t.Fatalf("agent %+v could not hold it", agents[agent])
		}
		for i, a := range agents {
			idle := func(a Agent) spec.Resources { return plus(a.Free, a.Unoffered, 1) }
			if round.CouldHold(i, s) && takes(agents, &a, idle(a), s) && !takes(agents, &agents[agent], idle(agents[agent]), s) {
				t.Fatalf("agent %d has room now, and %d was chosen", i, agent)
			}
		}
		round.Reserve(agent)
		if next, ok := round.NearestToFit(s); ok && next == agent {
			t.Fatalf("agent %d is kept free for two", agent)
		}
	})
}
