package picture

import (
	"slices"
	"strings"
)

// Row is a line of a graph as text: the drawing, and the step that stands in it.
type Row struct {
	Art  string // lines and the step's mark
	Step int    // index into Graph.Steps; -1: only lines
}

// mark stands for a step in a row's Art.
const mark = '●'

// Text gives the graph for a terminal, a row for each step below all that it needs. A line goes down from a step past all
// rows until the last step that needs it; ├ ┼ ┤ ┴ └ ┘ say where a step takes its lines from, and a line that is
// only passed stays │:
//
//	●  fetch
//	├─●  whiten
//	├─│─●  spectra
//	│ └─┴─●  plot
//	└─●  cleanup
func (g Graph) Text() []Row {
	t := &textGraph{graph: g, waiting: make([]int, len(g.Steps))}
	for _, s := range g.Steps {
		for _, n := range s.Needs {
			t.waiting[n]++
		}
	}
	for _, i := range g.order() {
		t.add(i)
	}
	return t.rows
}

// textGraph is a graph as text while its rows are made.
type textGraph struct {
	graph   Graph
	waiting []int // by step: how many that need it are still to come
	columns []int // the step whose line goes down in a column; -1: none
	rows    []Row
	// last is the column of the row before in which a step stands.
	last int
}

// add adds the row of a step, and before it one of lines if a line could not be seen otherwise.
func (t *textGraph) add(i int) {
	needs := t.graph.Steps[i].Needs
	for _, n := range needs {
		t.waiting[n]--
	}
	at := t.column(needs)
	if len(t.rows) > 0 && at == t.last && at < len(t.columns) && t.columns[at] >= 0 {
		t.rows = append(t.rows, Row{Art: t.passing(), Step: -1})
	}
	for len(t.columns) <= at {
		t.columns = append(t.columns, -1)
	}
	t.rows = append(t.rows, Row{Art: t.art(at, needs), Step: i})
	for c, s := range t.columns {
		if s >= 0 && t.waiting[s] == 0 {
			t.columns[c] = -1
		}
	}
	t.columns[at], t.last = -1, at
	if t.waiting[i] > 0 {
		t.columns[at] = i
	}
	for len(t.columns) > 0 && t.columns[len(t.columns)-1] < 0 {
		t.columns = t.columns[:len(t.columns)-1]
	}
}

// column chooses where a step stands: where the line of one that it needs ends, or else right of the first of these, or
// where there is room.
func (t *textGraph) column(needs []int) int {
	first := 0
	for c, s := range t.columns {
		if slices.Contains(needs, s) {
			if t.waiting[s] == 0 {
				return c
			}
			if first == 0 {
				first = c + 1
			}
		}
	}
	for c := first; c < len(t.columns); c++ {
		if t.columns[c] < 0 {
			return c
		}
	}
	return max(first, len(t.columns))
}

// passing is a row in which all lines go on.
func (t *textGraph) passing() string {
	var b strings.Builder
	for _, s := range t.columns {
		if s >= 0 {
			b.WriteString("│ ")
		} else {
			b.WriteString("  ")
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// art is the row of a step that stands in a column.
func (t *textGraph) art(at int, needs []int) string {
	left, right := at, at // between which a line goes across
	for c, s := range t.columns {
		if s >= 0 && slices.Contains(needs, s) {
			left, right = min(left, c), max(right, c)
		}
	}
	var b strings.Builder
	for c := range max(len(t.columns), at+1) {
		b.WriteRune(t.sign(c, at, left, right, needs))
		if left <= c && c < right {
			b.WriteRune('─')
		} else {
			b.WriteRune(' ')
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// sign is what stands in a column of the row of a step.
func (t *textGraph) sign(c, at, left, right int, needs []int) rune {
	s := -1
	if c < len(t.columns) {
		s = t.columns[c]
	}
	switch {
	case c == at:
		return mark
	case s < 0 && left < c && c < right:
		return '─'
	case s < 0:
		return ' '
	case !slices.Contains(needs, s):
		return '│'
	}
	goesOn := t.waiting[s] > 0
	switch {
	case c == left && goesOn:
		return '├'
	case c == left:
		return '└'
	case c == right && goesOn:
		return '┤'
	case c == right:
		return '┘'
	case goesOn:
		return '┼'
	}
	return '┴'
}
