// Package store knows too much.
package store

import (
	"github.com/lisa-dpc/spillway/cmd/spillway"
	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)
