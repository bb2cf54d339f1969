package httpapi_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func TestQueue(t *testing.T) {
	a := newAPI(t)
	run := a.submit(twoSteps, map[string]string{"n": "4"})
	needs := httpapi.Resources{CPUs: 2, MemBytes: 32 << 20}
	queue := ask[httpapi.Queue](a, "GET", "/v1/queue", nil, 200)
	if oldest := queue.Projects[0].Oldest; oldest == nil || !oldest.Equal(run.Submitted) {
		t.Errorf("the oldest waits since %v, not %v", oldest, run.Submitted)
	}
	want := httpapi.Queue{
		Projects: []httpapi.ProjectQueue{{
			Project: "lpf", Weight: 1, Pending: httpapi.Resources{CPUs: 8, MemBytes: 128 << 20}, Waiting: 4, Reasons: map[string]int{"too_large": 4},
		}},
		Waiting: []httpapi.WaitingStep{{
			Run: run.ID, Project: "lpf", Pipeline: "two", Step: "first", Tasks: 4, Each: needs, Reason: "too_large",
			Why: ask[httpapi.Why](a, "GET", "/v1/runs/"+run.ID+"/steps/first/tasks/0/why", nil, 200).Why,
		}},
	}
	if diff := cmp.Diff(want, queue, cmpopts.IgnoreTypes(time.Time{}, &time.Time{})); diff != "" {
		t.Errorf("the queue (-want +got):\n%s", diff)
	}
}

// TestQueueOfProjects: a token of one project sees of the queue what is its own.
func TestQueueOfProjects(t *testing.T) {
	g := newGuarded(t)
	a := api{t: t, url: g.url}
	for _, project := range []string{"other", "lpf"} {
		text := workSpec(project, "p", "ann", "  a: {run: work, resources: {cpus: 7}}\n")
		if got := a.send("POST", "/v1/runs", text, "Authorization", "Bearer "+g.texts["author-all"], "Content-Type", "application/yaml"); got.status != 201 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	for token, want := range map[string]int{"viewer-lpf": 1, "viewer-other": 1, "viewer-all": 2} {
		queue := decode[httpapi.Queue](t, a.send("GET", "/v1/queue", "", "Authorization", "Bearer "+g.texts[token]).body)
		if len(queue.Projects) != want || len(queue.Waiting) != want || want == 1 && "viewer-"+queue.Waiting[0].Project != token {
			t.Errorf("%s sees %+v", token, queue)
		}
	}
}

func TestAgents(t *testing.T) {
	a := newBusyAPI(t)
	run := a.submit(workSpec("lpf", "p", "ann", "  a: {run: stay, array: 3, resources: {cpus: 2}}\n"), nil)
	for run.Steps == nil || run.Steps[0].Running < 3 {
		run = ask[httpapi.Run](a, "GET", "/v1/runs/"+run.ID, nil, 200)
	}
	agents := ask[httpapi.Agents](a, "GET", "/v1/agents", nil, 200).Agents
	want := []httpapi.Agent{{ID: "a", Hostname: "large", Used: httpapi.Resources{CPUs: 6, MemBytes: 96 << 20}, Tasks: 3}}
	if diff := cmp.Diff(want, agents, cmpopts.IgnoreFields(httpapi.Agent{}, "Seen", "Free")); diff != "" || agents[0].Seen.IsZero() || agents[0].Free.CPUs == 0 {
		t.Errorf("agents %+v (-want +got):\n%s", agents, diff)
	}
}
