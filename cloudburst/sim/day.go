package sim

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Day is what happens on a day, and where it may run.
type Day struct {
	Seed  uint64
	Start time.Time
	// Local are the agents of the local cluster, which cost nothing.
	Local []spec.Resources
	// Flavors are the machines of the cloud, VMs how many of them there may be at a time.
	Flavors []planner.Flavor
	VMs     int
	// Boot is how long a machine takes from the request until it serves, give or take a fifth.
	Boot time.Duration
	// Work is what arrives, by time.
	Work []Work
}

// Work is an array of equal tasks that arrives at a moment.
type Work struct {
	At       time.Duration // since the day's start
	Pipeline string
	Need     spec.Resources
	// Usual is how long such tasks are known to run; 0: nobody has run any yet.
	Usual time.Duration
	// Times is how long each of the tasks runs.
	Times []time.Duration
}

// Bursty makes a day: a cluster of 48 cpus that is half used by small runs which come all day long, more by day than by
// night, and four large arrays that would keep it busy for hours each. The cloud has machines of 2 to 16 cpus for the
// same price a cpu, and one kind with more memory for more.
func Bursty(seed uint64) *Day {
	random := rand.New(rand.NewPCG(seed, 0))
	d := &Day{
		Seed: seed, Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
		Local:   slices.Repeat([]spec.Resources{{CPUs: 8000, Mem: 32 << 10}}, 6),
		Flavors: flavors(), VMs: 40, Boot: 3 * time.Minute,
	}
	for at := time.Duration(0); at < 24*time.Hour; {
		at += time.Duration(random.ExpFloat64() * float64(8*time.Minute) / daylight(at))
		d.Work = append(d.Work, work(random, at, "small", 1+random.IntN(20), 2+random.ExpFloat64()*5))
	}
	for i, hour := range []float64{5, 9.5, 14, 19.5} {
		at := time.Duration((hour + random.Float64()) * float64(time.Hour))
		d.Work = append(d.Work, work(random, at, fmt.Sprintf("peak-%d", i), 150+random.IntN(350), 5+random.Float64()*15))
	}
	d.Work[len(d.Work)-1].Usual = 0 // the last peak is of a pipeline that nobody has run before
	slices.SortStableFunc(d.Work, func(a, b Work) int { return cmp.Compare(a.At, b.At) })
	return d
}

// daylight is how much more than on average arrives at a time of the day.
func daylight(at time.Duration) float64 { return 1 - 0.6*math.Cos(2*math.Pi*at.Hours()/24) }

// work draws an array of tasks that run for some minutes each, give or take.
func work(random *rand.Rand, at time.Duration, pipeline string, tasks int, minutes float64) Work {
	cpus := []int64{1000, 1000, 2000, 4000}[random.IntN(4)]
	w := Work{
		At: at.Truncate(time.Second), Pipeline: pipeline, Usual: time.Duration(minutes * float64(time.Minute)).Truncate(time.Second),
		Need:  spec.Resources{CPUs: cpus, Mem: cpus * 3 / 2},
		Times: make([]time.Duration, tasks),
	}
	for i := range w.Times {
		w.Times[i] = time.Duration(float64(w.Usual) * math.Exp(0.25*random.NormFloat64())).Truncate(time.Second)
	}
	return w
}

func flavors() []planner.Flavor {
	var all []planner.Flavor
	for _, f := range []struct {
		name  string
		vcpus int
		mem   int // GiB
		price float64
	}{{"medium", 2, 4, 0.05}, {"large", 4, 8, 0.10}, {"xlarge", 8, 16, 0.20}, {"2xlarge", 16, 32, 0.40}, {"memory", 8, 64, 0.34}} {
		all = append(all, planner.Flavor{
			Cloud: "cloud", Name: f.name, VCPUs: f.vcpus, MemMiB: f.mem << 10, Price: f.price,
			Resources: spec.Resources{CPUs: int64(f.vcpus) * 1000, Mem: int64(f.mem)<<10 - 512},
		})
	}
	return all
}

// shape is what placement knows of the work.
func (w *Work) shape() *placement.Shape {
	return &placement.Shape{Need: w.Need, Burst: spec.Burst{Allow: true}}
}
