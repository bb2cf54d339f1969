package queue

import (
	"cmp"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// resources are those of which a share is counted. Host ports are not: they are names more than a good to be divided.
type resources [4]int64

func resourcesOf(r spec.Resources) resources {
	return resources{r.CPUs, r.Mem, r.Disk, r.GPUs}
}

// project is one party to the fair sharing.
type project struct {
	name    string
	weight  float64
	used    resources
	waiting []waiting // its entries, first to go first
	next    int       // in waiting; all before have been placed, or fit nowhere any more
	share   float64
	turn    int64 // sequence of the next entry: who submitted first goes first where shares are equal
}

// waiting is what orders an entry within its project, and what placing its tasks takes. It is kept together because
// looking each of a hundred thousand entries up in its place costs more than placing its task.
type waiting struct {
	priority, id int
	sequence     int64
	index        int
	shape        *placement.Shape
}

func (a waiting) compare(b waiting) int {
	if a.priority != b.priority {
		return cmp.Compare(b.priority, a.priority)
	}
	if a.sequence != b.sequence {
		return cmp.Compare(a.sequence, b.sequence)
	}
	return cmp.Compare(a.id, b.id)
}

// shareWith is the project's dominant share, divided by its weight, if it had n more tasks of some need.
//
// It is always computed from whole numbers in the same way, never by adding up shares: so a bulk of n tasks and n single
// ones come to exactly the same share.
func (p *project) shareWith(need *resources, n int64, total *resources) float64 {
	dominant := 0.0
	for k, all := range total {
		if all > 0 {
			dominant = max(dominant, float64(p.used[k]+n*need[k])/float64(all))
		}
	}
	return dominant / p.weight
}

// before tells whether p goes before q when p's share is share: the smaller share, then who submitted first.
func (p *project) before(share float64, q *project) bool {
	if share != q.share {
		return share < q.share
	}
	if p.turn != q.turn {
		return p.turn < q.turn
	}
	return p.name < q.name
}

// quantum tells how many tasks, at most count, p may start one after another before it is the turn of its rival: exactly
// those that one-at-a-time DRF would give to it in a row. rival is nil if there is none.
func (p *project) quantum(need, total *resources, count int, rival *project) int {
	if rival == nil {
		return count
	}
	// p may start task n+1 if with n more tasks it still goes before its rival. Shares only grow with n, so the
	// last such n is found by doubling, then halving.
	may := func(n int) bool { return p.before(p.shareWith(need, int64(n), total), rival) }
	low, high := 0, 1
	for high < count && may(high) {
		low, high = high, 2*high
	}
	high = min(high, count)
	for high-low > 1 {
		if middle := (low + high) / 2; may(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// turns is a heap of the projects that have something to place; the one whose turn it is stands first.
type turns []*project

// rival is who goes next after the first; nil if there is only one.
func (t turns) rival() *project {
	switch {
	case len(t) < 2:
		return nil
	case len(t) > 2 && t[2].before(t[2].share, t[1]):
		return t[2]
	}
	return t[1]
}

// sink restores the order below i after the project there has changed.
func (t turns) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t); child++ {
			if t[child].before(t[child].share, t[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		t[i], t[least] = t[least], t[i]
		i = least
	}
}
