package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Day makes the ordinary day of a large cluster: so many agents of 4 and 8 cpus, and about so many tasks, most of them
// in arrays of some hundreds, by five projects of different weights, more by day than by night. Their length is chosen so
// that the cluster is about load times as large as needed on average (0.8: four fifths of it are used). Nothing goes wrong.
//
// It is for comparing policies: change Config or Submissions, run it, compare the reports.
func Day(seed uint64, agents, tasks int, load float64) Scenario {
	d := &day{rng: rand.New(rand.NewPCG(seed, 3)), seed: seed}
	sc := Scenario{
		Seed: seed, Config: scheduler.DefaultConfig(), Machines: d.machines(agents),
		Length: 24 * time.Hour, Unchecked: true,
		Timing: Timing{
			Batch: Span{500 * time.Millisecond, 500 * time.Millisecond}, Allocation: time.Second,
			Ping: 75 * time.Second, Reregister: 10 * time.Minute, Quick: true,
		},
	}
	sc.Config.Seed = seed
	// Tasks run for many minutes: to have resources a second earlier is not worth that the master offers all agents
	// anew whenever a task ends, which is what most of the time would be spent on.
	sc.Config.ReviveInterval, sc.Config.RefuseBusy = time.Second, 5*time.Minute
	sc.Config.Weights = map[string]float64{"lisa": 4, "lpf": 2}
	d.submissions(&sc, tasks)
	cpus := 0.0
	for _, m := range sc.Machines {
		cpus += float64(m.Resources.CPUs) / 1000
	}
	d.mean = time.Duration(load * cpus * sc.Length.Seconds() / d.work * float64(time.Second))
	sc.Behave = d.behave
	return sc
}

// day draws a day.
type day struct {
	rng  *rand.Rand
	seed uint64
	// work is how many cpus all tasks take together; mean how long a task runs on average.
	work float64
	mean time.Duration
}

func (d *day) machines(n int) []Machine {
	all := make([]Machine, n)
	for i := range all {
		cpus := int64(4 + 4*(i%3/2))
		all[i] = Machine{
			Name: fmt.Sprintf("n%05d", i),
			Attributes: map[string]string{
				"site": []string{"cnes", "cnes", "cnes", "hxn"}[i%4], "rack": fmt.Sprintf("r%d", i/40),
			},
			Resources: spec.Resources{CPUs: 1000 * cpus, Mem: 4 << 10 * cpus, Disk: 1 << 20},
		}
	}
	return all
}

// kinds are the pipelines of the day: what they are named after, how many tasks their main step has on average, and which
// part of all tasks they are.
var kinds = []struct {
	name, project string
	tasks         int
	part          float64
	cpus, mem     string
	rules         string
}{
	{"ingest", "lisa", 200, 0.05, "1", "2GiB", "priority: 90"},
	{"noise", "lisa", 1000, 0.35, "2", "8GiB", "priority: 50"},
	{"mcmc", "lpf", 5000, 0.3, "1", "2GiB", "priority: 20"},
	{"glitches", "lpf", 400, 0.1, "4", "8GiB", "priority: 60"},
	{"simulation", "euclid", 2000, 0.15, "2", "4GiB", "priority: 50"},
	{"fit", "users", 100, 0.05, "4", "16GiB", "priority: 50"},
}

// submissions spreads pipelines over the day, most of them around two in the afternoon.
func (d *day) submissions(sc *Scenario, tasks int) {
	for _, k := range kinds {
		for left := int(k.part * float64(tasks)); left > 0; {
			n := min(left, 1+int(d.rng.ExpFloat64()*float64(k.tasks)))
			left -= n
			where := ""
			if d.rng.IntN(4) == 0 {
				where = ", where: [{attribute: site, equals: cnes}]"
			}
			text := fmt.Sprintf(`name: %s
project: %s
%s
defaults: {image: busybox, run: work, retries: {limit: 1}}
steps:
  fetch: {resources: {cpus: 1, mem: 1GiB}}
  work: {needs: [fetch], array: %d, resources: {cpus: %s, mem: %s}%s}
  combine: {needs: [work]}
`, k.name, k.project, k.rules, n, k.cpus, k.mem, where)
			var cpus float64
			fmt.Sscan(k.cpus, &cpus)
			d.work += cpus * float64(n)
			sc.Submissions = append(sc.Submissions, Submission{At: d.arrival(sc.Length), Spec: text})
		}
	}
}

func (d *day) arrival(length time.Duration) time.Duration {
	for {
		part := d.rng.Float64()
		if d.rng.Float64() < 0.35+0.65*math.Exp(-math.Pow((part-14.0/24)/0.17, 2)) {
			return time.Duration(part * 0.9 * float64(length))
		}
	}
}

// behave draws how long a task takes; one in five hundred fails the first time.
func (d *day) behave(l *mesos.Launch, failures int) Behaviour {
	rng := drawFor(d.seed, string(l.ID.Run), l.ID.Index, uint64(l.ID.Number))
	b := Behaviour{Start: 2 * time.Second, Run: time.Duration((0.3 + 0.7*rng.ExpFloat64()) * float64(d.mean))}
	if failures == 0 && rng.IntN(500) == 0 {
		b.End.ExitCode = 1
	}
	return b
}
