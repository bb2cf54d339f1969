package metrics

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

var update = flag.Bool("update", false, "write the table of all metrics into docs/metrics.md")

const docs = "../../docs/metrics.md"

// still is a daemon whose reactor is asked at once.
type still struct {
	t *testing.T
	r *scheduler.Reactor
}

func (d still) Do(ctx context.Context, in scheduler.Input) error {
	return d.r.Step(ctx, time.Now(), []scheduler.Input{in})
}

func (still) Done() <-chan struct{} { return nil }

// roll is a registerer that notes what the registered metrics are called.
type roll struct {
	*prometheus.Registry
	names map[string]bool
}

func (r roll) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc)
	go func() {
		c.Describe(descs)
		close(descs)
	}()
	for d := range descs {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		r.names[name] = true
	}
	return r.Registry.Register(c)
}

func (r roll) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

// everything is all metrics of a scheduler of which every one has a sample, by name.
func everything(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	st := store.NewMemory()
	reactor, err := scheduler.NewReactor(t.Context(), time.Now(), scheduler.DefaultConfig(), st, func([]mesos.Call) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := still{t, reactor}
	if err := d.Do(t.Context(), oneRun(t)); err != nil {
		t.Fatal(err)
	}
	r := roll{prometheus.NewRegistry(), map[string]bool{}}
	m := New(r, "v1")
	r.MustRegister(NewCollector(d, st, slog.New(slog.DiscardHandler)))
	Files{
		CertificateEnd: func() time.Time { return time.Unix(2e9, 0) }, TokensUsable: func() bool { return false }, AuditWritable: func() bool { return true },
		LogsSize: func() int64 { return 4096 }, SilentAgents: func() int { return 3 },
	}.Register(r)
	m.Observe(mesos.Observation{Kind: mesos.ObservedCall, Type: "ACCEPT", Outcome: mesos.OutcomeOK})
	m.Observe(mesos.Observation{Kind: mesos.ObservedRecord, Type: "OFFERS", Outcome: mesos.OutcomeOK})
	gathered, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range gathered {
		families[f.GetName()] = f
	}
	for name := range r.names {
		if ours(name) && families[name] == nil {
			t.Fatalf("%s is registered and has no sample: give it one here, or nothing checks its labels", name)
		}
	}
	return families
}

func oneRun(t *testing.T) *scheduler.Submit {
	t.Helper()
	const text = "name: p\nproject: lisa\nsteps: {s: {image: b, run: x, resources: {cpus: 1, mem: 1MiB}}}\n"
	parsed, err := spec.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := parsed.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &scheduler.Submit{ID: "run", Spec: text, Pipeline: p, Done: func(scheduler.Submitted, error) {}}
}

func ours(name string) bool { return strings.HasPrefix(name, "spillway_") }

// labelsOf are the names of a metric's labels, sorted.
func labelsOf(f *dto.MetricFamily) []string {
	var names []string
	for _, l := range f.Metric[0].Label {
		names = append(names, l.GetName())
	}
	slices.Sort(names)
	return names
}

// TestDocs: the table in the documents is what is registered.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	const end = "<!-- end of the table -->"
	from := regexp.MustCompile(`<!-- The table is written by: .* -->\n`).FindIndex(text)
	to := bytes.Index(text, []byte(end))
	if from == nil || to < from[1] {
		t.Fatalf("%s has no place for the table", docs)
	}
	table := tableOf(everything(t))
	if *update {
		if err := os.WriteFile(docs, slices.Concat(text[:from[1]], []byte(table), text[to:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(table, string(text[from[1]:to])); d != "" {
		t.Errorf("the table in %s (-want +got); go test -update writes it:\n%s", docs, d)
	}
}

func tableOf(families map[string]*dto.MetricFamily) string {
	var names []string
	for name := range families {
		if ours(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, name := range names {
		f := families[name]
		var labels []string
		for _, l := range labelsOf(f) {
			labels = append(labels, "`"+l+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp())
	}
	return b.String() + "\n"
}

// TestHelp: each metric is explained in a sentence.
func TestHelp(t *testing.T) {
	for name, f := range everything(t) {
		if help := f.GetHelp(); ours(name) && (len(help) < 15 || !strings.HasSuffix(help, ".") || strings.Contains(help, "|")) {
			t.Errorf("%s: %q is no sentence", name, help)
		}
	}
}

// TestDocsExplainReasons: the documents have a line for every reason to wait, and for no other.
func TestDocsExplainReasons(t *testing.T) {
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n### Reasons to wait\n")
	part, _, _ = strings.Cut(part, "\n## ")
	var got []scheduler.WaitReason
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(part, -1) {
		got = append(got, scheduler.WaitReason(m[1]))
	}
	if d := cmp.Diff(scheduler.WaitReasons, got); d != "" {
		t.Errorf("reasons (-code +docs):\n%s", d)
	}
}
