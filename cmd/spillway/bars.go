package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// bars is a view for terminals: a bar for each step, drawn anew in place. What fails is told above the bars, once.
type bars struct {
	out io.Writer
	// drawn are the widths of the lines that stand on the terminal, and that the next drawing replaces.
	drawn []int
	told  map[string]bool
	// screenOf is asked for the terminal's size each time: its window may have another one. nil: out's own.
	screenOf func(io.Writer) screen
}

func (b *bars) show(run httpapi.Run) {
	look := b.screenOf
	if look == nil {
		look = screenOf
	}
	s := look(b.out)
	var text strings.Builder
	text.WriteString(b.back(s))
	for _, line := range b.news(run) {
		text.WriteString(s.paint(red, line) + "\n")
	}
	b.drawn = b.drawn[:0]
	for _, line := range barLines(run, s) {
		text.WriteString(line.text + "\n")
		b.drawn = append(b.drawn, line.width)
	}
	io.WriteString(b.out, text.String())
}

// back moves the cursor to the first of the lines that stand there, and clears what is below. A line that no longer fits
// into a narrower window has been broken into several by the terminal.
func (b *bars) back(s screen) string {
	rows := 0
	for _, width := range b.drawn {
		rows += max(1, (width+s.width-1)/s.width)
	}
	if s.height > 0 {
		rows = min(rows, s.height-1) // what has scrolled away stays
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", rows)
}

func (b *bars) end() { b.drawn = b.drawn[:0] }

// news are the failures that have not been told yet.
func (b *bars) news(run httpapi.Run) []string {
	if b.told == nil {
		b.told = map[string]bool{}
	}
	var lines []string
	for _, s := range run.Steps {
		if s.Failure != nil && !b.told[s.Failure.ID] && s.Why != "" {
			b.told[s.Failure.ID] = true
			lines = append(lines, harmless(s.Name+": "+s.Why))
		}
	}
	return lines
}

// barLine is a line of the drawing and its width without colours.
type barLine struct {
	text  string
	width int
}

// barLines draws as many steps as the terminal has rows for, those that something happens in before the others.
func barLines(run httpapi.Run, s screen) []barLine {
	steps, left := run.Steps, 0
	if room := s.height - 3; s.height > 0 && len(steps) > room && run.Ended == nil {
		room = max(room, 1)
		left = len(steps) - room
		steps = busiest(steps, room)
	}
	names, counts := 0, 0
	for _, st := range steps {
		names, counts = max(names, len(st.Name)), max(counts, len(endedOf(st)))
	}
	names = min(names, max(8, s.width/3))
	var drawn []barLine
	for _, st := range steps {
		drawn = append(drawn, stepLine(st, names, counts, s))
	}
	if left > 0 {
		text := cut(fmt.Sprintf("… and %s", counted(left, "step")), s.width-1)
		drawn = append(drawn, barLine{s.paint(faint, text), runewidth.StringWidth(text)})
	}
	return drawn
}

// busiest chooses n steps and leaves them in their order: those that something moves in, that failed, whose tasks wait,
// and that wait for other steps, before those that are done with.
func busiest(steps []httpapi.Step, n int) []httpapi.Step {
	rank := func(i int) int {
		switch st := steps[i]; {
		case st.Running+st.Starting+st.Lost > 0:
			return 0
		case st.Phase == "failed" || st.Failed > 0:
			return 1
		case st.Phase == "active":
			return 2
		case st.Phase == "waiting":
			return 3
		}
		return 4
	}
	chosen := make([]int, len(steps))
	for i := range chosen {
		chosen[i] = i
	}
	slices.SortStableFunc(chosen, func(a, b int) int { return rank(a) - rank(b) })
	chosen = chosen[:n]
	slices.Sort(chosen)
	some := make([]httpapi.Step, n)
	for i, c := range chosen {
		some[i] = steps[c]
	}
	return some
}

// Widths of a bar, in columns, and of a window that is too narrow for one.
const (
	widestBar  = 30
	narrowest  = 50
	detailRoom = 34 // what is left for words when the bar has its width
)

// stepLine draws a step: name, bar, how many tasks of how many have ended, and words.
func stepLine(st httpapi.Step, names, counts int, s screen) barLine {
	room := s.width - 1 // a full last column makes some terminals begin a new line
	name := pad(cutMiddle(st.Name, names), names)
	done := fmt.Sprintf("%*s", counts, endedOf(st))
	if s.width < narrowest {
		rest := endedOf(st) + " " + st.Phase
		name = cutMiddle(strings.TrimRight(name, " "), room-len(rest)-1)
		text := cut(strings.TrimSpace(strings.TrimRight(name, " ")+" "+rest), room)
		return barLine{s.paint(phaseStyles[st.Phase], text), runewidth.StringWidth(text)}
	}
	width := min(widestBar, max(10, room-names-detailRoom))
	used := names + 2 + width + 2 + len(done) + 2
	words := cut(harmless(detail(st)), room-used)
	text := name + "  " + bar(st, width, s) + "  " + done + "  " + s.paint(phaseStyles[st.Phase], words)
	return barLine{text, used + runewidth.StringWidth(words)}
}

// endedOf counts the tasks of a step that have ended.
func endedOf(st httpapi.Step) string {
	return fmt.Sprintf("%d/%d", st.Succeeded+st.Failed+st.Cancelled, st.Tasks)
}

// detail says what the tasks of a step do, as far as its bar and count do not.
func detail(st httpapi.Step) string {
	switch {
	case st.Phase == "skipped" && st.Why != "":
		return st.Why
	case st.Phase != "active":
		return st.Phase
	}
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{st.Running, "running"}, {st.Starting, "starting"}, {st.Retrying, "to retry"}, {st.Lost, "unreachable"}, {st.Failed, "failed"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case st.Waits != "" && text != "":
		return text + "; " + st.Waits
	case st.Waits != "":
		return st.Waits
	case text == "":
		return "active"
	}
	return text
}

// bar draws the shares of a step's tasks. Without colours too it can be told what succeeded, failed, runs and waits.
func bar(st httpapi.Step, width int, s screen) string {
	var b strings.Builder
	at, sum := 0, 0
	for _, part := range []struct {
		n     int
		sign  string
		style style
	}{
		{st.Succeeded, "█", green}, {st.Failed, "x", red}, {st.Cancelled, "-", purple},
		{st.Running + st.Starting + st.Lost, "▒", cyan},
	} {
		sum += part.n
		end := 0
		if st.Tasks > 0 {
			end = sum * width / st.Tasks
		}
		if part.n > 0 && end == at && end < width {
			end++ // one of a million is seen, too
		}
		if n := end - at; n > 0 {
			b.WriteString(s.paint(part.style, strings.Repeat(part.sign, n)))
			at = end
		}
	}
	rest := "·"
	if st.Phase == "skipped" {
		rest = " "
	}
	b.WriteString(s.paint(faint, strings.Repeat(rest, width-at)))
	return b.String()
}
