// Package state is pure: the time comes in as an argument.
package state

import (
	"fmt"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Wait says how long it is until a run is due.
func Wait(run spec.Spec, now, due time.Time) string {
	var node yaml.Node
	return fmt.Sprint(run, node, due.Sub(now))
}
