package sim

import (
	"fmt"
	"testing"
)

// BenchmarkBurstyDay compares the policies on three days: what they cost, and how long tasks wait. The figures are the
// planner's cost in terms of the least possible at the threshold's wait, and its wait in terms of the threshold's, both by work.
func BenchmarkBurstyDay(b *testing.B) {
	for seed := range uint64(3) {
		b.Run(fmt.Sprintf("seed=%d", seed), func(b *testing.B) {
			var reports []Report
			for b.Loop() {
				d := Bursty(seed)
				reports = reports[:0]
				for _, p := range policies {
					reports = append(reports, Play(d, p))
				}
				wait := reports[2].WorkWait
				reports = append(reports, Report{Policy: "lower bound", WorkWait: wait, Cost: Bound(d, wait)})
			}
			threshold, planned, least := reports[2], reports[3], reports[4]
			b.ReportMetric(planned.Cost/least.Cost, "cost/bound")
			b.ReportMetric(planned.WorkWait.Seconds()/threshold.WorkWait.Seconds(), "wait/threshold")
			b.ReportMetric(0, "ns/op")
			b.Logf("a bursty day, side by side:\n%s", Table(reports))
		})
	}
}
