// Package sim has a cluster of its own.
package sim

import "github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
