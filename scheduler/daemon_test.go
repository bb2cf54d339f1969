package scheduler_test

import (
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/state"
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
