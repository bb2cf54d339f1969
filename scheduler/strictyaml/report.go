package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Place is where something stands in the file; both count from 1.
type Place struct{ Line, Column int }

// At is the place of a node.
func At(n *yaml.Node) Place { return Place{n.Line, n.Column} }

// Places are where the fields stand, by their paths.
type Places map[string]Place

// Join gives the path of a key of a mapping.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Item gives the path of an item of a list.
func Item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// parent gives the path of what a field or an item belongs to.
func parent(field string) string { return field[:max(strings.LastIndexAny(field, ".["), 0)] }

// Report collects problems and knows where each field stands.
type Report struct {
	// File is its name, Places are where its fields stand.
	File   string
	Places Places

	faulty   map[string]bool // fields with problems that were found in an earlier phase
	shaken   map[string]bool // what those are fields of
	problems Problems
	dropped  bool // there were more than maxKept
}

// maxKept bounds the problems that are kept to choose the first MaxProblems from: one mistake in what many share is found
// again with each of them.
const maxKept = 20 * MaxProblems

// NextPhase begins a phase of checks that rely on what the checks so far have found to be right: what Add notes of a field
// that already has a problem would only be a consequence.
func (r *Report) NextPhase() {
	r.faulty, r.shaken = make(map[string]bool), make(map[string]bool)
	for _, p := range r.problems {
		r.faulty[p.Field] = true
		r.shaken[parent(p.Field)] = true
	}
}

// Faulty tells whether an earlier phase found a problem with a field.
func (r *Report) Faulty(field string) bool { return r.faulty[Quotable(field)] }

// Shaken tells whether an earlier phase found a problem with a part of a field.
func (r *Report) Shaken(field string) bool { return r.shaken[Quotable(field)] }

// Full tells whether there are more problems than are told, so that it is of no use to take time for another.
func (r *Report) Full() bool { return len(r.problems) > MaxProblems }

// AddAt notes a problem at a place that is not, or not exactly, that of a field.
func (r *Report) AddAt(at Place, field, hint, format string, args ...any) {
	if len(r.problems) == maxKept {
		r.dropped = true
		return
	}
	r.problems = append(r.problems, Problem{
		File: r.File, Line: at.Line, Column: at.Column,
		Field: Quotable(field), Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// Add notes a problem with a field, at the place of the field or, if that is not in the file, of what it belongs to.
func (r *Report) Add(field, hint, format string, args ...any) {
	if !r.Faulty(field) {
		r.AddAt(r.placeOf(field), field, hint, format, args...)
	}
}

func (r *Report) placeOf(field string) Place {
	for {
		at, found := r.Places[field]
		if found || field == "" {
			return at
		}
		field = parent(field)
	}
}

// Err gives the problems in the order of the file, each once, or nil when there are none.
func (r *Report) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	told := map[Problem]bool{} // what is wrong with what many share is found again with each of them
	all := slices.DeleteFunc(r.problems, func(p Problem) bool {
		again := told[p]
		told[p] = true
		return again
	})
	more := len(all) - MaxProblems
	switch {
	case r.dropped:
		all = append(all[:min(len(all), MaxProblems)], Problem{File: r.File, Message: "and many more problems"})
	case more > 0:
		all = append(all[:MaxProblems], Problem{File: r.File, Message: fmt.Sprintf("and %d more problems", more)})
	}
	return all
}
