package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/queue"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Config is what an operator decides about scheduling.
type Config struct {
	// Limits are those of attempts and retries.
	Limits state.Config
	// Queue says when and for how many waiting tasks agents are kept free.
	Queue queue.Options
	// Weights are the projects' weights in the fair share; a project that is not named weighs 1.
	Weights map[string]float64
	// RefuseBusy is how long resources that fit nothing are refused while tasks wait, RefuseIdle while none do.
	RefuseBusy, RefuseIdle time.Duration
	// ReviveInterval is the least time between two REVIVE calls; it grows with the cluster (reviveDue).
	ReviveInterval time.Duration
	// ReconcileEvery is how long nothing may be heard of a running task before the master is asked about it.
	// Tasks that are about to start, and those on unreachable agents, are asked about more often.
	ReconcileEvery time.Duration
	// KeepRuns is how long after its end a run is kept; then it is deleted with its attempts. 0: for ever.
	KeepRuns time.Duration
	// Seed decides between placements of which none is better.
	Seed uint64
}

// DefaultConfig returns what is used unless an operator decides otherwise.
func DefaultConfig() Config {
	return Config{
		Limits:         state.DefaultConfig(),
		Queue:          queue.Options{ReserveAfter: 5 * time.Minute, MaxReservations: 10},
		RefuseBusy:     5 * time.Second,
		RefuseIdle:     time.Hour,
		ReviveInterval: 10 * time.Millisecond,
		ReconcileEvery: 10 * time.Minute,
	}
}
