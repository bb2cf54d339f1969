package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Observer is told what the reactor does, for metrics. It is called on the reactor's goroutine, must not block, and keeps
// nothing of what it is given.
type Observer interface {
	// Heard is told of every event of the master's.
	Heard(e mesos.Event)
	// Asked is told of the calls that a batch makes.
	Asked(calls []mesos.Call)
	// Launched is told of every attempt that is launched how long its task waited for it.
	Launched(waited time.Duration)
	// Committed is told what a batch changed, once it is durable, and which time the batch took for now.
	Committed(at time.Time, c *state.Changes)
	// Matching and Committing are called when a round, or a commit, begins; what they return is called at its end, of a
	// commit only if it succeeds.
	Matching() (ended func())
	Committing() (ended func())
}

// unobserved is the Observer where there is none.
type unobserved struct{}

func (unobserved) Heard(mesos.Event)                   {}
func (unobserved) Asked([]mesos.Call)                  {}
func (unobserved) Launched(time.Duration)              {}
func (unobserved) Committed(time.Time, *state.Changes) {}
func (unobserved) Matching() func()                    { return func() {} }
func (unobserved) Committing() func()                  { return func() {} }
