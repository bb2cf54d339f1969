package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// work is a pipeline whose tasks end as their commands say.
func workSpec(project, name, owner, steps string) string {
	return fmt.Sprintf("name: %s\nproject: %s\nowner: %s\ndefaults: {image: busybox, resources: {mem: 32MiB}}\nsteps:\n%s", name, project, owner, steps)
}

// pages reads a list to its end, page by page, and gives the sizes of the pages too.
func pages[P, E any](a api, path string, entries func(P) ([]E, string)) (all []E, sizes []int) {
	a.t.Helper()
	next := ""
	for {
		at := path
		if next != "" {
			at += "&cursor=" + url.QueryEscape(next)
		}
		var page []E
		page, next = entries(ask[P](a, "GET", at, nil, 200))
		all, sizes = append(all, page...), append(sizes, len(page))
		if next == "" {
			return all, sizes
		}
		if len(sizes) > 1000 {
			a.t.Fatalf("%s has no end", path)
		}
	}
}

func TestListRuns(t *testing.T) {
	a := newBusyAPI(t)
	var ids []string
	for i := range 7 {
		project, command := []string{"lpf", "emri"}[i%2], []string{"succeed", "fail", "stay"}[i%3]
		run := a.submit(workSpec(project, fmt.Sprint("p", i), "ann", "  a: {run: "+command+"}\n"), nil)
		a.await(run.ID, map[string]string{"succeed": "succeeded", "fail": "failed", "stay": "active"}[command])
		ids = append(ids, run.ID)
	}
	slices.Reverse(ids)
	at := func(i int) string { // when the run with index i of ids was submitted
		return url.QueryEscape(ask[httpapi.Run](a, "GET", "/v1/runs/"+ids[i], nil, 200).Submitted.Format(time.RFC3339Nano))
	}
	for _, c := range []struct {
		query string
		want  []int // indices of ids, newest first
	}{
		{"", []int{0, 1, 2, 3, 4, 5, 6}},
		{"project=lpf", []int{0, 2, 4, 6}},
		{"project=lpf&project=emri", []int{0, 1, 2, 3, 4, 5, 6}},
		{"project=none", nil},
		{"name=p5", []int{1}},
		{"owner=ann&phase=failed", []int{2, 5}},
		{"phase=failed&phase=active", []int{1, 2, 4, 5}},
		{"owner=bob", nil},
		{"since=" + at(2), []int{0, 1, 2}},
		{"until=" + at(2), []int{3, 4, 5, 6}},
		{"since=" + at(4) + "&until=" + at(2) + "&project=lpf", []int{4}},
	} {
		var want []string
		for _, i := range c.want {
			want = append(want, ids[i])
		}
		for _, limit := range []int{1, 3, 1000} {
			runs, sizes := pages(a, fmt.Sprintf("/v1/runs?limit=%d&%s", limit, c.query), func(p httpapi.Runs) ([]httpapi.Run, string) { return p.Runs, p.Next })
			var got []string
			for _, r := range runs {
				got = append(got, r.ID)
				if r.Steps != nil || r.Params != nil {
					t.Errorf("a list shows steps or params: %+v", r)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %d a page (-want +got):\n%s", c.query, limit, diff)
			}
			if pages := max(1, (len(want)+limit-1)/limit); len(sizes) != pages {
				t.Errorf("%s, %d a page: pages of %v", c.query, limit, sizes)
			}
		}
	}
}

func TestListTasks(t *testing.T) {
	a := newBusyAPI(t)
	steps := "  good: {run: succeed, array: 5}\n  bad: {run: fail, array: [x, y]}\n  long: {run: stay, array: 3, matrix: {m: [u, v]}}\n" +
		"  late: {run: succeed, needs: [good, bad]}\n  capped: {run: stay, array: 4, max_parallel: 1}\n"
	run := a.submit(workSpec("lpf", "tasks", "ann", steps), nil)
	settled := func(run httpapi.Run) bool {
		return run.Steps != nil && run.Steps[0].Succeeded == 5 && run.Steps[1].Failed == 2 && run.Steps[2].Running == 6 && run.Steps[4].Running == 1
	}
	for end := time.Now().Add(patience); !settled(run); run = ask[httpapi.Run](a, "GET", "/v1/runs/"+run.ID, nil, 200) {
		if time.Now().After(end) {
			t.Fatalf("does not settle: %+v", run.Steps)
		}
	}
	check := func(when string, want map[string]string) {
		t.Helper()
		for query, text := range want {
			for _, limit := range []int{1, 4, 1000} {
				tasks, _ := pages(a, fmt.Sprintf("/v1/runs/%s/tasks?limit=%d&%s", run.ID, limit, query), func(p httpapi.Tasks) ([]httpapi.Task, string) { return p.Tasks, p.Next })
				var got []string
				for _, k := range tasks {
					got = append(got, fmt.Sprintf("%s/%d %s", k.Step, k.Index, k.Phase))
					if (k.Attempt != nil) != (k.Attempts > 0) || k.Attempt != nil && (k.Attempt.Number != k.Attempts-1 || k.Attempt.Index != k.Index || k.Attempt.Run != run.ID) {
						t.Errorf("%s: %+v has the attempt %+v", when, k, k.Attempt)
					}
				}
				if diff := cmp.Diff(strings.Split(text, ", "), got); diff != "" {
					t.Errorf("%s, %s, %d a page (-want +got):\n%s", when, query, limit, diff)
				}
			}
		}
	}
	check("running", map[string]string{
		"": "good/0 succeeded, good/1 succeeded, good/2 succeeded, good/3 succeeded, good/4 succeeded, bad/0 failed, bad/1 failed, " +
			"long/0 running, long/1 running, long/2 running, long/3 running, long/4 running, long/5 running, late/0 skipped, " +
			"capped/0 running, capped/1 pending, capped/2 pending, capped/3 pending",
		"step=bad":                   "bad/0 failed, bad/1 failed",
		"phase=running&step=capped":  "capped/0 running",
		"phase=failed&phase=pending": "bad/0 failed, bad/1 failed, capped/1 pending, capped/2 pending, capped/3 pending",
		"step=long&phase=running":    "long/0 running, long/1 running, long/2 running, long/3 running, long/4 running, long/5 running",
	})

	path := "/v1/runs/" + run.ID
	if why := ask[httpapi.Waiting](a, "GET", path+"/why", nil, 200); why.Why != "active, 5 succeeded, 7 running, 3 pending, 2 failed, 1 skipped: "+
		"bad task 1 (value=y) failed on large: Command exited with status 3; its step has no retries" || len(why.Waiting) != 1 || why.Waiting[0].Step != "capped" || why.Waiting[0].Tasks != 3 {
		t.Errorf("it waits for %+v", why)
	}
	task := ask[httpapi.Task](a, "GET", path+"/steps/long/tasks/3", nil, 200)
	if diff := cmp.Diff(map[string]string{"index": "1", "m": "v"}, task.Values); diff != "" || len(task.History) != 1 || !strings.HasPrefix(task.Why, "runs on large since") {
		t.Errorf("a task: %+v\n%s", task, diff)
	}
	if bad := ask[httpapi.Task](a, "GET", path+"/steps/bad/tasks/1", nil, 200); bad.Values["value"] != "y" || *bad.Attempt.ExitCode != 3 {
		t.Errorf("a failed task: %+v", bad)
	}
	attempts, _ := pages(a, path+"/attempts?limit=3", func(p httpapi.Attempts) ([]httpapi.Attempt, string) { return p.Attempts, p.Next })
	if len(attempts) != 14 || attempts[0].Step != "bad" || attempts[13].Step != "long" || attempts[13].Index != 5 {
		t.Errorf("%d attempts: %+v", len(attempts), attempts)
	}
	attempts, _ = pages(a, path+"/attempts?limit=3&step=long&index=4", func(p httpapi.Attempts) ([]httpapi.Attempt, string) { return p.Attempts, p.Next })
	if len(attempts) != 1 || attempts[0].Index != 4 {
		t.Errorf("attempts of one task: %+v", attempts)
	}

	ask[httpapi.Run](a, "POST", path+"/cancel", nil, 202)
	a.await(run.ID, "cancelled")
	check("finished", map[string]string{
		"step=good&phase=succeeded": "good/0 succeeded, good/1 succeeded, good/2 succeeded, good/3 succeeded, good/4 succeeded",
		"step=long":                 "long/0 cancelled, long/1 cancelled, long/2 cancelled, long/3 cancelled, long/4 cancelled, long/5 cancelled",
		"step=capped":               "capped/0 cancelled, capped/1 cancelled, capped/2 cancelled, capped/3 cancelled",
	})
	for task, want := range map[string]string{
		"good/tasks/0": "succeeded on large after 1 attempt", "bad/tasks/0": "failed on large after 1 attempt: Command exited with status 3; its step has no retries",
		"long/tasks/0": "cancelled on large after 1 attempt", "capped/tasks/3": "cancelled before it was attempted",
		"late/tasks/0": "skipped because bad failed",
	} {
		if got := ask[httpapi.Why](a, "GET", path+"/steps/"+task+"/why", nil, 200).Why; got != want {
			t.Errorf("%s: %q, want %q", task, got, want)
		}
	}
	for of, want := range map[string]string{
		"/why":              "cancelled: bad task 1 (value=y) failed on large: Command exited with status 3; its step has no retries",
		"/steps/good/why":   "succeeded",
		"/steps/bad/why":    "failed: task 1 (value=y) failed on large: Command exited with status 3; its step has no retries",
		"/steps/late/why":   "skipped because bad failed",
		"/steps/capped/why": "cancelled",
	} {
		if diff := cmp.Diff(httpapi.Waiting{Why: want, Waiting: []httpapi.StepWhy{}}, ask[httpapi.Waiting](a, "GET", path+of, nil, 200)); diff != "" {
			t.Errorf("%s of a finished run (-want +got):\n%s", of, diff)
		}
	}
	if p := ask[httpapi.Problem](a, "GET", path+"/steps/long/tasks/9/why", nil, 404); p.Detail != "step long has no task 9: it has 6, counted from 0 (index=0 m=u) to 5 (index=2 m=v)" {
		t.Errorf("a task that there is not: %s", p.Detail)
	}
	steps2 := ask[httpapi.Steps](a, "GET", path+"/steps", nil, 200).Steps
	if one := ask[httpapi.Step](a, "GET", path+"/steps/bad", nil, 200); len(steps2) != 5 || !cmp.Equal(one, steps2[1]) {
		t.Errorf("the step %+v is none of %+v", one, steps2)
	}
	if got := a.send("GET", path+"/spec", ""); string(got.body) != workSpec("lpf", "tasks", "ann", steps) {
		t.Errorf("the spec is %s", got.body)
	}
}

// TestManyTasks looks for few tasks among very many: pages may be short, but each of the tasks is on one.
func TestManyTasks(t *testing.T) {
	a := newAPI(t)
	run := a.submit(workSpec("lpf", "many", "ann", "  a: {run: stay, array: 1000000, resources: {cpus: 100}}\n  b: {run: stay, needs: [a]}\n"), nil)
	path := "/v1/runs/" + run.ID + "/tasks?limit=2&"
	tasks, sizes := pages(a, path+"phase=running", func(p httpapi.Tasks) ([]httpapi.Task, string) { return p.Tasks, p.Next })
	if len(tasks) != 0 || len(sizes) < 2 {
		t.Errorf("%d tasks run, on pages of %v", len(tasks), sizes)
	}
	page := ask[httpapi.Tasks](a, "GET", path, nil, 200)
	if len(page.Tasks) != 2 || page.Tasks[1].Index != 1 || page.Next == "" {
		t.Errorf("the first page: %+v", page)
	}
}

func TestBadLists(t *testing.T) {
	a := newAPI(t)
	run := a.submit(twoSteps, nil)
	a.submit(twoSteps, nil)
	runs := ask[httpapi.Runs](a, "GET", "/v1/runs?limit=1", nil, 200).Next
	tasks := ask[httpapi.Tasks](a, "GET", "/v1/runs/"+run.ID+"/tasks?limit=1", nil, 200).Next
	path := "/v1/runs/" + run.ID
	for _, c := range []struct{ path, field string }{
		{"/v1/runs?limit=0", "limit"},
		{"/v1/runs?limit=1001", "limit"},
		{"/v1/runs?limit=-1", "limit"},
		{"/v1/runs?limit=many", "limit"},
		{"/v1/runs?limit=5&limit=6", "limit"},
		{"/v1/runs?phase=sleeping", "phase"},
		{"/v1/runs?since=yesterday", "since"},
		{"/v1/runs?porject=lpf", "porject"},
		{"/v1/runs?cursor=x", "cursor"},
		{"/v1/runs?cursor=" + tasks, "cursor"},
		{"/v1/runs?cursor=" + runs[:len(runs)-2], "cursor"},
		{path + "/tasks?cursor=" + runs, "cursor"},
		{path + "/attempts?cursor=" + tasks, "cursor"},
		{path + "/attempts?index=-1", "index"},
		{path + "/tasks?phase=backoff", "phase"},
		{"/v1/pipelines?cursor=" + runs, "cursor"},
		{"/v1/pipelines/lpf/x/history?cursor=" + runs, "cursor"},
	} {
		p := ask[httpapi.Problem](a, "GET", c.path, nil, 400)
		if len(p.Errors) != 1 || p.Errors[0].Field != c.field || !strings.Contains(p.Detail, p.Errors[0].Message) || !strings.Contains(p.Detail, c.field) {
			t.Errorf("%s: %+v", c.path, p)
		}
	}
	if p := ask[httpapi.Problem](a, "GET", "/v1/runs?a=1&limit=x&b=2", nil, 400); len(p.Errors) != 3 {
		t.Errorf("three mistakes: %+v", p)
	}
	for _, path := range []string{path + "/tasks?step=none", "/v1/runs/none/tasks", "/v1/runs/none/attempts", "/v1/runs/none/steps", path + "/steps/none",
		"/v1/runs/none/spec", "/v1/runs/none/why", path + "/steps/first/tasks/99", "/v1/pipelines/lpf/x", "/v1/pipelines/lpf/x/history", "/v1/pipelines/lpf/x/history/1"} {
		if p := ask[httpapi.Problem](a, "GET", path, nil, 404); strings.Contains(p.Detail, "/") || strings.Contains(p.Detail, "not found") {
			t.Errorf("%s: %q", path, p.Detail)
		}
	}
}

func TestDeleteRuns(t *testing.T) {
	a := newBusyAPI(t)
	finish := func(project string) string {
		run := a.submit(workSpec(project, "short", "ann", "  a: {run: succeed}\n"), nil)
		a.await(run.ID, "succeeded")
		return run.ID
	}
	long := a.submit(workSpec("lpf", "long", "ann", "  a: {run: stay}\n"), nil)
	old := []string{finish("lpf"), finish("emri"), finish("lpf")}
	one := finish("lpf")
	ended := func(id string) string {
		return url.QueryEscape(ask[httpapi.Run](a, "GET", "/v1/runs/"+id, nil, 200).Ended.Format(time.RFC3339Nano))
	}
	if p := ask[httpapi.Problem](a, "DELETE", "/v1/runs", nil, 400); p.Errors[0].Field != "ended_before" {
		t.Errorf("without a time: %+v", p)
	}
	before := ended(one)
	if got := ask[httpapi.Deleted](a, "DELETE", "/v1/runs?project=lpf&ended_before="+before, nil, 200); got.Deleted != 2 || got.More {
		t.Errorf("deleted: %+v", got)
	}
	for i, id := range old {
		if status := a.send("GET", "/v1/runs/"+id, "").status; status != []int{404, 200, 404}[i] {
			t.Errorf("run %d of %s: %d", i, id, status)
		}
	}
	ask[httpapi.Problem](a, "DELETE", "/v1/runs/"+long.ID, nil, 409)
	if got := a.send("DELETE", "/v1/runs/"+one, ""); got.status != 204 || len(got.body) > 0 {
		t.Errorf("deleting one: %d %s", got.status, got.body)
	}
	ask[httpapi.Problem](a, "DELETE", "/v1/runs/"+one, nil, 404)
	if _, err := a.store.Attempts(t.Context(), state.RunID(one), attemptsOfAll); err == nil {
		t.Error("the attempts of a deleted run are still there")
	}
}
