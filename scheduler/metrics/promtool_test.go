package metrics

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// promtool runs Prometheus' own tool on the input, in a folder.
func promtool(t *testing.T, dir string, input io.Reader, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("SPILLWAY_TEST_PROMTOOL") != "" {
			t.Fatalf("SPILLWAY_TEST_PROMTOOL is set, but there is no promtool: %v", err)
		}
		t.Skip("there is no promtool (Debian's package prometheus has it; SPILLWAY_TEST_PROMTOOL=1 makes this a failure)")
	}
	cmd := exec.Command("promtool", args...)
	cmd.Dir, cmd.Stdin = dir, input
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

// checkMetrics has promtool look at what a scrape gets.
func checkMetrics(t *testing.T, g prometheus.Gatherer) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, ".", &text, "check", "metrics")
}
