package picture

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

// graph builds a graph from lines "step: need need".
func graph(title string, lines ...string) Graph {
	g := Graph{Title: title}
	at := map[string]int{}
	for i, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		at[name] = i
	}
	for _, line := range lines {
		name, needs, _ := strings.Cut(line, ":")
		s := Step{Name: name}
		for _, n := range strings.Fields(needs) {
			s.Needs = append(s.Needs, at[n])
		}
		g.Steps = append(g.Steps, s)
	}
	return g
}

func (g Graph) withPhases() Graph {
	for i := range g.Steps {
		g.Steps[i].Phase = phases[i%len(phases)]
		g.Steps[i].Note = fmt.Sprintf("%d tasks", 1+i*i)
	}
	return g
}

// forty is a pipeline of 40 steps in the manner of an analysis: per detector a chain, searches over all, and reports.
func forty() Graph {
	lines := []string{"catalogue:", "bank:"}
	var searches []string
	for _, d := range []string{"h1", "l1", "v1", "k1"} {
		lines = append(lines, "fetch-"+d+":", "clean-"+d+": fetch-"+d, "whiten-"+d+": clean-"+d, "psd-"+d+": clean-"+d,
			"search-"+d+": whiten-"+d+" psd-"+d+" bank", "veto-"+d+": search-"+d+" catalogue", "plot-"+d+": psd-"+d)
		searches = append(searches, "veto-"+d)
	}
	lines = append(lines, "coincidence: "+strings.Join(searches, " "), "background: coincidence", "rank: coincidence background",
		"sky: rank whiten-h1 whiten-l1 whiten-v1", "parameters: rank psd-h1 psd-l1", "figures: sky parameters", "table: rank",
		"report: figures table plot-h1 plot-l1 plot-v1 plot-k1", "publish: report", "cleanup: publish")
	return graph("demo/forty", lines...)
}

var graphs = map[string]Graph{
	"one":     graph("demo/one", "task:"),
	"chain":   graph("demo/chain", "a:", "b: a", "c: b"),
	"diamond": graph("demo/diamond", "fetch:", "left: fetch", "right: fetch", "join: left right").withPhases(),
	"strain": graph("demo/strain <\"&>", "fetch:", "whiten: fetch", "spectra: fetch", "bank:", "search: whiten bank",
		"plot: spectra search whiten", "cleanup: plot", "mail: plot fetch").withPhases(),
	"apart":     graph("", "a:", "b:", "c:", "d: b"),
	"backwards": graph("demo/backwards", "last: middle", "middle: first", "first:"),
	"forty":     forty(),
}

func TestGraphs(t *testing.T) {
	for name, g := range graphs {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for _, r := range g.Text() {
				line := r.Art
				if r.Step >= 0 {
					line = fmt.Sprintf("%s  %s", r.Art, g.Steps[r.Step].Name)
				}
				text.WriteString(line + "\n")
			}
			golden(t, name+".txt", text.String())
			golden(t, name+".svg", g.SVG())
			golden(t, name+".dot", g.DOT())
			golden(t, name+".mmd", g.Mermaid())
		})
	}
}

func TestFewCrossings(t *testing.T) {
	for name, most := range map[string]int{"diamond": 0, "strain": 1, "forty": 30} {
		if n := newLayout(graphs[name]).crossings(); n > most {
			t.Errorf("%s: %d crossings, there have been %d", name, n, most)
		}
	}
}

// anyGraph draws a graph of 0 to 40 steps, in any order.
func anyGraph(t *rapid.T) Graph {
	n := rapid.IntRange(0, 40).Draw(t, "steps")
	places := rapid.Permutation(Graph{Steps: make([]Step, n)}.indices()).Draw(t, "places")
	g := Graph{Title: rapid.String().Draw(t, "title"), Steps: make([]Step, n)}
	for i, p := range places {
		g.Steps[p] = Step{Name: fmt.Sprintf("step-%d", p), Note: rapid.String().Draw(t, "note"),
			Phase: rapid.SampledFrom(append(phases, "")).Draw(t, "phase")}
		for _, needed := range places[:i] {
			if rapid.IntRange(0, 5).Draw(t, "need") == 0 {
				g.Steps[p].Needs = append(g.Steps[p].Needs, needed)
			}
		}
	}
	return g
}

// TestLayoutProperties: every step is behind what it needs, and no two are nearer than they may be.
func TestLayoutProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph(t)
		l := newLayout(g)
		for i, s := range g.Steps {
			for _, n := range s.Needs {
				if l.nodes[n].layer >= l.nodes[i].layer {
					t.Fatalf("step %d is not behind step %d, which it needs", i, n)
				}
			}
		}
		for _, layer := range l.layers {
			for p := 1; p < len(layer); p++ {
				a, b := &l.nodes[layer[p-1]], &l.nodes[layer[p]]
				if b.across-a.across < l.distance(layer[p-1], layer[p])-1e-6 {
					t.Fatalf("%v and %v lie on each other", *a, *b)
				}
			}
		}
		wellFormed(t, g.SVG())
	})
}

// TestTextShowsEveryEdge follows the lines of a graph as text, as a reader does, and finds all edges and no others.
func TestTextShowsEveryEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph(t)
		needs := readText(t, g.Text())
		for i, s := range g.Steps {
			slices.Sort(s.Needs)
			slices.Sort(needs[i])
			if !slices.Equal(s.Needs, needs[i]) {
				t.Fatalf("step %d needs %v, the text says %v:\n%s", i, s.Needs, needs[i], text(g))
			}
		}
	})
}

func text(g Graph) string {
	var b strings.Builder
	for _, r := range g.Text() {
		fmt.Fprintf(&b, "%s   %d\n", r.Art, r.Step)
	}
	return b.String()
}

// readText reads what each step needs from the drawing alone.
func readText(t *rapid.T, rows []Row) map[int][]int {
	needs := map[int][]int{}
	var above []int // by column: the step whose line comes down; -1: none
	stood := -1     // column of the step in the row above: one right below it is not joined to it
	for _, r := range rows {
		var now []int
		stands := -1
		art := []rune(r.Art)
		for c := 0; c*2 < len(art); c++ {
			from := -1
			if c < len(above) {
				from = above[c]
			}
			sign := art[c*2]
			if strings.ContainsRune("│├┼┤└┴┘", sign) && from < 0 {
				t.Fatalf("row %q: a line in column %d comes from nowhere", r.Art, c)
			}
			switch sign {
			case '│', '├', '┼', '┤':
				now = append(now, from)
			case mark:
				now = append(now, r.Step)
				stands = c
			default:
				now = append(now, -1)
			}
			joins := strings.ContainsRune("├┼┤└┴┘", sign) || sign == mark && from >= 0 && c != stood
			if joins && r.Step >= 0 {
				needs[r.Step] = append(needs[r.Step], from)
			}
		}
		above, stood = now, stands
	}
	return needs
}

type failer interface{ Fatalf(string, ...any) }

// wellFormed reads a drawing as XML and counts its elements.
func wellFormed(t failer, svg string) map[string]int {
	dec := xml.NewDecoder(strings.NewReader(svg))
	count := map[string]int{}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatalf("the drawing is no XML: %v\n%s", err, svg)
		}
		if start, is := token.(xml.StartElement); is {
			count[start.Name.Local]++
		}
	}
}
