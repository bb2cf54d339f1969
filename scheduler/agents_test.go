package scheduler

import (
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// TestFreeCountsWhatATaskGaveBackOnce, whether its offer comes before or after its end is told.
func TestFreeCountsWhatATaskGaveBackOnce(t *testing.T) {
	now, eight := time.Now(), spec.Resources{CPUs: 8000, Mem: 64}
	offer := func(id string) mesos.Offer { return mesos.Offer{ID: id, AgentID: "a", Role: "*", Resources: eight} }
	for _, early := range []bool{true, false} {
		table := newAgentTable()
		table.addOffer(now, offer("o1"), spec.Resources{})
		a := table.byID["a"]
		table.take(nil, a, "*")
		table.setFree(a, spec.Resources{}) // all of it was launched on
		if early {
			table.addOffer(now, offer("o2"), eight)
		}
		table.freed(now, "a", eight, spec.Resources{})
		if !early {
			table.addOffer(now, offer("o2"), spec.Resources{})
		}
		if a.free != eight || table.free != eight {
			t.Errorf("early %v: free are %v, of all agents %v", early, a.free, table.free)
		}
	}
}
