package scheduler_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// gate lets process tasks go on: those that run its command wait until it is open.
type gate string

func newGate(tb testing.TB) gate { return gate(filepath.Join(tb.TempDir(), "gate")) }

// open opens the gate; it stays open.
func (g gate) open(tb testing.TB) {
	tb.Helper()
	if err := os.WriteFile(string(g), nil, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// waiting is a spec of n tasks that wait for the gate and then succeed.
func (g gate) waiting(n int) string {
	return fmt.Sprintf(`
name: waiting
defaults: {image: busybox, resources: {cpus: 1, mem: 32MiB}}
steps:
  task:
    array: %d
    run: until test -e %s; do sleep 0.01; done
`, n, g)
}
