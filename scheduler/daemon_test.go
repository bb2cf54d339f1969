package scheduler_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

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
	c.check(id, want{phase: state.RunSucceeded, tasks: 22})
}

// TestInterruptedAtStart ends the daemon before it has read its store: that is no failure.
func TestInterruptedAtStart(t *testing.T) {
	c := newCentre(t, defaultSetup())
	c.must(c.stop())
	ctx, cancel := context.WithCancel(t.Context())
	st, err := store.Open(ctx, c.file)
	c.must(err)
	defer st.Close()
	driver, err := mesos.New(mesos.Config{Masters: c.cluster.URL()})
	c.must(err)
	cancel()
	if err := scheduler.NewDaemon(c.setup.config, st, driver, slog.New(slog.DiscardHandler)).Run(ctx); err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
}
