package state

import "github.com/lisa-dpc/spillway/scheduler/spec"

// usage sums what live attempts hold.
type usage struct {
	projects map[string]spec.Resources
	agents   map[string]spec.Resources
	// tasks counts the live attempts, those of tasks that need nothing included.
	tasks taskCounts
}

type taskCounts struct{ projects, agents map[string]int }

func newUsage() usage {
	return usage{
		projects: map[string]spec.Resources{}, agents: map[string]spec.Resources{},
		tasks: taskCounts{projects: map[string]int{}, agents: map[string]int{}},
	}
}

// add counts n times r for a project and an agent; n is negative when it is given back.
func (u usage) add(project, agent string, r spec.Resources, n int64) {
	count(u.projects, project, r, n)
	count(u.agents, agent, r, n)
	countTasks(u.tasks.projects, project, int(n))
	countTasks(u.tasks.agents, agent, int(n))
}

func countTasks(m map[string]int, key string, n int) {
	if m[key] += n; m[key] == 0 {
		delete(m, key)
	}
}

func count(m map[string]spec.Resources, key string, r spec.Resources, n int64) {
	sum := m[key].Plus(r, n)
	if sum == (spec.Resources{}) {
		delete(m, key)
		return
	}
	m[key] = sum
}
