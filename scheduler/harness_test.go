package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// testTimeout ends a test that hangs; nothing is measured by it.
const testTimeout = time.Minute

// setup is what a centre is made of.
type setup struct {
	cluster minimesos.Options
	config  scheduler.Config
	driver  mesos.Config
	// open opens the store; default: SQLite in a file.
	open func(ctx context.Context, file string) (store.Store, error)
}

// defaultSetup has three agents whose tasks finish at once.
func defaultSetup() setup {
	return setup{
		cluster: minimesos.Options{
			Runner: minimesos.Instant, AllocationInterval: 100 * time.Millisecond,
			Agents: []minimesos.AgentOptions{{}, {}, {}},
		},
		config: scheduler.DefaultConfig(),
	}
}

// faultSetup has agents that run processes, and a scheduler that waits for nothing long, except for what is
// unreachable.
func faultSetup(agents int) setup {
	s := defaultSetup()
	s.cluster.Runner = minimesos.Process
	s.cluster.Agents = make([]minimesos.AgentOptions, agents)
	s.cluster.AllocationInterval = 20 * time.Millisecond
	s.cluster.UpdateRetryInterval = 50 * time.Millisecond
	l := &s.config.Limits
	l.InfraBackoff, l.InfraMaxBackoff = time.Millisecond, 20*time.Millisecond
	l.UnreachableWait = time.Hour
	l.AvoidFor = 50 * time.Millisecond
	l.KillGrace, l.KillRetry = 500*time.Millisecond, 100*time.Millisecond
	s.config.RefuseBusy = 50 * time.Millisecond
	s.driver.BackoffMin, s.driver.BackoffMax = 10*time.Millisecond, 50*time.Millisecond
	return s
}

// centre is a scheduler with a real driver and a durable store on an embedded cluster.
type centre struct {
	tb      testing.TB
	setup   setup
	file    string
	cluster *minimesos.Cluster
	store   store.Store
	daemon  *scheduler.Daemon
	// stop ends the scheduler and returns what Run returned.
	stop    func() error
	changes chan *state.Changes
	runs    int
	// seen is every attempt that was committed, as it last was.
	seen map[state.AttemptID]state.AttemptRecord
	done map[state.RunID]state.RunRecord
	// framework is the id that was last committed.
	framework string
}

// newCentre starts a cluster and a scheduler, both for as long as the test.
func newCentre(tb testing.TB, s setup) *centre {
	tb.Helper()
	s.cluster.WorkDir = filepath.Join(tb.TempDir(), "mesos")
	s.cluster.Addr = freeAddress(tb)
	cluster, err := minimesos.Start(s.cluster)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			tb.Errorf("closing the cluster: %v", err)
		}
	})
	c := &centre{
		tb: tb, setup: s, file: filepath.Join(tb.TempDir(), "spillway.db"), cluster: cluster,
		seen: map[state.AttemptID]state.AttemptRecord{}, done: map[state.RunID]state.RunRecord{},
	}
	c.start()
	tb.Cleanup(func() {
		if err := c.stop(); err != nil {
			tb.Errorf("the scheduler ended: %v", err)
		}
	})
	return c
}

// start starts the scheduler on the centre's store.
func (c *centre) start() {
	c.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	open := c.setup.open
	if open == nil {
		open = func(ctx context.Context, file string) (store.Store, error) { return store.Open(ctx, file) }
	}
	st, err := open(ctx, c.file)
	if err != nil {
		c.tb.Fatal(err)
	}
	config := c.setup.driver
	config.Masters = c.cluster.URL()
	driver, err := mesos.New(config)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.store, c.changes = st, make(chan *state.Changes, 1<<16)
	c.daemon = scheduler.NewDaemon(c.setup.config, st, driver, slog.New(slog.NewTextHandler(c.log(), nil)))
	changes := c.changes
	c.daemon.Watch = func(ch *state.Changes) { changes <- ch }
	ended := make(chan error, 1)
	go func() { ended <- c.daemon.Run(ctx) }()
	c.stop = func() error {
		cancel()
		err := errors.Join(<-ended, st.Close())
		c.stop = func() error { return nil }
		return err
	}
}

// log is where the scheduler's log goes: into a test's output, which is shown if it fails.
func (c *centre) log() io.Writer {
	if t, isTest := c.tb.(*testing.T); isTest {
		return t.Output()
	}
	return io.Discard
}

// submit submits a spec and returns when it is durable.
func (c *centre) submit(text string, params map[string]string) state.RunID {
	c.tb.Helper()
	submitted, err := c.submitKey(text, params, "")
	if err != nil {
		c.tb.Fatal(err)
	}
	return submitted.Run.ID
}

// submitKey submits a spec with an idempotency key.
func (c *centre) submitKey(text string, params map[string]string, key string) (scheduler.Submitted, error) {
	c.tb.Helper()
	parsed, err := spec.Parse("test", []byte(text))
	if err != nil {
		c.tb.Fatal(err)
	}
	p, err := parsed.Bind(params)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.runs++
	return ask(c, func(done func(scheduler.Submitted, error)) scheduler.Input {
		return &scheduler.Submit{
			ID: state.RunID(fmt.Sprintf("run%06d", c.runs)), Spec: text, Params: params, Pipeline: p, Key: key, Done: done,
		}
	})
}

// cancel asks for a run's end.
func (c *centre) cancel(id state.RunID) (state.RunRecord, error) {
	c.tb.Helper()
	return ask(c, func(done func(state.RunRecord, error)) scheduler.Input { return &scheduler.Cancel{ID: id, Done: done} })
}

// mustCancel is cancel where nothing speaks against it.
func (c *centre) mustCancel(id state.RunID) {
	c.tb.Helper()
	_, err := c.cancel(id)
	c.must(err)
}

// retry asks for a finished run to be made active again.
func (c *centre) retry(id state.RunID) (state.RunRecord, error) {
	c.tb.Helper()
	return ask(c, func(done func(state.RunRecord, error)) scheduler.Input { return &scheduler.Retry{ID: id, Done: done} })
}

// ask gives a command to the daemon and waits for its answer.
func ask[T any](c *centre, command func(done func(T, error)) scheduler.Input) (T, error) {
	c.tb.Helper()
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	var none T
	if err := c.daemon.Do(c.tb.Context(), command(func(v T, err error) { answers <- answer{v, err} })); err != nil {
		return none, err
	}
	select {
	case a := <-answers:
		return a.value, a.err
	case <-c.daemon.Done():
		return none, scheduler.ErrStopped
	}
}

// until takes in what is committed until a condition holds.
func (c *centre) until(what string, holds func() bool) {
	c.tb.Helper()
	timeout := time.After(testTimeout)
	for !holds() {
		select {
		case ch := <-c.changes:
			c.take(ch)
		case <-timeout:
			c.tb.Fatalf("waited in vain: %s", what)
		}
	}
}

func (c *centre) take(ch *state.Changes) {
	for _, r := range ch.Runs {
		c.done[r.ID] = r
	}
	for _, a := range ch.Attempts {
		c.seen[a.ID] = a
	}
	if ch.FrameworkID != nil {
		c.framework = *ch.FrameworkID
	}
}

func (c *centre) ended(id state.RunID) func() bool {
	return func() bool { return c.done[id].Phase.Final() }
}

// running says whether n attempts of a run are running.
func (c *centre) running(id state.RunID, n int) func() bool { return c.runningAs(id, n, 0) }

// runningAs says whether the attempts of a number, n of them, are running.
func (c *centre) runningAs(id state.RunID, n, number int) func() bool {
	return func() bool {
		return n == c.count(id, func(a state.AttemptRecord) bool {
			return a.ID.Number == number && a.State == state.TaskRunning && a.Outcome == "" && a.Unreachable.IsZero()
		})
	}
}

// count is of how many attempts of a run something holds.
func (c *centre) count(id state.RunID, holds func(state.AttemptRecord) bool) int {
	n := 0
	for _, a := range c.seen {
		if a.ID.Run == id && holds(a) {
			n++
		}
	}
	return n
}

// wait waits until something holds of the cluster.
func (c *centre) wait(what string, holds func(minimesos.View) bool) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	if err := c.cluster.WaitFor(ctx, holds); err != nil {
		c.tb.Fatalf("waited in vain: %s: %v", what, err)
	}
}

// must ends the test if a fault could not be made.
func (c *centre) must(err error) {
	c.tb.Helper()
	if err != nil {
		c.tb.Fatal(err)
	}
}

// agentOf is the agent that an attempt was launched on, as the cluster's fault calls know it.
func (c *centre) agentOf(a state.AttemptID) string {
	c.tb.Helper()
	agent := c.seen[a].Agent
	if agent == "" {
		c.tb.Fatalf("attempt %s was not launched", a)
	}
	return agent
}

// first is the first attempt of a run's task 0 of the step "task", which the specs of most tests have.
func first(id state.RunID) state.AttemptID { return state.AttemptID{Run: id, Step: "task"} }

// freeAddress returns an address that may be listened on again and again: its port is one that no outgoing
// connection is given meanwhile.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.N(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	tb.Fatal("no port is free")
	return ""
}
