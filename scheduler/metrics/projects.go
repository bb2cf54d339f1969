package metrics

import (
	"cmp"
	"slices"

	"github.com/lisa-dpc/spillway/scheduler"
)

// maxProjects is how many projects have series of their own. Any author can name a new project, and each takes some
// twenty series.
const maxProjects = 100

// otherProjects is the label of all projects that have no series of their own, together.
const otherProjects = "other"

// bound keeps the projects with the most tasks that wait, then that run, and sums the others up as one.
func bound(projects []scheduler.ProjectQueue, most int) []scheduler.ProjectQueue {
	all := slices.Clone(projects)
	slices.SortFunc(all, func(a, b scheduler.ProjectQueue) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.Running, a.Running), cmp.Compare(a.Project, b.Project))
	})
	if len(all) <= most {
		return all
	}
	others := scheduler.ProjectQueue{Project: otherProjects, Reasons: map[scheduler.WaitReason]int{}}
	own := all[:0]
	for i := range all {
		if i < most && all[i].Project != otherProjects {
			own = append(own, all[i])
		} else {
			add(&others, &all[i])
		}
	}
	return append(own, others)
}

func add(sum, p *scheduler.ProjectQueue) {
	sum.Used, sum.Pending = sum.Used.Plus(p.Used, 1), sum.Pending.Plus(p.Pending, 1)
	sum.Running += p.Running
	sum.Waiting += p.Waiting
	for reason, n := range p.Reasons {
		sum.Reasons[reason] += n
	}
	if !p.Oldest.IsZero() && (sum.Oldest.IsZero() || p.Oldest.Before(sum.Oldest)) {
		sum.Oldest = p.Oldest
	}
}
