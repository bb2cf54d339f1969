package strictyaml

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File         string // as given when it was read
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

// Problems is everything that is wrong with a file, in its order.
type Problems []Problem

// Error gives one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Quotable keeps foreign text from breaking the line that a message is, and from filling it.
func Quotable(s string) string {
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
