package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// oneTask is a spec of one task.
func oneTask(run string) string {
	return "name: one\nsteps: {task: {image: busybox, resources: {cpus: 1, mem: 32MiB}, run: '" + run + "'}}\n"
}

func TestRunEndsAsTheRunDoes(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	for name, tc := range map[string]struct {
		spec   string
		status int
		says   []string
	}{
		"success": {oneTask("true"), 0, []string{"of default/one", "succeeded after"}},
		"failure": {oneTask("exit 7"), exitFailed, []string{"task 0 failed on", "exited with status 7", "no retries", "failed after"}},
		"array": {"name: many\ndefaults: {image: busybox, resources: {cpus: 1, mem: 32MiB}}\n" +
			"steps: {a: {run: 'true', array: 3}, b: {run: 'exit $SPILLWAY_INDEX', array: 2, needs: [a]}, c: {run: 'true', needs: [b]}}\n",
			exitFailed, []string{"succeeded, 3 succeeded", "failed, 1 succeeded, 1 failed", "skipped"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := command(t.Context(), tc.spec, "run", "--url", d.url, "-")
			if got.status != tc.status || got.stderr != "" {
				t.Errorf("status %d, want %d: %s", got.status, tc.status, got.stderr)
			}
			for _, what := range tc.says {
				if !strings.Contains(got.stdout, what) {
					t.Errorf("it does not say %q: %s", what, got.stdout)
				}
			}
		})
	}
}

func TestRunIsCancelled(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	f := follow(t, d.url, oneTask("sleep 1000"))
	var run any
	if err := clientOf(d.url).do(t.Context(), "POST", "/v1/runs/"+f.id+"/cancel", nil, &run); err != nil {
		t.Fatal(err)
	}
	if got := f.wait(t); got.status != exitCancelled || !strings.Contains(got.stdout, "cancelled after") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// following is `spillway run` in this process.
type following struct {
	id     string
	cancel context.CancelFunc
	result chan result
}

// follow runs a spec and returns when the run has an id.
func follow(t *testing.T, url, spec string) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	f := &following{cancel: cancel, result: make(chan result, 1)}
	var out, errs output
	root := newRoot()
	root.SetArgs([]string{"run", "--url", url, "-"})
	root.SetIn(strings.NewReader(spec))
	root.SetOut(&out)
	root.SetErr(&errs)
	go func() {
		status := execute(ctx, root)
		f.result <- result{out.String(), errs.String(), status}
	}()
	poll(t, "the run is accepted", func() bool {
		id := regexp.MustCompile(`^run (\w+) of`).FindStringSubmatch(out.String())
		if id != nil {
			f.id = id[1]
		}
		return id != nil
	})
	return f
}

func (f *following) wait(t *testing.T) result {
	t.Helper()
	select {
	case got := <-f.result:
		return got
	case <-time.After(testTimeout):
		t.Fatal("run does not end")
		return result{}
	}
}

// TestRunIsInterrupted interrupts the following, which must leave the run alone.
func TestRunIsInterrupted(t *testing.T) {
	t.Parallel()
	d, gate := startDev(t, "--runner", "process"), filepath.Join(t.TempDir(), "gate")
	f := follow(t, d.url, oneTask("until test -e "+gate+"; do sleep 0.01; done"))
	f.cancel()
	if got := f.wait(t); got.status != exitInterrupted || !strings.Contains(got.stderr, "run "+f.id+" goes on") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if run := awaitEnd(t, d.url, state.RunID(f.id)); run.Phase != string(state.RunSucceeded) {
		t.Errorf("the run %s", run.Phase)
	}
}

// TestRunSurvivesScheduler kills the scheduler that a run is followed with, and starts it again.
func TestRunSurvivesScheduler(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Process, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
	})
	dir, address := t.TempDir(), freeAddress(t)
	flags, gate := tenacious(cluster, filepath.Join(dir, "spillway.db"), address), filepath.Join(dir, "gate")
	p := spawn(t, flags...)
	poll(t, "the scheduler answers", func() bool {
		var version any
		return clientOf("http://"+address).do(t.Context(), "GET", "/v1/version", nil, &version) == nil
	})
	f := follow(t, "http://"+address, oneTask("until test -e "+gate+"; do sleep 0.01; done"))
	for range 3 {
		p.kill()
		p = spawn(t, flags...)
		poll(t, "the scheduler knows the run", func() bool {
			_, err := show("http://"+address, state.RunID(f.id))
			return err == nil
		})
	}
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := f.wait(t); got.status != 0 || !strings.Contains(got.stdout, "succeeded after") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if status := p.interrupt(t); status != 0 {
		t.Errorf("the scheduler ended with status %d: %s", status, p.stderr.String())
	}
}

func TestRunParameters(t *testing.T) {
	t.Parallel()
	d, file := startDev(t, "--runner", "process"), filepath.Join(t.TempDir(), "greetings")
	spec := write(t, "params.yaml", `
name: params
params:
  whom: {type: string, default: nobody}
  times: {type: int, min: 1, max: 5}
steps:
  greet:
    array: "{{ params.times }}"
    env: {WHOM: "{{ params.whom }}"}
    run: echo "hello $WHOM" >>`+file+`
    image: busybox
    resources: {cpus: 0.1, mem: 32MiB}
`)
	got := command(t.Context(), "", "run", "--url", d.url, "-p", "times=3", "-p", "whom=a=b 'c'", spec)
	text, err := os.ReadFile(file)
	if got.status != 0 || string(text) != strings.Repeat("hello a=b 'c'\n", 3) {
		t.Errorf("status %d: %s; the tasks wrote %q (%v)", got.status, got.stderr, text, err)
	}
	for name, tc := range map[string]struct {
		params []string
		says   string
	}{
		"one is missing": {nil, "times"},
		"out of range":   {[]string{"times=6"}, "5"},
		"wrong type":     {[]string{"times=many"}, "times"},
		"unknown":        {[]string{"times=1", "who=x"}, "whom"},
		"not name=value": {[]string{"times"}, "name=value"},
		"given twice":    {[]string{"times=1", "times=2"}, "twice"},
		"without a name": {[]string{"=1"}, "name=value"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"run", "--url", d.url, spec}
			for _, p := range tc.params {
				args = append(args, "-p", p)
			}
			if got := command(t.Context(), "", args...); got.status != exitUsage || !strings.Contains(got.stderr, tc.says) {
				t.Errorf("status %d, it does not say %q: %s%s", got.status, tc.says, got.stdout, got.stderr)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "instant")
	bad := write(t, "bad.yaml", badSpec)
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"bad spec":     {[]string{"--url", d.url, bad}, bad + ":3:10: "},
		"missing file": {[]string{"--url", d.url, bad + ".no"}, "no such file"},
		"nobody there": {[]string{"--url", "http://" + freeAddress(t), "-"}, "is it running there?"},
		"bad address":  {[]string{"--url", "http://[::bad", "-"}, "is \"http://[::bad\" the scheduler's address? It must be"},
		"no file":      {nil, "an argument is missing: write it as `spillway run FILE`"},
		"unknown flag": {[]string{"--fast", "-"}, "--fast"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), goodSpec, append([]string{"run"}, tc.args...)...)
			if got.status != exitUsage || !strings.Contains(got.stderr, tc.says) {
				t.Errorf("status %d, it does not say %q: %s%s", got.status, tc.says, got.stdout, got.stderr)
			}
		})
	}
}

func TestRunWithKey(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "instant")
	id := regexp.MustCompile(`^run \w+`)
	args := []string{"run", "--url", d.url, "--key", "monday", "-"}
	once, twice := command(t.Context(), goodSpec, args...), command(t.Context(), goodSpec, args...)
	if once.status != 0 || twice.status != 0 || once.stderr != "" || !strings.Contains(twice.stderr, "key was used before") || id.FindString(once.stdout) != id.FindString(twice.stdout) {
		t.Errorf("the same key gives %q, then %q", once.stdout, twice.stdout)
	}
	other := command(t.Context(), goodSpec+"# other\n", args...)
	if other.status != exitUsage || !strings.Contains(other.stderr, "idempotency key") {
		t.Errorf("another spec with the same key: status %d: %s", other.status, other.stderr)
	}
	without := command(t.Context(), goodSpec, "run", "--url", d.url, "-")
	if without.status != 0 || id.FindString(without.stdout) == id.FindString(once.stdout) {
		t.Errorf("without a key, the same spec gives %q again", without.stdout)
	}
}

// TestRunFindsScheduler takes the address from the environment.
func TestRunFindsScheduler(t *testing.T) {
	d := startDev(t, "--runner", "instant")
	t.Setenv("SPILLWAY_URL", d.url+"/")
	if got := command(t.Context(), goodSpec, "run", "-"); got.status != 0 {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}
