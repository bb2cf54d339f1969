package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// agent is a machine with a Mesos agent on it.
type agent struct {
	w       *world
	id      string
	number  int // in world.agents
	machine Machine
	// up: the agent process runs; dead: it never will again; cut: nothing gets through to the master or back; ill:
	// its Docker engine cannot start containers.
	up, dead, cut, ill bool
	// session counts the connections to a master: messages of an earlier one are void. linked: there is one.
	session    int
	linked     bool
	connecting bool
	// incoming and outgoing are when the last message arrives, in either direction.
	incoming, outgoing time.Duration
	executions         map[string]*execution
	// foreign is what the greedy framework has there, returned when it last gave something back.
	foreign  spec.Resources
	returned time.Duration
}

// addAgent puts a machine into the cluster. A machine that was there before comes back with another agent id.
func (w *world) addAgent(m Machine) *agent {
	a := &agent{w: w, id: m.Name, number: len(w.agents), machine: m, up: true, executions: map[string]*execution{}}
	w.incarnations[m.Name]++
	if n := w.incarnations[m.Name]; n > 1 {
		a.id = fmt.Sprintf("%s-%d", m.Name, n)
	}
	w.agents = append(w.agents, a)
	a.connect()
	return a
}

// sorted returns the executions by id.
func (a *agent) sorted() []*execution {
	all := make([]*execution, 0, len(a.executions))
	for _, x := range a.executions {
		all = append(all, x)
	}
	slices.SortFunc(all, func(x, y *execution) int { return strings.Compare(x.id, y.id) })
	return all
}

// connect registers with the master, if and when that is possible.
func (a *agent) connect() {
	if a.connecting {
		return
	}
	a.connecting = true
	a.w.after(a.w.draw(a.w.sc.Timing.Connect), func() {
		a.connecting = false
		if a.up && !a.dead && !a.cut && !a.linked && a.w.master.up {
			a.w.master.register(a)
		}
	})
}

func (a *agent) link() {
	a.session++
	a.linked = true
}

// unlink ends the connection; messages on their way are lost.
func (a *agent) unlink() {
	a.session++
	a.linked = false
}

// toMaster sends a message, which is lost if there is no connection.
func (a *agent) toMaster(do func(e *entry)) {
	if !a.linked || a.cut {
		return
	}
	session := a.session
	a.outgoing = max(a.outgoing, a.w.now+a.w.network())
	a.w.soon(a.outgoing-a.w.now, func() {
		if e := a.w.master.byID[a.id]; a.session == session && !a.cut && e != nil {
			do(e)
		}
	})
}

// cutOff begins a partition: the master notices by its pings.
func (a *agent) cutOff() {
	a.cut = true
	e, session := a.w.master.byID[a.id], a.session
	a.w.after(a.w.sc.Timing.Ping, func() {
		if a.cut && a.session == session && e != nil && a.w.master.byID[a.id] == e {
			a.w.master.loseAgent(e)
		}
	})
}

// stop ends the agent process; its executors go on.
func (a *agent) stop() {
	a.up = false
	a.unlink()
	if e := a.w.master.byID[a.id]; e != nil {
		a.w.master.disconnected(e)
	}
}

// reboot ends all that runs on the machine; the agent process comes up again later and finds out.
func (a *agent) reboot() {
	a.stop()
	for _, x := range a.sorted() {
		if x.alive {
			x.die(endedInfra)
			x.update(state.Status{
				State: state.TaskFailed, Reason: state.ReasonExecutorTerminated, Source: state.SourceAgent, Message: "Executor terminated",
			})
		}
	}
}

// lose ends the machine for good.
func (a *agent) lose() {
	a.stop()
	a.end("the machine is lost")
}

// end is the end of the agent and of all that runs there.
func (a *agent) end(why string) {
	a.w.tracef("agent %s ends: %s", a.id, why)
	a.up, a.dead = false, true
	a.unlink()
	for _, x := range a.sorted() {
		x.die(endedInfra)
	}
	clear(a.executions)
}

// heal ends what is wrong with the agent, except death.
func (a *agent) heal() {
	a.ill = false
	if a.dead {
		return
	}
	for _, x := range a.sorted() {
		if x.alive && x.stuck {
			x.vanish()
		}
	}
	if e := a.w.master.byID[a.id]; e != nil {
		e.inactive, e.unavailableFrom = false, time.Time{}
		if a.cut {
			a.w.master.disconnected(e)
		}
	}
	a.up = true
	if a.cut {
		a.cut = false
		a.unlink()
	}
	if !a.linked {
		a.connect()
	}
}

// drain ends the agent's tasks and accepts no more (recording 13).
func (a *agent) drain() {
	for _, x := range a.sorted() {
		if x.alive {
			x.kill(2*time.Second, state.ReasonAgentDraining, endedInfra)
		}
	}
}

// launch starts a task.
func (a *agent) launch(framework, role string, l *mesos.Launch) {
	x := &execution{
		agent: a, id: l.ID.String(), framework: framework, role: role, launch: l, begun: a.w.now,
		alive: true, state: state.TaskStaging, reported: state.TaskStaging,
	}
	x.behaviour = Behaviour{Start: time.Second, Run: time.Minute}
	if a.w.sc.Behave != nil {
		x.behaviour = a.w.sc.Behave(l, a.w.failures[taskOf(l.ID)])
	}
	a.executions[x.id] = x
	if a.w.audit != nil {
		a.w.audit.started(x)
	}
	x.start()
}

// kill ends a task, or tells that there is none.
func (a *agent) kill(framework, task string, grace time.Duration) {
	x := a.executions[task]
	if x == nil {
		a.report(task, framework, state.Status{
			State: state.TaskDropped, Reason: state.ReasonExecutorTerminated, Source: state.SourceAgent,
			Message: "Cannot find executor",
		})
		return
	}
	x.kill(grace, "", endedKilled)
}

// report makes an update of a task that the agent does not have.
func (a *agent) report(task, framework string, st state.Status) {
	x := &execution{agent: a, id: task, framework: framework, role: a.w.sc.Roles[0], launch: &mesos.Launch{}}
	a.executions[task] = x
	x.update(st)
}

// shutdown ends all tasks of a framework without a word.
func (a *agent) shutdown(framework string) {
	for _, x := range a.sorted() {
		if x.framework == framework {
			x.die(endedKilled)
			delete(a.executions, x.id)
		}
	}
}

// resend sends the first unacknowledged update of each task again.
func (a *agent) resend() {
	for _, x := range a.sorted() {
		x.send()
	}
}

// acknowledged takes the first update of a task off its list, and sends the next.
func (a *agent) acknowledged(task string, uuid []byte) {
	x := a.executions[task]
	if x == nil || !x.heads(uuid) {
		return
	}
	done := x.updates[0].State.Terminal()
	x.updates, x.tries = x.updates[1:], 0
	if done {
		delete(a.executions, task)
		return
	}
	x.send()
}
