package sim

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what came of a day.
type Report struct {
	Policy string
	Tasks  int
	// Wait is how long tasks have waited from their arrival to their start, on average; the others are quantiles.
	Wait, P50, P99 time.Duration
	// WorkWait is how long the work of the tasks has waited on average: a task of four cpus and an hour counts as four
	// hundred of one cpu and 36 seconds.
	WorkWait time.Duration
	// VMs is how many machines were booted, VMHours how long they existed together, Cost what they cost.
	VMs     int
	VMHours float64
	Cost    float64
	// Refused is how many boots the cloud refused.
	Refused int

	waits           []time.Duration
	work, workWaits float64 // cpu hours, and times the hours that they have waited
}

func (r *Report) finish(p Policy) {
	r.Policy, r.Tasks = p.Name(), len(r.waits)
	slices.Sort(r.waits)
	var sum time.Duration
	for _, w := range r.waits {
		sum += w
	}
	n := len(r.waits)
	r.WorkWait = time.Duration(r.workWaits / r.work * float64(time.Hour))
	r.Wait, r.P50, r.P99 = sum/time.Duration(n), r.waits[n/2], r.waits[n*99/100]
}

// Table shows reports side by side.
func Table(reports []Report) string {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "policy\tcost\tmean wait\tby work\tp50\tp99\tVMs\tVM hours\t")
	for _, r := range reports {
		fmt.Fprintf(t, "%s\t%.2f\t%s\t%s\t%s\t%s\t%d\t%.1f\t\n", r.Policy, r.Cost, r.Wait.Round(time.Second), r.WorkWait.Round(time.Second), r.P50.Round(time.Second),
			r.P99.Round(time.Second), r.VMs, r.VMHours)
	}
	t.Flush()
	return text.String()
}
