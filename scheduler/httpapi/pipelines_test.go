package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func named(p httpapi.Pipeline) string {
	s := fmt.Sprintf("%s/%s@%d", p.Project, p.Name, p.Version)
	if p.Deleted {
		s += " deleted"
	}
	return s
}

func TestLifeOfAPipeline(t *testing.T) {
	a := newBusyAPI(t)
	const path = "/v1/pipelines/lpf/work"
	first := workSpec("lpf", "work", "ann", "  a: {run: succeed}\n")
	second := "params: {n: {type: int, default: 2}}\n" + workSpec("lpf", "work", "ann", "  a: {run: succeed, array: '{{ params.n }}'}\n")
	put := func(text string, status int) httpapi.Pipeline {
		t.Helper()
		got := a.send("PUT", path, text, "Content-Type", "application/yaml")
		if got.status != status || (status == 201) != (got.header.Get("Location") == path) {
			t.Fatalf("put: %d, want %d; %v %s", got.status, status, got.header, got.body)
		}
		return decode[httpapi.Pipeline](t, got.body)
	}
	if p := put(first, 201); named(p) != "lpf/work@1" || p.Spec != first {
		t.Errorf("put: %+v", p)
	}
	if p := put(first, 200); named(p) != "lpf/work@1" {
		t.Errorf("put again: %+v", p)
	}
	if p := put(second, 200); named(p) != "lpf/work@2" {
		t.Errorf("put another: %+v", p)
	}
	if p := ask[httpapi.Pipeline](a, "PUT", path, httpapi.PipelineSpec{Spec: second, File: "work.yaml"}, 200); named(p) != "lpf/work@2" {
		t.Errorf("put as JSON: %+v", p)
	}
	if p := ask[httpapi.Pipeline](a, "GET", path, nil, 200); named(p) != "lpf/work@2" || p.Spec != second || p.Put.IsZero() {
		t.Errorf("got: %+v", p)
	}

	run := ask[httpapi.Run](a, "POST", path+"/runs", httpapi.PipelineRun{Params: map[string]string{"n": "5"}, Key: "k"}, 201)
	if run.PipelineVersion != 2 || run.Name != "work" {
		t.Errorf("run: %+v", run)
	}
	if done := a.await(run.ID, "succeeded"); done.Steps[0].Succeeded != 5 {
		t.Errorf("it ran %+v", done.Steps)
	}
	if again := ask[httpapi.Run](a, "POST", path+"/runs", httpapi.PipelineRun{Params: map[string]string{"n": "5"}, Key: "k"}, 200); again.ID != run.ID {
		t.Errorf("the same key: %+v", again)
	}
	if got := a.send("POST", path+"/runs", ""); got.status != 201 || decode[httpapi.Run](t, got.body).PipelineVersion != 2 {
		t.Errorf("run without a body: %d %s", got.status, got.body)
	}
	if dry := ask[httpapi.Run](a, "POST", path+"/runs", httpapi.PipelineRun{DryRun: true}, 200); dry.ID != "" || dry.Steps[0].Tasks != 2 {
		t.Errorf("a dry run: %+v", dry)
	}
	if p := ask[httpapi.Problem](a, "POST", path+"/runs", httpapi.PipelineRun{Params: map[string]string{"m": "5"}}, 422); !strings.Contains(p.Errors[0].File, "lpf/work version 2") {
		t.Errorf("an unknown parameter: %+v", p)
	}

	if got := a.send("DELETE", path, ""); got.status != 204 {
		t.Errorf("delete: %d", got.status)
	}
	for _, method := range []string{"GET", "DELETE"} {
		ask[httpapi.Problem](a, method, path, nil, 404)
	}
	ask[httpapi.Problem](a, "POST", path+"/runs", httpapi.PipelineRun{}, 404)
	if p := put(first, 201); named(p) != "lpf/work@4" {
		t.Errorf("put after deletion: %+v", p)
	}
	versions, sizes := pages(a, path+"/history?limit=3", func(p httpapi.Versions) ([]httpapi.Pipeline, string) { return p.Versions, p.Next })
	var got []string
	for _, v := range versions {
		if got = append(got, named(v)); v.Spec != "" {
			t.Errorf("a list shows a spec: %+v", v)
		}
	}
	if diff := cmp.Diff([]string{"lpf/work@4", "lpf/work@3 deleted", "lpf/work@2", "lpf/work@1"}, got); diff != "" || len(sizes) != 2 {
		t.Errorf("the history, on pages of %v (-want +got):\n%s", sizes, diff)
	}
	if v := ask[httpapi.Pipeline](a, "GET", path+"/history/2", nil, 200); v.Spec != second {
		t.Errorf("version 2: %+v", v)
	}
	ask[httpapi.Problem](a, "GET", path+"/history/5", nil, 404)
	ask[httpapi.Problem](a, "GET", path+"/history/none", nil, 400)
}

func TestListPipelines(t *testing.T) {
	a := newAPI(t)
	var want []string
	for _, project := range []string{"emri", "lpf"} {
		for _, name := range []string{"a", "b", "c"} {
			ask[httpapi.Pipeline](a, "PUT", "/v1/pipelines/"+project+"/"+name, httpapi.PipelineSpec{Spec: workSpec(project, name, "ann", "  a: {run: work}\n")}, 201)
			want = append(want, project+"/"+name+"@1")
		}
	}
	for query, want := range map[string][]string{"": want, "project=lpf": want[3:], "project=lpf&project=emri": want, "project=none": nil} {
		for _, limit := range []int{1, 2, 1000} {
			all, _ := pages(a, fmt.Sprintf("/v1/pipelines?limit=%d&%s", limit, query), func(p httpapi.Pipelines) ([]httpapi.Pipeline, string) { return p.Pipelines, p.Next })
			var got []string
			for _, p := range all {
				if got = append(got, named(p)); p.Spec != "" {
					t.Errorf("a list shows a spec: %+v", p)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %d a page (-want +got):\n%s", query, limit, diff)
			}
		}
	}
}

// TestBadPipelines: a pipeline is kept under its own name, and only if its spec is right.
func TestBadPipelines(t *testing.T) {
	a := newAPI(t)
	p := ask[httpapi.Problem](a, "PUT", "/v1/pipelines/lpf/work", httpapi.PipelineSpec{Spec: workSpec("emri", "other", "ann", "  a: {run: work}\n")}, 422)
	if len(p.Errors) != 2 || p.Errors[0].Field != "project" || p.Errors[1].Field != "name" || !strings.Contains(p.Errors[0].Hint, "/v1/pipelines/emri/other") {
		t.Errorf("another name: %+v", p)
	}
	got := a.send("PUT", "/v1/pipelines/lpf/work?file=w.yaml", "name: work\nproject: lpf\nsteps:\n  a: {run: work, ned: [b], image: busybox}\n", "Content-Type", "application/yaml")
	p = decode[httpapi.Problem](t, got.body)
	if got.status != 422 || len(p.Errors) != 1 || p.Errors[0].File != "w.yaml" || p.Errors[0].Line != 4 || p.Errors[0].Column != 18 || p.Errors[0].Field == "" {
		t.Errorf("a misspelt field: %d %+v", got.status, p)
	}
	if list := ask[httpapi.Pipelines](a, "GET", "/v1/pipelines", nil, 200); len(list.Pipelines) != 0 {
		t.Errorf("kept all the same: %+v", list)
	}
}

func TestSubmitYAML(t *testing.T) {
	a := newAPI(t)
	yaml := func(query string, headers ...string) answer {
		t.Helper()
		return a.send("POST", "/v1/runs"+query, twoSteps, append(headers, "Content-Type", "application/yaml; charset=utf-8")...)
	}
	got := yaml("?param=n=7", "Idempotency-Key", "k")
	run := decode[httpapi.Run](t, got.body)
	if got.status != 201 || run.Params["n"] != "7" || run.Key != "k" || got.header.Get("Location") != "/v1/runs/"+run.ID {
		t.Errorf("submitted: %d %v %+v", got.status, got.header, run)
	}
	if again := yaml("?param=n=7", "Idempotency-Key", "k"); again.status != 200 || decode[httpapi.Run](t, again.body).ID != run.ID {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	dry := yaml("?param=n=9&dry_run=true")
	if v := decode[httpapi.Run](t, dry.body); dry.status != 200 || v.ID != "" || v.Phase != "" || v.Steps[0].Phase != "" || v.Steps[0].Tasks != 9 || !v.Submitted.IsZero() || dry.header.Get("Location") != "" {
		t.Errorf("a dry run: %d %s", dry.status, dry.body)
	}
	if list := ask[httpapi.Runs](a, "GET", "/v1/runs", nil, 200); len(list.Runs) != 1 {
		t.Errorf("there are %d runs", len(list.Runs))
	}
	for query, field := range map[string]string{
		"?param=n": "param", "?param=%3D5": "param", "?param=n=1&param=n=2": "param", "?dry_run=yes": "dry_run", "?spec=x": "spec", "?key=k": "key",
	} {
		if got := yaml(query); got.status != 400 || decode[httpapi.Problem](t, got.body).Errors[0].Field != field {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	got = yaml("?file=" + url.QueryEscape("two.yaml") + "&param=n=many")
	if p := decode[httpapi.Problem](t, got.body); got.status != 422 || p.Errors[0].File != "two.yaml" || p.Errors[0].Line != 5 {
		t.Errorf("a wrong parameter: %d %s", got.status, got.body)
	}
}

// TestParamsInJSON: numbers, true and false are taken as they are written.
func TestParamsInJSON(t *testing.T) {
	a := newAPI(t)
	spec := "name: p\nparams: {n: {type: int}, x: {type: float}, b: {type: bool}, s: {type: string}}\n" +
		"steps: {a: {image: busybox, resources: {mem: 1MiB}, run: 'echo {{ params.n }} {{ params.x }} {{ params.b }} {{ params.s }}'}}\n"
	body := fmt.Sprintf(`{"spec": %q, "params": {"n": 12345678901234567, "x": 1.50, "b": true, "s": "5"}}`, spec)
	run := ask[httpapi.Run](a, "POST", "/v1/runs", body, 201)
	run = ask[httpapi.Run](a, "GET", "/v1/runs/"+run.ID, nil, 200)
	if diff := cmp.Diff(httpapi.Params{"n": "12345678901234567", "x": "1.50", "b": "true", "s": "5"}, httpapi.Params(run.Params)); diff != "" {
		t.Errorf("the parameters (-want +got):\n%s", diff)
	}
}

// TestBadJSON: what is wrong with a body is said in words of JSON, with its place.
func TestBadJSON(t *testing.T) {
	a := newAPI(t)
	for body, want := range map[string]httpapi.SpecProblem{
		"{\n  \"spec\": 5}":               {Line: 2, Column: 11, Field: "spec", Message: "should be a text, not a number"},
		`{"params": {"n": 5, "m": [5]}}`:  {Line: 1, Column: 21, Field: "params.m", Message: "should be a text, a number, or true or false"},
		`{"params": {"n": null}}`:         {Line: 1, Column: 13, Field: "params.n", Message: "should be a text, a number, or true or false"},
		`{"params": ["n"]}`:               {Line: 1, Column: 2, Field: "params", Message: "should be an object, not a list"},
		`{"dry_run": "yes"}`:              {Line: 1, Column: 17, Field: "dry_run", Message: "should be true or false, not a text"},
		`[]`:                              {Line: 1, Column: 1, Message: "should be an object, not a list"},
		"{\"spec\": \"x\",\n\"spek\": 1}": {Line: 2, Column: 1, Field: "spek", Message: "there is no such field", Hint: "known here: spec, file, params, key, dry_run"},
		"{\"spec\": \"ü\" x}":             {Line: 1, Column: 14, Message: "invalid character 'x' after object key:value pair"},
		`{"spec": "x"} {}`:                {Line: 1, Column: 14, Message: "there is more after the end of the JSON value"},
		`{"spec": "x"`:                    {Line: 1, Column: 13, Message: "the JSON value is not complete"},
	} {
		p := ask[httpapi.Problem](a, "POST", "/v1/runs", body, 400)
		if len(p.Errors) != 1 {
			t.Errorf("%s: %+v", body, p)
			continue
		}
		if diff := cmp.Diff(want, p.Errors[0]); diff != "" || strings.Contains(p.Detail, "httpapi") || strings.Contains(p.Detail, "Go ") {
			t.Errorf("%s: %q (-want +got):\n%s", body, p.Detail, diff)
		}
	}
	if p := ask[httpapi.Problem](a, "POST", "/v1/runs", "", 400); p.Detail != "the body is empty" {
		t.Errorf("no body: %+v", p)
	}
	for _, key := range []string{strings.Repeat("k", 256), "two\nlines"} {
		if p := ask[httpapi.Problem](a, "POST", "/v1/runs", httpapi.Submission{Spec: twoSteps, Key: key}, 400); p.Errors[0].Field != "key" {
			t.Errorf("key %.10q: %+v", key, p)
		}
	}
	if got := a.send("POST", "/v1/runs", `{"spec": "x", "key": "a"}`, "Content-Type", "application/json", "Idempotency-Key", "b"); got.status != 400 {
		t.Errorf("two keys: %d", got.status)
	}
}
