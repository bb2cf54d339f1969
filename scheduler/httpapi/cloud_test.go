package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// TestCloudReport: a report is shown, its events are passed on, and its words are told to those who wait.
func TestCloudReport(t *testing.T) {
	a := newAPI(t)
	if got := a.send("GET", "/v1/cloud", ""); got.status != 404 {
		t.Errorf("before any report: %d %s", got.status, got.body)
	}
	run := a.submit(burstingSpec, nil)
	l := a.listen("", "")
	if e, ok := l.next(); !ok || e.data != "" {
		t.Fatalf("the stream begins with %+v", e)
	}
	now := time.Now().UTC().Truncate(time.Second)
	expected := now.Add(5*time.Minute + 10*time.Second)
	report := httpapi.CloudReport{
		Holder: "dpc/cloud-1", Began: now.Add(time.Nanosecond),
		VMs: []httpapi.CloudVM{{Intent: "burst-aaaaaaaaaa", Pool: "burst", Cloud: "hxn", Flavor: "m1.large", Stage: "building",
			Since: now, PricePerHour: 0.25, Expected: &expected}},
		Waiting: []httpapi.CloudWaiting{{Run: run.ID, Step: "psd", Tasks: 4, VMs: 2, Expected: &expected, Why: "4 tasks would wait for an hour"}},
		Events:  []httpapi.CloudEvent{{At: now, Kind: "boot", VM: "burst-aaaaaaaaaa", Pool: "burst", Cloud: "hxn", Message: "for 4 tasks of psd"}},
	}
	put := func(r httpapi.CloudReport, status int) answer {
		t.Helper()
		got := a.send("PUT", "/v1/cloud", toJSON(t, r), "Content-Type", "application/json")
		if got.status != status {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return got
	}
	put(report, 204)
	if diff := cmp.Diff(report, ask[httpapi.CloudReport](a, "GET", "/v1/cloud", nil, 200), cmpopts.IgnoreFields(httpapi.CloudReport{}, "At")); diff != "" {
		t.Errorf("what is shown (-want +got):\n%s", diff)
	}
	const words = "needs 2 cpus: the only agent has 0.5 cpus, and 2 cloud VMs are expected in about 5m"
	task := "/v1/runs/" + run.ID + "/steps/psd/tasks/0"
	for where, got := range map[string]string{
		"task":   ask[httpapi.Why](a, "GET", task+"/why", nil, 200).Why,
		"queue":  ask[httpapi.Queue](a, "GET", "/v1/queue", nil, 200).Waiting[0].Why,
		"run":    ask[httpapi.Waiting](a, "GET", "/v1/runs/"+run.ID+"/why", nil, 200).Waiting[0].Why,
		"status": ask[httpapi.Run](a, "GET", "/v1/runs/"+run.ID, nil, 200).Steps[0].Waits,
	} {
		if got != words {
			t.Errorf("%s: %q, want %q", where, got, words)
		}
	}
	if got := ask[httpapi.Demand](a, "GET", "/v1/demand", nil, 200).Waiting[0].Why; strings.Contains(got, "cloud VM") {
		t.Errorf("the demand tells the agent its own words: %q", got)
	}
	for e, ok := l.next(); ; e, ok = l.next() {
		if !ok {
			t.Fatal("no event of the cloud")
		}
		if e.kind != "cloud" {
			continue
		}
		if diff := cmp.Diff(report.Events[0], decode[httpapi.CloudEvent](t, []byte(e.data))); diff != "" {
			t.Errorf("the event (-want +got):\n%s", diff)
		}
		break
	}
	report.Holder = "dpc/cloud-2"
	if got := put(report, 409); !strings.Contains(string(got.body), "dpc/cloud-1") {
		t.Errorf("%s", got.body)
	}
	report.Holder, report.Began = "dpc/cloud-1", now
	if got := put(report, 409); !strings.Contains(string(got.body), "began later") {
		t.Errorf("%s", got.body)
	}
	put(httpapi.CloudReport{Holder: "dpc/cloud-1", Began: now.Add(2 * time.Nanosecond)}, 204)
	put(httpapi.CloudReport{}, 400)
	put(httpapi.CloudReport{Holder: strings.Repeat("x", 201)}, 400)
}

// TestCloudEventsOfProjects: what a cloudburst agent tells may be about any project, so a token of one is not told.
func TestCloudEventsOfProjects(t *testing.T) {
	g := newGuarded(t)
	a := api{t: t, url: g.url}
	bearer := func(name string) string { return "Bearer " + g.texts[name] }
	one, all := a.listen("", "", "Authorization", bearer("viewer-lpf")), a.listen("", "", "Authorization", bearer("viewer-all"))
	one.next()
	all.next()
	report := httpapi.CloudReport{Holder: "h", Events: []httpapi.CloudEvent{{Kind: "boot", Message: "m"}}}
	if got := a.send("PUT", "/v1/cloud", toJSON(t, report), "Authorization", bearer("operator-all"), "Content-Type", "application/json"); got.status != 204 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	a.send("POST", "/v1/runs", workSpec("lpf", "p", "ann", "  a: {run: work, resources: {cpus: 7}}\n"), "Authorization", bearer("author-all"), "Content-Type", "application/yaml")
	for name, l := range map[string]*listening{"run": one, "cloud": all} {
		if e, ok := l.next(); !ok || e.kind != name {
			t.Errorf("told of %+v, want an event of type %s", e, name)
		}
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
