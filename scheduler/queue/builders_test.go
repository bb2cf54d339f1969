package queue

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// noon is the time of all tests.
var noon = time.Date(2034, 10, 25, 12, 0, 0, 0, time.UTC)

// cpu makes a shape that needs some cpus.
func cpu(n int64) *placement.Shape { return &placement.Shape{Need: spec.Resources{CPUs: 1000 * n}} }

// agent makes an agent with cpus free and cpus used by the scheduler's tasks.
func agent(id string, free, used int64) placement.Agent {
	return placement.Agent{ID: id, Free: spec.Resources{CPUs: 1000 * free}, Used: spec.Resources{CPUs: 1000 * used}}
}

// plus is a and n times b.
func plus(a, b spec.Resources, n int64) spec.Resources {
	return spec.Resources{
		CPUs: a.CPUs + n*b.CPUs, Mem: a.Mem + n*b.Mem, Disk: a.Disk + n*b.Disk, GPUs: a.GPUs + n*b.GPUs, Ports: a.Ports + n*b.Ports,
	}
}

func holds(free, need spec.Resources) bool {
	return free.CPUs >= need.CPUs && free.Mem >= need.Mem && free.GPUs >= need.GPUs
}

// total is all that the agents have.
func total(agents []placement.Agent) (sum spec.Resources) {
	for _, a := range agents {
		sum = plus(plus(sum, a.Free, 1), a.Used, 1)
	}
	return sum
}

// scene is what a round is about. Its agents are told apart by cpus, memory, gpus and site only.
type scene struct {
	agents  []placement.Agent
	entries []Entry
	shares  map[string]Share
	total   spec.Resources
	seed    uint64
	opts    Options
}

func (s *scene) match() Plan {
	return Match(noon, s.entries, s.shares, placement.NewRound(s.agents, s.seed), s.total, s.opts)
}

var siteCNES = spec.Constraint{Attribute: "site", Op: spec.Equals, Value: "cnes"}

func drawScene(t *rapid.T) *scene {
	s := &scene{shares: map[string]Share{}, seed: rapid.Uint64().Draw(t, "seed")}
	for i := range rapid.IntRange(0, 5).Draw(t, "agents") {
		a := agent(fmt.Sprintf("S%d", i), rapid.Int64Range(0, 8).Draw(t, "free"), rapid.Int64Range(0, 4).Draw(t, "used"))
		a.Free.Mem, a.Free.GPUs = 1024*rapid.Int64Range(0, 8).Draw(t, "GiB"), rapid.SampledFrom([]int64{0, 0, 2}).Draw(t, "gpus")
		a.Attributes = map[string]string{"site": rapid.SampledFrom([]string{"cnes", "hxn"}).Draw(t, "site")}
		s.agents = append(s.agents, a)
	}
	s.total = total(s.agents)
	for _, project := range []string{"euclid", "lisa", "swot"} {
		if rapid.Bool().Draw(t, "has a share") {
			s.shares[project] = Share{
				Weight: rapid.SampledFrom([]float64{0, 0.5, 1, 2, 3}).Draw(t, "weight"),
				Used:   spec.Resources{CPUs: 1000 * rapid.Int64Range(0, 6).Draw(t, "used"), Mem: 1024 * rapid.Int64Range(0, 3).Draw(t, "used GiB")},
			}
		}
	}
	shapes := make([]*placement.Shape, rapid.IntRange(1, 4).Draw(t, "shapes"))
	for i := range shapes {
		shapes[i] = cpu(rapid.Int64Range(1, 4).Draw(t, "cpus"))
		shapes[i].Need.Mem = 1024 * rapid.Int64Range(0, 3).Draw(t, "need GiB")
		shapes[i].Need.GPUs = rapid.SampledFrom([]int64{0, 0, 0, 1}).Draw(t, "need gpus")
		if rapid.IntRange(0, 2).Draw(t, "where") == 0 {
			shapes[i].Where = []spec.Constraint{siteCNES}
		}
		shapes[i].Spread = rapid.SampledFrom([]string{"", "", "site"}).Draw(t, "spread")
	}
	for i := range rapid.IntRange(0, 7).Draw(t, "entries") {
		s.entries = append(s.entries, Entry{
			ID: 100 - i, Project: rapid.SampledFrom([]string{"euclid", "lisa", "swot"}).Draw(t, "project"),
			Priority: rapid.SampledFrom([]int{0, 50, 100}).Draw(t, "priority"), Sequence: rapid.Int64Range(0, 3).Draw(t, "sequence"),
			Since: noon.Add(-time.Minute * time.Duration(rapid.IntRange(0, 20).Draw(t, "waits"))),
			Count: rapid.SampledFrom([]int{0, 1, 2, 5, 40}).Draw(t, "count"), Shape: rapid.SampledFrom(shapes).Draw(t, "shape"),
		})
	}
	return s
}

// drawReservations switches reservations on, with some of a round before.
func (s *scene) drawReservations(t *rapid.T) {
	s.opts = Options{ReserveAfter: 10 * time.Minute, MaxReservations: rapid.IntRange(0, 3).Draw(t, "max reservations")}
	for range rapid.IntRange(0, 3).Draw(t, "reservations") {
		s.opts.Reserved = append(s.opts.Reserved, Reservation{
			Entry:   rapid.IntRange(93, 101).Draw(t, "reserved entry"),
			AgentID: fmt.Sprintf("S%d", rapid.IntRange(0, 5).Draw(t, "reserved agent")),
		})
	}
}

// place is an entry's tasks on one agent.
type place struct {
	entry int
	agent string
}

func places(agents []placement.Agent, assignments []Assignment) map[place]int {
	sums := map[place]int{}
	for _, a := range assignments {
		sums[place{a.Entry, agents[a.Agent].ID}] += a.Count
	}
	return sums
}
