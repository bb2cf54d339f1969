// Package mesos knows too much.
package mesos

import (
	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)
