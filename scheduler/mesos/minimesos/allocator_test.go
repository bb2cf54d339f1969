package minimesos

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// agentsOf counts the agents in the offers that come until there are n.
func (f *testClient) agentsOf(n int) map[string]bool {
	f.t.Helper()
	out := map[string]bool{}
	for len(out) < n {
		for _, offer := range f.offers() {
			out[offer.AgentID.Value] = true
		}
	}
	return out
}

func TestFrameworksShare(t *testing.T) {
	o := fast(Instant, 4)
	o.AllocationInterval = time.Hour // events only
	c := start(t, o)
	first := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	all := first.offers()
	second := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	first.decline(0, all...)
	first.simple(scheduler.Call_REVIVE)
	if a, b := len(first.agentsOf(2)), len(second.agentsOf(2)); a != 2 || b != 2 {
		t.Errorf("of 4 agents one framework got %d, the other %d", a, b)
	}
}

func TestSuppressedLeavesAllToOthers(t *testing.T) {
	c := start(t, fast(Instant, 4))
	first := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	first.simple(scheduler.Call_SUPPRESS)
	first.decline(0, first.offers()...)
	second := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	second.agentsOf(4)
	c.Look(func(v View) {
		if n := v.Offers(first.id); n != 0 {
			t.Errorf("the suppressed framework has %d offers", n)
		}
	})
}

func TestDeclinedGoesToOthers(t *testing.T) {
	c := start(t, fast(Instant, 2))
	first := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	second := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	first.decline(3600, first.offers()...)
	second.agentsOf(2)
}

// A filter holds for what was refused, not for more.
func TestFilterHoldsForNoMore(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	rest := f.offers()
	if cpus := rest[0].Resources[1].Scalar.Value; cpus != 3.9 {
		t.Fatalf("%v cpus are left, want 3.9", cpus)
	}
	f.decline(3600, rest...)
	f.kill("a")
	f.until("a", mesos.TASK_KILLED)
	if cpus := f.offers()[0].Resources[1].Scalar.Value; cpus != 4 {
		t.Errorf("%v cpus are offered, want 4", cpus)
	}
}

// TestInstantTasksHoldTheirResourcesUntilHeard: what a task has is not offered while its framework has not even heard
// that it runs, so that launches do not outrun the updates.
func TestInstantTasksHoldTheirResourcesUntilHeard(t *testing.T) {
	c := start(t, fast(Instant, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	running := f.peek("a")
	rest := f.offers()
	if cpus := rest[0].Resources[1].Scalar.Value; running.GetState() != mesos.TASK_RUNNING || cpus != 3.9 {
		t.Errorf("%v, and %v cpus are offered, want 3.9", running.GetState(), cpus)
	}
	f.decline(3600, rest...)
	f.ack(running)
	f.until("a", mesos.TASK_FINISHED)
	if cpus := f.offers()[0].Resources[1].Scalar.Value; cpus != 4 {
		t.Errorf("%v cpus are offered, want 4", cpus)
	}
}

func TestGPUsNeedTheCapability(t *testing.T) {
	o := fast(Instant, 1)
	o.Agents = append(o.Agents, AgentOptions{Resources: "cpus:1;mem:128;gpus:2"})
	c := start(t, o)
	blind := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	if offers := blind.offers(); len(offers) != 1 {
		t.Errorf("a framework without GPU_RESOURCES is offered %d agents, want 1", len(offers))
	}
	info := testFramework()
	info.Capabilities = append(info.Capabilities, mesos.FrameworkInfo_Capability{Type: mesos.FrameworkInfo_Capability_GPU_RESOURCES})
	seeing := subscribe(t, c.URL(), info, mediaProtobuf)
	offer := seeing.offers()[0]
	for _, r := range offer.Resources {
		if r.Name == "gpus" && r.Scalar.Value == 2 {
			return
		}
	}
	t.Errorf("no gpus in %v", offer.Resources)
}

func TestOfferTimeout(t *testing.T) {
	o := fast(Instant, 1)
	o.OfferTimeout = 10 * time.Millisecond
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offer := f.offers()[0]
	if got := f.next(scheduler.Event_RESCIND).Rescind.OfferID; got != offer.ID {
		t.Errorf("%v is taken back, want %v", got, offer.ID)
	}
	f.offers()
}

func TestTooLittleIsNotOffered(t *testing.T) {
	o := fast(Instant, 0)
	o.Agents = []AgentOptions{{Resources: "cpus:0.009;mem:31;disk:5"}, {Resources: "cpus:0.01"}, {Resources: "mem:32"}}
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	if offers := f.offers(); len(offers) != 2 {
		t.Errorf("%d agents are offered, want 2", len(offers))
	}
}

// A framework without MULTI_ROLE has one role, and its offers do not say it.
func TestSingleRole(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), &mesos.FrameworkInfo{User: "root", Name: "old", Role: ptr("dpc")}, mediaProtobuf)
	offer := f.offers()[0]
	if offer.AllocationInfo != nil || offer.Resources[0].AllocationInfo != nil {
		t.Errorf("the offer speaks of allocation: %v", offer)
	}
	f.accept(offer, command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
}

func TestRescindOffers(t *testing.T) {
	o := fast(Instant, 3)
	o.AllocationInterval = time.Hour
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.offers()
	if n := c.RescindOffers(); n != 3 {
		t.Errorf("%d offers are taken back, want 3", n)
	}
	for range 3 {
		f.next(scheduler.Event_RESCIND)
	}
}
