package cloudburst

import (
	"context"
	"errors"
	"time"
)

// Scheduler is the scheduler whose queue overflows.
type Scheduler interface {
	// Demand tells what waits and what is there. It answers at once if its version is not the one that was seen, else when
	// that changes or wait is over.
	Demand(ctx context.Context, seen string, wait time.Duration) (*Demand, error)
	// Cordon keeps the scheduler from launching anything on an agent for so long.
	Cordon(ctx context.Context, agent, reason string, d time.Duration) error
	// Uncordon ends that.
	Uncordon(ctx context.Context, agent string) error
	// Report tells what the agent sees and does. ErrHeld: another one reports; this one must do nothing.
	Report(ctx context.Context, r *Report) error
}

// ErrHeld says that another agent works for the same scheduler. Whoever gets it must not act until it is over, which is half a
// minute after the other's last report.
var ErrHeld = errors.New("another cloudburst agent works for this scheduler")
