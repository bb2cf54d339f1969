package scheduler

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// BenchmarkQueueView measures what GET /v1/queue and a scrape cost on a cluster of 10,000 agents where 100,000 tasks of
// 100 shapes wait: how long the reactor's goroutine is held, and how long the explanation takes elsewhere.
func BenchmarkQueueView(b *testing.B) {
	r, now := benchReactor(b)
	var held, explained time.Duration
	var q Queue
	for b.Loop() {
		r.explainer = nil // as after a batch
		began := time.Now()
		o := r.Outlook(now)
		taken := time.Now()
		q = o.Explain()
		held, explained = held+taken.Sub(began), explained+time.Since(taken)
	}
	if len(q.Waiting) != 100 || q.Projects[0].Waiting != 10_000 {
		b.Fatalf("%d steps wait, and %d tasks of %s", len(q.Waiting), q.Projects[0].Waiting, q.Projects[0].Project)
	}
	b.ReportMetric(float64(held)/float64(b.N)/1e6, "held-ms")
	b.ReportMetric(float64(explained)/float64(b.N)/1e6, "explained-ms")
}

// benchReactor has ten runs of ten steps wait, a thousand tasks each, of which no two steps need the same.
func benchReactor(b *testing.B) (*Reactor, time.Time) {
	now := time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)
	r, err := NewReactor(b.Context(), now, DefaultConfig(), store.NewMemory(), func([]mesos.Call) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	inputs := []Input{Event{mesos.Subscribed{FrameworkID: "f", Master: "m"}}, Event{benchOffers(10_000)}}
	if err := r.Step(b.Context(), now, inputs); err != nil {
		b.Fatal(err)
	}
	inputs = nil
	for run := range 10 {
		inputs = append(inputs, benchSubmission(b, run))
	}
	if err := r.Step(b.Context(), now, inputs); err != nil {
		b.Fatal(err)
	}
	return r, now
}

func benchOffers(n int) mesos.Offers {
	offers := make([]mesos.Offer, n)
	for i := range offers {
		id := fmt.Sprintf("6c3c0ef5-8d6a-4a7f-9d0e-2d1f3f0a7b11-S%d", i)
		offers[i] = mesos.Offer{
			ID: "O" + id, AgentID: id, Hostname: fmt.Sprintf("node-%04d.dpc.example", i), Role: "*",
			Attributes: map[string]string{"site": []string{"cnes", "cnes", "hxn"}[i%3], "rack": fmt.Sprintf("rack-%d", i/40)},
			Resources:  spec.Resources{CPUs: 500, Mem: int64(1024 * (1 + i%8)), Disk: 1 << 20},
		}
	}
	return mesos.Offers{Offers: offers}
}

func benchSubmission(b *testing.B, run int) *Submit {
	var text strings.Builder
	fmt.Fprintf(&text, "name: r\nproject: project-%d\nsteps:\n", run)
	for step := range 10 {
		where := ""
		if step%2 == 0 {
			where = fmt.Sprintf("where: [{attribute: site, equals: cnes}, {attribute: rack, not_matches: 'rack-%d.*'}], ", run)
		}
		fmt.Fprintf(&text, "  s%d: {image: b, run: x, array: 1000, %sresources: {cpus: %d, mem: %dMiB}}\n", step, where, 1+step, 100+run)
	}
	parsed, err := spec.Parse("bench", []byte(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	p, err := parsed.Bind(nil)
	if err != nil {
		b.Fatal(err)
	}
	return &Submit{ID: state.RunID(fmt.Sprintf("run%d", run)), Spec: text.String(), Pipeline: p, Done: func(Submitted, error) {}}
}
