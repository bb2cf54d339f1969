package queue

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Entry is a number of equal tasks that wait, such as what is left of an array.
type Entry struct {
	// ID is chosen by the caller: unique among the entries of a round, and the same from round to round.
	ID      int
	Project string
	// Priority orders within the project, from 0 to 100, higher first.
	Priority int
	// Sequence is the order of submission, lower first.
	Sequence int64
	// Since is when the entry last got on: when it began to wait, or when a task of it was last launched. An array
	// whose tasks start now and then does not starve, however long its last task waits.
	Since time.Time
	// Count is how many tasks wait and may start.
	Count int
	Shape *placement.Shape
}

// Share is what a project has and what it is worth.
type Share struct {
	// Weight is how much of the cluster the project is to get in relation to others. Zero or less counts as 1, as
	// does a project without a Share.
	Weight float64
	// Used is what the project's tasks hold now.
	Used spec.Resources
}

// Options are the rules against starvation.
type Options struct {
	// ReserveAfter is how long an entry must have waited before an agent is kept free for it.
	ReserveAfter time.Duration
	// MaxReservations is how many agents may be kept free at a time; 0 switches reservations off.
	MaxReservations int
	// Reserved are the reservations of the round before, see Plan.Reservations.
	Reserved []Reservation
}

// Assignment says that Count tasks of an entry start on an agent.
type Assignment struct {
	Entry int // Entry.ID
	Agent int // index in the agents of the round
	Count int
}

// Reservation says that an agent is kept free for one task of an entry that waited long. Nothing of other entries is
// put there in the round that makes it nor in later ones, as long as the caller passes it on in Options.Reserved.
type Reservation struct {
	Entry   int    // Entry.ID
	Agent   int    // index in the agents of the round that made or confirmed it
	AgentID string // the agent's id, by which the next round knows it
}

// Plan is what a round decided.
type Plan struct {
	// Assignments are in the order of the decisions, except that tasks of an entry that went to the same agent one
	// soon after the other are counted together where the first of them stands.
	Assignments []Assignment
	// Reservations are those in force at the end of the round, longest-waiting entries first. The caller passes them
	// on to the next round. Offers of these agents should be held.
	Reservations []Reservation

	round *placement.Round
}

// Match decides which waiting tasks start on which agents of a round. It takes their resources from the round.
//
// The order of the entries does not matter. A project that shares does not name has weight 1 and uses nothing. total is
// what the cluster has; the dominant share is the largest of a project's parts of its cpus, memory, disk and gpus, and
// what the cluster has none of does not count.
func Match(now time.Time, entries []Entry, shares map[string]Share, round *placement.Round, total spec.Resources, opts Options) Plan {
	m := newMatcher(now, entries, shares, round, total, opts)
	m.serveReserved()
	m.reserve()
	m.fill()
	m.reserve()
	return m.plan
}
