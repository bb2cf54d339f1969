package placement

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// repeat makes n agents from one.
func repeat(n int, a Agent) []Agent {
	agents := make([]Agent, n)
	for i := range agents {
		agents[i] = a
		agents[i].ID += string(rune('a' + i))
	}
	return agents
}

func TestExplainSentence(t *testing.T) {
	cnes := with("site", "cnes")
	tests := []struct {
		name   string
		agents [][]Agent
		shape  *Shape
		want   string
	}{
		{"no agents", nil, cpu(1), "there is no agent"},
		{"all would", [][]Agent{repeat(2, agent("a", 4))}, cpu(1), "2 agents would take it"},
		{"few cpus, other site", [][]Agent{repeat(12, agent("a", 32, cnes, used(32))), repeat(3, agent("b", 96))}, cpu(64, where(siteCNES)),
			"needs 64 cpus: 12 agents have fewer free, 3 lack site=cnes"},
		{"one of each", [][]Agent{repeat(1, agent("a", 32, cnes)), repeat(1, agent("b", 96)), repeat(1, agent("c", 96, cnes))}, cpu(64, where(siteCNES)),
			"needs 64 cpus: 1 agent has fewer free, 1 lacks site=cnes, 1 would take it"},
		{"several resources", [][]Agent{repeat(2, agent("a", 0, held(spec.Resources{CPUs: 1000, Mem: 1 << 20}))), repeat(3, agent("b", 4))},
			&Shape{Need: spec.Resources{CPUs: 1000, Mem: 2 << 20, Disk: 1}},
			"needs 1 cpu: 2 agents have fewer free; needs 2TiB mem: 3 have less free"},
		{"held by others", [][]Agent{repeat(2, agent("a", 0, once(spec.Resources{CPUs: 1500})))}, &Shape{Need: spec.Resources{CPUs: 1500}},
			"needs 1.5 cpus: 2 agents have fewer free"},
		{"too large", [][]Agent{repeat(2, agent("a", 4)), repeat(1, agent("b", 1))}, cpu(64),
			"needs 64 cpus: no agent has that many, the largest has 4 cpus"},
		{"too large for the only agent", [][]Agent{repeat(1, agent("a", 4, used(2)))}, cpu(64), "needs 64 cpus: the only agent has 6 cpus"},
		{"too large for those of the site", [][]Agent{repeat(1, agent("a", 32, cnes)), repeat(3, agent("b", 96))}, cpu(64, where(siteCNES)),
			"needs 64 cpus: 1 agent has no more than 32 in all, 3 lack site=cnes"},
		{"too large for each in its way", [][]Agent{repeat(2, agent("a", 0)), repeat(3, agent("b", 4))},
			&Shape{Need: spec.Resources{CPUs: 1000, Mem: 2 << 20}},
			"needs 1 cpu: 2 agents have none; needs 2TiB mem: 3 have no more than 1TiB in all"},
		{"too much", [][]Agent{repeat(2, agent("a", 1))}, &Shape{Need: spec.Resources{Disk: 2<<20 + 1}},
			"needs 2097153MiB disk: no agent has that much, the largest has 1TiB disk"},
		{"no such thing", [][]Agent{repeat(2, agent("a", 1))}, &Shape{Need: spec.Resources{GPUs: 2}}, "needs 2 gpus: no agent has any"},
		{"one port", [][]Agent{{{ID: "x", Used: spec.Resources{Ports: 1}}}}, &Shape{Need: spec.Resources{Ports: 1}}, "needs 1 port: 1 agent has fewer free"},
		{"matches", [][]Agent{repeat(2, agent("a", 1, with("rack", "rack-3"))), repeat(1, agent("b", 1))}, cpu(1, where(rack1or2)),
			"3 agents have no rack that matches rack-[12]"},
		{"does not match", [][]Agent{{{ID: "x", Hostname: "old-7"}}}, cpu(1, where(notOld)),
			"1 agent has a hostname that matches old-.*"},
		{"maintenance", [][]Agent{repeat(2, agent("a", 1, maintenance(time.Hour))), repeat(1, agent("b", 1, maintenance(3*time.Hour)))},
			cpu(2, until(2*time.Hour)), "needs 2 cpus: 1 agent has no more than 1 in all, 2 go into maintenance too soon"},
		{"no cloud", [][]Agent{repeat(2, agent("a", 1)), repeat(3, agent("b", 9, onCloud("hxn")))}, cpu(2),
			"needs 2 cpus: 2 agents have no more than 1 in all, 3 are on clouds, which its pipeline does not allow"},
		{"one cloud agent", [][]Agent{repeat(1, agent("b", 9, onCloud("hxn")))}, cpu(2), "1 agent is on a cloud, which its pipeline does not allow"},
		{"other clouds", [][]Agent{repeat(2, agent("a", 0, used(4))), repeat(1, agent("b", 9, onCloud("hxn")))},
			cpu(2, burst(spec.Burst{Allow: true, Clouds: []string{"ovh", "gcp"}})), "needs 2 cpus: 2 agents have fewer free, 1 is on a cloud other than ovh, gcp"},
		{"not yet", [][]Agent{repeat(2, agent("a", 1)), repeat(3, agent("b", 9, onCloud("hxn")))}, cpu(2, burst(spec.Burst{Allow: true, After: 90 * time.Minute})),
			"needs 2 cpus: 2 agents have fewer free, 3 are on clouds, where it may go once it has waited 1h30m"},
		{"not yet, and too large", [][]Agent{repeat(2, agent("a", 1)), repeat(3, agent("b", 9, onCloud("hxn")))}, cpu(10, burst(spec.Burst{Allow: true, After: time.Hour})),
			"needs 10 cpus: no agent has that many, the largest has 9 cpus"},
		{"cordoned", [][]Agent{repeat(2, agent("a", 1)), repeat(1, agent("b", 9, cordoned))}, cpu(2), "needs 2 cpus: 2 agents have fewer free, 1 is cordoned"},
		{"cordoned, and too large", [][]Agent{repeat(2, agent("a", 1, cordoned))}, cpu(2), "needs 2 cpus: no agent has that many, the largest has 1 cpu"},
		{"avoided", [][]Agent{repeat(2, agent("a", 1))}, cpu(1, avoid("aa")),
			"1 agent failed it before, 1 would take it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var agents []Agent
			for _, a := range test.agents {
				agents = append(agents, a...)
			}
			if got := NewRound(agents, 1).Explain(test.shape).String(); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

// What waiting will not change is named as the reason even where something else is short as well.
func TestExplainNamesLastingReasonsFirst(t *testing.T) {
	agents := []Agent{agent("a", 0), agent("b", 0, with("site", "cnes"), used(1))}
	got := NewRound(agents, 1).Explain(cpu(1, where(siteCNES)))
	want := Explanation{Agents: 2, Refusals: []Refusal{
		{Rule: "where site=cnes", Agents: 1, Why: "lacks site=cnes"},
		{Rule: "cpus", Need: "1 cpu", Agents: 1, Why: "has fewer free"},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExplainAfterPlacing(t *testing.T) {
	r := NewRound([]Agent{agent("a", 4), agent("b", 4), agent("c", 4)}, 1)
	r.Reserve(2)
	r.Place(cpu(3), 2)
	const want = "needs 2 cpus: 2 agents have fewer free, 1 is kept free for a task that waited longer"
	if got := r.Explain(cpu(2)).String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// An explanation is made once for equal shapes, but not kept beyond what it was made from.
func TestExplainFollowsTheRound(t *testing.T) {
	r := NewRound([]Agent{agent("a", 4), agent("b", 4)}, 1)
	free := 0 // the agent that keeps room
	steps := []struct {
		do   func()
		want string
	}{
		{func() {}, "2 agents would take it"},
		{func() { free = 1 - r.Place(cpu(4), 1)[0].Agent }, "needs 2 cpus: 1 agent has fewer free, 1 would take it"},
		{func() { r.Reserve(free) }, "needs 2 cpus: 1 agent has fewer free, 1 is kept free for a task that waited longer"},
		{func() { r.Release(free) }, "needs 2 cpus: 1 agent has fewer free, 1 would take it"},
	}
	for _, step := range steps {
		step.do()
		for range 2 {
			if got := r.Explain(cpu(2)).String(); got != step.want {
				t.Errorf("\n got %s\nwant %s", got, step.want)
			}
		}
	}
}
