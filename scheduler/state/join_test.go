package state

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// node is a step of a random pipeline, with what its tasks will do.
type node struct {
	name  string
	needs []int
	when  string
	fails []bool // by task
}

func drawDAG(t *rapid.T) []node {
	var dag []node
	for i := range rapid.IntRange(1, 8).Draw(t, "steps") {
		n := node{name: fmt.Sprintf("s%d", i), when: "success"}
		for k := range i {
			if rapid.IntRange(0, 2).Draw(t, "need") == 0 {
				n.needs = append(n.needs, k)
			}
		}
		if len(n.needs) > 0 {
			n.when = rapid.SampledFrom([]string{"success", "success", "failure", "always"}).Draw(t, "when")
		}
		for range rapid.IntRange(0, 3).Draw(t, "tasks") {
			n.fails = append(n.fails, rapid.IntRange(0, 3).Draw(t, "fails") == 0)
		}
		dag = append(dag, n)
	}
	return dag
}

func yamlOf(dag []node) string {
	var b strings.Builder
	b.WriteString("name: random\ndefaults: {image: busybox}\nsteps:\n")
	for _, n := range dag {
		fmt.Fprintf(&b, "  %s:\n    run: work\n    array: %d\n    when: %s\n", n.name, len(n.fails), n.when)
		if len(n.needs) > 0 {
			names := make([]string, len(n.needs))
			for i, k := range n.needs {
				names[i] = dag[k].name
			}
			fmt.Fprintf(&b, "    needs: [%s]\n", strings.Join(names, ", "))
		}
	}
	return b.String()
}

// expected says how each step must end: the meaning of `when`, written down a second time.
func expected(dag []node) (map[string]StepPhase, RunPhase) {
	phases, bad := map[string]StepPhase{}, make([]bool, len(dag))
	run := RunSucceeded
	for i, n := range dag {
		anyBad, allGood := false, true
		for _, k := range n.needs {
			anyBad = anyBad || bad[k]
			allGood = allGood && phases[dag[k].name] == StepSucceeded
		}
		runs := n.when == "always" || n.when == "failure" && anyBad || n.when == "success" && allGood
		phases[n.name] = StepSucceeded
		for _, f := range n.fails {
			if f && runs {
				phases[n.name], bad[i], run = StepFailed, true, RunFailed
			}
		}
		if !runs {
			phases[n.name], bad[i] = StepSkipped, anyBad
		}
	}
	return phases, run
}

// TestJoins runs random pipelines, with restarts at random moments and tasks ending in random order, and compares
// how each step ended with the reference. No step may begin before all that it needs has ended.
func TestJoins(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dag := drawDAG(rt)
		w := newWorld(t)
		id := w.submit(yamlOf(dag))
		var live []AttemptRecord
		for steps := 0; ; steps++ {
			if steps > 1000 {
				rt.Fatal("the run does not end")
			}
			for _, a := range w.launch(rapid.IntRange(0, 3).Draw(rt, "launch")) {
				checkNeedsEnded(rt, w, id, a)
				live = append(live, a)
			}
			if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
				w.restart()
			}
			if len(live) > 0 {
				i := rapid.IntRange(0, len(live)-1).Draw(rt, "ends")
				a := live[i]
				live = append(live[:i], live[i+1:]...)
				w.pass(time.Second)
				if index(dag, a.ID.Step).fails[a.ID.Index] {
					w.fail(a.ID)
				} else {
					w.finish(a.ID)
				}
			}
			if w.runs[id].Phase.Final() {
				break
			}
		}
		phases, run := expected(dag)
		if diff := cmp.Diff(phases, w.phases(id)); diff != "" || w.runs[id].Phase != run {
			rt.Fatalf("run %s, want %s; steps (-want +got):\n%s\n%s", w.runs[id].Phase, run, diff, yamlOf(dag))
		}
		if len(live) > 0 {
			rt.Fatalf("the run has ended, but attempts live: %v", live)
		}
	})
}

func index(dag []node, name string) node {
	for _, n := range dag {
		if n.name == name {
			return n
		}
	}
	panic(name)
}

func checkNeedsEnded(t *rapid.T, w *world, id RunID, a AttemptRecord) {
	r := w.s.Run(id)
	for _, k := range r.Step(a.ID.Step).Spec().Needs {
		if need := r.Steps()[k]; !need.Phase().Final() {
			t.Fatalf("%s was launched while %s is %s", a.ID, need.Spec().Name, need.Phase())
		}
	}
}
