package planner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// counted is how many actions of each verb a plan has.
func counted(p Plan) map[Verb]int {
	n := map[Verb]int{}
	for _, a := range p.Actions {
		n[a.Verb]++
	}
	return n
}

func TestMakeCounts(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *Situation
		want map[Verb]int
	}{
		{"nothing is there and nothing waits", situation(), map[Verb]int{}},
		{"from zero", situation(waits(16, 1, time.Hour)), map[Verb]int{Boot: 1}},
		{"a hundred long tasks", situation(waits(100, 1, time.Hour)), map[Verb]int{Boot: 7}},
		{"too big for any flavor", situation(waits(3, 64, time.Hour)), map[Verb]int{}},
		{"room comes before a machine does", situation(waits(16, 1, time.Hour), local(16, time.Minute)), map[Verb]int{}},
		{"room comes long after", situation(waits(16, 1, time.Hour), local(16, time.Hour)), map[Verb]int{Boot: 1}},
		{"ordered already", situation(waits(32, 1, time.Hour), machine("a", vm.Requested), machine("b", vm.Active)), map[Verb]int{}},
		{"idle for long", situation(machine("a", vm.Serving)), map[Verb]int{Drain: 1}},
		{"wanted again", situation(waits(16, 1, time.Hour), machine("a", vm.Draining)), map[Verb]int{Resume: 1}},
		{"drained by an operator", situation(waits(16, 1, time.Hour), machine("a", vm.Draining), held), map[Verb]int{Boot: 1}},
		{"kept stopped", situation(waits(20, 1, time.Hour), keeps(2), machine("a", vm.Stopped)), map[Verb]int{Start: 1, Boot: 1}},
		{"kept beyond the number", situation(keeps(1), machine("a", vm.Stopped), machine("b", vm.Stopped)), map[Verb]int{Delete: 1}},
		{"ready ones", situation(ready(2), machine("a", vm.Serving)), map[Verb]int{Boot: 1}},
		{"ready one stopped", situation(ready(1), keeps(1), machine("a", vm.Stopped)), map[Verb]int{Start: 1}},
		{"more than ready", situation(ready(1), machine("a", vm.Serving), machine("b", vm.Serving)), map[Verb]int{Drain: 1}},
		{"failed", situation(machine("a", vm.Failed)), map[Verb]int{Delete: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Make(c.s)
			if diff := cmp.Diff(c.want, counted(p)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%+v", diff, p)
			}
			if len(p.Outlook) != len(c.s.Demand) {
				t.Errorf("%d outlooks of %d demands", len(p.Outlook), len(c.s.Demand))
			}
		})
	}
}
