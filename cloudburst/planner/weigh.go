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
	// served is how many of them would start some time if no machine were made, and wait for how many hours they would wait
	// until then, on average. The others would wait for ever.
	served int
	wait   float64
	// work is for how many hours it keeps one machine busy, servedWork that of the served ones, longest how long a task runs
	// on average, in hours.
	work, servedWork, longest float64
}

// weigh says how many machines of an option, of which there may be so many more, make the sum of what they cost and of what
// waiting costs least, and that sum. 0 says that to wait costs less than any.
//
// A machine is paid from its order until it is given back, also while it boots and while it waits for more work; so fewer
// machines, on which tasks run one after another, cost less than many on which all run at once, and make tasks wait. What
// there is anyway goes on taking tasks too. It counts as so many machines as would make the tasks wait that long.
func (l load) weigh(o *option, room int) (best int, least float64) {
	price, overhead := o.flavor.Price, o.overhead().Hours()
	there := l.servedWork / (2*l.wait + l.longest)
	cost := func(n int) float64 {
		switch {
		case n <= 0 && l.served < l.tasks:
			return math.Inf(1)
		case n <= 0:
			return l.value * l.wait
		}
		busy := math.Max(l.longest, l.work/(there+float64(n)))
		return price*float64(n)*billed(overhead+busy, o.cloud.Billing) + l.value*(busy-l.longest)/2
	}
	all := min(room, max(1, int(math.Ceil(l.work/l.longest-1e-9)))) // all tasks at once
	// Where the derivative is zero, as long as no machine is idle before all are.
	around := float64(all)
	if price > 0 {
		around = math.Sqrt(math.Max(0, l.work*(l.value/2-price*there)/(price*math.Max(overhead, 1e-6)))) - there
	}
	least = cost(0)
	for _, n := range []float64{1, math.Floor(around), math.Floor(around) + 1, float64(all)} {
		n := int(math.Min(math.Max(n, 1), float64(all)))
		if c := cost(n); n > 0 && c < least {
			best, least = n, c
		}
	}
	return best, least
}

// billed rounds hours up to what is charged.
func billed(hours float64, billing time.Duration) float64 {
	if billing <= 0 {
		return hours
	}
	return math.Ceil(hours/billing.Hours()-1e-9) * billing.Hours()
}
