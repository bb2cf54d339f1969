package scheduler

import (
	"maps"
	"slices"

	"github.com/lisa-dpc/spillway/scheduler/queue"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// State returns the state, to be read only, between two batches and on the reactor's goroutine.
func (r *Reactor) State() *state.State { return r.state }

// Reservations returns which agents are kept free for which waiting tasks, as of the last match, at most one for
// each agent.
func (r *Reactor) Reservations() []queue.Reservation {
	var all []queue.Reservation
	seen := map[string]bool{}
	for _, role := range slices.Sorted(maps.Keys(r.reservations)) {
		for _, res := range r.reservations[role] {
			if !seen[res.AgentID] {
				seen[res.AgentID] = true
				all = append(all, res)
			}
		}
	}
	return all
}

// OffersHeld returns how many offers are neither accepted nor declined.
func (r *Reactor) OffersHeld() int { return r.agents.held }

// Connected reports whether the scheduler is subscribed to the master.
func (r *Reactor) Connected() bool { return r.asking.connected }

// Suppressed tells whether the master has been told that no offers are wanted, or cannot be told otherwise.
func (r *Reactor) Suppressed() bool { return r.asking.suppressed }
