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

func (u usage) add(project, agent string, r spec.Resources) {
	u.projects[project] = plus(u.projects[project], r, 1)
	u.agents[agent] = plus(u.agents[agent], r, 1)
}

func (u usage) remove(project, agent string, r spec.Resources) {
	subtract(u.projects, project, r)
	subtract(u.agents, agent, r)
}

func subtract(m map[string]spec.Resources, key string, r spec.Resources) {
	left := plus(m[key], r, -1)
	if left == (spec.Resources{}) {
		delete(m, key)
		return
	}
	m[key] = left
}

func plus(a, b spec.Resources, sign int64) spec.Resources {
	return spec.Resources{
		CPUs:  a.CPUs + sign*b.CPUs,
		Mem:   a.Mem + sign*b.Mem,
		Disk:  a.Disk + sign*b.Disk,
		GPUs:  a.GPUs + sign*b.GPUs,
		Ports: a.Ports + sign*b.Ports,
	}
}

func times(r spec.Resources, n int64) spec.Resources {
	return plus(spec.Resources{}, r, n)
}
