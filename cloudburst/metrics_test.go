package cloudburst

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in the documents")

// measured is what an agent tells after a peak in which machines were stopped, started, drained and refused.
func measured(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewRegistry()
	w := newWorld(t)
	c, other := w.cloud("a"), w.cloud("b")
	c.quota, other.noHost = 2, 1
	c.usage = []openstack.Usage{{Intent: "batch-aaaaaaaaaa", Flavor: "m4", VCPUs: 4, Hours: 2, Ended: w.now}}
	p := testPool("a", "b")
	p.Afterwards, p.Stopped = vm.Stop, 1
	a := w.agent(p)
	cfg := a.cfg
	cfg.Metrics = NewMetrics(registry)
	a = New(cfg)
	for range 2 {
		w.submit(3 * cores)
		w.pass(a, 20*time.Minute)
	}
	other.noHost = 1
	w.submit(10 * cores)
	w.pass(a, 30*time.Second)
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range gathered {
		families[f.GetName()] = f
	}
	return families
}

// sum adds up the samples that have all these labels, histograms by their counts.
func sum(f *dto.MetricFamily, labels ...string) (n float64) {
	for _, m := range f.GetMetric() {
		has := map[string]string{}
		for _, l := range m.Label {
			has[l.GetName()] = l.GetValue()
		}
		fits := true
		for i := 0; i < len(labels); i += 2 {
			fits = fits && has[labels[i]] == labels[i+1]
		}
		if fits {
			n += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return n
}

// TestMetrics: after that peak the metrics tell what has happened.
func TestMetrics(t *testing.T) {
	f := measured(t)
	for _, c := range []struct {
		name   string
		labels []string
		least  float64
	}{
		{"spillway_cloud_vms", []string{"pool", "batch", "stage", "building"}, 1},
		{"spillway_cloud_stage_seconds", []string{"stage", "boot"}, 3},
		{"spillway_cloud_stage_seconds", []string{"stage", "join"}, 3},
		{"spillway_cloud_stage_seconds", []string{"stage", "first_task"}, 3},
		{"spillway_cloud_stage_seconds", []string{"stage", "start"}, 1},
		{"spillway_cloud_drains_total", []string{"outcome", "soft"}, 3},
		{"spillway_cloud_backlog_to_boot_seconds", nil, 3},
		{"spillway_cloud_quota_limit", []string{"cloud", "a", "resource", "instances"}, 2},
		{"spillway_cloud_backoff_seconds", []string{"cloud", "b", "kind", "no capacity"}, 1},
		{"spillway_cloud_calls_total", []string{"target", "cloud a", "call", "boot", "outcome", "ok"}, 2},
		{"spillway_cloud_calls_total", []string{"target", "master", "call", "drain", "outcome", "ok"}, 3},
		{"spillway_cloud_day_vcpu_hours", []string{"pool", "batch", "cloud", "a"}, 8},
		{"spillway_cloud_day_cost", []string{"pool", "batch", "cloud", "a"}, 0.2},
		{"spillway_cloud_rounds_total", []string{"outcome", "ok"}, 100},
		{"spillway_cloud_up", []string{"cloud", "b"}, 1},
	} {
		if f[c.name] == nil || sum(f[c.name], c.labels...) < c.least {
			t.Errorf("%s%v is %v, want %v at least", c.name, c.labels, sum(f[c.name], c.labels...), c.least)
		}
	}
}

// TestRoundOutcomes: a cloud that does not answer is told from what nothing can be begun without.
func TestRoundOutcomes(t *testing.T) {
	for down, want := range map[string]roundOutcome{"": roundOK, "a": roundPartial, "scheduler": roundBlind, "master": roundBlind} {
		registry := prometheus.NewRegistry()
		w := newWorld(t)
		w.cloud("a")
		cfg := w.agent(testPool("a")).cfg
		cfg.Metrics = NewMetrics(registry)
		a := New(cfg)
		w.down[down] = true
		if err := w.round(a); (err != nil) != (want != roundOK) {
			t.Errorf("with %q down the error is %v", down, err)
		}
		gathered, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range gathered {
			if f.GetName() == "spillway_cloud_rounds_total" && (sum(f) != 1 || sum(f, "outcome", string(want)) != 1) {
				t.Errorf("with %q down: %v, want one round that is %s", down, f, want)
			}
		}
	}
}

// TestMeaningsNameValues: what stages and outcomes there are is told where the metric is explained, since whoever writes an
// alert has only that.
func TestMeaningsNameValues(t *testing.T) {
	word := regexp.MustCompile(`[a-z_]+`)
	for name, f := range measured(t) {
		words := word.FindAllString(f.GetHelp(), -1)
		for _, m := range f.Metric {
			for _, l := range m.Label {
				closed := l.GetName() == "stage" || l.GetName() == "outcome" && !whatCloudsSay(l.GetValue())
				if closed && !slices.Contains(words, l.GetValue()) {
					t.Errorf("%s is told with %s=%q, of which %q says nothing", name, l.GetName(), l.GetValue(), f.GetHelp())
				}
			}
		}
	}
}

// whatCloudsSay tells the kinds of errors, which have a meaning of their own.
func whatCloudsSay(outcome string) bool {
	return slices.Contains([]openstack.Kind{
		openstack.Quota, openstack.NoCapacity, openstack.NotFound, openstack.Conflict, openstack.RateLimit, openstack.Gone,
		openstack.Denied, openstack.Invalid, openstack.Unclear, openstack.Broken,
	}, openstack.Kind(outcome))
}

// TestMetricsDocs: the table in the documents is what is told, each in a sentence.
func TestMetricsDocs(t *testing.T) {
	const docs, end = "../docs/metrics.md", "<!-- end of the cloudburst agent's table -->"
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	from := regexp.MustCompile(`<!-- The table is written by: go test ./cloudburst .* -->\n`).FindIndex(text)
	to := bytes.Index(text, []byte(end))
	if from == nil || to < from[1] {
		t.Fatalf("%s has no place for the table", docs)
	}
	table := tableOf(t, measured(t))
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

func tableOf(t *testing.T, families map[string]*dto.MetricFamily) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	var names []string
	for name := range families {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := families[name]
		if help := f.GetHelp(); len(help) < 15 || !strings.HasSuffix(help, ".") || strings.Contains(help, "|") {
			t.Errorf("%s: %q is no sentence", name, help)
		}
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		slices.Sort(labels)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp())
	}
	return b.String() + "\n"
}

// TestAllMetricsAreTold: what is registered is told after a peak, so that the table above is whole.
func TestAllMetricsAreTold(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	descriptions := make(chan *prometheus.Desc, 100)
	registry.Describe(descriptions)
	close(descriptions)
	told := measured(t)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range descriptions {
		if n := name.FindStringSubmatch(d.String())[1]; told[n] == nil {
			t.Errorf("%s is registered and not told", n)
		}
	}
}
