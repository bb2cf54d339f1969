package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// needMesos returns the URL of a real master; its agents must have Docker and the image of examples/hello.yaml.
func needMesos(t *testing.T) string {
	t.Helper()
	url := os.Getenv("SPILLWAY_TEST_MESOS")
	if url == "" {
		t.Skip("no real Mesos: SPILLWAY_TEST_MESOS names the URL of its master")
	}
	return url
}

// onMesos are the flags of a scheduler on a real master, which forgets it soon.
func onMesos(t *testing.T, url string) (flags []string, address string) {
	t.Helper()
	address = freeAddress(t)
	return []string{
		"scheduler", "--master", url, "--store", filepath.Join(t.TempDir(), "spillway.db"), "--listen", address, "--pin-images=false",
		"--framework-name", "spillway-test", "--failover-timeout", "30s", "--infra-backoff", "100ms",
	}, "http://" + address
}

func TestHelloOnMesos(t *testing.T) {
	flags, url := onMesos(t, needMesos(t))
	p := spawn(t, flags...)
	poll(t, "the scheduler answers", func() bool { return strings.Contains(p.stderr.String(), "answering requests") })
	got := command(t.Context(), "", "run", "--url", url, "-p", "parts=8", "../../examples/hello.yaml")
	if got.status != 0 {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if status := p.interrupt(t); status != 0 || strings.Contains(p.stderr.String(), "level=ERROR") {
		t.Errorf("the scheduler ended with status %d: %s", status, p.stderr.String())
	}
}

// TestKilledOnMesos kills the scheduler again and again while the example runs; every task has one attempt at most
// that succeeded, and none is lost.
func TestKilledOnMesos(t *testing.T) {
	flags, url := onMesos(t, needMesos(t))
	text, err := os.ReadFile("../../examples/hello.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := spawn(t, flags...)
	poll(t, "the scheduler answers", func() bool { return strings.Contains(p.stderr.String(), "answering requests") })
	f := follow(t, url, string(text))
	for _, step := range []string{"greet", "work", "combine", "cleanup"} {
		poll(t, "step "+step+" has begun", func() bool { return hasBegun(url, state.RunID(f.id), step) })
		p.kill()
		p = spawn(t, flags...)
	}
	if got := f.wait(t); got.status != 0 {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if status := p.interrupt(t); status != 0 {
		t.Errorf("the scheduler ended with status %d: %s", status, p.stderr.String())
	}
	if tasks := len(succeeded(t, flags[4], state.RunID(f.id))); tasks != 7 {
		t.Errorf("%d tasks succeeded, want 7", tasks)
	}
}

// hasBegun tells whether a task of a step was launched.
func hasBegun(url string, run state.RunID, step string) bool {
	view, err := show(url, run)
	for _, s := range view.Steps {
		if s.Name == step {
			return err == nil && s.Starting+s.Running+s.Succeeded > 0
		}
	}
	return false
}
