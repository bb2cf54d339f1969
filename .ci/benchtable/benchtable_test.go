package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormat(t *testing.T) {
	in := strings.Join([]string{
		"goos: linux",
		"pkg: example/queue",
		"cpu: Some Processor",
		"BenchmarkMatchRound/agents=10000-2   \t     100\t  12345678 ns/op\t     100 shapes",
		"BenchmarkThroughput-2\t1\t1500000000 ns/op\t1234.6 tasks/s",
		"BenchmarkLatency \t 200\t 400 ns/op\t 49.96 p99-ms",
		"BenchmarkBroken-2 says something",
		"PASS",
		"ok  \texample/queue\t3.2s",
		"?   \texample/cmd\t[no test files]",
	}, "\n")
	want := `goos: linux
cpu: Some Processor
BenchmarkBroken-2 says something
ok  	example/queue	3.2s

name                     figure        unit     goal
MatchRound/agents=10000  12.3          ms/op    ≤ 50 ms/op: reached
MatchRound/agents=10000  100           shapes   -
Throughput               1.5           s/op     -
Throughput               1235          tasks/s  ≥ 2000 tasks/s: missed
Latency                  400           ns/op    -
Latency                  50            p99-ms   ≤ 50 p99-ms: reached
MillionTaskArray         not measured           ≤ 1 s/op
MillionTaskArray         not measured           ≤ 100 MB
QueueView                not measured           ≤ 10 held-ms
Runs                     not measured           ≤ 200 ms/op
LogsCollected            not measured           ≥ 1000 attempts/s
Attempts                 not measured           ≤ 200 ms/op
BurstyDay                not measured           ≤ 1.2 cost/bound
BurstyDay                not measured           ≤ 1 wait/threshold
PlanningRound            not measured           ≤ 100 ms/op
Lists                    not measured           ≤ 200 ms/op
`
	var out strings.Builder
	ok, err := format(strings.NewReader(in), &out)
	if err != nil || !ok {
		t.Errorf("ok %v, error %v", ok, err)
	}
	var got strings.Builder
	for line := range strings.Lines(out.String()) {
		got.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestFormatFails(t *testing.T) {
	for name, in := range map[string]string{
		"no benchmark ran":   "PASS\nok  \texample\t0.1s\n",
		"a benchmark failed": "BenchmarkA-2\t1\t1 ns/op\n--- FAIL: BenchmarkB\nFAIL\n",
	} {
		if ok, err := format(strings.NewReader(in), new(strings.Builder)); ok || err != nil {
			t.Errorf("%s: ok %v, error %v", name, ok, err)
		}
	}
}
