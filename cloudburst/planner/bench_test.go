package planner

import (
	"fmt"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// BenchmarkPlanningRound plans for 10,000 shapes that wait, with 500 agents, of which 100 are cloud machines, and 10 flavors.
func BenchmarkPlanningRound(b *testing.B) {
	b.Run("backlog", func(b *testing.B) { benchRound(b, benchSituation(10_000, 1)) })
	b.Run("ordered", func(b *testing.B) {
		s := benchSituation(10_000, 1)
		benchRound(b, ordered(s, Make(s)))
	})
	b.Run("capped", func(b *testing.B) {
		s := benchSituation(10_000, 1)
		s.Pools[0].Caps.VMs = 110
		benchRound(b, s)
	})
	b.Run("arrays", func(b *testing.B) { benchRound(b, benchSituation(10_000, 100)) })
	b.Run("idle", func(b *testing.B) { benchRound(b, benchSituation(0, 1)) })
}

func benchRound(b *testing.B, s *Situation) {
	var p Plan
	b.ReportAllocs()
	for b.Loop() {
		p = Make(s)
	}
	b.ReportMetric(float64(counted(p)[Boot]), "boots/op")
}

// benchSituation is a busy site: no two of the shapes that wait are equal.
func benchSituation(shapes, tasks int) *Situation {
	s := situation()
	pool := &s.Pools[0]
	s.Clouds, pool.Flavors = []Cloud{cloud("hxn"), cloud("cc")}, nil
	s.Clouds[0].AtOnce, s.Clouds[1].AtOnce = 20, 20
	for _, cloud := range []string{"hxn", "cc"} {
		for _, cpus := range []int64{2, 4, 8, 16, 32} {
			pool.Flavors = append(pool.Flavors, flavor(cloud, cpus))
		}
	}
	pool.Attributes = map[string]string{"site": "a"}
	for i := range 400 {
		local(16, time.Duration(1+i%50)*time.Minute)(s)
		a := &s.Agents[i]
		a.Hostname, a.Attributes = fmt.Sprintf("node-%d", i), map[string]string{"site": []string{"a", "b"}[i%2]}
	}
	for i := range 100 {
		machine(fmt.Sprintf("vm-%03d", i), vm.Serving, func(v *VM, a *Agent) {
			v.Flavor = "c16"
			a.Agent = emptyAgent(pool, &pool.Flavors[3], v.Intent)
			a.Used, a.Free, a.Tasks, a.Idle = a.Free, spec.Resources{}, 8, time.Time{}
			a.Frees = []Freed{{noon.Add(time.Duration(i) * time.Minute), a.Used}}
		})(s)
	}
	for i := range shapes {
		waits(tasks, 1, time.Duration(2+i%40)*time.Minute, func(d *Demand) {
			d.Shape.Need = spec.Resources{CPUs: int64(500 + 500*(i%16)), Mem: int64(512 + i)}
			if i%3 == 0 {
				d.Shape.Where = []spec.Constraint{siteA}
			}
			if i%10 == 0 {
				d.Shape.Spread = "hostname"
			}
		})(s)
	}
	return s
}
