package spec

import (
	"slices"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// needs resolves the names of needed steps, and notes those that are unknown, named twice, or needed in a circle.
func (d *decoder) needs(given strictyaml.Entries[step], steps []StepSource) {
	names := given.Names()
	index := make(map[string]int, len(names))
	for i, name := range names {
		index[name] = i
	}
	for i, e := range given {
		path := strictyaml.Join(steps[i].path, "needs")
		seen := map[string]bool{}
		for k, name := range e.Value.Needs {
			needed, known := index[name]
			switch {
			case !known:
				d.Add(strictyaml.Item(path, k), d.DidYouMean(name, names), "there is no step %q", strictyaml.Quotable(name))
			case seen[name]:
				d.Add(strictyaml.Item(path, k), "", "%s is needed twice", name)
			default:
				steps[i].fixed.Needs = append(steps[i].fixed.Needs, needed)
			}
			seen[name] = true
		}
	}
	d.cycles(steps)
}

// cycles notes circles of needs, one for each group of steps that need each other.
func (d *decoder) cycles(steps []StepSource) {
	const (
		unseen = iota
		open   // on the path from the step where the search began
		done
	)
	state := make([]int, len(steps))
	told := make([]bool, len(steps))
	var path []int
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		path = append(path, i)
		for _, n := range steps[i].fixed.Needs {
			switch state[n] {
			case unseen:
				visit(n)
			case open:
				d.addCycle(steps, path[slices.Index(path, n):], told)
			}
		}
		path = path[:len(path)-1]
		state[i] = done
	}
	for i := range steps {
		if state[i] == unseen {
			visit(i)
		}
	}
}

// addCycle notes a circle unless one of its steps is in a circle that was told before.
func (d *decoder) addCycle(steps []StepSource, circle []int, told []bool) {
	if slices.ContainsFunc(circle, func(i int) bool { return told[i] }) {
		return
	}
	var names []string
	for _, i := range circle {
		told[i] = true
		names = append(names, steps[i].Name)
	}
	names = append(names, names[0])
	d.Add(strictyaml.Join(steps[circle[0]].path, "needs"), "", "cycle: %s", strings.Join(names, " → "))
}
