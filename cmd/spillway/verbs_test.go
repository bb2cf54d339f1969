package main

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

const twoSteps = "name: pair\nproject: lisa\nowner: ada\ndefaults: {image: busybox, resources: {cpus: 0.1, mem: 32MiB}}\n" +
	"steps: {first: {run: 'true', array: 3}, second: {run: 'exit 4', needs: [first]}}\n"

// spillway runs a verb against a scheduler, which must succeed, and returns what it prints.
func (d *devCommand) spillway(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	got := command(t.Context(), stdin, append(args, "--url", d.url)...)
	if got.status != 0 {
		t.Errorf("%s: status %d: %s", strings.Join(args, " "), got.status, got.stderr)
	}
	return got.stdout
}

// fails runs a verb that must end with a status and say something.
func (d *devCommand) fails(t *testing.T, status int, says, stdin string, args ...string) {
	t.Helper()
	got := command(t.Context(), stdin, append(args, "--url", d.url)...)
	if got.status != status || !strings.Contains(got.stdout+got.stderr, says) {
		t.Errorf("%s: status %d, want %d and %q: %s%s", strings.Join(args, " "), got.status, status, says, got.stdout, got.stderr)
	}
}

// has runs a verb whose output must have all of some texts.
func (d *devCommand) has(t *testing.T, args []string, texts ...string) {
	t.Helper()
	out := d.spillway(t, "", args...)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%s does not print %q:\n%s", strings.Join(args, " "), text, out)
		}
	}
}

// TestVerbs takes a run through its life.
func TestVerbs(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process", "--agents", "2", "--attributes", "rack:a", "--attributes", "rack:b")
	dry := d.spillway(t, twoSteps, "submit", "--dry-run", "-")
	if !strings.Contains(dry, "lisa/pair can be run: 2 steps") || !strings.Contains(d.spillway(t, "", "runs"), "no runs") {
		t.Errorf("a dry run says: %s", dry)
	}
	id := strings.TrimSpace(d.spillway(t, twoSteps, "submit", "--key", "k", "-"))
	if again := strings.TrimSpace(d.spillway(t, twoSteps, "submit", "--key", "k", "-")); len(id) != idLength || again != id {
		t.Fatalf("the same key makes %q and %q", id, again)
	}
	d.fails(t, exitFailed, "failed after", "", "status", "--follow", id)
	for _, name := range []string{id, lastRun, id[idLength-5:], strings.ToUpper(id[idLength-5:])} {
		d.has(t, []string{"status", name}, id, "lisa/pair", "ada", "exited with status 4")
	}
	d.has(t, []string{"runs", "--project", "lisa", "--phase", "failed", "--since", "1h", "--owner", "ada", "--name", "pair"}, id)
	d.has(t, []string{"runs", "--phase", "active,succeeded"}, "no runs")
	d.has(t, []string{"tasks", id, "--step", "second"}, "second", "failed", "agent-", "4")
	d.has(t, []string{"tasks", id, "--phase", "succeeded", "--limit", "2"}, "first", "1")
	d.has(t, []string{"why", id}, "failed: second task 0 failed on agent-", "exited with status 4")
	d.has(t, []string{"why", id, "second"}, "failed: task 0 failed on agent-", "exited with status 4")
	d.has(t, []string{"why", id, "first"}, "succeeded\n")
	d.has(t, []string{"why", id, "second/0"}, "failed on agent-", "after 1 attempt: ", "exited with status 4")
	d.has(t, []string{"graph", id}, "●  first", "3 tasks", "second  failed")
	d.has(t, []string{"graph", id, "-o", "svg"}, "<svg", "lisa/pair "+id)
	d.has(t, []string{"graph", id, "-o", "dot"}, "s0 -> s1")
	d.has(t, []string{"timeline", id}, "<svg", "4 attempts", "agent-")
	d.has(t, []string{"timeline", id, "-o", "json"}, `"attempts"`, `"exit_code": 4`)
	d.has(t, []string{"agents"}, "agent-1", "agent-2", "rack=a", "rack=b")
	d.has(t, []string{"queue"}, "nothing waits or runs")
	d.fails(t, exitFailed, "failed after", "", "retry", "--follow", id)
	d.has(t, []string{"retry", id}, "run "+id+" is active")
}

// TestVerbsRefuse: what cannot be is said with what to do.
func TestVerbsRefuse(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "instant")
	none := strings.Repeat("0", idLength)
	for _, tc := range []struct {
		says string
		args []string
	}{
		{"there is no run yet", []string{"status", lastRun}},
		{"there is no run yet", []string{"status", "abcd"}},
		{`run "6mq": give its id, at least the last 4 letters of it, or @last`, []string{"status", "6mq"}},
		{`run "": give`, []string{"status", ""}},
		{"@first", []string{"status", "@first"}},
		{"nofile is no file, nor a run", []string{"graph", "nofile"}},
		{"-p is for a spec", []string{"graph", none, "-p", "a=b"}},
		{"--tail -5: give a number", []string{"logs", none, "--tail", "-5"}},
		{"--attempt -3: give a number", []string{"logs", none, "--attempt", "-3"}},
		{"there are 3 arguments: write it as `spillway logs RUN [STEP[/INDEX]]`", []string{"logs", none, "a", "0"}},
		{"--limit abc: should be a whole number", []string{"runs", "--limit", "abc"}},
		{none, []string{"status", none}},
		{"-o xml: there are table, json, yaml", []string{"runs", "-o", "xml"}},
		{"--limit 0", []string{"runs", "--limit", "0"}},
		{`spillway: the query is wrong: phase: "foo" is none of active, cancelling`, []string{"runs", "--phase", "active,foo"}},
		{`spillway: the query is wrong: phase: "foo" is none of pending, `, []string{"tasks", none, "--phase", "foo", "-o", "json"}},
		{"--since", []string{"runs", "--since", "yesterday"}},
		{"STEP/INDEX", []string{"why", none, "a/b"}},
		{"which runs?", []string{"delete"}},
		{"not both", []string{"delete", none, "--ended-before", "1d"}},
		{"PROJECT/NAME", []string{"pipelines", "show", "a/b/c"}},
		{"give one run", []string{"retry", "--follow", none, none}},
		{"no such file", []string{"graph", "missing.yaml"}},
	} {
		d.fails(t, exitUsage, tc.says, "", tc.args...)
	}
	got := command(t.Context(), "", "cancel", none, none[1:]+"1", "--url", d.url)
	if strings.Count(got.stderr, "spillway: ") != 2 || strings.Count(got.stderr, "\n") != 2 {
		t.Errorf("two errors are told so:\n%s", got.stderr)
	}
	for _, address := range []string{"ftp://127.0.0.1:1", "127.0.0.1:4400", "http://"} {
		if got := command(t.Context(), "", "runs", "--url", address); got.status != exitUsage || !strings.Contains(got.stderr, "http") {
			t.Errorf("%s: status %d: %s", address, got.status, got.stderr)
		}
	}
}

// TestOutputIsTheAnswer: -o json prints what the API answers, and pages come together.
func TestOutputIsTheAnswer(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "instant")
	for range 3 {
		d.spillway(t, goodSpec, "run", "-")
	}
	id := strings.TrimSpace(d.spillway(t, twoSteps, "submit", "-"))
	awaitEnd(t, d.url, state.RunID(id))
	for path, args := range map[string][]string{
		"/v1/runs?limit=50": {"runs"}, "/v1/runs/" + id: {"status", id}, "/v1/runs/" + id + "/why": {"why", id},
		"/v1/runs/" + id + "/tasks": {"tasks", id}, "/v1/runs/" + id + "/attempts": {"timeline", id}, "/v1/pipelines": {"pipelines"},
	} {
		var want, got any
		read(t, d.url+path, &want)
		if err := json.Unmarshal([]byte(d.spillway(t, "", append(args, "-o", "json")...)), &got); err != nil {
			t.Errorf("%s: %v", args[0], err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s prints something else than %s answers (-answer +printed):\n%s", args[0], path, diff)
		}
	}
	var all httpapi.Runs
	raw, err := clientOf(d.url).pages(t.Context(), "/v1/runs", "runs", map[string][]string{}, 0)
	if err != nil || json.Unmarshal(raw, &all) != nil || len(all.Runs) != 4 || all.Next != "" {
		t.Errorf("all pages have %d runs (%v)", len(all.Runs), err)
	}
	var ended httpapi.Run
	got := command(t.Context(), twoSteps, "run", "-", "-o", "json", "--url", d.url)
	if err := json.Unmarshal([]byte(got.stdout), &ended); err != nil || ended.Ended == nil || got.status != 0 {
		t.Errorf("run -o json: status %d, %v: %s", got.status, err, got.stdout)
	}
}

func read(t *testing.T, url string, v any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(text, v) != nil {
		t.Fatalf("%s: %v: %s", url, err, text)
	}
}

// TestPipelineVerbs keeps a pipeline, runs it, and deletes it.
func TestPipelineVerbs(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	spec := "name: kept\nparams: {code: {type: int, default: 0}}\nsteps: {task: {run: 'exit {{ params.code }}', image: busybox, resources: {cpus: 0.1, mem: 32MiB}}}\n"
	d.has(t, []string{"pipelines"}, "no pipelines")
	for _, says := range []string{"default/kept is kept as version 1\n", "default/kept is unchanged: version 1\n"} {
		if out := d.spillway(t, spec, "pipelines", "put", "-"); out != says {
			t.Errorf("%q, want %q", out, says)
		}
	}
	d.spillway(t, spec+"# more\n", "pipelines", "put", "-")
	d.has(t, []string{"pipelines", "list"}, "default/kept", "2")
	if out := d.spillway(t, "", "pipelines", "show", "kept", "--version", "1"); out != spec {
		t.Errorf("version 1 is %q", out)
	}
	d.fails(t, 0, "succeeded after", "", "pipelines", "run", "-f", "kept")
	d.fails(t, exitFailed, "failed after", "", "pipelines", "run", "-f", "default/kept", "-p", "code=3")
	d.has(t, []string{"status", lastRun}, "default/kept version 2", "code=3")
	d.has(t, []string{"pipelines", "run", "kept", "--dry-run"}, "default/kept can be run: 1 step")
	d.has(t, []string{"pipelines", "delete", "kept"}, "is deleted")
	d.has(t, []string{"pipelines", "history", "kept"}, "deleted")
	d.fails(t, exitUsage, "kept", "", "pipelines", "show", "kept")
}

// TestChangeVerbs cancels and deletes.
func TestChangeVerbs(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	endless := oneTask("sleep 1000")
	a, b := strings.TrimSpace(d.spillway(t, endless, "submit", "-")), strings.TrimSpace(d.spillway(t, endless, "submit", "-"))
	d.fails(t, exitUsage, a, "", "delete", a)
	if out := d.spillway(t, "", "cancel", a, b); strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
	d.fails(t, exitCancelled, "cancelled after", "", "status", "-f", a)
	d.fails(t, exitCancelled, "cancelled after", "", "status", "-f", b)
	d.has(t, []string{"delete", a}, "run "+a+" is deleted")
	d.fails(t, exitUsage, a, "", "status", a)
	d.has(t, []string{"delete", "--ended-before", "0s"}, "1 run deleted")
	c := strings.TrimSpace(d.spillway(t, endless, "submit", "-"))
	d.spillway(t, "", "cancel", c)
	d.fails(t, exitCancelled, "cancelled after", "", "status", "-f", c)
	got := command(t.Context(), "", "delete", c, a, "-o", "json", "--url", d.url)
	var gone struct {
		Deleted int
		Runs    []string
	}
	if err := json.Unmarshal([]byte(got.stdout), &gone); err != nil || got.status != exitUsage || !strings.Contains(got.stderr, a) ||
		gone.Deleted != 1 || !slices.Equal(gone.Runs, []string{c}) {
		t.Errorf("status %d, %v: %s%s", got.status, err, got.stdout, got.stderr)
	}
}

// TestCompletion: shells complete verbs, runs, steps, pipelines and values of flags, and nothing where nobody answers.
func TestCompletion(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "instant")
	id := strings.TrimSpace(d.spillway(t, twoSteps, "submit", "-"))
	awaitEnd(t, d.url, state.RunID(id))
	d.spillway(t, twoSteps, "pipelines", "put", "-")
	for want, args := range map[string][]string{
		id + "\tlisa/pair succeeded": {"status", "--url", d.url, ""},
		"second\tsucceeded, 1 task":  {"why", "--url", d.url, id, ""},
		"first\tsucceeded, 3 tasks":  {"tasks", "--url", d.url, id, "--step", ""},
		"cancelling":                 {"runs", "--phase", ""},
		"yaml":                       {"runs", "-o", ""},
		"lisa/pair":                  {"pipelines", "show", "--url", d.url, ""},
		":0":                         {"graph", "--url", "http://" + freeAddress(t), ""},
		":4":                         {"status", "--url", "http://" + freeAddress(t), ""},
		"timeline\t":                 {"ti"},
	} {
		got := command(t.Context(), "", append([]string{"__complete"}, args...)...)
		if !slices.ContainsFunc(strings.Split(got.stdout, "\n"), func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("%v does not complete to %q: %s%s", args, want, got.stdout, got.stderr)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := command(t.Context(), "", "completion", shell); got.status != 0 || !strings.Contains(got.stdout, "spillway") {
			t.Errorf("completion %s: status %d", shell, got.status)
		}
	}
}

// TestGraphOfFile needs no scheduler.
func TestGraphOfFile(t *testing.T) {
	t.Setenv("SPILLWAY_URL", "nonsense")
	file := write(t, "pair.yaml", twoSteps)
	for format, want := range map[string]string{
		"text": "lisa/pair\n●  first   3 tasks\n│\n●  second  1 task\n", "mermaid": "s0 --> s1", "dot": "digraph", "svg": "<svg",
	} {
		if got := command(t.Context(), "", "graph", file, "-o", format); got.status != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("%s: status %d: %s%s", format, got.status, got.stdout, got.stderr)
		}
	}
	if got := command(t.Context(), badSpec, "graph", "-"); got.status != exitUsage || !strings.HasPrefix(got.stderr, "standard input:3:") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}
