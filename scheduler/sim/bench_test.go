package sim

import (
	"fmt"
	"runtime/debug"
	"testing"
)

// BenchmarkDay plays a day of 10,000 agents, to see that policies can be compared with it.
func BenchmarkDay(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // what lives is little, what is made much
	for _, c := range []struct {
		tasks int
		load  float64
	}{{200_000, 0.7}, {1_000_000, 0.7}} {
		b.Run(fmt.Sprintf("tasks=%d/load=%v", c.tasks, c.load), func(b *testing.B) {
			for b.Loop() {
				r := Run(Day(1, 10_000, c.tasks, c.load))
				if r.Err != nil {
					b.Fatal(r.Err)
				}
				took := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(r.Virtual.Hours()/took, "virtual-hours/s")
				b.ReportMetric(float64(r.Tasks)/took, "tasks/s")
				b.ReportMetric(float64(r.Steps), "steps")
				b.ReportMetric(float64(r.Rounds), "rounds")
				b.ReportMetric(float64(r.Offers), "offers")
				b.ReportMetric(r.Wait.P50.Seconds(), "wait-p50-s")
				b.ReportMetric(r.Wait.P99.Seconds(), "wait-p99-s")
				b.ReportMetric(100*r.Utilisation, "used-%")
				for _, name := range sortedKeys(r.Projects) {
					b.ReportMetric(100*r.Projects[name].Utilisation, name+"-used-%")
					b.ReportMetric(r.Projects[name].Wait.P99.Seconds(), name+"-wait-p99-s")
				}
			}
		})
	}
}
