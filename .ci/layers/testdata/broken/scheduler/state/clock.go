// Package state reads the clock, sleeps, prints, and starts goroutines.
package state

import (
	"context"
	"fmt"
	. "math/rand/v2"
	clock "time"

	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"modernc.org/sqlite"
)

// Stamp calls what it must not.
func Stamp(ctx context.Context, due clock.Time) clock.Duration {
	now := clock.Now
	go clock.Sleep(clock.Second)
	fmt.Println(now(), IntN(3), yaml.Node{}, spec.Spec{}, mesos.Driver{}, sqlite.Driver{})
	return clock.Until(due)
}
