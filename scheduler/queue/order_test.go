package queue

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// On an agent that has room for everything, the first tasks of the entries start in the order that Order gives.
func TestOrderIsThatOfMatchWithRoomForAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		const plenty = 1 << 40
		s.agents = []placement.Agent{{
			ID: "all", Attributes: map[string]string{"site": "cnes"},
			Free: spec.Resources{CPUs: plenty, Mem: plenty, Disk: plenty, GPUs: plenty, Ports: plenty},
		}}
		s.opts = Options{}
		var want, got []int
		for _, a := range s.match().Assignments {
			want = append(want, a.Entry)
		}
		for _, i := range Order(s.entries, s.shares, s.total) {
			got = append(got, s.entries[i].ID)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}
