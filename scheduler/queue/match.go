package queue

import (
	"cmp"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// matcher is a Match under way. Entries are known by their index.
type matcher struct {
	now     time.Time
	opts    Options
	total   resources
	round   *placement.Round
	entries []Entry
	left    []int // tasks that still wait, by entry
	// last is the entry's last assignment in the plan, by entry; -1: none.
	last     []int32
	projects map[string]*project
	reserved map[int]int // entries for which an agent is kept free, Entry.ID -> index
	plan     Plan
	scratch  []placement.Assignment
}

func newMatcher(now time.Time, entries []Entry, shares map[string]Share, round *placement.Round, total spec.Resources, opts Options) *matcher {
	m := &matcher{
		now: now, opts: opts, total: resourcesOf(total), round: round, entries: entries,
		left: make([]int, len(entries)), last: make([]int32, len(entries)),
		projects: map[string]*project{}, reserved: map[int]int{}, plan: Plan{round: round},
	}
	for i := range entries {
		e := &entries[i]
		m.left[i], m.last[i] = e.Count, -1
		p := m.projects[e.Project]
		if p == nil {
			s := shares[e.Project]
			p = &project{name: e.Project, weight: s.Weight, used: resourcesOf(s.Used)}
			if p.weight <= 0 {
				p.weight = 1
			}
			m.projects[e.Project] = p
		}
		p.entries = append(p.entries, i)
	}
	return m
}

// fill places all that fits, project by project in turn.
func (m *matcher) fill() {
	turns := m.turns()
	for len(turns) > 0 {
		p := turns[0]
		if p.next == len(p.entries) {
			last := len(turns) - 1
			turns[0] = turns[last]
			turns = turns[:last]
		} else {
			i := p.entries[p.next]
			need := resourcesOf(m.entries[i].Shape.Need)
			n := p.quantum(&need, &m.total, m.left[i], turns.rival())
			if m.place(p, i, n) < n || m.left[i] == 0 {
				m.advance(p)
			}
		}
		turns.sink(0)
	}
}

// turns orders the entries of each project, and the projects.
func (m *matcher) turns() turns {
	all := make(turns, 0, len(m.projects))
	for _, p := range m.projects {
		slices.SortFunc(p.entries, func(i, j int) int { return order(&m.entries[i], &m.entries[j]) })
		p.next = -1
		m.advance(p)
		p.share = p.shareWith(&resources{}, 0, &m.total)
		all = append(all, p)
	}
	for i := len(all)/2 - 1; i >= 0; i-- {
		all.sink(i)
	}
	return all
}

// order is the order of entries within a project.
func order(a, b *Entry) int {
	if c := cmp.Compare(b.Priority, a.Priority); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Sequence, b.Sequence); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

// advance goes on to the project's next entry with tasks left.
func (m *matcher) advance(p *project) {
	for p.next++; p.next < len(p.entries); p.next++ {
		if i := p.entries[p.next]; m.left[i] > 0 {
			p.turn = m.entries[i].Sequence
			return
		}
	}
}

// place starts at most n tasks of an entry, and tells how many.
func (m *matcher) place(p *project, i, n int) int {
	m.scratch = m.round.AppendPlace(m.scratch[:0], m.entries[i].Shape, n)
	placed := 0
	for _, a := range m.scratch {
		m.assign(i, a.Agent, a.Count)
		placed += a.Count
	}
	m.charge(p, i, placed)
	return placed
}

func (m *matcher) assign(i, agent, count int) {
	if last := m.last[i]; last >= 0 && m.plan.Assignments[last].Agent == agent {
		m.plan.Assignments[last].Count += count
		return
	}
	m.last[i] = int32(len(m.plan.Assignments))
	m.plan.Assignments = append(m.plan.Assignments, Assignment{Entry: m.entries[i].ID, Agent: agent, Count: count})
}

// charge counts n started tasks of an entry as used by its project.
func (m *matcher) charge(p *project, i, n int) {
	m.left[i] -= n
	need := resourcesOf(m.entries[i].Shape.Need)
	for k := range p.used {
		p.used[k] += int64(n) * need[k]
	}
	p.share = p.shareWith(&resources{}, 0, &m.total)
}
