package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

const twoSteps = `
name: two
project: lpf
owner: somebody
params: {n: {type: int, default: 3}}
defaults: {image: busybox, resources: {cpus: 2, mem: 32MiB}}
steps:
  first: {run: work, array: "{{ params.n }}"}
  second: {run: work, needs: [first]}
`

func TestLifeOfARun(t *testing.T) {
	a := newAPI(t)
	sub := httpapi.Submission{Spec: twoSteps, Params: map[string]string{"n": "5"}, Key: "k1"}
	run := ask[httpapi.Run](a, "POST", "/v1/runs", sub, 201)
	if run.Phase != "active" || run.Name != "two" || run.Project != "lpf" || run.Owner != "somebody" {
		t.Errorf("submitted: %+v", run)
	}
	if again := ask[httpapi.Run](a, "POST", "/v1/runs", sub, 200); again.ID != run.ID {
		t.Errorf("the same key made run %s, and run %s", run.ID, again.ID)
	}
	sub.Params = map[string]string{"n": "6"}
	ask[httpapi.Problem](a, "POST", "/v1/runs", sub, 409)

	path := "/v1/runs/" + run.ID
	needs := httpapi.Resources{CPUs: 2, MemBytes: 32 << 20}
	steps := []httpapi.Step{
		{Name: "first", Phase: "active", Image: "busybox", Resources: needs, Tasks: 5, Pending: 5, Waits: "needs 2 cpus: the only agent has 0.5 cpus"},
		{Name: "second", Phase: "waiting", Needs: []string{"first"}, Image: "busybox", Resources: needs, Tasks: 1, Pending: 1},
	}
	if diff := cmp.Diff(steps, ask[httpapi.Run](a, "GET", path, nil, 200).Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	for step, want := range map[string]string{
		"first/tasks/4": "needs 2 cpus: the only agent has 0.5 cpus", "second/tasks/0": "waits for step first",
	} {
		if got := ask[httpapi.Why](a, "GET", path+"/steps/"+step+"/why", nil, 200).Why; got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	ask[httpapi.Problem](a, "GET", path+"/steps/first/tasks/5/why", nil, 404)
	ask[httpapi.Problem](a, "GET", path+"/steps/first/tasks/x/why", nil, 400)
	ask[httpapi.Problem](a, "POST", path+"/retry", nil, 409)

	if got := ask[httpapi.Run](a, "POST", path+"/cancel", nil, 202); got.Phase != "cancelled" || got.Cancelled == nil {
		t.Errorf("cancelled: %+v", got)
	}
	ask[httpapi.Problem](a, "POST", path+"/cancel", nil, 409)
	steps = []httpapi.Step{
		{Name: "first", Phase: "cancelled", Image: "busybox", Resources: needs, Tasks: 5, Cancelled: 5},
		{Name: "second", Phase: "cancelled", Needs: []string{"first"}, Image: "busybox", Resources: needs, Tasks: 1, Cancelled: 1},
	}
	if diff := cmp.Diff(steps, ask[httpapi.Run](a, "GET", path, nil, 200).Steps); diff != "" {
		t.Errorf("steps of the cancelled run (-want +got):\n%s", diff)
	}
	if got := ask[httpapi.Run](a, "POST", path+"/retry", nil, 202); got.Phase != "active" || got.Generation != 1 {
		t.Errorf("retried: %+v", got)
	}
	if got := ask[httpapi.Run](a, "GET", path, nil, 200); got.Steps[0].Pending != 5 {
		t.Errorf("retried: %+v", got)
	}
}

func TestBadRequests(t *testing.T) {
	a := newAPI(t)
	p := ask[httpapi.Problem](a, "POST", "/v1/runs", httpapi.Submission{
		File: "my.yaml", Spec: "name: x\nsteps:\n  a: {run: work, image: busybox, ned: [b]}\n",
	}, 422)
	if len(p.Errors) != 1 || p.Errors[0].File != "my.yaml" || p.Errors[0].Line != 3 || p.Errors[0].Column == 0 {
		t.Errorf("an unknown field: %+v", p)
	}
	p = ask[httpapi.Problem](a, "POST", "/v1/runs", httpapi.Submission{Spec: twoSteps, Params: map[string]string{"n": "many"}}, 422)
	if len(p.Errors) != 1 || !strings.Contains(p.Detail, "n") {
		t.Errorf("a wrong parameter: %+v", p)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/runs", `{"spec": `, 400},
		{"POST", "/v1/runs", `{"spex": "x"}`, 400},
		{"POST", "/v1/runs", `[]`, 400},
		{"POST", "/v1/runs", `{"spec": "` + strings.Repeat("x", 5<<20) + `"}`, 413},
		{"GET", "/v1/runs/nobody", "", 404},
		{"POST", "/v1/runs/nobody/cancel", "", 404},
		{"POST", "/v1/runs/nobody/retry", "", 404},
		{"GET", "/v1/nothing", "", 404},
	} {
		p := ask[httpapi.Problem](a, c.method, c.path, c.body, c.status)
		if p.Status != c.status || p.Detail == "" || p.Title == "" {
			t.Errorf("%s %s: %+v", c.method, c.path, p)
		}
	}
}

func TestVersion(t *testing.T) {
	got := ask[map[string]string](newAPI(t), "GET", "/v1/version", nil, 200)
	if diff := cmp.Diff(map[string]string{"version": "1.2.3"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestPagesOfOthers sends what a browser would send for a page of another origin.
func TestPagesOfOthers(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct {
		header, value string
		status        int
	}{
		{"Origin", "http://elsewhere.example", 403},
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Content-Type", "text/plain", 415},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", a.url+"/v1/runs", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(c.header, c.value)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %s: %s, want %d", c.header, c.value, resp.Status, c.status)
		}
	}
}
