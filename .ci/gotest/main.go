// Command gotest runs go test and shows what a person wants to see of it: the closing line of every package, all that a
// failed test said, and at the end each test that was skipped with what it missed.
//
// Usage: go run ./.ci/gotest [go test's own arguments]
//
// The exit status is go test's.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
	r := newReport(os.Stdout)
	if err := r.read(events); err != nil {
		fmt.Fprintln(os.Stderr, "gotest: reading go test's events:", err)
		os.Exit(2)
	}
	err = cmd.Wait()
	r.close()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
}

// An event is a line of go test -json, as "go doc test2json" describes it.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// A test is known by its package and its name; the name is empty for what a package says as a whole.
type test struct{ pkg, name string }

// A report follows the events of one go test.
type report struct {
	w       io.Writer
	said    map[test][]string // output of tests that have not ended yet
	running []test            // these tests, in the order in which they began to speak
	skips   []string
	passed  int
	failed  map[string]int // by package
}

func newReport(w io.Writer) *report {
	return &report{w: w, said: map[test][]string{}, failed: map[string]int{}}
}

// read follows the events until the stream ends. Lines that are no events are passed on.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(r.w, line)
		return
	}
	t := test{e.Package, e.Test}
	switch {
	case e.Action == "build-output":
		fmt.Fprint(r.w, e.Output)
	case t.name == "" && e.Action == "output":
		r.packageSaid(e.Output)
	case t.name == "" && e.Action == "fail":
		r.packageFailed(e.Package)
	case t.name == "":
	case e.Action == "output":
		if _, ok := r.said[t]; !ok {
			r.running = append(r.running, t)
		}
		r.said[t] = append(r.said[t], e.Output)
	case e.Action == "pass":
		r.passed++
		r.forget(t)
	case e.Action == "fail":
		r.failed[t.pkg]++
		r.show(t)
	case e.Action == "skip":
		r.skips = append(r.skips, fmt.Sprintf("--- SKIP: %s %s: %s", t.pkg, t.name, reason(r.said[t])))
		r.forget(t)
	}
}

// packageSaid passes on what a package says as a whole, but for what says nothing.
func (r *report) packageSaid(output string) {
	if output != "PASS\n" && !strings.HasSuffix(output, "[no test files]\n") {
		fmt.Fprint(r.w, output)
	}
}

// packageFailed shows what the tests of a failed package said that never came to an end: a panic, a timeout, an os.Exit.
// A package that failed without a failed test, because it does not compile for example, counts as one.
func (r *report) packageFailed(pkg string) {
	r.failed[pkg] = max(r.failed[pkg], 1)
	for _, t := range append([]test(nil), r.running...) {
		if _, ok := r.said[t]; ok && t.pkg == pkg {
			fmt.Fprintf(r.w, "=== NOT FINISHED: %s\n", t.name)
			r.show(t)
		}
	}
}

// show prints what a test said, without the frame around it.
func (r *report) show(t test) {
	for _, line := range r.said[t] {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(r.w, line)
		}
	}
	r.forget(t)
}

func (r *report) forget(t test) { delete(r.said, t) }

// close prints the skipped tests and the counts.
func (r *report) close() {
	if len(r.skips) > 0 {
		fmt.Fprintln(r.w, "\nSkipped, each with what it missed:")
	}
	for _, s := range r.skips {
		fmt.Fprintln(r.w, s)
	}
	failed := 0
	for _, n := range r.failed {
		failed += n
	}
	fmt.Fprintf(r.w, "\n%d passed, %d failed, %d skipped\n", r.passed, failed, len(r.skips))
}

// place is where a test said something: "    driver_test.go:12: ".
var place = regexp.MustCompile(`^\s+\S+\.go:\d+: `)

// reason finds in a skipped test's output what it said when it skipped: the last thing it said.
func reason(said []string) string {
	text := "no reason given"
	for _, line := range said {
		if at := place.FindString(line); at != "" {
			text = strings.TrimSpace(strings.TrimPrefix(line, at))
		}
	}
	return text
}
