package metrics

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// However many projects there are and whatever they are called, there are few labels, each once, and nothing is lost.
func TestBoundProjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 5).Draw(t, "most")
		var all []scheduler.ProjectQueue
		for i := range rapid.IntRange(0, 9).Draw(t, "projects") {
			waiting := rapid.IntRange(0, 5).Draw(t, "waiting")
			p := scheduler.ProjectQueue{
				Project: fmt.Sprintf("project-%d", i), Waiting: waiting, Running: rapid.IntRange(0, 3).Draw(t, "running"),
				Reasons: map[scheduler.WaitReason]int{scheduler.WaitOffer: waiting},
				Pending: spec.Resources{CPUs: int64(waiting)}, Used: spec.Resources{Mem: 7},
				Oldest: time.Unix(int64(1000-waiting), 0),
			}
			if i == 3 {
				p.Project = otherProjects
			}
			all = append(all, p)
		}
		own := bound(all, most)
		var before, after scheduler.ProjectQueue
		before.Reasons, after.Reasons = map[scheduler.WaitReason]int{}, map[scheduler.WaitReason]int{}
		for i := range all {
			add(&before, &all[i])
		}
		names, least := map[string]bool{}, 1<<30
		for i := range own {
			add(&after, &own[i])
			names[own[i].Project] = true
			if own[i].Project != otherProjects {
				least = min(least, own[i].Waiting)
			}
		}
		if d := cmp.Diff(before, after); d != "" {
			t.Fatalf("the sums (-all +bound):\n%s", d)
		}
		if len(names) != len(own) || len(own) > most+1 {
			t.Fatalf("%d projects of %d, under %d names", len(own), most, len(names))
		}
		for _, p := range all {
			if !names[p.Project] && p.Waiting > least {
				t.Fatalf("%s is not shown, and has more waiting than one that is", p.Project)
			}
		}
	})
}

// waiting are projects of which each has one task that waits.
func waiting(names ...string) []scheduler.ProjectQueue {
	var all []scheduler.ProjectQueue
	for _, name := range names {
		all = append(all, scheduler.ProjectQueue{Project: name, Waiting: 1})
	}
	return all
}

// A project whose last task has ended is told at 0, until busier ones take its place; and there is always one.
func TestShownProjects(t *testing.T) {
	var s shown
	for _, step := range []struct {
		now  []scheduler.ProjectQueue
		want map[string]int
	}{
		{nil, map[string]int{"default": 0}},
		{waiting("lisa"), map[string]int{"default": 0, "lisa": 1}},
		{nil, map[string]int{"default": 0, "lisa": 0}},
		{waiting("euclid", "juice"), map[string]int{"euclid": 1, "juice": 1, "default": 0, "other": 0}},
		{nil, map[string]int{"default": 0, "euclid": 0, "juice": 0, "other": 0}},
		{waiting("athena", "plato", "xmm", "lisa"), map[string]int{"athena": 1, "lisa": 1, "plato": 1, "other": 1}},
		{waiting("athena"), map[string]int{"athena": 1, "lisa": 0, "other": 0}},
	} {
		got := map[string]int{}
		for _, p := range s.next(step.now, 3) {
			got[p.Project] = p.Waiting
		}
		if d := cmp.Diff(step.want, got); d != "" {
			t.Fatalf("with %v (-want +got):\n%s", step.now, d)
		}
	}
}
