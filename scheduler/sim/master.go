package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// master is a Mesos master. What its registry keeps outlives its restart.
type master struct {
	w  *world
	up bool

	// The registry. recovering are agents of before a restart that are not back; unreachable and gone have been
	// declared so; removed are frameworks that were torn down.
	recovering, unreachable, gone, removed map[string]bool

	entries []*entry // in the order in which they registered
	byID    map[string]*entry
	tasks   map[string]*masterTask
	// frameworks are those of the scheduler; greedy is somebody else's.
	frameworks map[string]*framework
	greedy     *roleState
	total      spec.Resources
	process    int // counts its restarts

	nextOffer, nextFramework int
	offered                  int // how many offers the last allocation has made
	soonAllocating           bool
}

// framework is what the master knows of the scheduler.
type framework struct {
	m      *master
	id     string
	number int           // order in which the master heard of them
	sub    *subscription // nil while it is disconnected
	roles  []*roleState
}

// entry is what the master knows of a registered agent.
type entry struct {
	agent     *agent
	id        string
	connected bool
	inactive  bool // it is drained or deactivated
	total     spec.Resources
	free      spec.Resources // neither used nor offered
	offers    []*offer
	tasks     []*masterTask
	filters   []filter
	// quiet is until when nobody wants what is free; zero if somebody may.
	quiet time.Duration
	// unavailableFrom is when a planned maintenance starts.
	unavailableFrom time.Time
	// launched is when something was last launched there.
	launched time.Duration
}

// masterTask is what the master knows of a task.
type masterTask struct {
	id        string
	framework *framework
	role      *roleState
	entry     *entry
	needs     spec.Resources
	// latest is what the agent last told, forwarded the state of the last update that was passed on.
	latest, forwarded state.TaskState
}

func newMaster(w *world) *master {
	m := &master{
		w: w, up: true,
		recovering: map[string]bool{}, unreachable: map[string]bool{}, gone: map[string]bool{}, removed: map[string]bool{},
		frameworks: map[string]*framework{},
	}
	m.forget()
	return m
}

// forget empties what the registry does not keep.
func (m *master) forget() {
	m.entries, m.byID, m.tasks = nil, map[string]*entry{}, map[string]*masterTask{}
	m.frameworks, m.total = map[string]*framework{}, spec.Resources{}
	m.greedy = nil
	if m.w.sc.Greedy {
		m.greedy = &roleState{name: "greedy"}
	}
}

// crash is the end of the master's process.
func (m *master) crash() {
	for _, f := range m.sortedFrameworks() {
		m.closeSub(f, errors.New("connection reset"))
	}
	for _, e := range m.entries {
		m.recovering[e.id] = true
		e.agent.unlink()
	}
	m.forget()
	m.up = false
	m.process++
}

// loseRegistry makes the master forget what its registry kept. Of tasks whose agents are not back it says then that it
// does not know them.
func (m *master) loseRegistry() {
	clear(m.recovering)
	clear(m.unreachable)
	clear(m.gone)
}

// restore starts the master again. Its agents come back one by one; until then it answers nothing about their
// tasks (recording 23).
func (m *master) restore() {
	m.up = true
	m.w.tracef("the master is back")
	for _, a := range m.w.agents {
		a.connect()
	}
	process := m.process
	m.w.after(m.w.sc.Timing.Reregister, func() {
		if process != m.process {
			return
		}
		for _, a := range m.w.agents {
			if m.recovering[a.id] {
				delete(m.recovering, a.id)
				m.unreachable[a.id] = true
				m.tell(mesos.AgentFailed{AgentID: a.id})
			}
		}
	})
}

func (m *master) sortedFrameworks() []*framework {
	all := make([]*framework, 0, len(m.frameworks))
	for _, f := range m.frameworks {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *framework) int { return cmp.Compare(a.number, b.number) })
	return all
}

// tell sends an event to the scheduler, if it is connected.
func (m *master) tell(e mesos.Event) {
	for _, f := range m.sortedFrameworks() {
		f.send(e)
	}
}

func (f *framework) send(e mesos.Event) {
	if f.sub != nil {
		f.sub.send(e)
	}
}

// subscribe takes in a subscription, under an id it has given, one it has never heard of, or a new one (recording 10).
func (m *master) subscribe(id string, process int) {
	m.nextFramework++
	if id == "" {
		id = fmt.Sprintf("f%d", m.nextFramework)
	}
	f := m.framework(id)
	if f.sub != nil {
		m.closeSub(f, errors.New("the framework has failed over"))
	}
	for _, r := range f.roles {
		r.suppressed, r.revived = false, r.revived+1
	}
	m.stir()
	f.sub = &subscription{w: m.w, process: process, framework: f, open: true, book: map[string]bool{}}
	f.send(mesos.Subscribed{FrameworkID: id, Master: "master"})
	m.allocateSoon()
	if m.w.chance(0.5) {
		m.w.after(m.w.network(), m.resendAll)
	}
}

// resendAll makes the agents send their unacknowledged updates again, as they do when a framework fails over.
func (m *master) resendAll() {
	for _, e := range m.entries {
		m.toAgent(e, (*agent).resend)
	}
}

// framework finds a framework, or takes in one.
func (m *master) framework(id string) *framework {
	f := m.frameworks[id]
	if f == nil {
		f = &framework{m: m, id: id, number: m.nextFramework}
		for _, role := range m.w.sc.Roles {
			f.roles = append(f.roles, &roleState{name: role, framework: f})
		}
		m.frameworks[id] = f
	}
	return f
}

// hangUp is the master noticing that a connection is broken.
func (m *master) hangUp(s *subscription) {
	if s.open && s.framework.sub == s {
		m.closeSub(s.framework, errors.New("connection lost"))
	}
}

// closeSub ends the subscription of a framework; its offers go back.
func (m *master) closeSub(f *framework, reason error) {
	s := f.sub
	if s == nil {
		return
	}
	f.sub, s.open = nil, false
	for _, e := range m.entries {
		for _, o := range slices.Clone(e.offers) {
			if o.role.framework == f {
				m.takeBack(o, 0)
			}
		}
	}
	s.end(reason)
}

// removeFramework tears the scheduler's framework down, and its tasks with it.
func (m *master) removeFramework(f *framework) {
	m.closeSub(f, errRemoved)
	m.removed[f.id] = true
	delete(m.frameworks, f.id)
	for _, e := range m.entries {
		for _, t := range slices.Clone(e.tasks) {
			if t.framework == f {
				m.removeTask(t)
			}
		}
		m.toAgent(e, func(a *agent) { a.shutdown(f.id) })
	}
}

// register takes in an agent that has started, or come back.
func (m *master) register(a *agent) {
	if m.gone[a.id] {
		a.end("the master has declared it gone")
		return
	}
	e, wasUnreachable := m.byID[a.id], m.unreachable[a.id]
	delete(m.recovering, a.id)
	delete(m.unreachable, a.id)
	if e == nil {
		e = &entry{agent: a, id: a.id, total: a.machine.Resources, free: minus(a.machine.Resources, a.foreign)}
		m.entries = append(m.entries, e)
		m.byID[a.id] = e
		m.total = plus(m.total, e.total)
	}
	m.w.tracef("agent %s registers", a.id)
	e.connected = true
	a.link()
	m.compare(e, wasUnreachable)
	a.resend()
	m.allocateSoon()
}

// compare brings together what master and agent know of the agent's tasks.
func (m *master) compare(e *entry, wasUnreachable bool) {
	for _, t := range slices.Clone(e.tasks) {
		if x := e.agent.executions[t.id]; x == nil && !t.latest.Terminal() {
			e.agent.report(t.id, t.framework.id, state.Status{
				State: state.TaskDropped, Reason: state.ReasonReconciliation, Source: state.SourceAgent,
				Message: "Reconciliation: task unknown to the agent",
			})
		}
	}
	for _, x := range e.agent.sorted() {
		switch {
		case m.removed[x.framework]:
			m.toAgent(e, func(a *agent) { a.shutdown(x.framework) })
		case m.tasks[x.id] == nil:
			t := m.addTask(e, m.framework(x.framework).role(x.role), x.id, x.launch.Resources)
			t.forwarded = x.reported
			if t.latest = x.state; t.latest.Terminal() {
				m.release(t)
			} else if wasUnreachable {
				t.framework.send(mesos.Update{Status: state.Status{
					TaskID: t.id, State: t.forwarded, Agent: e.id, Source: state.SourceMaster, Reason: state.ReasonAgentReregistered,
					Message: "Unreachable agent re-reregistered", Time: m.w.time(),
				}})
			}
		}
	}
}

// disconnected is the master noticing that an agent's connection is broken: its offers are rescinded, and if it does
// not come back it becomes unreachable (recording 22).
func (m *master) disconnected(e *entry) {
	if m.byID[e.id] != e || !e.connected {
		return
	}
	e.connected = false
	m.rescindAll(e)
	m.w.after(m.w.sc.Timing.Ping, func() {
		if m.byID[e.id] == e && !e.connected {
			m.loseAgent(e)
		}
	})
}

// loseAgent declares an agent unreachable (recording 18).
func (m *master) loseAgent(e *entry) {
	m.w.tracef("the master takes agent %s for unreachable", e.id)
	m.unreachable[e.id] = true
	m.removeAgent(e, state.Status{
		State: state.TaskUnreachable, Reason: state.ReasonAgentRemoved, Message: "health check timed out",
	})
}

// markGone declares an agent gone for good (recording 19).
func (m *master) markGone(e *entry) {
	m.gone[e.id] = true
	m.toAgent(e, func(a *agent) { a.end("an operator has marked it gone") })
	m.removeAgent(e, state.Status{
		State: state.TaskGoneByOperator, Reason: state.ReasonAgentRemovedByOperator, Message: "Agent has been marked gone",
	})
}

// removeAgent takes an agent out of the books, and tells of each of its tasks what has become of it.
func (m *master) removeAgent(e *entry, fate state.Status) {
	for _, t := range slices.Clone(e.tasks) {
		if !t.latest.Terminal() {
			st := fate
			st.TaskID, st.Agent, st.Source, st.Time = t.id, e.id, state.SourceMaster, m.w.time()
			t.framework.send(mesos.Update{Status: st})
		}
		m.removeTask(t)
	}
	m.rescindAll(e)
	m.entries = slices.DeleteFunc(m.entries, func(x *entry) bool { return x == e })
	delete(m.byID, e.id)
	m.total = minus(m.total, e.total)
	e.connected = false
	e.agent.unlink()
	m.tell(mesos.AgentFailed{AgentID: e.id})
}

// toAgent sends a message to a registered agent. With noise, the connection may break with the message on it.
func (m *master) toAgent(e *entry, do func(*agent)) {
	a := e.agent
	if !e.connected {
		return
	}
	if m.w.chance(m.w.sc.noise.loss) {
		m.w.fault("message to an agent lost", "a message to agent %s is lost, with the connection", e.id)
		a.unlink()
		m.disconnected(e)
		a.connect()
		return
	}
	session := a.session
	a.incoming = max(a.incoming, m.w.now+m.w.network())
	m.w.soon(a.incoming-m.w.now, func() {
		if a.session == session && !a.cut {
			do(a)
		}
	})
}

func plus(a, b spec.Resources) spec.Resources { return a.Plus(b, 1) }

func minus(a, b spec.Resources) spec.Resources { return a.Plus(b, -1) }

// within tells whether a is no more than b in anything.
func within(a, b spec.Resources) bool {
	return a.CPUs <= b.CPUs && a.Mem <= b.Mem && a.Disk <= b.Disk && a.GPUs <= b.GPUs && a.Ports <= b.Ports
}
