package scheduler

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
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
	// Seed decides between placements of which none is better, and makes the jitter of backoffs (Limits.Seed).
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

// limited returns the limits of attempts and retries, with the seed.
func (c *Config) limited() state.Config {
	limits := c.Limits
	limits.Seed = c.Seed
	return limits
}

// Validate finds what makes no sense. Fields are named as their flags are.
func (c *Config) Validate() error {
	l := &c.Limits
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, f := range []struct {
		name  string
		value time.Duration
		least time.Duration
	}{
		{"infra-backoff", l.InfraBackoff, time.Millisecond},
		{"infra-max-backoff", l.InfraMaxBackoff, l.InfraBackoff},
		{"avoid-for", l.AvoidFor, 0},
		{"unreachable-wait", l.UnreachableWait, time.Second},
		{"launch-timeout", l.LaunchTimeout, time.Second},
		{"kill-grace", l.KillGrace, 0},
		{"cancel-wait", l.CancelWait, 0},
		{"reserve-after", c.Queue.ReserveAfter, 0},
		{"refuse-busy", c.RefuseBusy, 0},
		{"reconcile-every", c.ReconcileEvery, time.Second},
		{"keep-runs", c.KeepRuns, 0},
	} {
		if f.value < f.least {
			bad("%s %s: it must be at least %s", f.name, f.value, f.least)
		}
	}
	if l.InfraLimit < 0 {
		bad("infra-limit %d: it must not be negative", l.InfraLimit)
	}
	if c.Queue.MaxReservations < 0 {
		bad("max-reservations %d: it must not be negative", c.Queue.MaxReservations)
	}
	for _, project := range slices.Sorted(maps.Keys(c.Weights)) {
		if w := c.Weights[project]; !(w > 0) || math.IsInf(w, 0) {
			bad("weight %s=%g: it must be a number over 0", project, w)
		}
	}
	return errors.Join(errs...)
}
