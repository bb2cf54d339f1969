package cloudburst

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// TestFindUnowned: what belongs to a machine, may belong to one, or may run tasks stays.
func TestFindUnowned(t *testing.T) {
	now := time.Date(2034, 10, 25, 12, 0, 0, 0, time.UTC)
	left := func(kind, id, intent, status string, age time.Duration) openstack.Leftover {
		return openstack.Leftover{Kind: kind, ID: id, Cluster: "lisa", Intent: intent, Status: status, Created: now.Add(-age)}
	}
	all := []openstack.Leftover{
		left("volume", "v-lost", "gone", "available", time.Hour),
		left("port", "p-lost", "gone", "DOWN", time.Hour),
		left("port", "p-young", "coming", "DOWN", time.Minute),
		left("port", "p-used", "there", "ACTIVE", time.Hour),
		left("volume", "v-used", "there", "in-use", time.Hour),
		left("server", "s-first", "there", "ACTIVE", time.Hour),
		left("server", "s-broken", "there", "ERROR", 50*time.Minute),
		left("server", "s-runs", "there", "ACTIVE", 40*time.Minute),
		left("server", "s-nameless", "", "ACTIVE", time.Hour),
		left("server", "s-deleted", "dead", "DELETED", time.Hour),
		left("port", "p-dead", "dead", "DOWN", time.Hour),
	}
	var got []string
	for _, u := range FindUnowned(all, now, 10*time.Minute) {
		got = append(got, u.ID)
	}
	want := []string{"s-broken", "s-nameless", "p-lost", "p-dead", "v-lost"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestSweep: the agent removes what was left behind now and then, and nothing else: nothing that says of no machine that it is its
// own, and nothing in a round in which it is not to change anything.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	old := w.now.Add(-time.Hour)
	c.leftovers = []openstack.Leftover{
		{Kind: "port", ID: "p1", Cluster: "lisa", Intent: "batch-lost", Created: old},
		{Kind: "port", ID: "p2", Cluster: "lisa", Intent: "batch-new", Created: w.now},
		{Kind: "server", ID: "s1", Cluster: "lisa", Created: old},
	}
	a := w.agent(testPool("a"))
	a.cfg.SweepEvery, a.cfg.DryRun = 10*time.Minute, true
	w.pass(a, time.Minute)
	if len(c.leftovers) != 3 {
		t.Errorf("a dry run has removed something: %v", c.leftovers)
	}
	a.cfg.DryRun = false
	w.pass(a, 5*time.Minute)
	ids := func() (ids []string) {
		for _, l := range c.leftovers {
			ids = append(ids, l.ID)
		}
		return ids
	}
	if d := cmp.Diff([]string{"p2", "s1"}, ids()); d != "" {
		t.Errorf("left after the first sweep (-want +got)\n%s", d)
	}
	w.pass(a, 20*time.Minute)
	if d := cmp.Diff([]string{"s1"}, ids()); d != "" {
		t.Errorf("left after the next sweeps (-want +got)\n%s", d)
	}
	if !w.told(EventSwept, "port p1 was removed") {
		t.Errorf("events: %v", w.events)
	}
	if n := slices.IndexFunc(w.log, func(line string) bool { return line == "a delete" }); n >= 0 {
		t.Error("a sweep has deleted a machine")
	}
}
