package httpapi_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

const burstingSpec = `name: bursting
project: lpf
burst: {after: 10m, clouds: [hxn]}
deadline: 6h
defaults: {image: busybox}
steps:
  psd:
    run: work
    array: 4
    resources: {cpus: 2, mem: 32MiB, disk: 1GiB}
    timeout: 1h
    where: [{attribute: rack, not_matches: "old-.*"}]
    spread: rack
`

func TestDemand(t *testing.T) {
	a := newAPI(t)
	run := a.submit(burstingSpec, nil)
	got := ask[httpapi.Demand](a, "GET", "/v1/demand", nil, 200)
	deadline, from := run.Submitted.Add(6*time.Hour), run.Submitted.Add(10*time.Minute)
	want := httpapi.Demand{
		Connected: true,
		Waiting: []httpapi.Demanded{{
			Run: run.ID, Project: "lpf", Pipeline: "bursting", Step: "psd", Tasks: 4, Since: run.Submitted,
			Need:   httpapi.Resources{CPUs: 2, MemBytes: 32 << 20, DiskBytes: 1 << 30},
			Where:  []httpapi.Constraint{{Attribute: "rack", Op: "not_matches", Value: "old-.*"}},
			Spread: "rack", Reason: "too_large", Why: "needs 2 cpus: the only agent has 0.5 cpus",
			TimeoutSeconds: 3600, Deadline: &deadline,
			Burst: httpapi.Burst{Allow: true, AfterSeconds: 600, From: &from, Clouds: []string{"hxn"}},
		}},
		Agents: []httpapi.Supply{{
			ID: "a", Hostname: "small",
			Capacity: httpapi.Resources{CPUs: 0.5, MemBytes: 64 << 20, DiskBytes: 1000 << 20},
			Free:     httpapi.Resources{CPUs: 0.5, MemBytes: 64 << 20, DiskBytes: 1000 << 20},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(httpapi.Demand{}, "Version", "At"), cmpopts.IgnoreFields(httpapi.Supply{}, "IdleSince")); diff != "" {
		t.Errorf("the demand (-want +got):\n%s", diff)
	}
}

// TestDemandIsAnsweredWhenItChanges: who has seen the newest version is told of the next one.
func TestDemandIsAnsweredWhenItChanges(t *testing.T) {
	a := newAPI(t)
	before := ask[httpapi.Demand](a, "GET", "/v1/demand", nil, 200)
	told := make(chan httpapi.Demand, 1)
	go func() {
		told <- ask[httpapi.Demand](a, "GET", "/v1/demand?wait=30s&seen="+url.QueryEscape(before.Version), nil, 200)
	}()
	a.submit(burstingSpec, nil)
	after := <-told
	if after.Version == before.Version || len(after.Waiting) != 1 {
		t.Errorf("told of version %s after %s: %+v", after.Version, before.Version, after.Waiting)
	}
	again := ask[httpapi.Demand](a, "GET", "/v1/demand?wait=1ms&seen="+url.QueryEscape(after.Version), nil, 200)
	if again.Version != after.Version {
		t.Errorf("version %s when nothing has changed since %s", again.Version, after.Version)
	}
	ask[httpapi.Demand](a, "GET", "/v1/demand?wait=30s&seen=of-another-process", nil, 200)
}

func TestCordon(t *testing.T) {
	a := newAPI(t)
	cordon := func() *httpapi.Cordoned {
		return ask[httpapi.Demand](a, "GET", "/v1/demand", nil, 200).Agents[0].Cordon
	}
	put := func(body string, status int) {
		t.Helper()
		if got := a.send("PUT", "/v1/agents/a/cordon", body, "Content-Type", "application/json"); got.status != status {
			t.Fatalf("cordon %s: %d %s", body, got.status, got.body)
		}
	}
	if got := cordon(); got != nil {
		t.Fatalf("cordoned from the start: %+v", got)
	}
	put(`{"reason": "drain: nothing waits", "for": "10m"}`, 204)
	if got := cordon(); got == nil || got.Reason != "drain: nothing waits" || got.Until.Before(time.Now()) {
		t.Errorf("the cordon is %+v", got)
	}
	for _, body := range []string{`{"for": "10m"}`, `{"reason": "x"}`, `{"reason": "x", "for": "25h"}`, `{"reason": "x", "for": "0s"}`, `{"reason": "x", "for": "soon"}`} {
		put(body, 400)
	}
	if got := a.send("DELETE", "/v1/agents/a/cordon", ""); got.status != 204 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := cordon(); got != nil {
		t.Errorf("still cordoned: %+v", got)
	}
	if got := a.send("DELETE", "/v1/agents/never-seen/cordon", ""); got.status != 204 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
