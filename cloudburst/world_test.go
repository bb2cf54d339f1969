package cloudburst

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// world is all that an agent talks to, on a clock that only tests move: clouds, a master, a scheduler with a queue of tasks
// that need one cpu each.
type world struct {
	t  *testing.T
	mu sync.Mutex
	// now is the time.
	now time.Time
	// rand decides what is left to chance.
	rand *rand.Rand

	clouds map[string]*fakeCloud
	agents map[string]*fakeAgent
	nextID int

	waiting int // tasks
	taskFor time.Duration
	queued  time.Time // since when they wait
	foreign int       // tasks of another framework that are launched whenever the agent is offered
	holder  string
	reports int
	last    *Report
	lastAt  time.Time
	events  []Event

	// beforeDeactivate happens right before an agent is deactivated.
	beforeDeactivate func(*fakeAgent)
	// uncollectable: logs cannot be collected. hideIdle: the scheduler wants no offers, so it hears of no agent that it does not
	// use.
	uncollectable, hideIdle bool

	// down says who does not answer: "scheduler", "master" or a cloud's name.
	down map[string]bool
	// generation is the agent process that lives. Calls of others have no effect.
	generation int
	// calls counts calls; crashAt kills the process that makes the so-many-th call, before or after it has had its effect.
	calls       int
	crashAt     int
	crashBefore bool
	log         []string

	ended  int // tasks that came to their end
	killed int // tasks that did not
	lost   int // logs that were not collected
}

type fakeAgent struct {
	master.Agent
	capacity  int
	tasks     []fakeTask
	idle      time.Time
	cordon    time.Time
	uncollect int
	away      bool // the master has lost contact with it
}

type fakeTask struct {
	ends    time.Time
	foreign bool
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, now: time.Date(2034, 10, 25, 12, 0, 0, 0, time.UTC), rand: rand.New(rand.NewPCG(1, 2)),
		clouds: map[string]*fakeCloud{}, agents: map[string]*fakeAgent{}, down: map[string]bool{}, taskFor: 5 * time.Minute,
	}
}

func (w *world) cloud(name string) *fakeCloud {
	c := &fakeCloud{
		w: w, name: name, servers: map[string]*openstack.Server{}, builds: 30 * time.Second, joins: 30 * time.Second, quota: -1,
		made: map[string]int{}, joined: map[string]bool{},
	}
	w.clouds[name] = c
	return c
}

const cores = 4 // of the only flavor

func testPool(clouds ...string) Pool {
	p := Pool{
		Pool: planner.Pool{
			Name: "batch", Afterwards: vm.Delete, Lease: 24 * time.Hour, Idle: time.Minute,
			Boot: planner.BootTime{Default: time.Minute}, Start: planner.BootTime{Default: 30 * time.Second},
		},
		Deadlines: vm.Deadlines{Requested: time.Minute, Building: 5 * time.Minute, Active: 5 * time.Minute, Leaving: 5 * time.Minute},
	}
	for _, c := range clouds {
		p.Flavors = append(p.Flavors, planner.Flavor{
			Cloud: c, Name: "m4", VCPUs: cores, MemMiB: 8192, Price: 0.1,
			Resources: spec.Resources{CPUs: cores * 1000, Mem: 7000, Disk: 10000, Ports: 100},
		})
	}
	return p
}

// agent starts an agent process in the world; the one before has died.
func (w *world) agent(pools ...Pool) *Agent {
	w.mu.Lock()
	w.generation++
	me := w.generation
	w.mu.Unlock()
	cfg := Config{
		Cluster: "lisa", Holder: "host", Pools: pools, Now: w.time, Random: zeroes{w}, WaitValue: 1,
		Scheduler: &fakeScheduler{w, me}, Master: &fakeMaster{w, me},
		Prepare: func(context.Context, Order) (openstack.Boot, error) { return openstack.Boot{}, nil },
	}
	for _, name := range slices.Sorted(maps.Keys(w.clouds)) {
		cfg.Clouds = append(cfg.Clouds, CloudConfig{Name: name, API: &cloudClient{w.clouds[name], me}})
	}
	a := New(cfg)
	return a
}

// zeroes are random bytes of the world's own.
type zeroes struct{ w *world }

func (z zeroes) Read(b []byte) (int, error) {
	z.w.mu.Lock()
	defer z.w.mu.Unlock()
	for i := range b {
		b[i] = byte(z.w.rand.IntN(256))
	}
	return len(b), nil
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// round lets an agent make one round and waits for what that has begun.
func (w *world) round(a *Agent) error {
	err := a.Round(w.t.Context(), w.time())
	a.Settle()
	return err
}

// pass lets time pass, with a round every five seconds.
func (w *world) pass(a *Agent, d time.Duration) {
	for until := w.time().Add(d); w.time().Before(until); {
		w.step(5 * time.Second)
		_ = w.round(a)
	}
}

var (
	errDead = errors.New("the process that asks is dead")
	errDown = errors.New("connection refused")
)

// call begins a call of a process, with w.mu held. The error is what the call is to fail with, without effect. after is to be
// called when it has had its effect, and may take the answer away.
func (w *world) call(me int, who, kind string) (after func() error, err error) {
	if me != w.generation {
		return nil, errDead
	}
	w.calls++
	w.log = append(w.log, who+" "+kind)
	dies := w.calls == w.crashAt
	if dies {
		w.generation++
	}
	if dies && w.crashBefore {
		return nil, errDead
	}
	if w.down[who] {
		return nil, errDown
	}
	return func() error {
		if dies {
			return errDead
		}
		return nil
	}, nil
}

type fakeScheduler struct {
	w  *world
	me int
}

func (s *fakeScheduler) Demand(_ context.Context, _ string, _ time.Duration) (*Demand, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	after, err := s.w.call(s.me, "scheduler", "demand")
	if err != nil {
		return nil, err
	}
	return s.w.demand(), after()
}

func (w *world) demand() *Demand {
	d := &Demand{Version: fmt.Sprint(w.waiting), At: w.now, Connected: !w.down["master"]}
	if w.waiting > 0 {
		d.Waiting = []Waiting{{
			Run: "r", Project: "p", Pipeline: "p", Step: "s", Tasks: w.waiting, Since: w.queued, Need: Resources{CPUs: 1, MemBytes: 100 << 20},
			Reason: "resources", Why: "no room", UsualSeconds: w.taskFor.Seconds(), Burst: Burst{Allow: true},
		}}
		if len(w.agents) == 0 {
			d.Waiting[0].Reason = "no_agents"
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.agents)) {
		if f := w.agents[id]; !w.hideIdle || f.own() > 0 {
			d.Agents = append(d.Agents, f.offering(w.now))
		}
	}
	return d
}

func (f *fakeAgent) offering(now time.Time) OfferingAgent {
	own := f.own()
	size := Resources{CPUs: float64(f.capacity), MemBytes: 7000 << 20, DiskBytes: 10000 << 20, Ports: 100}
	free := size
	free.CPUs, free.MemBytes = float64(f.capacity-len(f.tasks)), (7000-100*int64(len(f.tasks)))<<20
	o := OfferingAgent{
		ID: f.ID, Hostname: f.Hostname, Attributes: f.Attributes, Capacity: size, Free: free,
		Used: Resources{CPUs: float64(own), MemBytes: 100 << 20 * int64(own)}, Tasks: own, Uncollected: f.uncollect,
	}
	if own == 0 {
		idle := f.idle
		o.IdleSince = &idle
	}
	for _, t := range f.tasks {
		if !t.foreign {
			o.Frees = append(o.Frees, Frees{At: t.ends, Resources: Resources{CPUs: 1, MemBytes: 100 << 20}})
		}
	}
	if f.cordon.After(now) {
		o.Cordon = &Cordon{Reason: "drain", Until: f.cordon}
	}
	return o
}

func (f *fakeAgent) own() (n int) {
	for _, t := range f.tasks {
		if !t.foreign {
			n++
		}
	}
	return n
}

func (s *fakeScheduler) Cordon(_ context.Context, agent, _ string, d time.Duration) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	after, err := s.w.call(s.me, "scheduler", "cordon "+agent)
	if err != nil {
		return err
	}
	if f := s.w.agents[agent]; f != nil {
		f.cordon = s.w.now.Add(d)
	}
	return after()
}

func (s *fakeScheduler) Uncordon(_ context.Context, agent string) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	after, err := s.w.call(s.me, "scheduler", "uncordon "+agent)
	if err != nil {
		return err
	}
	if f := s.w.agents[agent]; f != nil {
		f.cordon = time.Time{}
	}
	return after()
}

func (s *fakeScheduler) Report(_ context.Context, r *Report) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	after, err := s.w.call(s.me, "scheduler", "report")
	if err != nil {
		return err
	}
	if s.w.holder != "" && s.w.holder != r.Holder {
		return ErrHeld
	}
	if l := s.w.last; l != nil && r.Began.Before(l.Began) && s.w.now.Sub(s.w.lastAt) < 30*time.Second {
		return ErrHeld
	}
	s.w.last, s.w.lastAt, s.w.reports = r, s.w.now, s.w.reports+1
	s.w.events = append(s.w.events, r.Events...)
	return after()
}

type fakeMaster struct {
	w  *world
	me int
}

func (m *fakeMaster) Agents(context.Context) ([]master.Agent, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	after, err := m.w.call(m.me, "master", "agents")
	if err != nil {
		return nil, err
	}
	var list []master.Agent
	for _, id := range slices.Sorted(maps.Keys(m.w.agents)) {
		if m.w.agents[id].away {
			continue
		}
		a := m.w.agents[id].Agent
		a.Busy = len(m.w.agents[id].tasks) > 0
		list = append(list, a)
	}
	return list, after()
}

func (m *fakeMaster) Tasks(_ context.Context, agent string) (int, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	after, err := m.w.call(m.me, "master", "tasks "+agent)
	if err != nil {
		return 0, err
	}
	n := 0
	if f := m.w.agents[agent]; f != nil {
		n = len(f.tasks)
		if f.Recovered {
			return 0, errors.Join(master.ErrAgentAway, after())
		}
	}
	return n, after()
}

// change does something with an agent.
func (m *fakeMaster) change(agent, kind string, do func(*fakeAgent)) error {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	after, err := m.w.call(m.me, "master", kind+" "+agent)
	if err != nil {
		return err
	}
	f := m.w.agents[agent]
	if f == nil {
		return errors.Join(master.ErrUnknownAgent, after())
	}
	do(f)
	return after()
}

func (m *fakeMaster) Deactivate(_ context.Context, agent string) error {
	return m.change(agent, "deactivate", func(f *fakeAgent) {
		if m.w.beforeDeactivate != nil {
			m.w.beforeDeactivate(f)
		}
		f.Deactivated = true
	})
}

func (m *fakeMaster) Reactivate(_ context.Context, agent string) error {
	return m.change(agent, "reactivate", func(f *fakeAgent) { f.Deactivated = false })
}

// Drain kills, as the real one does.
func (m *fakeMaster) Drain(_ context.Context, agent string) error {
	return m.change(agent, "drain", func(f *fakeAgent) {
		m.w.killed += len(f.tasks)
		m.w.lost += f.uncollect
		delete(m.w.agents, agent)
	})
}

// kill ends what runs on a server that is no more: that must never be a task, nor lose logs.
func (w *world) kill(s *openstack.Server) {
	for id, f := range w.agents {
		if f.Attributes[vm.KeyIntent] == s.Metadata[vm.KeyIntent] {
			w.killed += len(f.tasks)
			w.lost += f.uncollect
			delete(w.agents, id)
		}
	}
}

// step moves the clock: servers are built, agents register, tasks end and begin.
func (w *world) step(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	for _, name := range slices.Sorted(maps.Keys(w.clouds)) {
		c := w.clouds[name]
		for _, id := range slices.Sorted(maps.Keys(c.servers)) {
			c.step(c.servers[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.agents)) {
		w.stepAgent(w.agents[id])
	}
}

func (w *world) stepAgent(f *fakeAgent) {
	before := f.own()
	if !w.uncollectable {
		f.uncollect = 0 // collected since
	}
	f.tasks = slices.DeleteFunc(f.tasks, func(t fakeTask) bool {
		over := !t.ends.After(w.now)
		if over && !t.foreign {
			w.ended++
			f.uncollect++
		}
		return over
	})
	if before > 0 && f.own() == 0 {
		f.idle = w.now
	}
	if f.Deactivated {
		return
	}
	for w.foreign > 0 && len(f.tasks) < f.capacity {
		w.foreign--
		f.tasks = append(f.tasks, fakeTask{ends: w.now.Add(w.taskFor), foreign: true})
	}
	for w.waiting > 0 && len(f.tasks) < f.capacity && !f.cordon.After(w.now) {
		w.waiting--
		f.tasks = append(f.tasks, fakeTask{ends: w.now.Add(w.taskFor)})
	}
}

// submit queues tasks.
func (w *world) submit(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == 0 {
		w.queued = w.now
	}
	w.waiting += n
}

// servers counts a world's servers.
func (w *world) servers() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.clouds {
		n += len(c.servers)
	}
	return n
}
