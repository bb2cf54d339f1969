package queue

import (
	"cmp"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Order gives the indices of the entries in the order in which Match would start the first task of each if there were
// room for all of them and no agent were kept free. Entries that count nothing are left out.
//
// The projects' turns are a merge of what each would start one after the other: the next task is always that of the
// project with the smallest share. Shares only grow meanwhile, so an entry's turn comes when its project's share is what
// the entries before it bring it to, and nothing has to be gone through task by task.
func Order(entries []Entry, shares map[string]Share, total spec.Resources) []int {
	m := newMatcher(time.Time{}, entries, shares, placement.NewRound(nil, 0), total, Options{})
	all := make([]position, 0, len(entries))
	for _, p := range m.projects {
		all = p.appendPositions(all, m)
	}
	slices.SortFunc(all, position.compare)
	order := make([]int, len(all))
	for i, at := range all {
		order[i] = at.index
	}
	return order
}

// position is when the first task of an entry starts.
type position struct {
	share   float64 // of its project by then
	turn    int64   // decides between equal shares, as project.turn does
	project string
	number  int // within the project
	index   int
}

func (a position) compare(b position) int {
	return cmp.Or(cmp.Compare(a.share, b.share), cmp.Compare(a.turn, b.turn),
		cmp.Compare(a.project, b.project), cmp.Compare(a.number, b.number))
}

func (p *project) appendPositions(to []position, m *matcher) []position {
	slices.SortFunc(p.waiting, waiting.compare)
	p.share = p.shareWith(&resources{}, 0, &m.total)
	at := position{share: -1, project: p.name}
	for number, w := range p.waiting {
		if m.left[w.index] == 0 {
			continue
		}
		turn := w.sequence
		if at.share == p.share {
			turn = max(turn, at.turn) // it comes right after the entry before it, not earlier
		}
		at = position{share: p.share, turn: turn, project: p.name, number: number, index: w.index}
		to = append(to, at)
		m.charge(p, w.index, w.shape, m.left[w.index])
	}
	return to
}
