package sim

import (
	"math"
	"slices"
	"time"
)

// slot is the grain of time of the bound.
const slot = 2 * time.Minute

// Bound returns a cost that no way to do the day's work can go below, even one that knows the future, if work is to wait no
// longer than so long on average (Report.WorkWait).
//
// It is the Lagrangian dual of a relaxation, and so a true bound whatever the prices are that it is asked with; the search
// only makes it a tight one. In the relaxation machines come at once and in any fraction, tasks can be interrupted and
// moved, everything packs perfectly, and only cpus count. A task i of p_i seconds that arrives at r_i has waited for
// M_i - p_i/2 - r_i if M_i is the mean of the moments at which it runs: for a task that runs without interruption this is
// its true wait. Local cpu time at t has the price μ_t, the cloud's the price c, a second for which a cpu second of work
// waits the price λ. Then each task by itself takes the cheapest moments there are, one second of it at a time:
//
//	L(λ, μ) = Σ_i cpus_i min Σ_t x_it (min(μ_t, c) + λ t) - λ Σ_i cpus_i p_i (p_i/2 + r_i + wait) - Σ_t μ_t capacity
//
// That waits count by work makes the order in which tasks start indifferent, so the bound says what machines could have
// been spared, and not what another order of the queue would have.
//
// Moments are slots, each counted as its beginning, which only lowers the bound.
func Bound(d *Day, wait time.Duration) float64 {
	b := newBound(d, wait)
	best := 0.0
	for i := range bidding {
		value, waited := b.evaluate()
		best = math.Max(best, value)
		b.bid(waited, 1/math.Sqrt(float64(i+1)))
	}
	return best
}

// bidding is how many prices are tried. More change the third digit.
const bidding = 200

// bound is the search for the prices.
type bound struct {
	tasks    []boundTask
	capacity float64 // of the local cluster, in cpu seconds a slot
	cloud    float64 // price of a cpu second
	wait     float64 // cpu seconds times the seconds that they may wait, of all tasks together
	least    float64 // of lambda, so that no task looks further than horizon

	lambda float64
	local  []float64 // price of a local cpu second, by slot
	used   []float64 // local cpu seconds that were asked for, by slot
	sizes  steps     // of what was learnt about local prices
	price  []priced  // scratch
}

// boundTask is a task as the bound sees it, in seconds.
type boundTask struct{ arrives, runs, cpus float64 }

// priced is a slot with what a second of a task costs there.
type priced struct {
	slot    int
	seconds float64 // that the slot has for it
	price   float64
}

// steps holds the sums of squares by which each price's steps shrink.
type steps struct {
	local  []float64
	lambda float64
}

// horizon is after how long a task is not looked at any more.
const horizon = 8 * time.Hour

func newBound(d *Day, wait time.Duration) *bound {
	b := &bound{cloud: math.Inf(1)}
	for _, f := range d.Flavors {
		b.cloud = math.Min(b.cloud, f.Price/float64(f.Resources.CPUs)*1000/3600)
	}
	for _, r := range d.Local {
		b.capacity += float64(r.CPUs) / 1000 * slot.Seconds()
	}
	work, last := 0.0, 0.0
	for _, w := range d.Work {
		for _, runs := range w.Times {
			t := boundTask{arrives: w.At.Seconds(), runs: runs.Seconds(), cpus: float64(w.Need.CPUs) / 1000}
			b.tasks = append(b.tasks, t)
			work += t.cpus * t.runs
			last = math.Max(last, t.arrives+t.runs)
		}
	}
	b.wait = wait.Seconds() * work
	b.least = b.cloud / horizon.Seconds()
	slots := int((last+horizon.Seconds())/slot.Seconds()) + 2
	b.local, b.used, b.sizes.local = make([]float64, slots), make([]float64, slots), make([]float64, slots)
	b.lambda = 8 * b.least
	for i := range b.local {
		b.local[i] = b.cloud / 2
	}
	return b
}

// evaluate returns the bound at the present prices, and how long the tasks wait in its solution.
func (b *bound) evaluate() (value, waited float64) {
	clear(b.used)
	for _, t := range b.tasks {
		cost, moments := b.buy(t)
		value += cost
		waited += t.cpus * t.runs * (moments - t.runs/2 - t.arrives)
		value -= b.lambda * t.cpus * t.runs * (t.runs/2 + t.arrives)
	}
	value -= b.lambda * b.wait
	for _, price := range b.local {
		value -= price * b.capacity
	}
	return value, waited
}

// buy finds the cheapest moments for a task, and returns what they cost and their mean.
func (b *bound) buy(t boundTask) (cost, moments float64) {
	width := slot.Seconds()
	first := int(t.arrives / width)
	// To wait longer than this costs more than to run in the cloud at once.
	last := min(len(b.local)-1, int((t.arrives+t.runs+b.cloud/b.lambda)/width)+1)
	b.price = b.price[:0]
	for k := first; k <= last; k++ {
		begins := math.Max(float64(k)*width, t.arrives)
		b.price = append(b.price, priced{
			slot: k, seconds: float64(k+1)*width - begins,
			price: t.cpus * (math.Min(b.local[k], b.cloud) + b.lambda*begins),
		})
	}
	slices.SortFunc(b.price, func(x, y priced) int {
		if x.price < y.price {
			return -1
		}
		return 1
	})
	left := t.runs
	for _, p := range b.price {
		seconds := math.Min(left, p.seconds)
		cost += seconds * p.price
		moments += seconds / t.runs * math.Max(float64(p.slot)*width, t.arrives)
		if b.local[p.slot] < b.cloud {
			b.used[p.slot] += seconds * t.cpus
		}
		if left -= seconds; left <= 0 {
			break
		}
	}
	return cost, moments
}

// bid raises the prices of what was asked for too much and lowers the others, by steps that shrink as AdaGrad's do.
func (b *bound) bid(waited, size float64) {
	for k := range b.local {
		if over := b.used[k] - b.capacity; over != 0 && (over > 0 || b.local[k] > 0) {
			b.sizes.local[k] += over * over
			b.local[k] += size * b.cloud * over / math.Sqrt(b.sizes.local[k])
			b.local[k] = math.Min(math.Max(b.local[k], 0), b.cloud)
		}
	}
	if over := waited - b.wait; over != 0 {
		b.sizes.lambda += over * over
		b.lambda = math.Max(b.least, b.lambda*math.Exp(size*over/math.Sqrt(b.sizes.lambda)))
	}
}
