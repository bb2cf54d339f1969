package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func waits(id int, minutes int, count int, shape *placement.Shape) Entry {
	return Entry{ID: id, Project: "p", Sequence: int64(id), Since: noon.Add(-time.Duration(minutes) * time.Minute), Count: count, Shape: shape}
}

func at(site string, a placement.Agent) placement.Agent {
	a.Attributes = map[string]string{"site": site}
	return a
}

func onlyAtCNES(s *placement.Shape) *placement.Shape {
	s.Where = []spec.Constraint{siteCNES}
	return s
}

func TestReservations(t *testing.T) {
	after10 := Options{ReserveAfter: 10 * time.Minute, MaxReservations: 2}
	holding := func(max int, reserved ...Reservation) Options {
		return Options{ReserveAfter: 10 * time.Minute, MaxReservations: max, Reserved: reserved}
	}
	tests := []struct {
		name    string
		agents  []placement.Agent
		entries []Entry
		opts    Options
		want    string
	}{
		{"too early", []placement.Agent{agent("a", 2, 2)}, []Entry{waits(1, 9, 1, cpu(4)), waits(2, 0, 1, cpu(1))}, after10,
			"entry 2 starts 1 on a\n"},
		{"switched off", []placement.Agent{agent("a", 2, 2)}, []Entry{waits(1, 90, 1, cpu(4)), waits(2, 0, 1, cpu(1))}, holding(0, Reservation{Entry: 1, AgentID: "a"}),
			"entry 2 starts 1 on a\n"},
		{"it fits after all", []placement.Agent{agent("a", 4, 0)}, []Entry{waits(1, 90, 1, cpu(4)), waits(2, 0, 1, cpu(1))}, after10,
			"entry 1 starts 1 on a\n"},
		{"no agent could hold it", []placement.Agent{agent("a", 2, 1)}, []Entry{waits(1, 90, 1, cpu(4)), waits(2, 0, 1, cpu(1))}, after10,
			"entry 2 starts 1 on a\n"},
		{"longest-waiting first", []placement.Agent{agent("a", 0, 4), agent("b", 0, 4)},
			[]Entry{waits(1, 20, 1, cpu(4)), waits(2, 40, 1, cpu(4)), waits(3, 30, 1, cpu(4))}, holding(2, Reservation{Entry: 3, AgentID: "b"}),
			"entry 2 waits for a\nentry 3 waits for b\n"},
		{"one agent for each", []placement.Agent{agent("a", 0, 4)}, []Entry{waits(1, 20, 1, cpu(4)), waits(2, 40, 1, cpu(3))}, after10,
			"entry 2 waits for a\n"},
		{"the agent that is nearest", []placement.Agent{agent("a", 1, 4), agent("b", 3, 4), agent("c", 2, 4)}, []Entry{waits(1, 20, 1, cpu(4))}, after10,
			"entry 1 waits for b\n"},
		{"kept though another is nearer by now", []placement.Agent{agent("a", 1, 4), agent("b", 3, 4)}, []Entry{waits(1, 20, 1, cpu(4))}, holding(2, Reservation{Entry: 1, AgentID: "a"}),
			"entry 1 waits for a\n"},
		{"agent has gone", []placement.Agent{agent("b", 3, 4)}, []Entry{waits(1, 20, 1, cpu(4))}, holding(2, Reservation{Entry: 1, AgentID: "a"}),
			"entry 1 waits for b\n"},
		{"agent cannot hold it any more", []placement.Agent{agent("a", 1, 2), agent("b", 3, 4)}, []Entry{waits(1, 20, 1, cpu(4))}, holding(2, Reservation{Entry: 1, AgentID: "a"}),
			"entry 1 waits for b\n"},
		{"entry has gone", []placement.Agent{agent("a", 3, 4)}, []Entry{waits(2, 0, 1, cpu(1))}, holding(2, Reservation{Entry: 1, AgentID: "a"}),
			"entry 2 starts 1 on a\n"},
		{"entry got on in between", []placement.Agent{agent("a", 3, 4)}, []Entry{waits(1, 5, 1, cpu(4)), waits(2, 0, 1, cpu(1))}, holding(2, Reservation{Entry: 1, AgentID: "a"}),
			"entry 2 starts 1 on a\n"},
		{"served on its agent, the rest is for others", []placement.Agent{agent("a", 6, 0)}, []Entry{waits(2, 0, 9, cpu(1)), waits(1, 20, 5, cpu(4))}, holding(2, Reservation{Entry: 1, AgentID: "a"}),
			"entry 1 starts 1 on a\nentry 2 starts 2 on a\n"},
		{"served elsewhere, its agent is for others", []placement.Agent{agent("a", 3, 4), agent("b", 4, 0)}, []Entry{waits(2, 0, 9, cpu(1)), waits(1, 20, 1, cpu(4))}, holding(2, Reservation{Entry: 1, AgentID: "a"}),
			"entry 1 starts 1 on b\nentry 2 starts 3 on a\n"},
		{"served on the agent that another left", []placement.Agent{at("cnes", agent("a", 4, 4)), at("hxn", agent("b", 5, 0)), at("cnes", agent("c", 0, 6))},
			[]Entry{waits(1, 40, 1, onlyAtCNES(cpu(4))), waits(2, 20, 1, cpu(5)), waits(0, 0, 9, cpu(1))},
			holding(3, Reservation{Entry: 1, AgentID: "c"}, Reservation{Entry: 2, AgentID: "a"}),
			"entry 2 starts 1 on b\nentry 1 starts 1 on a\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := scene{agents: test.agents, entries: test.entries, total: total(test.agents), opts: test.opts}
			if d := cmp.Diff(test.want, s.match().String()); d != "" {
				t.Error(d)
			}
		})
	}
}

// A project over its share gets the task for which an agent was kept free all the same: it waited longest.
func TestReservedTaskGoesFirst(t *testing.T) {
	s := scene{
		agents: []placement.Agent{agent("a", 4, 0)},
		entries: []Entry{
			{ID: 1, Project: "greedy", Since: noon.Add(-time.Hour), Count: 1, Shape: cpu(4)},
			{ID: 2, Project: "modest", Since: noon, Count: 9, Shape: cpu(1)},
		},
		shares: map[string]Share{"greedy": {Used: cpu(90).Need}},
		total:  cpu(100).Need,
		opts:   Options{ReserveAfter: time.Minute, MaxReservations: 1, Reserved: []Reservation{{Entry: 1, AgentID: "a"}}},
	}
	if d := cmp.Diff("entry 1 starts 1 on a\n", s.match().String()); d != "" {
		t.Error(d)
	}
}

// simulation is a cluster over many rounds. Large tasks wait among ever more small ones that take whatever becomes free.
type simulation struct {
	now     time.Time
	agents  []placement.Agent
	running []task
	entries []Entry
	opts    Options
	seed    uint64
}

type task struct {
	agent int
	shape *placement.Shape
	ends  time.Time
}

// round lets tasks end, matches, and returns the plan.
func (s *simulation) round(lasts func() time.Duration) Plan {
	s.now = s.now.Add(time.Minute)
	s.seed++
	still := s.running[:0]
	for _, task := range s.running {
		if task.ends.After(s.now) {
			still = append(still, task)
			continue
		}
		a := &s.agents[task.agent]
		a.Free, a.Used = plus(a.Free, task.shape.Need, 1), plus(a.Used, task.shape.Need, -1)
	}
	s.running = still
	plan := Match(s.now, s.entries, nil, placement.NewRound(s.agents, s.seed), total(s.agents), s.opts)
	for _, as := range plan.Assignments {
		a := &s.agents[as.Agent]
		for i := range s.entries {
			if e := &s.entries[i]; e.ID == as.Entry {
				e.Count -= as.Count
				e.Since = s.now
				a.Free, a.Used = plus(a.Free, e.Shape.Need, int64(-as.Count)), plus(a.Used, e.Shape.Need, int64(as.Count))
				for range as.Count {
					s.running = append(s.running, task{as.Agent, e.Shape, s.now.Add(lasts())})
				}
			}
		}
	}
	s.opts.Reserved = plan.Reservations
	return plan
}

// Every large task starts at last, although small ones that would fill every gap never cease: at the latest when all that
// runs on the agent that is kept free for it has ended. While it waits, its agent stays the same and nothing new starts
// there.
func TestReservationsAreServed(t *testing.T) {
	const longest = 30 // minutes that a task can last
	const small = 99   // the entry of the small tasks
	rapid.Check(t, func(t *rapid.T) {
		s := &simulation{now: noon, opts: Options{ReserveAfter: 10 * time.Minute, MaxReservations: rapid.IntRange(1, 3).Draw(t, "max reservations")}}
		for i := range rapid.IntRange(1, 5).Draw(t, "agents") {
			s.agents = append(s.agents, agent(fmt.Sprintf("S%d", i), rapid.Int64Range(4, 8).Draw(t, "cpus"), 0))
		}
		s.agents = append(s.agents, agent("large", 8, 0))
		large := rapid.IntRange(1, 4).Draw(t, "large tasks")
		for id := range large {
			s.entries = append(s.entries, Entry{ID: id, Project: "large", Since: noon, Count: 1, Shape: cpu(rapid.Int64Range(4, 8).Draw(t, "needs"))})
		}
		s.entries = append(s.entries, Entry{ID: small, Project: "small", Priority: 100, Since: noon, Count: 1 << 20, Shape: cpu(1)})
		lasts := func() time.Duration { return time.Duration(rapid.IntRange(1, longest).Draw(t, "lasts")) * time.Minute }
		// The cluster is full of small tasks before the large ones arrive.
		all := s.entries
		s.entries = all[large:]
		s.round(lasts)
		s.entries = all

		since := map[int]int{}
		kept := map[int]string{}
		for minute := 0; ; minute++ {
			waiting := 0
			for _, e := range s.entries[:large] {
				waiting += e.Count
			}
			if waiting == 0 {
				return
			}
			before := s.opts.Reserved
			plan := s.round(lasts)
			for _, r := range before {
				for _, a := range plan.Assignments {
					if s.agents[a.Agent].ID == r.AgentID && a.Entry == small && r.Entry != small && s.entries[r.Entry].Count > 0 {
						t.Fatalf("minute %d: small tasks start on %s, which is kept free", minute, r.AgentID)
					}
				}
			}
			for _, r := range plan.Reservations {
				if agent, ok := kept[r.Entry]; r.Entry == small {
					continue
				} else if !ok {
					kept[r.Entry], since[r.Entry] = r.AgentID, minute
				} else if agent != r.AgentID {
					t.Fatalf("minute %d: entry %d goes from agent %s to %s", minute, r.Entry, agent, r.AgentID)
				} else if minute-since[r.Entry] > longest {
					t.Fatalf("entry %d waits for agent %s since minute %d, now it is %d", r.Entry, agent, since[r.Entry], minute)
				}
			}
			if minute > (large+1)*(longest+12) {
				t.Fatalf("%d large tasks still wait after %d minutes", waiting, minute)
			}
		}
	})
}
