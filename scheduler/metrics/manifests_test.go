package metrics

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"gopkg.in/yaml.v3"
)

const (
	manifests = "../../manifests/prometheus"
	dashboard = "../../manifests/grafana/spillway.json"
)

// ruleFile is what Prometheus reads of a file of rules.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Record, Alert, Expr string
			Annotations         map[string]string
		}
	}
}

func readRules(t *testing.T, name string) ruleFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, name))
	if err != nil {
		t.Fatal(err)
	}
	var f ruleFile
	if err := yaml.Unmarshal(text, &f); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

// panel is what a check needs of a panel of the dashboard.
type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct{ RefID, Expr, LegendFormat string }
}

type board struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

func readBoard(t *testing.T) board {
	t.Helper()
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var b board
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// expressions are all of the rules' and the dashboard's, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, file := range []string{"recording.rules.yaml", "alerting.rules.yaml"} {
		for _, g := range readRules(t, file).Groups {
			for _, r := range g.Rules {
				all[file+" "+r.Record+r.Alert] = r.Expr
			}
		}
	}
	b := readBoard(t)
	for _, p := range b.Panels {
		for _, target := range p.Targets {
			all[fmt.Sprintf("panel %q %s", p.Title, target.RefID)] = target.Expr
		}
	}
	for _, v := range b.Templating.List {
		if v.Definition != "" {
			all["variable "+v.Name] = v.Definition
		}
	}
	return all
}

var (
	metricName = regexp.MustCompile(`\b(?:[a-z]+:)?(?:spillway|process|go)[_:][a-z0-9_:]+(\{[^}]*\})?`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
	grouping   = regexp.MustCompile(`\b(?:by|without)\s*\(([^)]*)\)`)
	upOfJob    = regexp.MustCompile(`\bup\{job="([^"]*)"\}`)
	documented = regexp.MustCompile("(?m)^\\| `(spillway_cloud_[a-z_]+)` \\| ([a-z]+) \\| (.*) \\| (.*) \\|$")
	word       = regexp.MustCompile(`[a-z_]+`)
)

// scraped are the jobs of the scrape configuration.
func scraped(t *testing.T) (jobs []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, "prometheus.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Jobs []struct {
			Name string `yaml:"job_name"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	for _, job := range config.Jobs {
		jobs = append(jobs, job.Name)
	}
	return jobs
}

// cloudburstFamilies are the metrics of the cloudburst agent, by name, as their table in the documents has them; that it is
// right is tested beside the agent, and also that the meanings name the stages and outcomes. So every word of the meaning
// counts as a value.
func cloudburstFamilies(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, row := range documented.FindAllStringSubmatch(string(text), -1) {
		kind := dto.MetricType(dto.MetricType_value[strings.ToUpper(row[2])])
		f := &dto.MetricFamily{Name: &row[1], Type: &kind}
		for _, value := range word.FindAllString(row[4], -1) {
			m := &dto.Metric{}
			for _, label := range word.FindAllString(row[3], -1) {
				m.Label = append(m.Label, &dto.LabelPair{Name: &label, Value: &value})
			}
			f.Metric = append(f.Metric, m)
		}
		families[row[1]] = f
	}
	return families
}

// TestManifestsNameWhatExists: every metric, label and value of a closed set that the rules and the dashboard name exists.
func TestManifestsNameWhatExists(t *testing.T) {
	families, jobs := everything(t), scraped(t)
	maps.Copy(families, cloudburstFamilies(t))
	recorded, known := map[string]bool{}, map[string]bool{"job": true, "instance": true, "le": true}
	for _, g := range readRules(t, "recording.rules.yaml").Groups {
		for _, r := range g.Rules {
			recorded[r.Record] = true
		}
	}
	for name, f := range families {
		if ours(name) {
			for _, l := range labelsOf(f) {
				known[l] = true
			}
		}
	}
	for where, expr := range expressions(t) {
		names, ups := metricName.FindAllString(expr, -1), upOfJob.FindAllStringSubmatch(expr, -1)
		for _, up := range ups {
			if !slices.Contains(jobs, up[1]) {
				t.Errorf("%s: prometheus.yaml has no job %s", where, up[1])
			}
		}
		if len(names)+len(ups) == 0 {
			t.Errorf("%s names no metric: %s", where, expr)
		}
		for _, name := range names {
			name, selector, _ := strings.Cut(name, "{")
			if recorded[name] {
				continue
			}
			f := familyOf(families, name)
			if f == nil {
				t.Errorf("%s: there is no %s", where, name)
				continue
			}
			for _, m := range matcher.FindAllStringSubmatch(selector, -1) {
				checkMatcher(t, where, f, m[1], m[2])
			}
		}
		for _, group := range grouping.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(group[1], ",") {
				if !known[strings.TrimSpace(label)] {
					t.Errorf("%s: no metric has a label %s", where, label)
				}
			}
		}
	}
}

// familyOf is the metric that a name in an expression is one of; of a histogram there are three.
func familyOf(families map[string]*dto.MetricFamily, name string) *dto.MetricFamily {
	if f := families[name]; f != nil && f.GetType() != dto.MetricType_HISTOGRAM {
		return f
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if f := families[strings.TrimSuffix(name, suffix)]; f != nil && f.GetName() != name && f.GetType() == dto.MetricType_HISTOGRAM {
			return f
		}
	}
	return nil
}

// checkMatcher looks whether a metric has a label, and whether the label has the values.
func checkMatcher(t *testing.T, where string, f *dto.MetricFamily, label, values string) {
	t.Helper()
	if label == "job" || label == "instance" {
		return
	}
	has := map[string]bool{}
	for _, m := range f.Metric {
		for _, l := range m.Label {
			if l.GetName() == label {
				has[l.GetValue()] = true
			}
		}
	}
	for value := range strings.SplitSeq(values, "|") {
		if !has[value] {
			t.Errorf("%s: %s has no label %s with the value %s", where, f.GetName(), label, value)
		}
	}
}

// TestExpressionsAreSound has promtool read the rules, the dashboard's expressions as if they were rules, and the tests of
// the alerts.
func TestExpressionsAreSound(t *testing.T) {
	promtool(t, manifests, nil, "check", "config", "--syntax-only", "prometheus.yaml")
	promtool(t, manifests, nil, "check", "rules", "recording.rules.yaml", "alerting.rules.yaml")
	promtool(t, manifests, nil, "test", "rules", "alerting.rules.test.yaml")
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	type group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	panels := group{Name: "panels"}
	for where, expr := range expressions(t) {
		if strings.HasPrefix(where, "panel") {
			record := fmt.Sprintf("panel:%d", len(panels.Rules))
			panels.Rules = append(panels.Rules, rule{record, strings.ReplaceAll(expr, "$__rate_interval", "5m")})
		}
	}
	text, err := yaml.Marshal(map[string][]group{"groups": {panels}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "panels.yaml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, nil, "check", "rules", "panels.yaml")
}

// TestAlertsAreTestedAndExplained: each alert has a test of where it fires, and a paragraph that says what to do.
func TestAlertsAreTestedAndExplained(t *testing.T) {
	tests, err := os.ReadFile(filepath.Join(manifests, "alerting.rules.test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range readRules(t, "alerting.rules.yaml").Groups {
		for _, r := range g.Rules {
			if !strings.Contains(string(tests), "alertname: "+r.Alert+"\n        exp_alerts:") {
				t.Errorf("no test has %s fire", r.Alert)
			}
			if !strings.Contains(string(text), "\n### "+r.Alert+"\n\n") {
				t.Errorf("%s does not say what to do about %s", docs, r.Alert)
			}
			if want := "docs/metrics.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want {
				t.Errorf("%s has the runbook %q, not %q", r.Alert, r.Annotations["runbook"], want)
			}
		}
	}
}

// TestDashboard: Grafana can show it, whichever Prometheus it is imported for, and the queue's depth is on top.
func TestDashboard(t *testing.T) {
	b := readBoard(t)
	if b.UID == "" || b.Title == "" || b.SchemaVersion < 36 {
		t.Errorf("uid %q, title %q, schema version %d", b.UID, b.Title, b.SchemaVersion)
	}
	if v := b.Templating.List[0]; v.Name != "datasource" || v.Type != "datasource" {
		t.Errorf("the first variable is %+v, not the data source", v)
	}
	if top := b.Panels[0]; top.GridPos.Y != 0 || !strings.Contains(top.Targets[0].Expr, "spillway_queue_tasks") {
		t.Errorf("on top is %q", top.Title)
	}
	seen, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range b.Panels {
		if seen[p.ID] || p.ID == 0 {
			t.Errorf("panel %q has the id %d, as another has", p.Title, p.ID)
		}
		seen[p.ID] = true
		checkPanel(t, &p)
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" {
					t.Fatalf("panel %q lies over panel %q", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
	}
}

func checkPanel(t *testing.T, p *panel) {
	t.Helper()
	if p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X+p.GridPos.W > 24 {
		t.Errorf("panel %q is at %+v", p.Title, p.GridPos)
	}
	if p.Type == "row" {
		return
	}
	if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
		t.Errorf("panel %q lacks a title, a description, a unit, the data source variable or an expression", p.Title)
	}
	var refs []string
	for _, target := range p.Targets {
		if slices.Contains(refs, target.RefID) || target.LegendFormat == "" {
			t.Errorf("panel %q has two expressions %s, or one without a legend", p.Title, target.RefID)
		}
		refs = append(refs, target.RefID)
	}
}
