package main

import (
	"io"
	"os"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// screen is what is known of where output goes.
type screen struct {
	terminal bool
	width    int // columns of the terminal; 0: as wide as need be
	height   int // rows of the terminal; 0: unknown
	colour   bool
}

// screenOf looks at where w goes. The size may be another the next time.
func screenOf(w io.Writer) screen {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return screen{}
	}
	s := screen{terminal: true, width: 80, colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		s.width, s.height = width, height
	}
	return s
}

// style is a colour of text, as the number that terminals give it.
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	purple style = "35"
	cyan   style = "36"
)

// paint colours a text, where colours are wanted.
func (s screen) paint(st style, text string) string {
	if !s.colour || st == plain || text == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}

// phaseStyles are the colours of what runs, steps and tasks are in.
var phaseStyles = map[string]style{
	"active": cyan, "running": cyan, "starting": cyan, "succeeded": green, "failed": red, "retrying": yellow, "lost": yellow,
	"cancelling": purple, "cancelled": purple, "skipped": faint, "waiting": faint, "pending": faint,
}

// harmless takes out of foreign text what a terminal would take as a command, and puts it on one line.
func harmless(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r <= 0x9f {
			return '�'
		}
		return r
	}, text)
}

// cut shortens a text to a width, with … at its end.
func cut(text string, width int) string {
	if width <= 0 {
		return ""
	}
	return runewidth.Truncate(text, width, "…")
}

// cutMiddle shortens a name to a width, with … in its middle: names that begin alike are told apart by their ends.
func cutMiddle(name string, width int) string {
	if width < 3 || runewidth.StringWidth(name) <= width {
		return cut(name, width)
	}
	head := runewidth.Truncate(name, (width-1)/2, "")
	return head + runewidth.TruncateLeft(name, runewidth.StringWidth(name)-(width-1-runewidth.StringWidth(head)), "…")
}

// pad fills a text up with blanks.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-runewidth.StringWidth(text)))
}
