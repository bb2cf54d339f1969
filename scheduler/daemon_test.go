package scheduler_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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

// centre is a scheduler with a real driver and a durable store on an embedded cluster.
type centre struct {
	tb      testing.TB
	cluster *minimesos.Cluster
	store   store.Store
	daemon  *scheduler.Daemon
	stop    func() error
	changes chan *state.Changes
	runs    int
	// seen is every attempt that was committed, as it last was.
	seen map[state.AttemptID]state.AttemptRecord
	done map[state.RunID]state.RunRecord
}

type setup struct {
	cluster minimesos.Options
	config  scheduler.Config
	driver  mesos.Config
}

func defaultSetup() setup {
	return setup{
		cluster: minimesos.Options{
			Runner: minimesos.Instant, AllocationInterval: 100 * time.Millisecond,
			Agents: []minimesos.AgentOptions{{}, {}, {}},
		},
		config: scheduler.DefaultConfig(),
	}
}

func newCentre(tb testing.TB, s setup) *centre {
	tb.Helper()
	s.cluster.WorkDir = filepath.Join(tb.TempDir(), "mesos")
	cluster, err := minimesos.Start(s.cluster)
	if err != nil {
		tb.Fatal(err)
	}
	c := &centre{
		tb: tb, cluster: cluster, changes: make(chan *state.Changes, 1<<16),
		seen: map[state.AttemptID]state.AttemptRecord{}, done: map[state.RunID]state.RunRecord{},
	}
	tb.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			tb.Errorf("closing the cluster: %v", err)
		}
	})
	c.start(s, filepath.Join(tb.TempDir(), "spillway.db"))
	tb.Cleanup(func() {
		if err := c.stop(); err != nil {
			tb.Errorf("the scheduler ended: %v", err)
		}
	})
	return c
}

func (c *centre) start(s setup, file string) {
	c.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	st, err := store.Open(ctx, file)
	if err != nil {
		c.tb.Fatal(err)
	}
	s.driver.Masters = c.cluster.URL()
	driver, err := mesos.New(s.driver)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.store = st
	c.daemon = scheduler.NewDaemon(s.config, st, driver, slog.New(slog.NewTextHandler(io.Discard, nil)))
	c.daemon.Watch = func(ch *state.Changes) { c.changes <- ch }
	ended := make(chan error, 1)
	go func() { ended <- c.daemon.Run(ctx) }()
	c.stop = func() error {
		cancel()
		err := <-ended
		return errorsJoin(err, st.Close())
	}
}

func errorsJoin(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// submit submits a spec and returns when it is durable.
func (c *centre) submit(text string, params map[string]string) state.RunID {
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
	id := state.RunID(fmt.Sprintf("run%06d", c.runs))
	answer := make(chan error, 1)
	err = c.daemon.Do(c.tb.Context(), &scheduler.Submit{
		ID: id, Spec: text, Params: params, Pipeline: p,
		Done: func(_ scheduler.Submitted, err error) { answer <- err },
	})
	if err != nil {
		c.tb.Fatal(err)
	}
	if err := <-answer; err != nil {
		c.tb.Fatal(err)
	}
	return id
}

// until takes in what is committed until a condition holds.
func (c *centre) until(what string, holds func() bool) {
	c.tb.Helper()
	timeout := time.After(testTimeout)
	for !holds() {
		select {
		case ch := <-c.changes:
			for _, r := range ch.Runs {
				c.done[r.ID] = r
			}
			for _, a := range ch.Attempts {
				c.seen[a.ID] = a
			}
		case <-timeout:
			c.tb.Fatalf("waited in vain: %s", what)
		}
	}
}

func (c *centre) ended(id state.RunID) func() bool {
	return func() bool { return c.done[id].Phase.Final() }
}

func TestRunToItsEnd(t *testing.T) {
	c := newCentre(t, defaultSetup())
	id := c.submit(`
name: small
defaults: {image: busybox, resources: {cpus: 0.5, mem: 64MiB}}
steps:
  first: {run: work}
  many: {run: work, needs: [first], array: 20}
  last: {run: work, needs: [many]}
`, nil)
	c.until("the run ends", c.ended(id))
	if got := c.done[id].Phase; got != state.RunSucceeded {
		t.Errorf("the run %s", got)
	}
	if len(c.seen) != 22 {
		t.Errorf("%d attempts, want 22", len(c.seen))
	}
}
