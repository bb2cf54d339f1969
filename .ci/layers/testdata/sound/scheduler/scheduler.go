// Package scheduler is no pure room.
package scheduler

import (
	"context"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Loop reads the clock.
func Loop(ctx context.Context) { go time.Sleep(time.Since(time.Now())) }
