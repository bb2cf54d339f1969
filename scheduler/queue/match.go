package queue

import (
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
	var p *project
	for i := range entries {
		e := &entries[i]
		round.Learn(e.Shape)
		m.left[i], m.last[i] = e.Count, -1
		if p == nil || p.name != e.Project {
			p = m.project(e.Project, shares)
		}
		p.waiting = append(p.waiting, waiting{e.Priority, e.ID, e.Sequence, i, e.Shape})
	}
	return m
}

func (m *matcher) project(name string, shares map[string]Share) *project {
	p := m.projects[name]
	if p == nil {
		s := shares[name]
		p = &project{name: name, weight: s.Weight, used: resourcesOf(s.Used)}
		if p.weight <= 0 {
			p.weight = 1
		}
		m.projects[name] = p
	}
	return p
}

// fill places all that fits, project by project in turn.
func (m *matcher) fill() {
	turns := m.turns()
	m.plan.Assignments = slices.Grow(m.plan.Assignments, len(m.entries)+4*m.round.Len()) // a guess, to grow seldom
	for len(turns) > 0 {
		p := turns[0]
		if p.next == len(p.waiting) {
			last := len(turns) - 1
			turns[0] = turns[last]
			turns = turns[:last]
		} else {
			w := &p.waiting[p.next]
			need := resourcesOf(w.shape.Need)
			n := p.quantum(&need, &m.total, m.left[w.index], turns.rival())
			if m.place(p, w, n) < n || m.left[w.index] == 0 {
				m.advance(p)
			}
		}
		turns.sink(0)
	}
}

// turns orders the entries of each project, and the projects. No two projects compare equal, so the order in which they
// come here, which is that of a map, does not matter.
func (m *matcher) turns() turns {
	all := make(turns, 0, len(m.projects))
	for _, p := range m.projects {
		slices.SortFunc(p.waiting, waiting.compare)
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

// advance goes on to the project's next entry with tasks left.
func (m *matcher) advance(p *project) {
	for p.next++; p.next < len(p.waiting); p.next++ {
		if w := &p.waiting[p.next]; m.left[w.index] > 0 {
			p.turn = w.sequence
			return
		}
	}
}

// place starts at most n tasks of an entry, and tells how many.
func (m *matcher) place(p *project, w *waiting, n int) int {
	m.scratch = m.round.AppendPlace(m.scratch[:0], w.shape, n)
	placed := 0
	for _, a := range m.scratch {
		m.assign(w.index, w.id, a)
		placed += a.Count
	}
	if placed > 0 {
		m.charge(p, w.index, w.shape, placed)
	}
	return placed
}

// assign notes an assignment of the entry with an index and an id.
func (m *matcher) assign(index, id int, a placement.Assignment) {
	if last := m.last[index]; last >= 0 && m.plan.Assignments[last].Agent == a.Agent {
		m.plan.Assignments[last].Count += a.Count
		return
	}
	m.last[index] = int32(len(m.plan.Assignments))
	m.plan.Assignments = append(m.plan.Assignments, Assignment{Entry: id, Agent: a.Agent, Count: a.Count})
}

// charge counts n started tasks of an entry as used by its project.
func (m *matcher) charge(p *project, index int, shape *placement.Shape, n int) {
	m.left[index] -= n
	need := resourcesOf(shape.Need)
	for k := range p.used {
		p.used[k] += int64(n) * need[k]
	}
	p.share = p.shareWith(&need, 0, &m.total)
}
