package cloudburst

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// TestRandom lets tasks of two frameworks arrive, machines be drained and wanted again, calls fail, everybody be away for a
// while and the process die, 10,000 times at random. No drain ever ends a task or loses a log, no intent has two servers, a
// machine that is not ours stays, and in the end all tasks have run and nothing is left.
func TestRandom(t *testing.T) {
	steps := 10_000
	if testing.Short() {
		steps = 1_000
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runRandom(t, seed, steps/2) })
	}
}

func runRandom(t *testing.T, seed uint64, steps int) {
	w := newWorld(t)
	w.rand = rand.New(rand.NewPCG(seed, 7))
	a, b := w.cloud("a"), w.cloud("b")
	a.quota = 6
	bystander := &openstack.Server{ID: "bystander", Status: "ERROR", Metadata: map[string]string{"spillway_cluster": "another"}}
	a.servers["bystander"] = bystander
	p := testPool("a", "b")
	p.Deadlines.Building = 3 * time.Minute
	for _, c := range []*fakeCloud{a, b} {
		c.fault = w.randomFault
	}
	agent := w.agent(p)
	agent.decide = w.meddle
	submitted := 0
	for step := range steps {
		submitted += w.happen()
		w.step(5 * time.Second)
		if w.rand.IntN(300) == 0 {
			w.crashAt, w.crashBefore = w.calls+1+w.rand.IntN(30), w.rand.IntN(2) == 0
		}
		generation := w.generation
		_ = w.round(agent)
		if w.generation != generation {
			agent = w.agent(p)
			agent.decide = w.meddle
		}
		if w.killed != 0 || w.lost != 0 {
			t.Fatalf("step %d: %d tasks were killed, %d logs lost; the last calls: %s", step, w.killed, w.lost,
				strings.Join(w.log[max(0, len(w.log)-40):], "; "))
		}
	}
	a.fault, b.fault, w.down, w.uncollectable, agent.decide = nil, nil, map[string]bool{}, false, planner.Make
	w.pass(agent, 4*time.Hour)
	if w.killed != 0 || w.lost != 0 || w.ended != submitted || w.waiting != 0 {
		t.Errorf("%d of %d tasks ended, %d wait, %d killed, %d logs lost", w.ended, submitted, w.waiting, w.killed, w.lost)
	}
	if n := w.servers(); n != 1 || a.servers["bystander"] == nil {
		t.Errorf("%d servers are left, want only the one that is not ours: %s", n, w.fingerprint())
	}
	for _, c := range []*fakeCloud{a, b} {
		for intent, n := range c.made {
			if n > 1 {
				t.Errorf("%d servers were made of %s", n, intent)
			}
		}
	}
	t.Logf("%d tasks on %d and %d machines; %d processes, %d calls", submitted, len(a.made), len(b.made), w.generation, w.calls)
}

// happen lets something happen, and says how many tasks were submitted.
func (w *world) happen() (submitted int) {
	w.mu.Lock()
	w.taskFor = time.Duration(10+w.rand.IntN(600)) * time.Second
	w.uncollectable = w.rand.IntN(3) == 0 // for this step
	for _, who := range []string{"scheduler", "master", "a", "b"} {
		if w.down[who] {
			w.down[who] = w.rand.IntN(20) != 0
		} else {
			w.down[who] = w.rand.IntN(400) == 0
		}
	}
	for _, c := range w.clouds {
		switch w.rand.IntN(200) {
		case 0:
			c.stuck++
		case 1:
			c.noHost++
		}
	}
	if w.rand.IntN(40) == 0 {
		w.foreign += w.rand.IntN(4)
	}
	n := 0
	if w.rand.IntN(20) == 0 {
		n = 1 + w.rand.IntN(20)
	}
	w.mu.Unlock()
	if n > 0 {
		w.submit(n)
	}
	return n
}

func (w *world) randomFault(string) fault {
	switch w.rand.IntN(10) {
	case 0:
		return refused
	case 1, 2:
		return afterDone
	}
	return noFault
}

// meddle is the planner, and somebody who drains machines and wants them again for no reason.
func (w *world) meddle(s *planner.Situation) planner.Plan {
	p := planner.Make(s)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range s.VMs {
		action := planner.Action{VM: v.Intent, Reason: "somebody meddles", Then: vm.Delete}
		switch {
		case w.rand.IntN(30) != 0:
			continue
		case v.Stage == vm.Draining:
			action.Verb = planner.Resume
		case v.Stage == vm.Serving || v.Stage == vm.Joined:
			action.Verb = planner.Drain
		default:
			continue
		}
		p.Actions = append(p.Actions, action)
	}
	return p
}
