package planner

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scene is a situation with a story.
type scene struct {
	story string
	s     *Situation
}

// TestScenes compares what is planned in narrated situations with testdata/scenes.txt, which is to be read in review.
func TestScenes(t *testing.T) {
	var out strings.Builder
	for _, scene := range scenes() {
		fmt.Fprintf(&out, "# %s\n", scene.story)
		p := Make(scene.s)
		for i := 0; i < len(p.Actions); {
			same := i
			for same < len(p.Actions) && p.Actions[same].String() == p.Actions[i].String() {
				same++
			}
			fmt.Fprintf(&out, "%d x %s\n", same-i, p.Actions[i])
			i = same
		}
		for i, o := range p.Outlook {
			fmt.Fprintf(&out, "%s: %s\n", scene.s.Demand[i].name(), o.Why)
		}
		out.WriteString("\n")
	}
	const file = "testdata/scenes.txt"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (-want +got); -update writes it anew:\n%s", file, diff)
	}
}

func scenes() []scene {
	at := func(change func(*Situation)) func(*Situation) { return change }
	shape := func(change func(*placement.Shape)) func(*Demand) { return func(d *Demand) { change(d.Shape) } }
	return []scene{
		{"Nothing is there. Forty long tasks come.", situation(waits(40, 1, time.Hour))},
		{"They come where nobody knows how long they run.", situation(waits(40, 1, 0))},
		{"Many short ones come: several turns on few machines are cheaper.", situation(waits(320, 1, time.Minute), at(func(s *Situation) { s.WaitValue = 0.01 }))},
		{"Short ones come that small machines hold as well as large ones; the operator prefers the small.", situation(waits(6, 2, time.Hour), flavors(4, 16))},
		{"There may be three machines only, so large ones are better.", situation(waits(40, 1, time.Hour), flavors(4, 16), at(func(s *Situation) { s.Caps.VMs = 3 }))},
		{"Two are on their way for forty tasks; one more is needed.", situation(waits(40, 1, time.Hour), machine("a", vm.Requested), machine("b", vm.Building))},
		{"The cluster is full for 90 s, and a machine takes 2 minutes.", situation(waits(16, 1, time.Hour), local(16, 90*time.Second))},
		{"The cluster is full for an hour.", situation(waits(16, 1, time.Hour), local(16, time.Hour))},
		{"The cluster is full for ten minutes, and waiting is worth little.", situation(waits(16, 1, time.Hour), local(16, 10*time.Minute), at(func(s *Situation) { s.WaitValue = 0.01 }))},
		{"The same, and the run has a deadline that it would miss.", situation(waits(16, 1, time.Hour, deadline(65*time.Minute)), local(16, 10*time.Minute), at(func(s *Situation) { s.WaitValue = 0.01 }))},
		{"The cluster is full for ten minutes, and machines cost nothing: any wait is worth one.", situation(waits(16, 1, time.Hour), local(16, 10*time.Minute), at(func(s *Situation) {
			s.WaitValue = 0
			for i := range s.Pools[0].Flavors {
				s.Pools[0].Flavors[i].Price = 0
			}
		}))},
		{"A task is larger than any machine.", situation(waits(1, 64, time.Hour))},
		{"A task wants what no pool has.", situation(waits(1, 1, time.Hour, shape(func(s *placement.Shape) { s.Where = []spec.Constraint{siteA} })))},
		{"A task wants what the pool's attributes say.", situation(waits(1, 1, time.Hour, shape(func(s *placement.Shape) { s.Where = []spec.Constraint{siteA} })), at(func(s *Situation) { s.Pools[0].Attributes = map[string]string{"site": "a"} }))},
		{"Tasks wait for something else than room.", situation(waits(16, 1, time.Hour, func(d *Demand) { d.Room, d.Why = false, "the project's share is used up" }))},
		{"Tasks may not leave the cluster.", situation(waits(16, 1, time.Hour, shape(func(s *placement.Shape) { s.Burst.Allow = false })))},
		{"Tasks may leave it only after ten minutes.", situation(waits(16, 1, time.Hour, shape(func(s *placement.Shape) { s.Burst.After = 10 * time.Minute })))},
		{"Tasks may go to another cloud only.", situation(waits(16, 1, time.Hour, shape(func(s *placement.Shape) { s.Burst.Clouds = []string{"grille"} })))},
		{"These are hours without bursting.", situation(waits(16, 1, time.Hour), at(func(s *Situation) {
			s.Calendar = Calendar{{Days: [7]bool{time.Wednesday: true}, From: 8 * time.Hour, To: 18 * time.Hour}}
		}))},
		{"The pool has its two machines.", situation(waits(64, 1, time.Hour), machine("a", vm.Building), machine("b", vm.Building), at(func(s *Situation) { s.Pools[0].Caps.VMs = 2 }))},
		{"What the ordered ones will still cost counts: the day's money is used up.", situation(waits(32, 1, time.Hour), machine("a", vm.Building), at(func(s *Situation) {
			s.Caps.Money, s.Spent = 40, []Spent{{Cloud: "hxn", Pool: "burst", Money: 38.5}}
		}))},
		{"The day's money is spent, and machines serve: they go when their tasks have ended.", situation(waits(32, 1, time.Hour), machine("a", vm.Serving), at(func(s *Situation) {
			s.Caps.Money, s.Spent = 40, []Spent{{Cloud: "hxn", Pool: "burst", Money: 40}}
		}))},
		{"The quota leaves one instance.", situation(waits(32, 1, time.Hour), at(func(s *Situation) { s.Clouds[0].FreeInstances = 1 }))},
		{"The cloud had no host a moment ago in one of two zones.", situation(waits(32, 1, time.Hour), at(func(s *Situation) {
			s.Pools[0].Flavors[0].Zones = []string{"z1", "z2"}
			s.Clouds[0].Backoffs = []Backoff{{Flavor: "c16", Zone: "z1", Until: noon.Add(time.Minute), Why: "No valid host"}}
		}))},
		{"Zones take turns.", situation(waits(48, 1, time.Hour), at(func(s *Situation) { s.Pools[0].Flavors[0].Zones = []string{"z1", "z2"} }))},
		{"The preferred cloud has room for one.", situation(waits(32, 1, time.Hour), second(1), at(func(s *Situation) { s.Clouds[0].FreeInstances = 1 }))},
		{"The other cloud is cheaper, and price decides.", situation(waits(32, 1, time.Hour), second(0.5), at(func(s *Situation) { s.Order = ByPrice }))},
		{"The cloud does not answer.", situation(waits(16, 1, time.Hour), at(func(s *Situation) { s.Clouds[0].Reachable = false }))},
		{"One drains, one is stopped, and more is needed: first the former, then the latter, then a new one.", situation(waits(48, 1, time.Hour), keeps(1), machine("a", vm.Draining), machine("b", vm.Stopped))},
		{"Two are idle, and the pool keeps one ready.", situation(ready(1), machine("a", vm.Serving), machine("b", vm.Serving, lease(time.Hour)))},
		{"One is idle, but what waits needs it in a minute.", situation(waits(16, 1, time.Hour, shape(func(s *placement.Shape) { s.Burst.After, s.Waited = 10*time.Minute, 9*time.Minute+30*time.Second })), machine("a", vm.Serving))},
		{"A lease ends while tasks run.", situation(machine("a", vm.Serving, lease(10*time.Minute), busy))},
		{"One has failed, and one belongs to no pool.", situation(machine("a", vm.Failed, func(v *VM, _ *Agent) { v.Fault = "No valid host was found" }), machine("b", vm.Serving, func(v *VM, _ *Agent) { v.Pool = "old" }))},
		{"Nobody knows how the machines are.", situation(waits(16, 1, time.Hour), machine("a", vm.Failed, unknown), machine("b", vm.Building, unknown))},
		{"Two are kept stopped, one more than should be.", situation(keeps(1), machine("a", vm.Stopped), machine("b", vm.Stopped, lease(2*time.Hour)))},
	}
}

func flavors(cpus ...int64) func(*Situation) {
	return func(s *Situation) {
		s.Pools[0].Flavors = nil
		for _, n := range cpus {
			s.Pools[0].Flavors = append(s.Pools[0].Flavors, flavor("hxn", n))
		}
	}
}

// second adds a cloud where the same flavor costs a part of the price.
func second(part float64) func(*Situation) {
	return func(s *Situation) {
		f := flavor("grille", 16)
		f.Price *= part
		s.Clouds, s.Pools[0].Flavors = append(s.Clouds, cloud("grille")), append(s.Pools[0].Flavors, f)
	}
}

func deadline(after time.Duration) func(*Demand) {
	return func(d *Demand) { d.Deadline = noon.Add(after) }
}

func lease(left time.Duration) func(*VM, *Agent) {
	return func(v *VM, _ *Agent) { v.Lease = noon.Add(left) }
}

func busy(_ *VM, a *Agent) {
	a.Tasks, a.Idle, a.Used, a.Free = 1, time.Time{}, a.Free, spec.Resources{}
	a.Frees = []Freed{{noon.Add(time.Hour), a.Used}}
}

func unknown(v *VM, _ *Agent) { v.Unknown = true }
