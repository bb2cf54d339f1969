package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestHolder(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var c clouds
	for _, step := range []struct {
		at     time.Duration
		holder string
		heard  bool
		taken  bool
	}{
		{0, "a", true, true},
		{5 * time.Second, "a", true, false},
		{10 * time.Second, "b", false, false},
		{34 * time.Second, "b", false, false},
		{35 * time.Second, "b", true, true},
		{36 * time.Second, "a", false, false},
		{time.Hour, "a", true, true},
	} {
		taken, err := c.take(noon.Add(step.at), CloudReport{Holder: step.holder})
		if (err == nil) != step.heard || taken != step.taken {
			t.Errorf("%s after %s: taken %t, %v", step.holder, step.at, taken, err)
		}
	}
	if got, _ := c.report(); got.Holder != "a" || !got.At.Equal(noon.Add(time.Hour)) {
		t.Errorf("the latest report is %+v", got)
	}
}

// TestTwoOfOneHolder: of two processes of one holder the one that began later is heard at once, and the other one when that has
// not reported for 30 s.
func TestTwoOfOneHolder(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var c clouds
	for _, step := range []struct {
		at    time.Duration
		began time.Duration // 0: it does not say
		heard bool
		taken bool
	}{
		{0, 0, true, true},
		{1 * time.Second, 1, true, true},
		{2 * time.Second, 1, true, false},
		{3 * time.Second, 2, true, true},
		{4 * time.Second, 1, false, false},
		{4 * time.Second, 0, false, false},
		{5 * time.Second, 2, true, false},
		{34 * time.Second, 1, false, false},
		{35 * time.Second, 1, true, true},
		{36 * time.Second, 2, true, true},
	} {
		r := CloudReport{Holder: "a"}
		if step.began > 0 {
			r.Began = noon.Add(step.began)
		}
		taken, err := c.take(noon.Add(step.at), r)
		if (err == nil) != step.heard || taken != step.taken {
			t.Errorf("the one that began after %d ns, after %s: taken %t, %v", step.began, step.at, taken, err)
		}
		if err != nil && !strings.Contains(err.Error(), "12:00:00.000000002Z") {
			t.Errorf("%v does not say which one began later", err)
		}
	}
}

func TestOnTheWay(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) *time.Time { at := noon.Add(d); return &at }
	for _, c := range []struct {
		waiting CloudWaiting
		later   time.Duration
		want    string
	}{
		{CloudWaiting{VMs: 2, Expected: in(125 * time.Second)}, 0, ", and 2 cloud VMs are expected in about 2m"},
		{CloudWaiting{VMs: 1, Expected: in(65 * time.Minute)}, 0, ", and 1 cloud VM is expected in about 65m"},
		{CloudWaiting{VMs: 1, Expected: in(59 * time.Second)}, 0, ", and 1 cloud VM is expected within a minute"},
		{CloudWaiting{VMs: 3, Expected: in(30 * time.Second)}, 40 * time.Second, ", and 3 cloud VMs are expected at any moment"},
		{CloudWaiting{VMs: 3, Why: "more room is needed"}, 0, ", and 3 cloud VMs are on the way"},
		{CloudWaiting{Why: "no flavor has 64 cpus"}, 0, "; clouds: no flavor has 64 cpus"},
		{CloudWaiting{}, 0, ""},
		{CloudWaiting{VMs: 2}, 61 * time.Second, ""},
	} {
		var cl clouds
		c.waiting.Run, c.waiting.Step = "r", "s"
		if _, err := cl.take(noon, CloudReport{Holder: "a", Waiting: []CloudWaiting{{Run: "r", Step: "s"}, c.waiting}}); err != nil {
			t.Fatal(err)
		}
		if got := cl.onTheWay(noon.Add(c.later), "r", "s"); got != c.want {
			t.Errorf("%+v: %q, want %q", c.waiting, got, c.want)
		}
		if got := cl.onTheWay(noon, "r", "other"); got != "" {
			t.Errorf("of another step: %q", got)
		}
	}
}

// TestLatestEvents: of all that was reported the latest are kept.
func TestLatestEvents(t *testing.T) {
	var c clouds
	for i := range 3 {
		var events []CloudEvent
		for k := range 90 {
			events = append(events, CloudEvent{Message: fmt.Sprint(90*i + k)})
		}
		if _, err := c.take(time.Time{}, CloudReport{Holder: "a", Events: events}); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := c.report()
	if n := len(got.Events); n != cloudEvents || got.Events[0].Message != "70" || got.Events[n-1].Message != "269" {
		t.Errorf("%d events from %s to %s", n, got.Events[0].Message, got.Events[n-1].Message)
	}
}
