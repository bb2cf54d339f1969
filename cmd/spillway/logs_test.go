package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// talkative is a pipeline whose tasks write something.
const talkative = `
name: talkative
defaults: {image: busybox, resources: {cpus: 0.1, mem: 32MiB}}
steps:
  say: {run: "echo out $SPILLWAY_INDEX; echo err $SPILLWAY_INDEX >&2", array: 2}
  bytes: {run: "printf 'a\\377\\000b\\n\\nlast line'"}
  much: {run: "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo the end"}
  again: {run: "echo attempt $SPILLWAY_ATTEMPT; [ $SPILLWAY_ATTEMPT = 1 ]", retries: {limit: 1, backoff: 1ms}}
  fails: {run: "exit 1"}
  never: {run: "true", needs: [fails]}
`

// oneAgent is a cluster of one agent that runs processes.
func oneAgent(t *testing.T) *minimesos.Cluster {
	return startCluster(t, minimesos.Options{
		Runner: minimesos.Process, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
	})
}

// submitSpec submits a spec and returns the run's id.
func submitSpec(t *testing.T, url, spec string) string {
	t.Helper()
	got := command(t.Context(), spec, "submit", "--url", url, "-")
	if got.status != 0 {
		t.Fatalf("submit: status %d: %s", got.status, got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}

// kept tells whether a stream of a task is kept, wherever its agent is.
func kept(t *testing.T, url, run, task string) bool {
	t.Helper()
	step, index, _ := strings.Cut(task, "/")
	resp, err := http.Head(url + "/v1/runs/" + run + "/steps/" + step + "/tasks/" + index + "/logs/stdout")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.Header.Get(httpapi.LogOrigin) == "kept"
}

// TestLogs prints what tasks have written, when their agent is gone.
func TestLogs(t *testing.T) {
	t.Parallel()
	cluster := oneAgent(t)
	_, url := startScheduler(t, cluster, "--pin-images=false", "--log-cap", "1MiB")
	run := submitSpec(t, url, talkative)
	awaitEnd(t, url, state.RunID(run))
	for _, task := range []string{"say/0", "say/1", "bytes/0", "much/0", "again/0", "fails/0"} {
		poll(t, "the log of "+task+" is kept", func() bool { return kept(t, url, run, task) })
	}
	if err := cluster.KillAgent("agent-1"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"say/0", 0, "out 0\n", "err 0\n"},
		{"say/1 --stdout", 0, "out 1\n", ""},
		{"say/1 --stderr", 0, "", "err 1\n"},
		{"say --stdout", 0, "==> say/0 stdout <==\nout 0\n==> say/1 stdout <==\nout 1\n", ""},
		{"say/0 --stdout --stderr -f", 0, "out 0\n", "err 0\n"},
		{"bytes/0", 0, "a\xff\x00b\n\nlast line", ""},
		{"bytes/0 --tail 2", 0, "\nlast line", ""},
		{"bytes/0 --tail 0", 0, "", ""},
		{"again/0 --stdout", 0, "attempt 1\n", ""},
		{"again/0 --attempt 0 --stdout", 0, "attempt 0\n", ""},
		{"again/0 --attempt 0 --stdout -f", 0, "attempt 0\n", ""},
		{"again/0 --attempt 2", 2, "", "spillway: task 0 of step again has no attempt 2\n"},
		{"never/0", 2, "", "spillway: task 0 of step never has not been attempted: skipped because fails failed\n"},
		{"fails --stdout", 0, "", ""},
		{"nothing", 2, "", "spillway: run " + run + ` has no step "nothing"` + "\n"},
		{"say/x", 2, "", `spillway: task "say/x": write it as STEP/INDEX, with an index from 0 on` + "\n"},
		{"much/0 --stdout --tail 1", 0, "the end\n", ""},
	} {
		got := command(t.Context(), "", append([]string{"logs", "--url", url, run}, strings.Fields(c.args)...)...)
		if got.status != c.status || got.stdout != c.stdout || got.stderr != c.stderr {
			t.Errorf("logs %s: status %d, %.200q, %q, want %q, %q", c.args, got.status, got.stdout, got.stderr, c.stdout, c.stderr)
		}
	}
	got := command(t.Context(), "", "logs", "--url", url, run, "much/0")
	if len(got.stdout) != 1<<20 || !strings.HasPrefix(got.stdout, "xxx") || !strings.HasSuffix(got.stdout, "x\nthe end\n") ||
		got.stderr != "\nspillway: here 94.37MiB were not kept of stdout of much/0\n" {
		t.Errorf("a long log: %d bytes, %q", len(got.stdout), got.stderr)
	}
	got = command(t.Context(), "", "logs", "--url", url, run)
	if !strings.Contains(got.stdout, "==> bytes/0 stdout <==\na\xff\x00b\n\nlast line\n==> ") || strings.Count(got.stderr, "step never has not been attempted") != 1 {
		t.Errorf("all logs: %.100q, %q", got.stdout, got.stderr)
	}
}

// TestLogsFollowSeveral follows all tasks of a run, some of which wait for others.
func TestLogsFollowSeveral(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	_, url := startScheduler(t, oneAgent(t), "--pin-images=false")
	run := submitSpec(t, url, waiting(gate))
	r := readLogs(t, "--url", url, run)
	r.has(t, &r.stderr, "spillway: second/0: waits for step first\n")
	for _, name := range []string{".first", ".0", ".1"} {
		touch(t, gate+name)
	}
	if status := <-r.ended; status != 0 {
		t.Errorf("status %d", status)
	}
	if got := r.stdout.String(); got != "second/0 | one 0\nsecond/0 | two 0\nsecond/0 | one 1\nsecond/0 | two 1\n" {
		t.Errorf("it printed %q", got)
	}
}

// TestLineWriter keeps lines together.
func TestLineWriter(t *testing.T) {
	var out strings.Builder
	w := lineWriter{out: &out, prefix: "a | "}
	for _, text := range []string{"one\ntw", "", "o\n\nthree"} {
		if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
			t.Error(n, err)
		}
	}
	if got := out.String(); got != "a | one\na | two\na | \n" {
		t.Errorf("%q", got)
	}
	if err := w.flush(); err != nil || !strings.HasSuffix(out.String(), "a | \na | three\n") {
		t.Errorf("%q, %v", out.String(), err)
	}
	long := strings.Repeat("x", longestLine)
	if _, err := w.Write([]byte(long)); err != nil || !strings.HasSuffix(out.String(), "a | "+long) {
		t.Error("a line without end is never printed")
	}
}

// reading is `spillway logs -f` in this process.
type reading struct {
	stdout, stderr output
	ended          chan int
}

func readLogs(t *testing.T, args ...string) *reading {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	t.Cleanup(cancel)
	r := &reading{ended: make(chan int, 1)}
	root := newRoot()
	root.SetArgs(append([]string{"logs", "-f"}, args...))
	root.SetOut(&r.stdout)
	root.SetErr(&r.stderr)
	go func() { r.ended <- execute(ctx, root) }()
	return r
}

// has waits until something was printed.
func (r *reading) has(t *testing.T, from *output, text string) {
	t.Helper()
	poll(t, "it prints "+text, func() bool { return strings.Contains(from.String(), text) })
}

// waiting is a task that says one, waits for a gate, says two, and fails the first time.
func waiting(gate string) string {
	return `
name: waiting
defaults: {image: busybox, resources: {cpus: 0.1, mem: 32MiB}}
steps:
  first: {run: "until [ -e ` + gate + `.first ]; do sleep 0.02; done"}
  second:
    run: "echo one $SPILLWAY_ATTEMPT; until [ -e ` + gate + `.$SPILLWAY_ATTEMPT ]; do sleep 0.02; done; echo two $SPILLWAY_ATTEMPT; [ $SPILLWAY_ATTEMPT = 1 ]"
    needs: [first]
    retries: {limit: 1, backoff: 1ms}
`
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestLogsFollow follows a task that waits, from before its first attempt to the end of its second.
func TestLogsFollow(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	_, url := startScheduler(t, oneAgent(t), "--pin-images=false")
	run := submitSpec(t, url, waiting(gate))
	r := readLogs(t, "--url", url, run, "second")
	r.has(t, &r.stderr, "spillway: second/0: waits for step first\n")
	touch(t, gate+".first")
	r.has(t, &r.stdout, "one 0\n")
	touch(t, gate+".0")
	r.has(t, &r.stdout, "one 1\n")
	touch(t, gate+".1")
	if status := <-r.ended; status != 0 {
		t.Errorf("status %d", status)
	}
	if got := r.stdout.String(); got != "one 0\ntwo 0\none 1\ntwo 1\n" {
		t.Errorf("it printed %q", got)
	}
	if got := r.stderr.String(); !strings.HasSuffix(got, "spillway: second/0: attempt 1 on 127.0.0.1\n") {
		t.Errorf("it said %q", got)
	}
}

// TestLogsFollowSurvivesScheduler kills the scheduler while a log is followed; nothing is lost or printed twice.
func TestLogsFollowSurvivesScheduler(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	cluster := oneAgent(t)
	flags := tenacious(cluster, filepath.Join(t.TempDir(), "spillway.db"), freeAddress(t))
	url := "http://" + flags[6]
	p := spawn(t, flags...)
	poll(t, "the scheduler answers", func() bool { return strings.Contains(p.stderr.String(), "answering requests") })
	touch(t, gate+".first")
	run := submitSpec(t, url, waiting(gate))
	r := readLogs(t, "--url", url, run, "second", "--stdout")
	r.has(t, &r.stdout, "one 0\n")
	p.kill()
	touch(t, gate+".0")
	p = spawn(t, flags...)
	r.has(t, &r.stdout, "one 1\n")
	if status := p.interrupt(t); status != 0 {
		t.Errorf("the scheduler ended with status %d: %s", status, p.stderr.String())
	}
	spawn(t, flags...)
	touch(t, gate+".1")
	if status := <-r.ended; status != 0 {
		t.Errorf("status %d: %s", status, r.stderr.String())
	}
	if got := r.stdout.String(); got != "one 0\ntwo 0\none 1\ntwo 1\n" {
		t.Errorf("it printed %q", got)
	}
}

// TestLogsAreFoundAgain kills the scheduler before it has collected a log, which it finds at its next start.
func TestLogsAreFoundAgain(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	cluster := oneAgent(t)
	flags := tenacious(cluster, filepath.Join(t.TempDir(), "spillway.db"), freeAddress(t))
	url := "http://" + flags[6]
	p := spawn(t, flags...)
	poll(t, "the scheduler answers", func() bool { return strings.Contains(p.stderr.String(), "answering requests") })
	touch(t, gate+".first")
	run := submitSpec(t, url, waiting(gate))
	r := readLogs(t, "--url", url, run, "second", "--stdout")
	r.has(t, &r.stdout, "one 0\n")
	if err := cluster.StopAgent("agent-1"); err != nil { // it does not answer, and the task goes on
		t.Fatal(err)
	}
	touch(t, gate+".0")
	touch(t, gate+".1")
	p.kill()
	spawn(t, flags...)
	if err := cluster.ResumeAgent("agent-1"); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, url, state.RunID(run))
	poll(t, "the log is kept", func() bool { return kept(t, url, run, "second/0") })
	<-r.ended
	if got := command(t.Context(), "", "logs", "--url", url, run, "second/0", "--attempt", "0").stdout; got != "one 0\ntwo 0\n" {
		t.Errorf("the first attempt's log is %q", got)
	}
}

// TestLogsInDocker reads the logs of containers.
func TestLogsInDocker(t *testing.T) {
	needDocker(t)
	t.Parallel()
	d := startDev(t, "--runner", "docker", "--pin-images=false")
	run := submitSpec(t, d.url, strings.ReplaceAll(oneTask("echo out; echo err >&2; exit 3"), "image: busybox", "image: "+helloImage))
	r := readLogs(t, "--url", d.url, run)
	<-r.ended
	if r.stdout.String() != "out\n" || !strings.HasSuffix(r.stderr.String(), "err\n") {
		t.Errorf("it printed %q, %q", r.stdout.String(), r.stderr.String())
	}
}

// TestLogsOnMesos reads the logs of a container from a real agent. Its executor writes into them as well.
func TestLogsOnMesos(t *testing.T) {
	flags, url := onMesos(t, needMesos(t))
	p := spawn(t, append(flags, "--pin-images=false")...)
	poll(t, "the scheduler answers", func() bool { return strings.Contains(p.stderr.String(), "answering requests") })
	run := submitSpec(t, url, strings.ReplaceAll(oneTask(`printf "out\377\n"; echo err >&2; exit 3`), "image: busybox", "image: "+helloImage))
	r := readLogs(t, "--url", url, run)
	<-r.ended
	if !strings.Contains(r.stdout.String(), "out\xff\n") || !strings.Contains(r.stderr.String(), "err\n") {
		t.Errorf("it printed %q, %q", r.stdout.String(), r.stderr.String())
	}
	poll(t, "the log is kept", func() bool { return kept(t, url, run, "task/0") })
	if got := command(t.Context(), "", "logs", "--url", url, run).stdout; !strings.Contains(got, "out\xff\n") {
		t.Errorf("what is kept is %q", got)
	}
}
