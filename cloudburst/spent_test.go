package cloudburst

import (
	"errors"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
)

// TestDailyCap: what a day may cost holds over restarts, for the clouds remember; a cloud that has not told yet what was used gets
// no machines where that matters, and one that never tells is reckoned with by what there is.
func TestDailyCap(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	p := testPool("a")
	p.Caps = planner.Caps{VCPUHours: 10}
	c.usageErr = errors.New("no answer")
	a := w.agent(p)
	w.submit(1)
	w.pass(a, time.Minute)
	if c.creates != 0 {
		t.Errorf("%d machines were made though nobody knows what was used", c.creates)
	}
	c.usageErr = nil
	c.usage = []openstack.Usage{{Intent: "batch-aaaaaaaaaa", Flavor: "m4", VCPUs: 4, Hours: 3, Ended: w.now}}
	w.pass(a, time.Minute)
	if c.creates != 0 {
		t.Errorf("%d machines were made though the day has used 12 of 10 hours of vcpus", c.creates)
	}
	c.usage = nil
	w.pass(a, 10*time.Minute)
	if c.creates == 0 {
		t.Error("no machine was made though the day has used nothing")
	}
}

func TestUsageDenied(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	p := testPool("a")
	p.Caps = planner.Caps{VCPUHours: 60}
	c.usageErr = &openstack.Error{Kind: openstack.Denied, Message: "policy does not allow"}
	a := w.agent(p)
	w.taskFor = 10 * time.Hour
	w.submit(1)
	w.pass(a, 30*time.Minute)
	if c.creates == 0 {
		t.Fatal("a cloud that does not tell of usage gets no machine")
	}
	made := c.creates
	w.submit(cores)
	w.pass(a, time.Hour)
	if c.creates != made {
		t.Errorf("%d more machines though what is left of the day is promised to the first", c.creates-made)
	}
}

// TestUse: pools that change while the agent runs are used from the next round on, and what is under way goes on.
func TestUse(t *testing.T) {
	w := newWorld(t)
	w.cloud("a")
	a := w.agent(testPool())
	w.submit(1)
	w.pass(a, time.Minute)
	if w.servers() != 0 {
		t.Fatal("a machine of no flavor was made")
	}
	a.Use([]Pool{testPool("a")})
	w.pass(a, 5*time.Second)
	if w.servers() != 1 {
		t.Error("no machine was made though there is a flavor now")
	}
}
