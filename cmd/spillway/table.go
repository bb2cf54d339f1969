package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// cell is a field of a table.
type cell struct {
	text  string
	style style
}

// table is columns of text. Its last column is cut where a terminal ends; a pipe gets all of it.
type table struct {
	header []string // a name that begins with > has its column aligned to the right
	rows   [][]cell
}

func newTable(header ...string) *table { return &table{header: header} }

// row adds a row of texts and cells.
func (t *table) row(fields ...any) {
	row := make([]cell, len(fields))
	for i, f := range fields {
		switch f := f.(type) {
		case cell:
			row[i] = cell{harmless(f.text), f.style}
		default:
			row[i] = cell{text: harmless(fmt.Sprint(f))}
		}
	}
	t.rows = append(t.rows, row)
}

// phase is a cell in the colour of the phase.
func phase(p string) cell { return cell{p, phaseStyles[p]} }

// print writes the table, without a column of which all fields are empty.
func (t *table) print(w io.Writer, s screen) {
	for _, line := range t.lines(s, len(t.rows)) {
		fmt.Fprintln(w, line)
	}
}

// lines gives the header and so many rows; what is left out is counted in a line of its own.
func (t *table) lines(s screen, most int) []string {
	widths := make([]int, len(t.header))
	for i := range t.header {
		for _, r := range t.rows {
			widths[i] = max(widths[i], runewidth.StringWidth(r[i].text))
		}
		if widths[i] > 0 || len(t.rows) == 0 {
			widths[i] = max(widths[i], len(strings.TrimPrefix(t.header[i], ">")))
		}
	}
	head := make([]cell, len(t.header))
	for i, h := range t.header {
		head[i] = cell{strings.TrimPrefix(h, ">"), bold}
	}
	lines := []string{t.line(head, widths, s)}
	for _, r := range t.rows[:min(most, len(t.rows))] {
		lines = append(lines, t.line(r, widths, s))
	}
	if left := len(t.rows) - most; left > 0 {
		lines = append(lines, s.paint(faint, fmt.Sprintf("… and %d more", left)))
	}
	return lines
}

func (t *table) line(row []cell, widths []int, s screen) string {
	var b strings.Builder
	at, due := 0, 0 // columns written, and blanks before the next
	for i, c := range row {
		if widths[i] == 0 {
			continue
		}
		text := c.text
		if s.width > 0 {
			text = cut(text, s.width-at-due)
		}
		fill := widths[i] - runewidth.StringWidth(c.text)
		if strings.HasPrefix(t.header[i], ">") {
			due, fill = due+fill, 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", due) + s.paint(c.style, text))
			at, due = at+due+runewidth.StringWidth(text), 0
		}
		due += fill + 2
	}
	return b.String()
}
