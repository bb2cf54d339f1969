package main

import (
	"bytes"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosmaster "github.com/mesos/mesos-go/api/v1/lib/master"
)

var (
	masterURL = regexp.MustCompile(`master on (http://[0-9.]+:[0-9]+)`)
	agentID   = regexp.MustCompile(`is agent (\S+) `)
)

// joinDev starts `spillway dev join` as a process of its own, and waits until it is an agent.
func joinDev(t *testing.T, d *devCommand, args ...string) (p *process, agent string) {
	t.Helper()
	master := masterURL.FindStringSubmatch(d.words)
	if master == nil {
		t.Fatalf("it does not say where its master is: %s", d.words)
	}
	p = spawn(t, append([]string{"dev", "join", master[1], "--runner", "process"}, args...)...)
	poll(t, "the machine joins", func() bool { return agentID.MatchString(p.stdout.String()) || p.hasEnded() })
	if p.hasEnded() {
		t.Fatalf("it has ended: %s%s", p.stdout.String(), p.stderr.String())
	}
	return p, agentID.FindStringSubmatch(p.stdout.String())[1]
}

// TestDevJoin has a task run on a machine that is another process, reads its log, and marks its agent gone.
func TestDevJoin(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process", "--agents", "1")
	dir := t.TempDir()
	p, agent := joinDev(t, d, "--hostname", "far", "--attributes", "place:far", "--resources", "cpus:1;mem:64", "--dir", dir)
	spec := "name: away\nsteps: {task: {image: busybox, resources: {cpus: 1, mem: 32MiB}, where: [{attribute: place, equals: far}], run: 'pwd'}}\n"
	got := command(t.Context(), spec, "run", "--url", d.url, "-")
	if got.status != 0 {
		t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	got = command(t.Context(), "", "logs", "--url", d.url, "@last", "task")
	if want := filepath.Join(dir, "slaves", agent); !strings.Contains(got.stdout, want) {
		t.Errorf("the task did not run in %s: %s%s", want, got.stdout, got.stderr)
	}
	markGone(t, masterURL.FindStringSubmatch(d.words)[1], agent)
	if status := p.wait(t); status != 0 || !strings.Contains(p.stdout.String(), "this machine has left the cluster") || p.stderr.String() != "" {
		t.Errorf("status %d: %s%s", status, p.stdout.String(), p.stderr.String())
	}
}

// markGone is what an operator does with an agent that is not to come back.
func markGone(t *testing.T, master, agent string) {
	t.Helper()
	call := mesosmaster.Call{Type: mesosmaster.Call_MARK_AGENT_GONE,
		MarkAgentGone: &mesosmaster.Call_MarkAgentGone{AgentID: mesos.AgentID{Value: agent}}}
	body, err := call.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(master+"/api/v1", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("MARK_AGENT_GONE: %s", response.Status)
	}
}

// TestDevJoinIsInterrupted: the task of a machine that leaves runs again on another, at no cost to its author.
func TestDevJoinIsInterrupted(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process", "--agents", "1", "--resources", "cpus:1;mem:64", "--infra-backoff", "10ms")
	p, _ := joinDev(t, d, "--resources", "cpus:2;mem:64")
	began := filepath.Join(t.TempDir(), "began")
	spec := "name: again\nsteps: {task: {image: busybox, resources: {cpus: 2, mem: 32MiB}, " +
		"run: '[ -e " + began + " ] || { touch " + began + "; sleep 1000; }'}}\n"
	if got := command(t.Context(), spec, "submit", "--url", d.url, "-"); got.status != 0 {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	poll(t, "the task runs", func() bool {
		matches, _ := filepath.Glob(began)
		return len(matches) == 1
	})
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := p.wait(t); status != 0 || p.stderr.String() != "" {
		t.Errorf("status %d: %s", status, p.stderr.String())
	}
	joinDev(t, d, "--resources", "cpus:2;mem:64")
	if got := command(t.Context(), "", "status", "--url", d.url, "--follow", "@last"); got.status != 0 {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

func TestDevJoinRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no master":      {[]string{"join"}, "arg"},
		"a bad master":   {[]string{"join", "10.0.0.1:5050"}, "http://10.0.0.1:5050"},
		"bad attributes": {[]string{"join", "http://127.0.0.1:1", "--attributes", "rack"}, "--attributes"},
		"every address":  {[]string{"--master-listen", "0.0.0.0:0"}, "--master-listen"},
		"a name":         {[]string{"--master-listen", "here:0"}, "--master-listen"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"dev"}, tc.args...)...)
			if got.status != exitUsage || !strings.Contains(got.stderr, tc.says) {
				t.Errorf("status %d, it does not say %q: %s", got.status, tc.says, got.stderr)
			}
		})
	}
}
