package metrics

import (
	"cmp"
	"slices"
	"sync"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// maxProjects is how many projects have series of their own. Any author can name a new project, and each takes some
// twenty series.
const maxProjects = 100

// otherProjects is the label of all projects that have no series of their own, together.
const otherProjects = "other"

// shown remembers which projects have series. One with nothing left to do goes on at 0 until busier ones take its place:
// who watches the depth of a queue must see it come to 0, and would otherwise see it end at its last value. There is always
// one, that of specs which name none, so that an idle scheduler tells that nothing waits.
type shown struct {
	mu    sync.Mutex // scrapes may come at the same time
	names []string
}

// next returns the projects to show, now that there are these.
func (s *shown) next(projects []scheduler.ProjectQueue, most int) []scheduler.ProjectQueue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = []string{spec.DefaultProject}
	}
	all, there := slices.Clone(projects), map[string]bool{}
	for i := range projects {
		there[projects[i].Project] = true
	}
	for _, name := range s.names {
		if !there[name] {
			all = append(all, scheduler.ProjectQueue{Project: name})
		}
	}
	all = bound(all, most)
	s.names = s.names[:0]
	for i := range all {
		s.names = append(s.names, all[i].Project)
	}
	return all
}

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
