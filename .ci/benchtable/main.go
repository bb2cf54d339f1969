// Command benchtable reads what go test -bench prints and shows it as a table: name, figure, unit, goal.
//
// Usage: go test -run '^$' -bench . ./... | go run ./.ci/benchtable
//
// What is no benchmark's line (the machine, failures, closing lines) is passed on above the table. A goal that no
// benchmark gave a figure for gets a line of its own. A missed goal is shown and fails nothing: how fast a machine is
// that day is for people to judge. The exit status is 1 if go test reported a failure or no benchmark ran.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	ok, err := format(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// A goal is what a benchmark's figure should reach.
type goal struct {
	name    string // the benchmark's, without "Benchmark"
	unit    string // as the benchmark reports it
	limit   float64
	atLeast bool // or at most
}

func (g goal) String() string {
	limit, unit := scale(g.limit, g.unit)
	sign := "≤"
	if g.atLeast {
		sign = "≥"
	}
	return fmt.Sprintf("%s %s %s", sign, limit, unit)
}

func (g goal) reached(figure float64) bool {
	if g.atLeast {
		return figure >= g.limit
	}
	return figure <= g.limit
}

// goals are the speeds that the project promises.
var goals = []goal{
	{name: "MatchRound", unit: "ns/op", limit: 50e6},                        // 10,000 agents, 100,000 pending tasks of 100 shapes, one core
	{name: "MillionTaskArray", unit: "ns/op", limit: 1e9},                   // from its text to accepted
	{name: "MillionTaskArray", unit: "MB", limit: 100},                      // kept once it is accepted
	{name: "Throughput", unit: "tasks/s", limit: 2000, atLeast: true},       // pending to recorded as finished, durable, 2 cores
	{name: "QueueView", unit: "held-ms", limit: 10},                         // how long a look at the queue holds the loop, 10,000 agents, 100 shapes
	{name: "Latency", unit: "p99-ms", limit: 50},                            // submission to TASK_RUNNING on an idle cluster
	{name: "Runs", unit: "ns/op", limit: 200e6},                             // a list of runs out of 100,000, whatever the filter
	{name: "LogsCollected", unit: "attempts/s", limit: 1000, atLeast: true}, // 1 KiB on each stream, agents included, 2 cores
	{name: "Attempts", unit: "ns/op", limit: 200e6},                         // a page of a run's 500,000 attempts
	{name: "BurstyDay", unit: "cost/bound", limit: 1.2},                     // the planner's, in terms of the least at the threshold autoscaler's wait
	{name: "BurstyDay", unit: "wait/threshold", limit: 1},                   // mean waits
	{name: "PlanningRound", unit: "ns/op", limit: 100e6},                    // 10,000 shapes that wait, 500 agents, 10 flavors, one core
	{name: "Lists", unit: "ns/op", limit: 200e6},                            // a page of a list over HTTP, at 100,000 runs
}

// A figure is one number that a benchmark reported.
type figure struct {
	name  string
	value float64
	unit  string
}

// format passes on what is no benchmark's line, then writes the table. It tells whether benchmarks ran and none failed.
func format(in io.Reader, out io.Writer) (ok bool, err error) {
	var figures []figure
	failed := false
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if f := parse(line); f != nil {
			figures = append(figures, f...)
			continue
		}
		failed = failed || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL")
		if telling(line) {
			fmt.Fprintln(out, line)
		}
	}
	if err := lines.Err(); err != nil {
		return false, err
	}
	return len(figures) > 0 && !failed, table(out, figures)
}

// telling tells whether a line is worth passing on.
func telling(line string) bool {
	return line != "PASS" && !strings.HasSuffix(line, "[no test files]") && !strings.HasPrefix(line, "pkg:")
}

// processors is the number of processors that go test puts behind a benchmark's name.
var processors = regexp.MustCompile(`-\d+$`)

// parse reads a line such as "BenchmarkLatency-2  100  1234 ns/op  12.5 p99-ms"; nil if it is none.
func parse(line string) []figure {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
		return nil
	}
	name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
	var figures []figure
	for i := 2; i < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return nil
		}
		figures = append(figures, figure{name, value, fields[i+1]})
	}
	return figures
}

func table(out io.Writer, figures []figure) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nname\tfigure\tunit\tgoal\t")
	measured := map[goal]bool{}
	for _, f := range figures {
		value, unit := scale(f.value, f.unit)
		verdict := "-"
		for _, g := range goals {
			if base, _, _ := strings.Cut(f.name, "/"); g.name != base || g.unit != f.unit {
				continue
			}
			measured[g] = true
			verdict = g.String() + ": missed"
			if g.reached(f.value) {
				verdict = g.String() + ": reached"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", f.name, value, unit, verdict)
	}
	for _, g := range goals {
		if !measured[g] {
			fmt.Fprintf(w, "%s\tnot measured\t\t%s\t\n", g.name, g)
		}
	}
	return w.Flush()
}

// scale writes a figure with three digits that count; nanoseconds get the unit of time in which they are read best.
func scale(value float64, unit string) (string, string) {
	if per, ok := strings.CutPrefix(unit, "ns/"); ok {
		for _, u := range []struct {
			name string
			ns   float64
		}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
			if value >= u.ns {
				return digits(value / u.ns), u.name + "/" + per
			}
		}
	}
	return digits(value), unit
}

func digits(value float64) string {
	if value >= 100 || value <= -100 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}
