package state

import "github.com/lisa-dpc/spillway/scheduler/spec"

// usage sums what live attempts hold.
type usage struct {
	projects map[string]spec.Resources
	agents   map[string]spec.Resources
}

func newUsage() usage {
	return usage{projects: map[string]spec.Resources{}, agents: map[string]spec.Resources{}}
}

// add counts n times r for a project and an agent; n is negative when it is given back.
func (u usage) add(project, agent string, r spec.Resources, n int64) {
	count(u.projects, project, r, n)
	count(u.agents, agent, r, n)
}

func count(m map[string]spec.Resources, key string, r spec.Resources, n int64) {
	sum := m[key].Plus(r, n)
	if sum == (spec.Resources{}) {
		delete(m, key)
		return
	}
	m[key] = sum
}
