package queue

import (
	"cmp"
	"slices"

	"github.com/lisa-dpc/spillway/scheduler/placement"
)

// serveReserved carries the reservations of the round before out, or on.
//
// A task for which an agent is kept free goes first, there or elsewhere, whatever the share of its project: it waited
// longest. What is left then are tasks that fit nowhere, not even on their own agent, and because what is free only
// decreases from here on, they will not fit in this round. So none of the reservations that survive this ends in the
// midst of the round, which would leave room unused that others were refused.
func (m *matcher) serveReserved() {
	m.carryOver()
	m.plan.Reservations = slices.DeleteFunc(m.plan.Reservations, func(r Reservation) bool {
		i := m.reserved[r.Entry]
		if !m.round.PlaceReserved(r.Agent, m.entries[i].Shape) {
			return false
		}
		m.serve(i, r.Agent)
		return true
	})
	for served := true; served; {
		// An agent that is released for one may be the place for another, so they are asked again.
		served = false
		m.plan.Reservations = slices.DeleteFunc(m.plan.Reservations, func(r Reservation) bool {
			i := m.reserved[r.Entry]
			a := m.round.Place(m.entries[i].Shape, 1)
			if len(a) == 0 {
				return false
			}
			m.round.Release(r.Agent)
			m.serve(i, a[0].Agent)
			served = true
			return true
		})
	}
}

// serve notes that the task that an agent was kept free for has been placed.
func (m *matcher) serve(i, agent int) {
	e := &m.entries[i]
	delete(m.reserved, e.ID)
	m.assign(i, e.ID, placement.Assignment{Agent: agent, Count: 1})
	m.charge(m.projects[e.Project], i, e.Shape, 1)
}

// carryOver takes over the reservations of the round before that are still valid: the entry still waits, and its agent is
// still there and could hold it.
func (m *matcher) carryOver() {
	if len(m.opts.Reserved) == 0 || m.opts.MaxReservations <= 0 {
		return
	}
	entries, agents := map[int]int{}, map[string]int{}
	for _, r := range m.opts.Reserved {
		entries[r.Entry], agents[r.AgentID] = -1, -1
	}
	for i := range m.entries {
		if _, wanted := entries[m.entries[i].ID]; wanted && m.starves(i) {
			entries[m.entries[i].ID] = i
		}
	}
	for index := range m.round.Len() {
		if _, wanted := agents[m.round.Agent(index).ID]; wanted {
			agents[m.round.Agent(index).ID] = index
		}
	}
	for _, r := range m.opts.Reserved {
		i, index := entries[r.Entry], agents[r.AgentID]
		if i >= 0 && index >= 0 && len(m.reserved) < m.opts.MaxReservations && m.round.CouldHold(index, m.entries[i].Shape) {
			m.keep(i, index)
			entries[r.Entry], agents[r.AgentID] = -1, -1
		}
	}
	m.sortReservations()
}

// reserve keeps agents free for entries that starve and fit nowhere now, the longest-waiting first. It is done before the
// round is filled, so that their agents are not filled once more, and after it, for those that have lost their place in it.
func (m *matcher) reserve() {
	// Shapes for which no agent is left: all that could hold them are kept free for others.
	hopeless := map[*placement.Shape]bool{}
	for again := true; again; {
		again = false
		for _, i := range m.longestWaiting(m.opts.MaxReservations-len(m.reserved), hopeless) {
			shape := m.entries[i].Shape
			if agent, ok := m.round.NearestToFit(shape); ok {
				m.keep(i, agent)
			} else {
				hopeless[shape], again = true, true
			}
		}
	}
	m.sortReservations()
}

// longestWaiting gives the n longest-waiting of the entries that need a reservation and can have one.
func (m *matcher) longestWaiting(n int, hopeless map[*placement.Shape]bool) []int {
	var line []int // sorted; n is small, the entries are many
	if n <= 0 {
		return nil
	}
	for i := range m.entries {
		e := &m.entries[i]
		if !m.starves(i) || len(line) == n && m.compareWaits(line[n-1], i) < 0 {
			continue
		}
		if _, has := m.reserved[e.ID]; has || hopeless[e.Shape] || m.round.Fits(e.Shape) || !m.round.Possible(e.Shape) {
			continue
		}
		at, _ := slices.BinarySearchFunc(line, i, m.compareWaits)
		line = slices.Insert(line[:min(len(line), n-1)], min(at, n-1), i)
	}
	return line
}

// starves tells whether an entry has waited for long and has not started anything in this round either.
func (m *matcher) starves(i int) bool {
	e := &m.entries[i]
	return m.left[i] > 0 && m.left[i] == e.Count && m.now.Sub(e.Since) >= m.opts.ReserveAfter
}

func (m *matcher) keep(i, agent int) {
	m.round.Reserve(agent)
	m.reserved[m.entries[i].ID] = i
	m.plan.Reservations = append(m.plan.Reservations, Reservation{
		Entry: m.entries[i].ID, Agent: agent, AgentID: m.round.Agent(agent).ID,
	})
}

// sortReservations puts the longest-waiting first.
func (m *matcher) sortReservations() {
	slices.SortFunc(m.plan.Reservations, func(a, b Reservation) int {
		return m.compareWaits(m.reserved[a.Entry], m.reserved[b.Entry])
	})
}

// compareWaits orders entries by how long they wait, the longest first.
func (m *matcher) compareWaits(i, j int) int {
	a, b := &m.entries[i], &m.entries[j]
	if c := a.Since.Compare(b.Since); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.ID, b.ID))
}
