package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a time so long after noon.
func at(d time.Duration) *time.Time { t := noon.Add(d); return &t }

var anAttempt = httpapi.Attempt{
	ID: "r.whiten.2.0", Step: "whiten", Index: 2, Hostname: "agent-2", State: "TASK_FAILED", Message: "Container exited\nwith status 7 \x1b[31m",
	Launched: noon, Started: at(time.Second), Ended: at(3 * time.Second), Outcome: "author_failed", ExitCode: new(7),
	Why: "Container exited with status 7 \x1b[31m",
}

var aRun = httpapi.Run{
	ID: "01kjmn5zg0w3w2r4k7y4n6m8ab", Name: "strain", Project: "lisa", Owner: "ada", Phase: "active", Generation: 1,
	Params: map[string]string{"parts": "8", "detector": "h1"}, SubmittedBy: "ada's laptop", PipelineVersion: 3,
	Images: map[string]string{"python:3": "python@sha256:0123"}, Submitted: noon,
	Steps: []httpapi.Step{
		{Name: "fetch", Phase: "succeeded", Tasks: 1, Succeeded: 1},
		{Name: "whiten", Phase: "active", Needs: []string{"fetch"}, Tasks: 100, Succeeded: 50, Running: 20, Starting: 5, Failed: 1, Pending: 24,
			Waits: "needs 1 cpu: 3 agents have fewer free", Failure: &anAttempt,
			Why: "task 2 (index=12) failed on agent-2: " + anAttempt.Why},
		{Name: "spectra-of-all-segments", Phase: "waiting", Needs: []string{"fetch"}, Tasks: 12, Pending: 12},
		{Name: "plot", Phase: "waiting", Needs: []string{"whiten", "spectra-of-all-segments"}, Tasks: 1, Pending: 1},
		{Name: "mourn", Phase: "skipped", Needs: []string{"plot"}, Tasks: 1, Skipped: 1, Why: "skipped because nothing failed before it"},
	},
}

var aQueue = httpapi.Queue{
	Projects: []httpapi.ProjectQueue{
		{Project: "lisa", Weight: 2, Used: httpapi.Resources{CPUs: 25, MemBytes: 25 << 30}, Waiting: 24, Running: 25, Oldest: at(-time.Minute),
			Reasons: map[string]int{"constraints": 4, "resources": 20}},
		{Project: "quiet", Weight: 1, Waiting: 1, Oldest: at(-50 * time.Hour), Reasons: map[string]int{"max_parallel": 1}},
	},
	Waiting: []httpapi.WaitingStep{
		{Run: aRun.ID, Project: "lisa", Pipeline: "strain", Step: "whiten", Tasks: 24, Since: noon.Add(-time.Minute),
			Each: httpapi.Resources{CPUs: 0.5, MemBytes: 1 << 30, GPUs: 1, Ports: 2, DiskBytes: 1 << 20}, Reason: "resources", Why: "needs 1 cpu: 3 agents have fewer free"},
	},
}

var someAgents = []httpapi.Agent{
	{ID: "a", Hostname: "agent-1", Attributes: map[string]string{"rack": "r1", "zone": "b"}, Free: httpapi.Resources{CPUs: 3.5, MemBytes: 3 << 30, DiskBytes: 1 << 30},
		Used: httpapi.Resources{CPUs: 0.5, MemBytes: 1 << 30}, Tasks: 1, Seen: noon.Add(-2 * time.Second)},
	{ID: "b", Hostname: "gpu-agent-2", Free: httpapi.Resources{CPUs: 8, MemBytes: 64 << 30, GPUs: 2}, Seen: noon, Maintenance: at(time.Hour)},
}

var someVMs = cloudVMs{VMs: []cloudVM{
	{Intent: "batch-k3f9x2mzqa", Pool: "batch", Cloud: "hxn", Flavor: "m1.large", Stage: vm.Serving, Since: noon.Add(-3 * time.Hour), Agent: "a-S7",
		Lease: at(9 * time.Hour), PricePerHour: 0.35, Cost: 1.05},
	{Intent: "batch-w7aaq3kd5e", Pool: "batch", Cloud: "grilles", Flavor: "c4", Stage: vm.Building, Since: noon.Add(-20 * time.Second), Expected: at(100 * time.Second)},
	{Intent: "highmem-aaaaaaaaaa", Pool: "highmem", Cloud: "hxn", Flavor: "r2", Stage: vm.Failed, Since: noon.Add(-time.Minute), Reason: "No valid host was found. \x1b[31m"},
}}

var aPlan = cloudPlan{
	Actions: []cloudAction{
		{Verb: "boot", Pool: "batch", Cloud: "hxn", Flavor: "m1.large", Reason: "24 tasks of a/whiten would wait longer than the 2m that it takes to arrive"},
		{Verb: "drain", VM: "batch-k3f9x2mzqa", Pool: "batch", Cloud: "hxn", Flavor: "m1.large", Then: "stop", Reason: "nothing has run there for 10m"},
	},
	Waiting: []cloudWait{{cloudStep: cloudStep{aRun.ID, "whiten"}, Project: "lisa", Pipeline: "strain", Tasks: 24, Since: noon.Add(-time.Minute), VMs: 1, Expected: at(2 * time.Minute),
		Why: "1 VM (m1.large on hxn) is expected in 2m"}},
}

var someLeftovers = cloudLeftovers{Leftovers: []cloudLeftover{
	{Cloud: "hxn", Kind: "port", ID: "0c0f", Intent: "batch-k3f9x2mzqa", Created: noon.Add(-time.Hour), Status: "DOWN", Why: "there is no server of batch-k3f9x2mzqa"},
}}

var someChecks = cloudChecks{Checks: []cloudCheck{
	{What: "cloud hxn: credentials", OK: true, Said: "accepted"},
	{What: "cloud hxn: pool batch: network internl", Said: "there is none of that name or id; there are: internal", Do: "name one that is there, or have it made"},
}}

// TestTables draws every table as it is in a pipe, and on terminals with and without colours.
func TestTables(t *testing.T) {
	draw := map[string]func(s *sheet){
		"status": func(s *sheet) { printStatus(s, aRun) },
		"retried": func(s *sheet) {
			run := aRun
			run.Phase, run.Retried, run.Ended = "cancelled", at(time.Minute), at(63*time.Second)
			run.Steps = []httpapi.Step{{Name: "whiten", Phase: "cancelled", Tasks: 100, Succeeded: 40, Cancelled: 60}}
			printStatus(s, run)
			runsTable([]httpapi.Run{run}, s.now).print(s, s.screen)
		},
		"runs": func(s *sheet) {
			runsTable([]httpapi.Run{aRun, {ID: "01kjmn5zg0w3w2r4k7y4n6m8ac", Name: "n", Project: "default", Phase: "failed", Submitted: noon.Add(-72 * time.Hour), Ended: at(-71 * time.Hour)}}, s.now).print(s, s.screen)
		},
		"tasks": func(s *sheet) {
			printTasks(s, []httpapi.Task{
				{Step: "whiten", Index: 0, Phase: "pending", Values: map[string]string{"index": "0", "detector": "h1", "segment": "a b"}},
				{Step: "whiten", Index: 2, Phase: "failed", Values: map[string]string{"index": "12"}, Attempts: 1, Attempt: &anAttempt},
			})
		},
		"none": func(s *sheet) { printTasks(s, nil); printWaiting(s, httpapi.Waiting{Why: "succeeded"}) },
		"waiting": func(s *sheet) {
			printWaiting(s, httpapi.Waiting{Why: "active, 24 pending", Waiting: []httpapi.StepWhy{{Step: "whiten", Tasks: 24, Why: strings.Repeat("long ", 30)}}})
		},
		"queue": func(s *sheet) {
			projectsTable(aQueue, s.now).print(s, s.screen)
			waitingTable(aQueue, s.now).print(s, s.screen)
		},
		"vms":       func(s *sheet) { printVMs(s, someVMs); printVMs(s, cloudVMs{}) },
		"plan":      func(s *sheet) { printPlan(s, aPlan); printPlan(s, cloudPlan{}) },
		"leftovers": func(s *sheet) { printLeftovers(s, someLeftovers); printLeftovers(s, cloudLeftovers{}) },
		"checks":    func(s *sheet) { printChecks(s, someChecks) },
		"agents":    func(s *sheet) { agentsTable(someAgents, s.now).print(s, s.screen) },
		"clouds": func(s *sheet) {
			agentsTable([]httpapi.Agent{someAgents[0], {
				Hostname: "burst-1", VM: "burst-abcdefghij", Cloud: "hxn", Seen: noon, Free: httpapi.Resources{CPUs: 8, MemBytes: 16 << 30},
				Attributes: map[string]string{"spillway_vm": "burst-abcdefghij", "spillway_cloud": "hxn", "spillway_pool": "burst"},
				Cordon:     &httpapi.Cordoned{Reason: "drained: nothing waits", Until: noon.Add(10 * time.Minute)},
			}}, s.now).print(s, s.screen)
		},
		"deadlines": func(s *sheet) {
			for _, ended := range []*time.Time{nil, at(time.Minute), at(3 * time.Minute)} {
				for _, deadline := range []time.Duration{time.Minute, 2 * time.Minute} {
					run := aRun
					run.Steps, run.Deadline, run.Ended = nil, at(deadline), ended
					printStatus(s, run)
				}
			}
		},
		"pipelines": func(s *sheet) {
			pipelinesTable([]httpapi.Pipeline{{Project: "lisa", Name: "strain", Version: 3, By: "ada", Put: noon.Add(-time.Hour)},
				{Project: "lisa", Name: "strain", Version: 4, Put: noon, Deleted: true}}, s.now).print(s, s.screen)
		},
		"graph": func(s *sheet) { fmt.Fprint(s, graphText(runGraph(aRun), s.screen)) },
		"top": func(s *sheet) {
			w := watcher{client: &client{url: "http://127.0.0.1:4400"}, queue: aQueue, agents: someAgents, runs: []httpapi.Run{aRun}}
			fmt.Fprintln(s, strings.Join(w.lines(s.screen, s.now), "\n"))
		},
	}
	for name, f := range draw {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, s := range []screen{{}, {terminal: true, width: 60, height: 16}, {terminal: true, width: 100, height: 40, colour: true}} {
				fmt.Fprintf(&out, "--- %+v\n", s)
				f(&sheet{Writer: &out, screen: s, now: noon.Add(90 * time.Second)})
			}
			golden(t, filepath.Join("testdata", "tables", name+".txt"), strings.ReplaceAll(out.String(), "\x1b", "␛"))
		})
	}
}

// TestTimelineOfRun draws from what the API answers.
func TestTimelineOfRun(t *testing.T) {
	lost := anAttempt
	lost.Index, lost.Hostname, lost.Outcome, lost.Started, lost.Why = 3, "agent-1", "infra_failed", nil, "TASK_FAILED REASON_AGENT_REMOVED"
	alive := httpapi.Attempt{Step: "spectra-of-all-segments", Hostname: "agent-1", Launched: *at(5 * time.Second), Started: at(6 * time.Second)}
	golden(t, filepath.Join("testdata", "timeline.svg"), timeline(aRun, []httpapi.Attempt{anAttempt, lost, alive}, noon.Add(10*time.Second)).SVG())
}

// TestPrintData: JSON and YAML say the same as the answer, in its order.
func TestPrintData(t *testing.T) {
	answer := `{"b":"yes","a":[1,2.50,"0123","<&>é","x: y\n",null,true,{}],"t":"2026-03-01T12:00:00Z","empty":[],"big":1048576000000}`
	var want any
	if err := json.Unmarshal([]byte(answer), &want); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{asJSON, asYAML} {
		var out bytes.Buffer
		if err := printData(&out, format, []byte(answer)); err != nil {
			t.Fatal(err)
		}
		var got any
		var err error
		if format == asJSON {
			err = json.Unmarshal(out.Bytes(), &got)
		} else if err = yaml.Unmarshal(out.Bytes(), &got); err == nil {
			var again []byte
			again, err = json.Marshal(got)
			json.Unmarshal(again, &got)
		}
		if err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s says something else (-answer +printed):\n%s", format, diff)
		}
		if strings.Index(out.String(), "b") > strings.Index(out.String(), "a") {
			t.Errorf("%s has another order:\n%s", format, out.String())
		}
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-02-01": time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), "2026-02-01T10:00:00+01:00": time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC),
		"2026-02-01T10:30": time.Date(2026, 2, 1, 10, 30, 0, 0, time.UTC), "90m": *at(-90 * time.Minute), "7d": *at(-168 * time.Hour), "0.5d": *at(-12 * time.Hour),
	} {
		if got, err := parseTime(noon, text); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-3h", "-1d", "d", "2026-13-01"} {
		if got, err := parseTime(noon, text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestTaskName(t *testing.T) {
	for text, want := range map[string]string{"a": "a 0", "a/0": "a 0", "a/12": "a 12", "a/": "error", "a/x": "error", "a/-1": "error", "/1": "error"} {
		step, index, err := taskName(text)
		got := fmt.Sprint(step, " ", index)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestSharePorts(t *testing.T) {
	for _, tc := range []struct {
		resources string
		agent     int
		want      string
	}{
		{"cpus:4;ports:[31000-31999]", 0, "cpus:4;ports:[31000-31332]"},
		{"cpus:4;ports:[31000-31999]", 2, "cpus:4;ports:[31666-31998]"},
		{"ports: [ 5 - 6 ];mem:1", 1, "ports: [ 5 - 6 ];mem:1"},
		{"cpus:4", 1, "cpus:4"},
	} {
		if got := sharePorts(tc.resources, tc.agent, 3); got != tc.want {
			t.Errorf("agent %d of %q gets %q, want %q", tc.agent, tc.resources, got, tc.want)
		}
	}
}
