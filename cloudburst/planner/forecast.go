package planner

import (
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// forecast is what would become of the demand if no more machines were made: the queue is played against the hosts with the
// scheduler's own placement, step by step. What runs now ends when it usually does, what starts in the forecast also, and
// what is not known to end never does.
type forecast struct {
	demand []Demand
	hosts  []*host
	// steps are the moments at which tasks are placed, counted from now, close to each other where machines could arrive,
	// and further apart later. A step lasts until the next.
	steps []time.Duration
	// waiting is how many tasks of a demand wait after a step: waiting[step][demand].
	waiting [][]int32
	// delayed is for how many hours the tasks that start in a step wait in it, one after another on the same room.
	delayed [][]float64
	// on lists for each demand the hosts on their way that take tasks of it.
	on [][]int
	// taken tells of each host whether something was put there, and how long the longest task runs.
	taken   []bool
	longest []time.Duration

	free    []placement.Agent  // the hosts as they are at the present step
	returns [][]freed          // by step
	shapes  []*placement.Shape // by demand, as of the present step
	needs   []spec.Resources   // by demand: together, because every step looks at all of them
	early   bool               // some may not go to the cloud yet
	round   []placement.Agent  // the hosts where something has become free in the present step
	room    []spec.Resources   // what they have free
	placed  []placement.Assignment
}

// freed is resources that become free on a host.
type freed struct {
	host      int
	resources spec.Resources
}

// horizon is how far a forecast looks. What waits at its end is taken to wait for as long again.
const horizon = 24 * time.Hour

// exact is how many of the moments at which tasks are expected to end are steps; what ends between counts at the next.
const exact = 5

// stepsFor gives the moments of a forecast where machines arrive after some times, of which the first is the shortest, and
// something becomes free after others.
func stepsFor(arrivals, frees []time.Duration) []time.Duration {
	first := arrivals[0]
	steps := []time.Duration{0}
	for i := 1; i <= 4; i++ {
		steps = append(steps, first*time.Duration(i)/4)
	}
	for d := first * 3 / 2; d < horizon; d *= 2 {
		steps = append(steps, d)
	}
	steps = append(steps, arrivals...)
	slices.Sort(frees)
	frees = slices.Compact(frees)
	for i := range min(len(frees), exact) { // some of them, spread evenly
		steps = append(steps, frees[i*len(frees)/min(len(frees), exact)])
	}
	slices.Sort(steps)
	return slices.Compact(steps)
}

// newForecast plays the queue. Hosts that are on their way count from the first moment at which a machine that is made now
// could be there, however late they are: nothing is made in their place.
func newForecast(now time.Time, demand []Demand, hosts []*host, steps []time.Duration, first time.Duration) *forecast {
	f := &forecast{
		demand: demand, hosts: hosts, steps: steps,
		waiting: make([][]int32, len(steps)), delayed: make([][]float64, len(steps)),
		on: make([][]int, len(demand)), taken: make([]bool, len(hosts)), longest: make([]time.Duration, len(hosts)),
		free: make([]placement.Agent, len(hosts)), returns: make([][]freed, len(steps)),
		shapes: make([]*placement.Shape, len(demand)), needs: make([]spec.Resources, len(demand)),
	}
	for i, h := range hosts {
		f.free[i] = h.agent
		if h.coming {
			f.free[i].Free = spec.Resources{}
			f.back(i, min(first, max(0, h.expected.Sub(now))), h.agent.Free)
			continue
		}
		f.returns[0] = append(f.returns[0], freed{host: i})
		for _, frees := range h.frees {
			after := frees.At.Sub(now)
			if after <= 0 { // it is late; the longer, the less is known
				after = max(time.Second, -after)
			}
			f.back(i, after, frees.Resources)
		}
	}
	f.play()
	return f
}

// back notes that something becomes free after a time. What becomes free beyond the horizon never does.
func (f *forecast) back(host int, after time.Duration, r spec.Resources) {
	step, _ := slices.BinarySearch(f.steps, after)
	if step < len(f.steps) {
		f.returns[step] = append(f.returns[step], freed{host, r})
	}
}

func (f *forecast) play() {
	left := make([]int32, len(f.demand))
	var queue []int // demands of which tasks wait
	for i := range f.demand {
		if d := &f.demand[i]; d.Room && d.Tasks > 0 {
			left[i], f.shapes[i], f.needs[i] = int32(d.Tasks), d.Shape, d.Shape.Need
			f.early = f.early || d.Shape.Burst.Allow && d.Shape.Waited < d.Shape.Burst.After
			queue = append(queue, i)
		}
	}
	for step := range f.steps {
		f.delayed[step] = make([]float64, len(f.demand))
		if len(queue) > 0 {
			queue = f.place(step, queue, left)
		}
		f.waiting[step] = slices.Clone(left)
	}
}

// place puts tasks where something has become free. Where nothing has, they have been refused before.
func (f *forecast) place(step int, queue []int, left []int32) []int {
	changed := f.release(step)
	if f.early && f.grown(step, queue) {
		changed = changed[:0]
		for i := range f.hosts {
			changed = append(changed, i)
		}
	}
	if len(changed) == 0 {
		return queue
	}
	f.round, f.room = f.round[:0], f.room[:0]
	for _, i := range changed {
		f.round, f.room = append(f.round, f.free[i]), append(f.room, f.free[i].Free)
	}
	round := placement.NewRound(f.round, 0)
	room, outdated := f.most(), false
	rest := queue[:0]
	for _, d := range queue {
		if need := f.needs[d]; holds(room, need) {
			if f.some(need) {
				n := f.put(step, d, int(left[d]), round, changed)
				left[d] -= int32(n)
				outdated = outdated || n > 0
			}
			if left[d] > 0 && outdated { // so that the next ones are not tried in vain
				room, outdated = f.most(), false
			}
		}
		if left[d] > 0 {
			rest = append(rest, d)
		}
	}
	return rest
}

// release gives back what becomes free at a step, and lists the hosts where it does.
func (f *forecast) release(step int) (changed []int) {
	for _, r := range f.returns[step] {
		a := &f.free[r.host]
		a.Free, a.Used = a.Free.Plus(r.resources, 1), a.Used.Plus(r.resources, -1).Positive()
		changed = append(changed, r.host)
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

// grown lets the shapes be as old as they are at a step, and tells whether one may go to the cloud from then on.
func (f *forecast) grown(step int, queue []int) (some bool) {
	for _, d := range queue {
		s := f.shapes[d]
		if !s.Burst.Allow || s.Waited >= s.Burst.After {
			continue
		}
		if was := f.demand[d].Shape.Waited; was+f.steps[step] >= s.Burst.After {
			f.shapes[d] = waited(s, was+f.steps[step])
			some = true
		}
	}
	return some
}

// most is the most that one of the hosts of the step has free, of each resource.
func (f *forecast) most() (r spec.Resources) {
	for i := range f.room {
		r = r.Max(f.room[i])
	}
	return r
}

// some tells whether one of the hosts of the step has room.
func (f *forecast) some(need spec.Resources) bool {
	for i := range f.room {
		if holds(f.room[i], need) {
			return true
		}
	}
	return false
}

// put places tasks of a demand, and says how many start in this step. On the same room, several run one after another if
// they are done before the next step.
func (f *forecast) put(step, demand, left int, round *placement.Round, changed []int) (started int) {
	d := &f.demand[demand]
	turns := 1
	if width := f.width(step); d.RunTime > 0 && d.RunTime < width {
		turns = int(width / d.RunTime)
	}
	need := (left + turns - 1) / turns
	f.placed = round.AppendPlace(f.placed[:0], f.shapes[demand], need)
	slots := 0
	for _, a := range f.placed {
		slots += a.Count
	}
	if slots == 0 {
		return 0
	}
	started = min(left, slots*turns)
	turns = (started + slots - 1) / slots
	f.delayed[step][demand] += float64(started) * d.RunTime.Hours() * float64(turns-1) / 2
	for _, a := range f.placed {
		i := changed[a.Agent]
		took := d.Shape.Need.Plus(d.Shape.Need, int64(a.Count-1))
		f.free[i].Free, f.free[i].Used = f.free[i].Free.Plus(took, -1), f.free[i].Used.Plus(took, 1)
		f.room[a.Agent] = f.free[i].Free
		f.taken[i], f.longest[i] = true, max(f.longest[i], d.runs())
		if f.hosts[i].coming && !slices.Contains(f.on[demand], i) {
			f.on[demand] = append(f.on[demand], i)
		}
		if d.RunTime > 0 {
			f.back(i, max(f.steps[step]+time.Duration(turns)*d.RunTime, f.steps[step]+1), took)
		}
	}
	return started
}

// assumedRun is how long a task runs of which nobody knows.
const assumedRun = 10 * time.Minute

// runs is how long a task of the demand runs, or is taken to.
func (d *Demand) runs() time.Duration {
	if d.RunTime > 0 {
		return d.RunTime
	}
	return assumedRun
}

// width is how long a step lasts.
func (f *forecast) width(step int) time.Duration {
	if step+1 < len(f.steps) {
		return f.steps[step+1] - f.steps[step]
	}
	return horizon
}

// at gives the step at which a machine is there that takes so long.
func (f *forecast) at(arrival time.Duration) int {
	step, _ := slices.BinarySearch(f.steps, arrival)
	return min(step, len(f.steps)-1)
}

// wait is for how many hours the tasks of a demand wait after a step, all together.
func (f *forecast) wait(demand, step int) (sum float64) {
	for ; step < len(f.steps); step++ {
		sum += float64(f.waiting[step][demand])*f.width(step).Hours() + f.delayed[step][demand]
	}
	return sum
}

// starts is when the last task of a demand starts; false if it is not within the horizon.
func (f *forecast) starts(demand int) (time.Duration, bool) {
	for step := range f.steps {
		if f.waiting[step][demand] == 0 {
			return f.steps[step], true
		}
	}
	return horizon, false
}
