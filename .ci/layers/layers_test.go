package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// broken holds at least one violation of every rule; the golden file shows what is said of each.
func TestBrokenTree(t *testing.T) {
	got := findingsIn(t, "testdata/broken")
	const golden = "testdata/broken.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, rule := range []string{"pure-import", "pure-name", "pure-go", "direction", "test-sleep", "undocumented"} {
		if !strings.Contains(got, ": "+rule+": ") {
			t.Errorf("the tree shows no %s", rule)
		}
	}
}

func TestSoundTree(t *testing.T) {
	if got := findingsIn(t, "testdata/sound"); got != "" {
		t.Errorf("findings in a sound tree:\n%s", got)
	}
}

func TestImpure(t *testing.T) {
	refused := []string{
		"os", "os/exec", "os/signal", "syscall", "io/ioutil", "net", "net/http", "database/sql", "context", "log", "log/slog",
		"math/rand", "math/rand/v2", "crypto/rand", "sync", "sync/atomic",
		"github.com/mesos/mesos-go/api/v1/lib", "modernc.org/sqlite", "gopkg.in/yaml.v30",
		module + "/scheduler", module + "/scheduler/mesos", module + "/scheduler/store", module + "/scheduler/specs",
	}
	for _, pkg := range refused {
		if impure(pkg) == "" {
			t.Errorf("%s is accepted", pkg)
		}
	}
	accepted := []string{
		"bytes", "crypto/sha256", "io", "math", "time", "fmt", "hash/fnv", "netlike", "gopkg.in/yaml.v3",
		module + "/scheduler/spec", module + "/scheduler/state/table",
	}
	for _, pkg := range accepted {
		if reason := impure(pkg); reason != "" {
			t.Errorf("%s is refused: %s", pkg, reason)
		}
	}
}

func TestLength(t *testing.T) {
	const header = "// Package long is long.\npackage long\n"
	function := func(name string, lines int) string {
		return "func " + name + "() {\n" + strings.Repeat("\tprint()\n", lines-2) + "}\n"
	}
	tests := []struct {
		name, file, text string
		want             []string // rules
	}{
		{"function at the limit", "a.go", header + function("f", maxFunctionLines), nil},
		{"function above it", "a.go", header + function("f", maxFunctionLines+1), []string{"long-function"}},
		{"comments do not count", "a.go", header + "// f is\n// told\n// at length.\n" + function("f", maxFunctionLines), nil},
		{"file at the limit", "a.go", header + strings.Repeat("var _ = 1\n", maxFileLines-3) + "var _ = 2", nil},
		{"file above it", "a.go", header + strings.Repeat("var _ = 1\n", maxFileLines), []string{"long-file"}},
		{"tests may be long", "a_test.go", header + function("f", maxFileLines), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(filepath.Join(root, tt.file), []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			findings, err := checkTree(root)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings {
				got = append(got, f.rule)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

// A file that cannot be read as Go is an error, not a file without findings.
func TestUnreadable(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("not Go"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := checkTree(root); err == nil || !strings.Contains(err.Error(), "a.go:1:1") {
		t.Errorf("error %v, want one that names a.go:1:1", err)
	}
}

// findingsIn returns the findings in a tree, one a line.
func findingsIn(t *testing.T, root string) string {
	t.Helper()
	findings, err := checkTree(root)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}
