package scheduler

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// BenchmarkDemand measures what GET /v1/demand costs where 10,000 steps with shapes of their own wait for 500 agents that
// run 16,000 tasks: how long the reactor's goroutine is held, and how long the rest takes elsewhere.
func BenchmarkDemand(b *testing.B) {
	r, now := busyReactor(b)
	var held, explained time.Duration
	var d Demand
	for b.Loop() {
		r.explainer = nil // as after a batch
		began := time.Now()
		rest := r.Demand(now)
		taken := time.Now()
		d = rest()
		held, explained = held+taken.Sub(began), explained+time.Since(taken)
	}
	if len(d.Waiting) != 10_000 || len(d.Agents) != 500 || len(d.Agents[0].Frees) != maxFrees {
		b.Fatalf("%d steps wait for %d agents, the first of which has %d ends", len(d.Waiting), len(d.Agents), len(d.Agents[0].Frees))
	}
	b.ReportMetric(float64(held)/float64(b.N)/1e6, "held-ms")
	b.ReportMetric(float64(explained)/float64(b.N)/1e6, "explained-ms")
}

// busyReactor has 500 agents, one in five on a cloud, that are full of tasks, and ten runs of a thousand steps of which no
// two need the same.
func busyReactor(b *testing.B) (*Reactor, time.Time) {
	now := time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)
	r, err := NewReactor(b.Context(), now, DefaultConfig(), store.NewMemory(), func([]mesos.Call) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	step := func(inputs ...Input) {
		if err := r.Step(b.Context(), now, inputs); err != nil {
			b.Fatal(err)
		}
	}
	offers := benchOffers(500)
	for i := range offers.Offers {
		offers.Offers[i].Resources = spec.Resources{CPUs: 32_000, Mem: 64 << 10, Disk: 1 << 20}
		if i%5 == 0 {
			offers.Offers[i].Attributes["spillway_vm"] = fmt.Sprint("vm-", i)
			offers.Offers[i].Attributes["spillway_cloud"] = "hxn"
		}
	}
	submit := func(id, text string) *Submit {
		parsed, err := spec.Parse("bench", []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		p, err := parsed.Bind(nil)
		if err != nil {
			b.Fatal(err)
		}
		return &Submit{ID: state.RunID(id), Spec: text, Pipeline: p, Done: func(Submitted, error) {}}
	}
	step(Event{mesos.Subscribed{FrameworkID: "f", Master: "m"}}, Event{offers},
		submit("run", "name: r\nsteps: {s: {image: b, run: x, array: 16000, resources: {cpus: 1, mem: 1MiB}}}\n"))
	r.state.Learn("default", "r", []state.AttemptRecord{{
		ID: state.AttemptID{Step: "s"}, Outcome: state.Succeeded, Started: now, Ended: now.Add(time.Hour),
	}})
	for run := range 10 {
		text := fmt.Sprintf("name: w\nproject: project-%d\nburst: {after: %dm}\ndeadline: 6h\nsteps:\n", run, run)
		for i := range 1000 {
			text += fmt.Sprintf("  s%d: {image: b, run: x, array: 10, timeout: 1h, where: [{attribute: site, equals: cnes}], resources: {cpus: %d, mem: %dMiB}}\n",
				i, 1+i%32, 100+1000*run+i)
		}
		step(submit(fmt.Sprint("waits", run), text))
	}
	return r, now
}
