package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// testTimeout ends a test that hangs; nothing is measured by it.
const testTimeout = time.Minute

// live is a scheduler with a real driver on an embedded cluster whose tasks finish at once, and its metrics.
type live struct {
	t        *testing.T
	cluster  *minimesos.Cluster
	daemon   *scheduler.Daemon
	registry *prometheus.Registry
	changes  chan *state.Changes
}

func startLive(t *testing.T) *live {
	t.Helper()
	cluster, err := minimesos.Start(minimesos.Options{
		Runner: minimesos.Instant, WorkDir: filepath.Join(t.TempDir(), "mesos"), AllocationInterval: 20 * time.Millisecond,
		Agents: []minimesos.AgentOptions{{Resources: "cpus:4;mem:4096;disk:4096"}, {Resources: "cpus:4;mem:4096;disk:4096"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &live{t: t, cluster: cluster, registry: prometheus.NewRegistry(), changes: make(chan *state.Changes, 1<<16)}
	l.start()
	return l
}

func (l *live) start() {
	ctx, cancel := context.WithCancel(context.Background())
	st, err := store.Open(ctx, filepath.Join(l.t.TempDir(), "spillway.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	counted := New(l.registry, "v1.2.3")
	driver, err := mesos.New(mesos.Config{Masters: l.cluster.URL(), Observe: counted.Observe})
	if err != nil {
		l.t.Fatal(err)
	}
	l.daemon = scheduler.NewDaemon(scheduler.DefaultConfig(), st, driver, slog.New(slog.DiscardHandler))
	l.daemon.Observer = counted
	l.daemon.Watch = func(c *state.Changes) { l.changes <- c }
	l.registry.MustRegister(NewCollector(l.daemon, st, slog.New(slog.DiscardHandler)))
	ended := make(chan error, 1)
	go func() { ended <- l.daemon.Run(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, st.Close()); err != nil {
			l.t.Error(err)
		}
	})
}

// submit submits a spec and returns when it is durable.
func (l *live) submit(id state.RunID, text string) {
	l.t.Helper()
	parsed, err := spec.Parse("test", []byte(text))
	if err != nil {
		l.t.Fatal(err)
	}
	p, err := parsed.Bind(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	done := make(chan error, 1)
	submit := &scheduler.Submit{ID: id, Spec: text, Pipeline: p, Done: func(_ scheduler.Submitted, err error) { done <- err }}
	if err := l.daemon.Do(l.t.Context(), submit); err != nil {
		l.t.Fatal(err)
	}
	if err := <-done; err != nil {
		l.t.Fatal(err)
	}
}

// until takes in what is committed until something holds of it.
func (l *live) until(what string, holds func(*state.Changes) bool) {
	l.t.Helper()
	timeout := time.After(testTimeout)
	for {
		select {
		case c := <-l.changes:
			if holds(c) {
				return
			}
		case <-timeout:
			l.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (l *live) ended(id state.RunID) {
	l.t.Helper()
	l.until("run "+string(id)+" ends", func(c *state.Changes) bool {
		for _, r := range c.Runs {
			if r.ID == id && r.Phase.Final() {
				return true
			}
		}
		return false
	})
}

// gather is every sample by "name{label="value",...}", of a histogram its count.
func gather(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			samples[f.GetName()+labels(m)] = value(m)
		}
	}
	return samples
}

func labels(m *dto.Metric) string {
	if len(m.Label) == 0 {
		return ""
	}
	var pairs []string
	for _, l := range m.Label {
		pairs = append(pairs, l.GetName()+"="+l.GetValue())
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

func value(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	case m.Histogram != nil:
		return float64(m.Histogram.GetSampleCount())
	}
	return m.Untyped.GetValue()
}

// want compares some samples.
func want(t *testing.T, samples, want map[string]float64) {
	t.Helper()
	got := map[string]float64{}
	for name := range want {
		if v, there := samples[name]; there {
			got[name] = v
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
}

// TestMetricsOfARun runs twenty tasks on a live cluster, and one that is too large for it.
func TestMetricsOfARun(t *testing.T) {
	l := startLive(t)
	l.submit("run1", "name: a\nproject: lisa\nsteps: {s: {image: b, run: x, array: 20, resources: {cpus: 1, mem: 1GiB}}}\n")
	l.ended("run1")
	l.submit("run2", "name: b\nproject: euclid\nsteps: {s: {image: b, run: x, array: 3, resources: {cpus: 64, mem: 1GiB, gpus: 1}}}\n")
	s := gather(t, l.registry)
	want(t, s, map[string]float64{
		"spillway_up":                                                        1,
		"spillway_task_launches_total":                                       20,
		"spillway_task_starts_total":                                         20,
		"spillway_task_ends_total{outcome=succeeded}":                        20,
		"spillway_task_ends_total{outcome=infra_failed}":                     0,
		"spillway_task_wait_seconds":                                         20,
		"spillway_task_run_seconds{outcome=succeeded}":                       20,
		"spillway_run_submissions_total":                                     2,
		"spillway_run_ends_total{phase=succeeded}":                           1,
		"spillway_runs{phase=active}":                                        1,
		"spillway_runs{phase=succeeded}":                                     1,
		"spillway_tasks{state=pending}":                                      3,
		"spillway_tasks{state=running}":                                      0,
		"spillway_agents{place=local}":                                       2,
		"spillway_agents{place=cloud}":                                       0,
		"spillway_agents_cordoned":                                           0,
		"spillway_mesos_subscribed":                                          1,
		"spillway_mesos_subscriptions_total":                                 1,
		"spillway_mesos_disconnects_total":                                   0,
		"spillway_queue_tasks{project=euclid,reason=too_large}":              3,
		"spillway_queue_tasks{project=euclid,reason=resources}":              0,
		"spillway_queue_pending_cpus{project=euclid}":                        192,
		"spillway_queue_pending_memory_bytes{project=euclid}":                3 << 30,
		"spillway_queue_pending_gpus{project=euclid}":                        3,
		"spillway_free_cpus":                                                 8,
		"spillway_build_info{goversion=" + goVersion(s) + ",version=v1.2.3}": 1,
		"spillway_mesos_calls_total{outcome=ok,type=SUBSCRIBE}":              1,
	})
	for _, positive := range []string{
		"spillway_match_duration_seconds", "spillway_commit_duration_seconds", "spillway_store_size_bytes",
		"spillway_match_last_success_timestamp_seconds", "spillway_commit_last_success_timestamp_seconds",
		"spillway_mesos_last_heartbeat_timestamp_seconds", "spillway_mesos_call_duration_seconds{type=ACCEPT}",
		"spillway_queue_oldest_wait_seconds{project=euclid}", "spillway_offers_received_total", "spillway_offers_accepted_total",
		"spillway_mesos_calls_total{outcome=ok,type=ACKNOWLEDGE}",
		"go_goroutines", "process_open_fds",
	} {
		if s[positive] <= 0 {
			t.Errorf("%s is %v", positive, s[positive])
		}
	}
}

// goVersion is what build_info says of Go.
func goVersion(samples map[string]float64) string {
	for name := range samples {
		if _, rest, found := strings.Cut(name, "goversion="); found {
			version, _, _ := strings.Cut(rest, ",")
			return version
		}
	}
	return "nowhere"
}

// TestScrapeUnderLoad scrapes while runs are under way: every answer is whole.
func TestScrapeUnderLoad(t *testing.T) {
	l := startLive(t)
	handler := Handler(l.registry, slog.New(slog.DiscardHandler))
	const text = "name: a\nsteps: {s: {image: b, run: x, array: 300, max_parallel: 7, resources: {cpus: 1, mem: 64MiB}}}\n"
	ended := make(chan struct{})
	l.submit("run1", text)
	go func() {
		defer close(ended)
		l.ended("run1")
	}()
	scrapes := 0
	for running := true; running; scrapes++ {
		select {
		case <-ended:
			running = false
		default:
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		if text := answer.Body.String(); answer.Code != 200 || !strings.Contains(text, "\nspillway_up 1\n") {
			t.Fatalf("scrape %d: %d %s", scrapes, answer.Code, text)
		}
	}
	checkMetrics(t, l.registry)
}

// deaf is a daemon whose loop answers nobody.
type deaf struct{}

func (deaf) Do(ctx context.Context, _ scheduler.Input) error { <-ctx.Done(); return ctx.Err() }
func (deaf) Done() <-chan struct{}                           { return nil }

// TestScrapeOfADeafScheduler: what cannot be asked is missing, the rest is told.
func TestScrapeOfADeafScheduler(t *testing.T) {
	registry := prometheus.NewRegistry()
	New(registry, "v1")
	c := NewCollector(deaf{}, store.NewMemory(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	c.patience = time.Millisecond
	registry.MustRegister(c)
	s := gather(t, registry)
	want(t, s, map[string]float64{"spillway_up": 0, "spillway_runs{phase=active}": 0, "spillway_task_starts_total": 0})
	if _, told := s["spillway_agents{place=local}"]; told {
		t.Error("agents are told though nobody knows")
	}
}

// TestOffersAreAccountedFor counts offers by what becomes of them.
func TestOffersAreAccountedFor(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "v1")
	m.Heard(mesos.Offers{Offers: make([]mesos.Offer, 7)})
	m.Heard(mesos.Rescinded{OfferID: "1"})
	m.Heard(mesos.Disconnected{})
	m.Asked([]mesos.Call{mesos.Accept{OfferIDs: []string{"2", "3"}}, mesos.Revive{}, mesos.Decline{OfferIDs: []string{"4", "5", "6"}}})
	want(t, gather(t, registry), map[string]float64{
		"spillway_offers_received_total": 7, "spillway_offers_rescinded_total": 1,
		"spillway_offers_accepted_total": 2, "spillway_offers_declined_total": 3, "spillway_mesos_disconnects_total": 1,
	})
}

// TestForeignTypes: what a master makes up does not become a label.
func TestForeignTypes(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "v1")
	for _, name := range []string{"4711", "4712"} {
		m.Observe(mesos.Observation{Kind: mesos.ObservedRecord, Type: name, Outcome: mesos.OutcomeOK})
	}
	want(t, gather(t, registry), map[string]float64{"spillway_mesos_records_total{outcome=ok,type=other}": 2})
}

// TestFiles: what is not there has no metric, and what is there is asked at each scrape.
func TestFiles(t *testing.T) {
	registry, usable := prometheus.NewRegistry(), true
	Files{TokensUsable: func() bool { return usable }, CertificateEnd: func() time.Time { return time.Unix(2e9, 0) }}.Register(registry)
	want(t, gather(t, registry), map[string]float64{"spillway_tokens_usable": 1, "spillway_certificate_end_timestamp_seconds": 2e9})
	usable = false
	s := gather(t, registry)
	want(t, s, map[string]float64{"spillway_tokens_usable": 0})
	if len(s) != 2 {
		t.Errorf("%v", s)
	}
}
