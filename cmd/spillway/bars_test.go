package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// paper is a terminal that shows what was written to it: it knows the commands that bars use.
type paper struct {
	rows []string // all that were ever begun; the last is where the cursor is
	at   int
}

var commands = regexp.MustCompile("\x1b\\[(\\d*)([AJm])|\r|\n|[^\x1b\r\n]+")

func (p *paper) Write(b []byte) (int, error) {
	for _, m := range commands.FindAllStringSubmatch(string(b), -1) {
		for len(p.rows) <= p.at {
			p.rows = append(p.rows, "")
		}
		switch {
		case m[2] == "A":
			n, _ := strconv.Atoi(m[1])
			p.at -= n
		case m[2] == "J":
			p.rows = append(p.rows[:p.at], "")
		case m[0] == "\n":
			p.at++
		case m[2] == "" && m[0] != "\r":
			p.rows[p.at] += m[0]
		}
	}
	return len(b), nil
}

func (p *paper) String() string { return strings.TrimRight(strings.Join(p.rows, "\n"), "\n") + "\n" }

// TestBars shows a run as it goes, on terminals of several sizes.
func TestBars(t *testing.T) {
	done := aRun
	done.Phase, done.Ended = "failed", at(0)
	done.Steps = append([]httpapi.Step(nil), aRun.Steps...)
	done.Steps[1] = httpapi.Step{Name: "whiten", Phase: "failed", Tasks: 100, Succeeded: 98, Failed: 1, Cancelled: 1, Failure: &anAttempt, Why: "task 2 (index=12) failed on agent-2: " + anAttempt.Why}
	for _, s := range []screen{
		{terminal: true, width: 120, height: 40}, {terminal: true, width: 80, height: 24}, {terminal: true, width: 40, height: 24},
		{terminal: true, width: 12, height: 24}, {terminal: true, width: 80, height: 5},
	} {
		t.Run(fmt.Sprintf("%dx%d", s.width, s.height), func(t *testing.T) {
			p := &paper{}
			b := &bars{out: p, screenOf: func(io.Writer) screen { return s }}
			b.show(httpapi.Run{Steps: []httpapi.Step{{Name: "fetch", Phase: "active", Tasks: 1, Pending: 1}}})
			b.show(aRun)
			between := p.String()
			b.show(done)
			b.end()
			golden(t, filepath.Join("testdata", "bars", fmt.Sprintf("%dx%d.txt", s.width, s.height)), between+"---\n"+p.String())
			for _, line := range barLines(aRun, s) {
				if line.width >= s.width || line.width != runewidth.StringWidth(line.text) {
					t.Errorf("%q has %d columns, and says %d", line.text, runewidth.StringWidth(line.text), line.width)
				}
			}
		})
	}
}

// TestBarsAfterResize: lines that a narrower window has broken are all taken back.
func TestBarsAfterResize(t *testing.T) {
	b := &bars{drawn: []int{79, 80, 10}}
	for width, rows := range map[int]int{80: 3, 40: 5, 79: 4, 20: 9} {
		if got, want := b.back(screen{width: width, height: 50}), fmt.Sprintf("\x1b[%dA\r\x1b[J", rows); got != want {
			t.Errorf("in %d columns it goes back by %q, want %q", width, got, want)
		}
	}
	if got, want := b.back(screen{width: 20, height: 5}), "\x1b[4A\r\x1b[J"; got != want {
		t.Errorf("in 5 rows it goes back by %q, want %q", got, want)
	}
}

// TestLines: in a pipe each change is a line, and nothing is said twice.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	l := &lines{out: &out}
	l.show(aRun)
	once := out.String()
	l.show(aRun)
	if out.String() != once || strings.Count(once, "\n") != 3 || strings.Contains(once, "\x1b") {
		t.Errorf("it says:\n%s", out.String())
	}
}

// TestBarsKeepTerminalSafe: what tasks write cannot command the terminal.
func TestBarsKeepTerminalSafe(t *testing.T) {
	b := &bars{}
	for _, line := range b.news(aRun) {
		if strings.ContainsAny(line, "\x1b\n") {
			t.Errorf("%q", line)
		}
	}
}

// TestManySteps: where there is no room for all, those are shown in which something moves, then those that failed; and
// long names are told apart by their ends.
func TestManySteps(t *testing.T) {
	run := httpapi.Run{Phase: "active"}
	for i := range 60 {
		st := httpapi.Step{Name: fmt.Sprintf("step-with-a-long-name-number-%d", i), Phase: "active", Tasks: 1, Pending: 1}
		switch i {
		case 0:
			st.Phase, st.Pending, st.Succeeded = "succeeded", 0, 1
		case 57:
			st.Pending, st.Running = 0, 1
		case 58:
			st.Phase, st.Pending, st.Failed = "failed", 0, 1
		}
		run.Steps = append(run.Steps, st)
	}
	var text strings.Builder
	for _, line := range barLines(run, screen{terminal: true, width: 80, height: 10}) {
		text.WriteString(line.text + "\n")
	}
	for _, name := range []string{"number-1 ", "number-2 ", "number-57 ", "number-58 "} {
		if !strings.Contains(text.String(), name) || strings.Contains(text.String(), "number-0 ") {
			t.Errorf("it does not show %s before what has ended:\n%s", name, &text)
		}
	}
}

func TestCutMiddle(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		want  string
	}{{"short", 5, "short"}, {"abcdefghij", 7, "abc…hij"}, {"abcdefghij", 6, "ab…hij"}, {"abcdefghij", 2, "a…"}, {"abc", 0, ""}} {
		if got := cutMiddle(c.name, c.width); got != c.want {
			t.Errorf("%s in %d columns is %q, want %q", c.name, c.width, got, c.want)
		}
	}
}
