package cloudburst

import (
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// serving is a world with a machine on which a task runs, or has run.
func serving(t *testing.T, change func(*Pool)) (*world, *Agent, *fakeCloud) {
	w := newWorld(t)
	c := w.cloud("a")
	p := testPool("a")
	if change != nil {
		change(&p)
	}
	a := w.agent(p)
	w.submit(cores)
	w.pass(a, 80*time.Second)
	if n := len(w.agents); n != 1 {
		t.Fatalf("%d agents, want 1", n)
	}
	return w, a, c
}

// drainNow is a plan of somebody who wants all machines away.
func drainNow(s *planner.Situation) planner.Plan {
	p := planner.Plan{Outlook: make([]planner.Outlook, len(s.Demand))}
	for _, v := range s.VMs {
		if v.Stage == vm.Joined || v.Stage == vm.Serving {
			p.Actions = append(p.Actions, planner.Action{Verb: planner.Drain, VM: v.Intent, Reason: "an operator wants it"})
		}
	}
	return p
}

// indexOf is when a call was first made whose name begins so; -1: never.
func (w *world) indexOf(prefix string) int {
	for i, line := range w.log {
		if strings.HasPrefix(line, prefix) {
			return i
		}
	}
	return -1
}

// TestDrainOrder: a drain waits for tasks, its steps come in their order, and the kill comes last, when there is nothing to kill.
func TestDrainOrder(t *testing.T) {
	w, a, _ := serving(t, nil)
	a.decide = drainNow
	w.pass(a, 10*time.Minute)
	at := -1
	for _, step := range []string{"a tag", "scheduler cordon", "master tasks", "master deactivate", "master drain", "a delete"} {
		i := w.indexOf(step)
		if step == "a tag" {
			continue // it was tagged as joined before
		}
		if i <= at {
			t.Errorf("%s is call %d, the step before it was %d", step, i, at)
		}
		at = i
	}
	if w.killed != 0 || w.lost != 0 || w.ended != cores || w.servers() != 0 {
		t.Errorf("%d tasks ended, %d killed, %d logs lost, %d servers left", w.ended, w.killed, w.lost, w.servers())
	}
}

// TestDrainForeign: the tasks of other frameworks are waited for as well.
func TestDrainForeign(t *testing.T) {
	w, a, _ := serving(t, nil)
	for _, f := range w.agents {
		f.tasks = append(f.tasks[:1], fakeTask{ends: w.now.Add(time.Hour), foreign: true})
	}
	a.decide = drainNow
	w.pass(a, 59*time.Minute)
	if w.servers() != 1 || w.indexOf("master drain") >= 0 {
		t.Fatalf("the machine is gone, or drained, while another framework has a task there")
	}
	w.pass(a, 2*time.Minute)
	if w.servers() != 0 || w.killed != 0 {
		t.Errorf("%d servers are left, %d tasks were killed", w.servers(), w.killed)
	}
}

// TestDrainSlipIn: a task that comes between the check and the deactivation is waited for; nothing new comes meanwhile.
func TestDrainSlipIn(t *testing.T) {
	w, a, _ := serving(t, nil)
	a.decide = drainNow
	w.beforeDeactivate = func(f *fakeAgent) {
		f.tasks = append(f.tasks, fakeTask{ends: w.now.Add(10 * time.Minute), foreign: true})
		w.beforeDeactivate = nil
	}
	w.pass(a, 7*time.Minute)
	if w.indexOf("master deactivate") < 0 || w.indexOf("master drain") >= 0 {
		t.Fatal("the agent is not deactivated, or is drained, while a task runs there")
	}
	w.pass(a, 10*time.Minute)
	if w.servers() != 0 || w.killed != 0 {
		t.Errorf("%d servers are left, %d tasks were killed", w.servers(), w.killed)
	}
}

// TestDrainLogs: a machine stays until the logs of its tasks are collected, but not for ever.
func TestDrainLogs(t *testing.T) {
	w, a, _ := serving(t, func(p *Pool) { p.LogWait = 10 * time.Minute })
	a.decide = drainNow
	w.uncollectable = true
	w.pass(a, 14*time.Minute)
	if w.servers() != 1 {
		t.Fatal("the machine is gone before its logs are collected")
	}
	if r := w.last.VMs[0]; r.Stage != "draining" || !strings.Contains(r.Reason, "logs of 4 tasks") {
		t.Errorf("reported: %+v", r)
	}
	w.pass(a, 2*time.Minute)
	if w.servers() != 0 || w.killed != 0 {
		t.Errorf("%d servers are left, %d tasks were killed", w.servers(), w.killed)
	}
}

// TestDrainLimit: a limit to the wait ends tasks, and only that does.
func TestDrainLimit(t *testing.T) {
	w, a, _ := serving(t, func(p *Pool) { p.DrainLimit = 3 * time.Minute })
	a.decide = drainNow
	for _, f := range w.agents {
		for i := range f.tasks {
			f.tasks[i].ends = w.now.Add(time.Hour)
		}
	}
	w.pass(a, 3*time.Minute)
	if w.killed != 0 {
		t.Fatalf("%d tasks were killed before the limit", w.killed)
	}
	w.pass(a, 20*time.Second)
	if w.killed != cores || w.servers() != 0 || !w.told(EventKill, "3m0s") {
		t.Errorf("%d tasks were killed, want %d; %d servers are left; events %v", w.killed, cores, w.servers(), w.events)
	}
}

// TestResume: a machine that drains and is wanted again is used again, also if its agent is deactivated already.
func TestResume(t *testing.T) {
	w, a, _ := serving(t, nil)
	for _, f := range w.agents {
		f.tasks = append(f.tasks[:0], fakeTask{ends: w.now.Add(30 * time.Minute), foreign: true})
	}
	a.decide = drainNow
	w.pass(a, time.Minute)
	for _, f := range w.agents {
		f.Deactivated = true
	}
	a.decide = func(s *planner.Situation) planner.Plan {
		p := planner.Plan{Outlook: make([]planner.Outlook, len(s.Demand))}
		for _, v := range s.VMs {
			if v.Stage == vm.Draining {
				p.Actions = append(p.Actions, planner.Action{Verb: planner.Resume, VM: v.Intent, Reason: "tasks wait"})
			}
		}
		return p
	}
	w.submit(2)
	w.pass(a, time.Minute)
	for _, f := range w.agents {
		if f.Deactivated || f.cordon.After(w.now) || f.own() != 2 {
			t.Errorf("after the drain was taken back: deactivated %v, cordon until %v, %d tasks", f.Deactivated, f.cordon, f.own())
		}
	}
	if r := w.last.VMs[0]; r.Stage != string(vm.Serving) {
		t.Errorf("reported: %+v", r)
	}
}

// TestKeep: a pool that keeps machines stops or shelves them, starts them for the next peak before it makes new ones, and learns
// how long that takes.
func TestKeep(t *testing.T) {
	for _, how := range []vm.Afterwards{vm.Stop, vm.Shelve} {
		w, a, c := serving(t, func(p *Pool) { p.Afterwards, p.Stopped = how, 1 })
		w.pass(a, 20*time.Minute)
		if len(c.servers) != 1 || len(w.agents) != 0 || w.last.VMs[0].Stage != string(vm.Stopped) {
			t.Fatalf("%s: %d servers, %d agents, reported %+v", how, len(c.servers), len(w.agents), w.last.VMs)
		}
		w.submit(cores)
		w.pass(a, 90*time.Second)
		if len(c.made) != 1 || len(w.agents) != 1 {
			t.Fatalf("%s: %d machines were made, %d agents; want 1 and 1", how, len(c.made), len(w.agents))
		}
		took := a.learnt.pool(&a.cfg.Pools[0].Pool).Start.ByFlavor["a/m4"]
		if took <= 0 || took > time.Minute {
			t.Errorf("%s: it was learnt that a start takes %v", how, took)
		}
		w.pass(a, 20*time.Minute)
		if w.ended != 2*cores || w.killed != 0 || w.last.VMs[0].Stage != string(vm.Stopped) {
			t.Errorf("%s: %d tasks ended, %d killed; reported %+v", how, w.ended, w.killed, w.last.VMs)
		}
	}
}

// TestLease: a machine whose lease is over goes, softly.
func TestLease(t *testing.T) {
	w, a, c := serving(t, func(p *Pool) { p.Lease = 30 * time.Minute })
	w.taskFor = 20 * time.Minute
	for range 20 {
		w.submit(1)
		w.pass(a, 5*time.Minute)
	}
	w.pass(a, time.Hour)
	if len(c.made) < 2 || w.killed != 0 || w.servers() != 0 {
		t.Errorf("%d machines were made, %d tasks killed, %d servers left", len(c.made), w.killed, w.servers())
	}
}

// TestJoinedForNothing: a machine that joins when nothing waits any more, so that the scheduler never hears of its agent, goes.
func TestJoinedForNothing(t *testing.T) {
	w := newWorld(t)
	w.cloud("a")
	a := w.agent(testPool("a"))
	w.hideIdle = true
	w.submit(1)
	w.pass(a, 5*time.Second)
	w.waiting = 0
	w.pass(a, 10*time.Minute)
	if w.servers() != 0 {
		t.Errorf("%d servers are left", w.servers())
	}
}

// TestAgentAway: a machine whose agent the master has lost contact with is not taken away while tasks may run there, whatever was
// to become of it, and is when they have been given up.
func TestAgentAway(t *testing.T) {
	for _, drain := range []bool{false, true} {
		w, a, c := serving(t, nil)
		w.taskFor = time.Hour
		agent := func() *fakeAgent {
			for _, f := range w.agents {
				return f
			}
			return &fakeAgent{}
		}
		for i := range agent().tasks {
			agent().tasks[i].ends = w.now.Add(time.Hour)
		}
		if drain {
			a.decide = drainNow
		}
		w.pass(a, time.Minute)
		agent().away = true
		w.pass(a, 4*time.Minute)
		agent().away = false
		w.pass(a, time.Minute)
		if w.killed != 0 || len(c.servers) != 1 {
			t.Fatalf("drained: %v: %d tasks were killed, %d servers are left, while an agent was away for a while", drain, w.killed, len(c.servers))
		}
		agent().away = true
		w.pass(a, 8*time.Minute)
		if len(c.made) == 1 && len(c.servers) != 0 {
			t.Errorf("drained: %v: a machine whose agent does not come back is there still", drain)
		}
	}
}

// TestMasterFailover: a master that leads only since a moment ago and waits for its agents is not taken for one of a cluster without
// tasks.
func TestMasterFailover(t *testing.T) {
	w, a, c := serving(t, nil)
	a.decide = drainNow
	w.pass(a, time.Minute)
	for _, f := range w.agents {
		f.Recovered = true
		f.tasks = append(f.tasks, fakeTask{ends: w.now.Add(8 * time.Minute), foreign: true})
	}
	w.pass(a, 6*time.Minute)
	if len(c.servers) != 1 || w.killed != 0 || w.indexOf("master drain") >= 0 {
		t.Fatalf("%d servers, %d tasks killed while the master does not know", len(c.servers), w.killed)
	}
	for _, f := range w.agents {
		f.Recovered = false
	}
	w.pass(a, 10*time.Minute)
	if len(c.servers) != 0 || w.killed != 0 {
		t.Errorf("%d servers, %d tasks killed when it knows again", len(c.servers), w.killed)
	}
}

// TestRenamedCloud: a cloud that has another name in the configuration than when its machines were made has them all the same.
func TestRenamedCloud(t *testing.T) {
	w, _, c := serving(t, nil)
	c.name = "b"
	w.clouds = map[string]*fakeCloud{"b": c}
	a := w.agent(testPool("b"))
	w.pass(a, time.Hour)
	if w.servers() != 0 || w.killed != 0 || w.ended != cores {
		t.Errorf("%d servers are left, %d tasks ended, %d killed", w.servers(), w.ended, w.killed)
	}
}
