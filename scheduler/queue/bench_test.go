package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// BenchmarkMatchRound is a round with 10,000 agents of several sizes and 100,000 waiting tasks of 100 shapes, NewRound
// included: arrays and steps on clusters of which 40 % and 90 % are in use.
func BenchmarkMatchRound(b *testing.B) {
	b.Run("half-full", func(b *testing.B) { benchRound(b, 100, 40) })
	b.Run("full", func(b *testing.B) { benchRound(b, 100, 90) })
	b.Run("many-steps", func(b *testing.B) { benchRound(b, 2_000, 40) })
}

// BenchmarkSingleTasks is the same where each of the 100,000 tasks is a run of its own.
func BenchmarkSingleTasks(b *testing.B) {
	b.Run("half-full", func(b *testing.B) { benchRound(b, 100_000, 40) })
	b.Run("full", func(b *testing.B) { benchRound(b, 100_000, 97) })
}

// BenchmarkNewRound is what a round with 10,000 agents costs before it is asked for anything.
func BenchmarkNewRound(b *testing.B) {
	cluster := benchCluster(10_000, 40)
	for b.Loop() {
		placement.NewRound(cluster, 1)
	}
}

// benchRound matches 100,000 tasks in so many entries to a cluster of which a percentage is in use.
func benchRound(b *testing.B, entries, busy int) {
	cluster, waiting := benchCluster(10_000, busy), benchEntries(entries, 100_000, 100)
	all := total(cluster)
	shares := map[string]Share{"project-0": {Weight: 3}, "project-1": {Weight: 0.5}}
	opts := Options{ReserveAfter: 10 * time.Minute, MaxReservations: 10}
	var plan Plan
	b.ReportAllocs()
	for b.Loop() {
		plan = Match(noon, waiting, shares, placement.NewRound(cluster, 1), all, opts)
	}
	placed := 0
	for _, a := range plan.Assignments {
		placed += a.Count
	}
	b.ReportMetric(float64(placed), "placed/op")
}

// mix gives numbers that look random and are the same everywhere.
type mix uint64

func (m *mix) below(n int) int {
	*m = *m*6364136223846793005 + 1442695040888963407
	return int(uint64(*m) >> 33 % uint64(n))
}

func benchCluster(n, busy int) []placement.Agent {
	m := mix(7)
	cluster := make([]placement.Agent, n)
	for i := range cluster {
		size := []int64{16, 32, 64, 128}[m.below(4)]
		all := spec.Resources{CPUs: size * 1000, Mem: size * []int64{2, 4, 8}[m.below(3)] << 10, Disk: 1 << 20, Ports: 1000}
		if m.below(20) == 0 {
			all.GPUs = 4
		}
		held := int64(min(100, max(0, busy-30+m.below(61))))
		used := spec.Resources{CPUs: all.CPUs * held / 100, Mem: all.Mem * held / 100, GPUs: all.GPUs * held / 100}
		if held < 20 {
			used = spec.Resources{}
		}
		cluster[i] = placement.Agent{
			ID:       fmt.Sprintf("6c3c0ef5-8d6a-4a7f-9d0e-2d1f3f0a7b11-S%d", i),
			Hostname: fmt.Sprintf("node-%04d.dpc.example", i),
			Attributes: map[string]string{
				"site": []string{"cnes", "cnes", "cnes", "hxn"}[m.below(4)],
				"rack": fmt.Sprintf("rack-%d", i/40),
				"cpu":  []string{"zen3", "zen4", "icelake"}[m.below(3)],
			},
			Free: spec.Resources{CPUs: all.CPUs - used.CPUs, Mem: all.Mem - used.Mem, Disk: all.Disk, GPUs: all.GPUs - used.GPUs, Ports: all.Ports},
			Used: used,
		}
	}
	return cluster
}

// benchEntries divides tasks among entries with so many shapes, of which half have constraints, a tenth spread, and a
// twentieth ask for gpus.
func benchEntries(n, tasks, shapes int) []Entry {
	m := mix(11)
	wheres := benchWheres()
	all := make([]*placement.Shape, shapes)
	for i := range all {
		s := &placement.Shape{Need: spec.Resources{
			CPUs: []int64{500, 1000, 1000, 2000, 4000, 8000, 16000}[m.below(7)],
			Mem:  []int64{512, 1024, 2048, 4096, 8192, 16384}[m.below(6)],
			Disk: int64(m.below(5)) << 10,
		}}
		if i%2 == 0 {
			s.Where = wheres[m.below(len(wheres))]
		}
		if i%10 == 3 {
			s.Spread = []string{"rack", "hostname"}[m.below(2)]
		}
		if i%20 == 5 {
			s.Need.GPUs = int64(1 + m.below(2))
		}
		all[i] = s
	}
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{
			ID: i, Project: fmt.Sprintf("project-%d", m.below(12)), Priority: 10 * m.below(11), Sequence: int64(i / 3),
			Since: noon.Add(-time.Duration(m.below(3600)) * time.Second), Count: tasks / n, Shape: all[m.below(shapes)],
		}
	}
	return entries
}

// benchWheres takes its constraints from a spec, because only the spec package can make patterns.
func benchWheres() [][]spec.Constraint {
	s, err := spec.Parse("bench.yaml", []byte(`
name: bench
defaults: {image: busybox, run: "true", resources: {cpus: 1, mem: 1GiB}}
steps:
  a: {where: [{attribute: site, equals: cnes}]}
  b: {where: [{attribute: site, equals: hxn}, {attribute: cpu, equals: zen4}]}
  c: {where: [{attribute: rack, matches: "rack-1[0-9]*"}]}
  d: {where: [{attribute: hostname, not_matches: "node-00.*"}, {attribute: site, equals: cnes}]}
  e: {where: [{attribute: cpu, matches: "zen.*"}]}
`))
	if err != nil {
		panic(err)
	}
	p, err := s.Bind(nil)
	if err != nil {
		panic(err)
	}
	var wheres [][]spec.Constraint
	for i := range p.Steps {
		wheres = append(wheres, p.Steps[i].Where)
	}
	return wheres
}
