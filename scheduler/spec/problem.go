package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a spec or with the parameters given for it.
type Problem struct {
	File         string // as given to Parse
	Line, Column int    // both count from 1, columns in characters; 0: the problem is in no line of the file
	Field        string // such as steps.psd.retries.limit; empty when the file as a whole is meant
	Message      string // what is wrong
	Hint         string // what to do about it, often the nearest right name; may be empty
}

// String gives one line: "file:line:column: field: message (hint)".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Error is String.
func (p Problem) Error() string { return p.String() }

// Problems is everything that is wrong with a spec, in the order of the file. It is the error of Parse and Bind.
type Problems []Problem

// Error gives one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// place is where something stands in the file; both count from 1.
type place struct{ line, column int }

// report collects problems and knows where each field stands.
type report struct {
	file     string
	places   map[string]place // by field
	faulty   map[string]bool  // fields with problems that were found in an earlier phase
	shaken   map[string]bool  // what those are fields of
	problems Problems
	dropped  bool // there were more than maxKept
}

// maxKept bounds the problems that are kept to choose the first MaxProblems from: one mistake in the defaults is found again
// with every step.
const maxKept = 20 * MaxProblems

// nextPhase begins a phase of checks that rely on what the checks so far have found to be right: what add notes of a field
// that already has a problem would only be a consequence.
func (r *report) nextPhase() {
	r.faulty, r.shaken = make(map[string]bool), make(map[string]bool)
	for _, p := range r.problems {
		r.faulty[p.Field] = true
		r.shaken[parent(p.Field)] = true
	}
}

// addAt notes a problem at a place that is not, or not exactly, that of a field.
func (r *report) addAt(at place, field, hint, format string, args ...any) {
	if len(r.problems) == maxKept {
		r.dropped = true
		return
	}
	r.problems = append(r.problems, Problem{
		File: r.file, Line: at.line, Column: at.column,
		Field: quotable(field), Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// add notes a problem with a field, at the place of the field or, if that is not in the file, of what it belongs to.
func (r *report) add(field, hint, format string, args ...any) {
	if !r.faulty[quotable(field)] {
		r.addAt(r.placeOf(field), field, hint, format, args...)
	}
}

func (r *report) placeOf(field string) place {
	for {
		at, found := r.places[field]
		if found || field == "" {
			return at
		}
		field = parent(field)
	}
}

// parent gives the path of what a field or an item belongs to.
func parent(field string) string { return field[:max(strings.LastIndexAny(field, ".["), 0)] }

// err gives the problems in the order of the file, each once, or nil when there are none.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	told := map[Problem]bool{} // what is wrong with the defaults is found again with every step
	all := slices.DeleteFunc(r.problems, func(p Problem) bool {
		again := told[p]
		told[p] = true
		return again
	})
	more := len(all) - MaxProblems
	switch {
	case r.dropped:
		all = append(all[:min(len(all), MaxProblems)], Problem{File: r.file, Message: "and many more problems"})
	case more > 0:
		all = append(all[:MaxProblems], Problem{File: r.file, Message: fmt.Sprintf("and %d more problems", more)})
	}
	return all
}

// quotable keeps foreign text from breaking the line that a message is, and from filling it.
func quotable(s string) string {
	const longest = 120
	runes := []rune(s)
	if len(runes) > longest {
		s = string(runes[:longest]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\u0085' {
			return ' '
		}
		return r
	}, s)
}
