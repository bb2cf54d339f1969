package scheduler_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

const million = `
name: million
defaults: {image: busybox, resources: {cpus: 1, mem: 64MiB}}
steps:
  all: {run: "work {{ index }}", array: 1000000}
`

// BenchmarkMillionTaskArray measures taking in a run whose one step has a million tasks, from its text to a state
// that is ready to be committed, and what the state keeps of it.
func BenchmarkMillionTaskArray(b *testing.B) {
	var kept float64
	for b.Loop() {
		before := heap()
		s := state.New(state.DefaultConfig())
		parsed, err := spec.Parse("million", []byte(million))
		if err != nil {
			b.Fatal(err)
		}
		p, err := parsed.Bind(nil)
		if err != nil {
			b.Fatal(err)
		}
		s.Submit(time.Unix(0, 0), state.Submission{ID: "run", Pipeline: p, Spec: million})
		s.TakeChanges()
		kept = max(kept, heap()-before)
		runtime.KeepAlive(s)
	}
	b.ReportMetric(kept/1e6, "MB")
}

// heap returns the bytes of live objects.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkThroughput measures how many tasks a second go from pending to recorded as finished, through HTTP and
// a durable SQLite, on agents that finish tasks at once (each still tells RUNNING and FINISHED, and waits for
// both acknowledgements).
func BenchmarkThroughput(b *testing.B) {
	s := defaultSetup()
	s.cluster.Agents = make([]minimesos.AgentOptions, 50)
	for i := range s.cluster.Agents {
		s.cluster.Agents[i].Resources = "cpus:16;mem:65536;disk:100000;ports:[31000-31999]"
	}
	c := newCentre(b, s)
	const tasks = 10000
	text := fmt.Sprintf("name: short\ndefaults: {image: busybox, resources: {cpus: 1, mem: 64MiB}}\nsteps: {all: {run: work, array: %d}}\n", tasks)
	for b.Loop() {
		id := c.submit(text, nil)
		c.until("the run ends", c.ended(id))
		clear(c.seen)
	}
	b.ReportMetric(float64(b.N)*tasks/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkLatency measures the time from the submission of a run of one process task to the commit that says
// that it runs, on an idle cluster.
func BenchmarkLatency(b *testing.B) {
	s := defaultSetup()
	s.cluster.Runner = minimesos.Process
	s.cluster.AllocationInterval = time.Second
	c := newCentre(b, s)
	const text = "name: one\ndefaults: {image: busybox, resources: {cpus: 0.1, mem: 32MiB}}\nsteps: {only: {run: \"true\"}}\n"
	var waits []time.Duration
	for b.Loop() {
		start := time.Now()
		id := c.submit(text, nil)
		attempt := state.AttemptID{Run: id, Step: "only"}
		c.until("the task runs", func() bool { return !c.seen[attempt].Started.IsZero() })
		waits = append(waits, time.Since(start))
		c.until("the run ends", c.ended(id))
	}
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)*99/100])/1e6, "p99-ms")
	b.ReportMetric(float64(waits[len(waits)/2])/1e6, "p50-ms")
}
