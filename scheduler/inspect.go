package scheduler

import (
	"github.com/lisa-dpc/spillway/scheduler/queue"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// State returns the state, to be read only, between two batches and on the reactor's goroutine.
func (r *Reactor) State() *state.State { return r.state }

// Reservations returns which agents are kept free for which waiting tasks, as of the last match.
func (r *Reactor) Reservations() []queue.Reservation { return r.reservations }

// OffersHeld returns how many offers are neither accepted nor declined.
func (r *Reactor) OffersHeld() int { return r.agents.held }
