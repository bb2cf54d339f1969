package sim

import (
	"errors"
	"time"
)

// noise is what goes wrong by itself, with a probability each time that it can.
type noise struct {
	// duplicate and late are of status updates on their way to the scheduler, lateBy how late they can be.
	duplicate, late float64
	lateBy          Span
	// loss is of messages from the master to an agent.
	loss float64
	// crash ends the scheduler's process in the midst of a step, store makes the store refuse a commit; down is how
	// long until the process is started again.
	crash, store float64
	down         Span
	// rescind takes offers back just after they were made.
	rescind float64
}

// fate decides whether a step is the process' last, and where it ends.
func (n *noise) fate(w *world) *fate {
	switch {
	case w.chance(n.crash):
		f := &fate{down: w.draw(n.down)}
		switch w.rng.IntN(4) {
		case 0:
			f.beforeCommit = true
		case 1:
			f.calls = 0
		case 2:
			f.calls = -1
		default:
			f.calls = w.rng.IntN(6)
		}
		return f
	case w.chance(n.store):
		return &fate{refused: true, kept: w.chance(0.3), down: w.draw(n.down)}
	}
	return nil
}

// A fault is something that goes wrong at a time; it reports whether it could.
type fault struct {
	name string
	do   func(w *world) bool
}

// faults are all that can be arranged to go wrong.
var faults = []fault{
	{"scheduler killed", killScheduler},
	{"connection lost", loseConnection},
	{"connection lost", loseConnection},
	{"master restarts", restartMaster},
	{"agent restarts", restartAgent},
	{"partition", partition},
	{"partition", partition},
	{"machine lost", loseMachine},
	{"machine reboots", rebootMachine},
	{"agent drained", drainAgent},
	{"agent cordoned", cordonAgent},
	{"agent marked gone", markAgentGone},
	{"offers rescinded", rescindOffers},
	{"framework removed", removeFramework},
	{"maintenance", maintain},
	{"engine ill", makeIll},
	{"executor gone", loseExecutor},
	{"executor stuck", stickExecutor},
}

func killScheduler(w *world) bool {
	if w.daemon.reactor == nil {
		return false
	}
	w.fault("scheduler killed", "the scheduler is killed between two steps")
	w.daemon.end(w.draw(Span{100 * time.Millisecond, 2 * time.Minute}))
	return true
}

func loseConnection(w *world) bool {
	s := w.driver.sub
	if s == nil || !s.open {
		return false
	}
	s.deaf = w.chance(0.7)
	w.fault("connection lost", "the connection to the master breaks; deaf for a while: %v", s.deaf)
	delay := time.Duration(0)
	if s.deaf {
		delay = w.draw(Span{0, 20 * time.Second})
	}
	w.after(delay, func() {
		if s.open && s.framework.sub == s {
			w.master.closeSub(s.framework, errors.New("connection lost"))
		}
	})
	return true
}

func restartMaster(w *world) bool {
	if !w.master.up {
		return false
	}
	down := w.draw(Span{100 * time.Millisecond, time.Minute})
	w.fault("master restarts", "the master restarts; it is down for %s", down)
	w.master.crash()
	if w.chance(0.2) {
		w.fault("registry lost", "the master has lost its registry")
		w.master.loseRegistry()
	}
	// Some agents take long to come back, or never do.
	for _, a := range w.agents {
		if w.chance(0.2) {
			a.cut = true
			w.after(w.draw(Span{time.Minute, 15 * time.Minute}), a.heal)
		}
	}
	w.after(down, func() {
		if !w.master.up {
			w.master.restore()
		}
	})
	return true
}

// anAgent chooses an agent that is registered.
func anAgent(w *world) *agent {
	if e := pick(w.rng, w.master.entries); e != nil && e.connected && e.agent.up && !e.agent.cut {
		return e.agent
	}
	return nil
}

func restartAgent(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	down := w.draw(Span{500 * time.Millisecond, 3 * time.Minute})
	w.fault("agent restarts", "agent %s restarts; it is down for %s", a.id, down)
	a.stop()
	w.after(down, a.heal)
	return true
}

func partition(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	long := pick(w.rng, []time.Duration{10 * time.Second, 3 * time.Minute, 20 * time.Minute})
	d := w.draw(Span{time.Second, long})
	w.fault("partition", "agent %s is cut off for %s", a.id, d)
	a.cutOff()
	w.after(d, a.heal)
	return true
}

// replace puts a new machine where one was lost.
func replace(w *world, a *agent) {
	w.after(w.draw(Span{10 * time.Second, 4 * time.Minute}), func() { w.addAgent(a.machine) })
}

func loseMachine(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	w.fault("machine lost", "the machine of agent %s is lost", a.id)
	a.lose()
	replace(w, a)
	return true
}

func rebootMachine(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	down := w.draw(Span{20 * time.Second, 5 * time.Minute})
	w.fault("machine reboots", "the machine of agent %s reboots; it is back in %s", a.id, down)
	a.reboot()
	w.after(down, a.heal)
	return true
}

func drainAgent(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	e := w.master.byID[a.id]
	gone := w.chance(0.3)
	w.fault("agent drained", "agent %s is drained; to be marked gone: %v", a.id, gone)
	e.inactive = true
	w.master.rescindAll(e)
	w.master.toAgent(e, (*agent).drain)
	w.after(w.draw(Span{5 * time.Second, 3 * time.Minute}), func() {
		switch now := w.master.byID[a.id]; {
		case now == nil:
		case gone:
			w.master.markGone(now)
			replace(w, a)
		default:
			now.inactive = false
		}
	})
	return true
}

func markAgentGone(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	w.fault("agent marked gone", "agent %s is marked gone", a.id)
	w.master.markGone(w.master.byID[a.id])
	replace(w, a)
	return true
}

func rescindOffers(w *world) bool {
	any := false
	for _, e := range w.master.entries {
		if len(e.offers) > 0 && w.chance(0.7) {
			w.fault("offers rescinded", "the offers of agent %s are rescinded", e.id)
			w.master.rescindAll(e)
			any = true
		}
	}
	return any
}

func removeFramework(w *world) bool {
	all := w.master.sortedFrameworks()
	if len(all) == 0 || !w.chance(0.3) {
		return false
	}
	f := all[len(all)-1]
	w.fault("framework removed", "an operator removes framework %s", f.id)
	w.master.removeFramework(f)
	return true
}

func maintain(w *world) bool {
	a := anAgent(w)
	if a == nil {
		return false
	}
	ahead, long := w.draw(Span{0, 5 * time.Minute}), w.draw(Span{time.Minute, 6 * time.Minute})
	w.fault("maintenance", "agent %s goes into maintenance in %s for %s", a.id, ahead, long)
	w.master.planMaintenance(w.master.byID[a.id], w.time().Add(ahead))
	w.after(ahead, func() {
		if !a.dead && !w.calm {
			a.reboot()
		}
	})
	w.after(ahead+long, a.heal)
	return true
}

func makeIll(w *world) bool {
	a := anAgent(w)
	if a == nil || a.ill {
		return false
	}
	w.fault("engine ill", "the Docker engine of agent %s cannot start containers", a.id)
	a.ill = true
	w.after(w.draw(Span{5 * time.Second, 2 * time.Minute}), func() { a.ill = false })
	return true
}

// anExecution chooses a task that is at work.
func anExecution(w *world) *execution {
	var alive []*execution
	for _, a := range w.agents {
		for _, x := range a.sorted() {
			if x.alive && a.up {
				alive = append(alive, x)
			}
		}
	}
	return pick(w.rng, alive)
}

func stickExecutor(w *world) bool {
	x := anExecution(w)
	if x == nil {
		return false
	}
	d := w.draw(Span{10 * time.Second, 20 * time.Minute})
	w.fault("executor stuck", "the executor of %s neither ends nor can be killed for %s", x.id, d)
	x.stuck = true
	w.after(d, func() {
		if x.alive && x.stuck {
			x.vanish()
		}
	})
	return true
}

func loseExecutor(w *world) bool {
	x := anExecution(w)
	if x == nil {
		return false
	}
	w.fault("executor gone", "the executor of %s ends", x.id)
	x.vanish()
	return true
}
