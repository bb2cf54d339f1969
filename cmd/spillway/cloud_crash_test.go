package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// overflow is an array that only cloud machines can run.
const overflow = `
name: overflow
burst: {allow: true}
steps:
  work:
    array: 48
    image: busybox
    resources: {cpus: 1, mem: 64MiB}
    where: [{attribute: site, equals: lab}]
    run: echo "line of $SPILLWAY_INDEX"; sleep 1
`

// TestCloudAgentKilled kills the cloudburst agent again and again while an array overflows into a cloud on which one call of ten
// goes wrong. The tasks are real processes. All of them run once, their logs outlive the machines, no machine is made twice,
// and nothing is left behind.
func TestCloudAgentKilled(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := startSkyOf(t, minimesos.Process)
	s.cloud.FailAtRandom(0.1, []ministack.Fault{
		{Effect: ministack.Unavailable}, {Effect: ministack.Unavailable, Done: true}, {Effect: ministack.Break, Done: true},
	})
	run := s.submit(overflow)
	intents := map[string]string{} // server by machine
	look := func() {
		for _, server := range s.cloud.Servers() {
			name := server.Metadata["spillway_vm"]
			if intents[name] != "" && intents[name] != server.ID {
				t.Errorf("machine %s has the servers %s and %s", name, intents[name], server.ID)
			}
			intents[name] = server.ID
		}
	}
	for range 10 {
		p := spawn(t, "cloudburst", "--config", s.config)
		<-time.After(time.Duration(100+rng.Int64N(900)) * time.Millisecond)
		p.kill()
		look()
	}
	s.cloud.Heal()
	p := spawn(t, "cloudburst", "--config", s.config)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last agent said:\n%s", p.stderr.String())
		}
	})
	poll(t, "the run has ended", func() bool {
		look()
		return strings.Contains(command(t.Context(), "", "status", run, "--url", s.url).stdout, "succeeded")
	})
	poll(t, "nothing is left", func() bool { return len(s.cloud.Servers()) == 0 && len(s.cloud.Ports()) == 0 })
	if status := p.interrupt(t); status != 0 {
		t.Errorf("the last agent ended with status %d", status)
	}
	logs := command(t.Context(), "", "logs", "--url", s.url, run, "work")
	for i := range 48 {
		if n := strings.Count(logs.stdout, fmt.Sprintf("line of %d\n", i)); n != 1 {
			t.Errorf("task %d has written %d lines that were kept", i, n)
		}
	}
	if tasks := command(t.Context(), "", "tasks", "--url", s.url, run, "-o", "json"); tasks.status != 0 || strings.Contains(tasks.stdout, `"attempt": 2`) {
		t.Errorf("a task was run twice, by a drain or for a lost machine: %s%s", tasks.stdout, tasks.stderr)
	}
	t.Logf("%d machines", len(intents))
}

// TestBacklogBeginsARound: a queue that grows is heard of at once, not when the next round is due.
func TestBacklogBeginsARound(t *testing.T) {
	t.Parallel()
	s := startSky(t)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.config = write(t, "slow.yaml", strings.Replace(string(text), "interval: 1s", "interval: 1h", 1))
	s.burst()
	poll(t, "the agent has made its first round", func() bool {
		return strings.Contains(command(t.Context(), "", "cloud", "vms", "--config", s.config).stdout, "there are no") && s.cloud.Count(ministack.ListServers) > 2
	})
	began := time.Now()
	s.submit(overflow)
	poll(t, "a machine was asked for", func() bool { return s.cloud.Count(ministack.CreateServer) > 0 })
	for _, call := range s.cloud.History() {
		if call.Kind == ministack.CreateServer {
			t.Logf("from the submission to the create call: %v", call.At.Sub(began).Round(time.Millisecond))
			break
		}
	}
}
