package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	goodSpec = "name: good\nsteps: {task: {run: work, image: busybox, resources: {cpus: 1, mem: 32MiB}}}\n"
	// badSpec has its mistake in line 3, column 5.
	badSpec = "name: bad\nsteps:\n  task: {rnu: work, image: busybox}\n"
)

// write writes a file for the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestValidate(t *testing.T) {
	good, bad := write(t, "good.yaml", goodSpec), write(t, "bad.yaml", badSpec)
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	for name, tc := range map[string]struct {
		stdin  string
		args   []string
		status int
		says   []string // on standard error
	}{
		"good":              {args: []string{good}},
		"bad":               {args: []string{bad}, status: exitFailed, says: []string{bad + ":3:10: ", "rnu", "run"}},
		"one of two":        {args: []string{good, bad}, status: exitFailed, says: []string{bad + ":3:10: "}},
		"both":              {args: []string{bad, bad}, status: exitFailed, says: []string{bad + ":3:10: "}},
		"missing":           {args: []string{missing}, status: exitUsage, says: []string{missing, "no such file"}},
		"two missing":       {args: []string{missing, bad, missing + "2"}, status: exitUsage, says: []string{"spillway: reading the spec: open " + missing + ":", "\nspillway: reading the spec: open " + missing + "2:", bad + ":3:10: "}},
		"a folder":          {args: []string{filepath.Dir(good)}, status: exitUsage, says: []string{"is a directory"}},
		"standard input":    {stdin: goodSpec, args: []string{"-"}},
		"bad input":         {stdin: badSpec, args: []string{"-"}, status: exitFailed, says: []string{"standard input:3:10: "}},
		"too long":          {stdin: "#" + strings.Repeat(" ", 1<<20), args: []string{"-"}, status: exitFailed, says: []string{"standard input", "1048576"}},
		"no file":           {status: exitUsage, says: []string{"write it as `spillway validate FILE...`"}},
		"bad default":       {stdin: "params: {n: {type: int, default: x}}\n" + goodSpec, args: []string{"-"}, status: exitFailed, says: []string{"standard input:1:"}},
		"given a bad value": {stdin: "params: {n: {type: int}}\n" + goodSpec, args: []string{"-", "-p", "n=x"}, status: exitFailed, says: []string{"params.n"}},
		"given a value":     {stdin: "params: {n: {type: int}}\n" + goodSpec, args: []string{"-", "-p", "n=1"}},
		"needs a parameter": {stdin: "params: {n: {type: int}}\n" + goodSpec, args: []string{"-"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), tc.stdin, append([]string{"validate"}, tc.args...)...)
			if got.status != tc.status || got.stdout != "" {
				t.Errorf("status %d, want %d; it printed %q", got.status, tc.status, got.stdout)
			}
			if tc.status == 0 && got.stderr != "" {
				t.Errorf("it complained: %s", got.stderr)
			}
			for _, what := range tc.says {
				if !strings.Contains(got.stderr, what) {
					t.Errorf("it does not say %q: %s", what, got.stderr)
				}
			}
		})
	}
}

func TestSchemaVerb(t *testing.T) {
	got := command(t.Context(), "", "schema")
	var schema struct {
		Schema     string `json:"$schema"`
		Properties map[string]any
	}
	if err := json.Unmarshal([]byte(got.stdout), &schema); err != nil || got.status != 0 {
		t.Fatalf("status %d, %v: %s", got.status, err, got.stderr)
	}
	if schema.Schema == "" || schema.Properties["steps"] == nil {
		t.Errorf("this is no schema of specs: %s", got.stdout)
	}
}

func TestVersionVerb(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if got := command(t.Context(), "", args...); got.stdout != "spillway "+version+"\n" || got.status != 0 {
			t.Errorf("%v: status %d, it says %q", args, got.status, got.stdout)
		}
	}
	if got := command(t.Context(), "", "version", "more"); got.status != exitUsage {
		t.Errorf("with an argument too many: status %d", got.status)
	}
}

func TestUnknownVerb(t *testing.T) {
	got := command(t.Context(), "", "rnu", "x.yaml")
	if got.status != exitUsage || !strings.Contains(got.stderr, `unknown command "rnu"`) {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}
