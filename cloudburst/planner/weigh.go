package planner

import (
	"math"
	"time"
)

// load is work that could go to machines of one kind, once those arrive.
type load struct {
	tasks int
	// value is what it is worth that all of the tasks wait an hour less.
	value float64
	// wait is for how many hours they would wait, on average, if no machine were made.
	wait float64
	// work is for how many hours it keeps one machine busy, longest how long a task runs on average, in hours.
	work, longest float64
}

// assumedRun is how long a task runs of which nobody knows.
const assumedRun = 10 * time.Minute

// weigh says how many machines make the sum of what they cost and of what waiting costs least. 0 says that to wait costs
// less than any.
//
// A machine is paid from its order until it is given back, also while it boots and while it waits for more work; so fewer
// machines, on which tasks run one after another, cost less than many on which all run at once, and make tasks wait. What
// there is anyway goes on taking tasks too. It counts as so many machines as would make the tasks wait that long.
func (l load) weigh(price float64, overhead, billing time.Duration) int {
	all := int(math.Ceil(l.work/l.longest - 1e-9)) // all tasks at once
	if price <= 0 {
		return max(1, all)
	}
	there := l.work / (2*l.wait + l.longest)
	cost := func(n int) float64 {
		if n <= 0 {
			return l.value * l.wait
		}
		busy := math.Max(l.longest, l.work/(there+float64(n)))
		return price*float64(n)*billed(overhead.Hours()+busy, billing) + l.value*(busy-l.longest)/2
	}
	// Where the derivative is zero, as long as no machine is idle before all are.
	around := math.Sqrt(math.Max(0, l.work*(l.value/2-price*there)/(price*math.Max(overhead.Hours(), 1e-6)))) - there
	best := 0
	for _, n := range []int{1, int(around), int(around) + 1, all} {
		if n = min(max(n, 1), max(all, 1)); cost(n) < cost(best) {
			best = n
		}
	}
	return best
}

// billed rounds hours up to what is charged.
func billed(hours float64, billing time.Duration) float64 {
	if billing <= 0 {
		return hours
	}
	return math.Ceil(hours/billing.Hours()-1e-9) * billing.Hours()
}
