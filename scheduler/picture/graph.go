package picture

import (
	"fmt"
	"slices"
)

// Graph is what is drawn of a pipeline or of a run: its steps, and which of them each needs.
type Graph struct {
	Title string
	Steps []Step
}

// Step is one step of a graph.
type Step struct {
	Name  string
	Note  string // what else is said of it, such as "48 tasks"
	Phase string // of a run's step: waiting, active, succeeded, failed, skipped or cancelled; "" for a pipeline's
	Needs []int  // indices into Graph.Steps, without cycles
}

// order gives the steps so that each comes after all that it needs, otherwise as they stand. It panics on a cycle, which
// no checked spec has.
func (g Graph) order() []int {
	var order []int
	placed := make([]bool, len(g.Steps))
	for len(order) < len(g.Steps) {
		next := slices.IndexFunc(g.indices(), func(i int) bool {
			return !placed[i] && !slices.ContainsFunc(g.Steps[i].Needs, func(n int) bool { return !placed[n] })
		})
		if next < 0 {
			panic(fmt.Sprintf("picture: the steps after %v need each other", order))
		}
		placed[next] = true
		order = append(order, next)
	}
	return order
}

func (g Graph) indices() []int {
	all := make([]int, len(g.Steps))
	for i := range all {
		all[i] = i
	}
	return all
}
