package scheduler

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// submitText submits a spec.
func (g *rig) submitText(text string) {
	g.t.Helper()
	parsed, err := spec.Parse("test", []byte(text))
	if err != nil {
		g.t.Fatal(err)
	}
	p, err := parsed.Bind(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.runs++
	g.step(&Submit{ID: state.RunID(fmt.Sprintf("run%d", g.runs)), Spec: text, Pipeline: p, Done: func(Submitted, error) {}})
}

// waits writes the queue as "run/step tasks reason: why", a line each.
func (g *rig) waits() []string {
	var lines []string
	for _, w := range g.r.Queue(g.now).Waiting {
		lines = append(lines, fmt.Sprintf("%s/%s %d %s: %s", w.Run, w.Step, w.Tasks, w.Reason, w.Why))
	}
	return lines
}

func (g *rig) wantWaits(want ...string) {
	g.t.Helper()
	if d := cmp.Diff(want, g.waits()); d != "" {
		g.t.Errorf("the queue (-want +got):\n%s", d)
	}
}

// TestQueueReasons goes through what tasks may wait for.
func TestQueueReasons(t *testing.T) {
	g := newRig(t)
	g.submitText(`
name: p
steps:
  small: {image: b, run: x, array: 5, max_parallel: 2, resources: {cpus: 1, mem: 1MiB}}
  large: {image: b, run: x, array: 3, resources: {cpus: 3, mem: 1MiB}}
  huge: {image: b, run: x, resources: {cpus: 64, mem: 1MiB}}
  there: {image: b, run: x, where: [{attribute: site, equals: cnes}], resources: {cpus: 1, mem: 1MiB}}
  after: {image: b, run: x, needs: [huge], resources: {cpus: 1, mem: 1MiB}}
`)
	const held = "run1/small 3 max_parallel: waits for one of the 2 tasks that its step may run at a time to end"
	none := "disconnected: there is no connection to the Mesos master"
	g.wantWaits("run1/small 2 "+none, "run1/large 3 "+none, "run1/huge 1 "+none, "run1/there 1 "+none, held)

	g.subscribe()
	none = "no_agents: no agent has offered resources yet"
	g.wantWaits("run1/small 2 "+none, "run1/large 3 "+none, "run1/huge 1 "+none, "run1/there 1 "+none, held)

	g.offer("o1", 4)
	rest := []string{
		"run1/huge 1 too_large: needs 64 cpus: the only agent has 4 cpus",
		"run1/there 1 constraints: 1 agent lacks site=cnes",
	}
	g.wantWaits(append(append([]string{"run1/large 3 resources: needs 3 cpus: 1 agent has fewer free"}, rest...), held)...)

	g.update("run1.small.0.0", state.TaskFinished)
	g.update("run1.small.1.0", state.TaskFailed)
	offer := "waits for an offer: the only agent seen has room for it"
	g.wantWaits("run1/small 2 offer: "+offer, "run1/large 3 offer: "+offer, rest[0], rest[1],
		"run1/small 1 max_parallel: waits for one of the 2 tasks that its step may run at a time to end")
}

// TestQueueBackoff has a task wait after a failure of the infrastructure's.
func TestQueueBackoff(t *testing.T) {
	g := newRig(t)
	g.step(g.submission(2, 1))
	g.subscribe()
	g.offer("o1", 4)
	g.wantWaits()
	g.update(first(g, 0), state.TaskLost)
	g.wantWaits("run1/s 1 backoff: waits out the pause before its next attempt")
	p := g.r.Queue(g.now).Projects[0]
	if p.Running != 1 || p.Waiting != 1 || p.Pending != (spec.Resources{}) || !p.Oldest.IsZero() {
		t.Errorf("the project is %+v; want 1 running and 1 that waits, none of which could start", p)
	}
}

// first is the id of the first attempt of a task of run1's step s.
func first(g *rig, index int) string {
	return g.r.Run("run1").Step("s").Task(g.now, index).Live.ID.String()
}

// TestQueueKeptFree has an agent kept free for a large task, which goes first then.
func TestQueueKeptFree(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(2, 1))
	g.offer("o1", 4)
	g.step(g.submission(1, 4))
	g.pass(10 * time.Minute)
	g.offer("o2", 2)
	g.step(g.submission(1, 1))
	g.wantWaits("run2/s 1 resources: agent a1 is kept free for it (needs 4 cpus, 2 free now)",
		"run3/s 1 reserved: 1 agent is kept free for a task that waited longer")
	if got, want := g.r.Why(g.now, g.r.Run("run2").Step("s"), 0), g.r.Queue(g.now).Waiting[0].Why; got != want {
		t.Errorf("the task says %q, the queue %q", got, want)
	}
}

// TestQueueProjects sums the queue up by project.
func TestQueueProjects(t *testing.T) {
	g := newRig(t)
	g.r.cfg.Weights = map[string]float64{"lisa": 3}
	g.subscribe()
	began := g.now
	g.submitText("name: a\nproject: lisa\nsteps: {s: {image: b, run: x, array: 6, resources: {cpus: 1, mem: 2MiB}}}\n")
	g.offer("o1", 2)
	g.pass(time.Minute)
	g.submitText("name: b\nproject: euclid\nsteps: {s: {image: b, run: x, array: 3, resources: {cpus: 1, mem: 1MiB}}}\n")
	want := []ProjectQueue{
		{Project: "euclid", Weight: 1, Waiting: 3, Reasons: map[WaitReason]int{WaitResources: 3},
			Pending: spec.Resources{CPUs: 3000, Mem: 3}, Oldest: g.now},
		{Project: "lisa", Weight: 3, Used: spec.Resources{CPUs: 2000, Mem: 4}, Running: 2,
			Waiting: 4, Reasons: map[WaitReason]int{WaitResources: 4}, Pending: spec.Resources{CPUs: 4000, Mem: 8}, Oldest: began},
	}
	if d := cmp.Diff(want, g.r.Queue(g.now).Projects); d != "" {
		t.Errorf("projects (-want +got):\n%s", d)
	}
	g.wantWaits("run2/s 3 resources: needs 1 cpu: 1 agent has fewer free", "run1/s 4 resources: needs 1 cpu: 1 agent has fewer free")
}

// TestOutlookKeepsItsMoment: what was taken on the loop does not change with what comes after.
func TestOutlookKeepsItsMoment(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(3, 1))
	before := g.r.Outlook(g.now)
	g.offer("o1", 4)
	g.wantWaits()
	if w := before.Explain().Waiting; len(w) != 1 || w[0].Tasks != 3 || w[0].Reason != WaitNoAgents {
		t.Errorf("what waited is now %+v", w)
	}
}

// TestAgents lists what offers have told, and what runs there.
func TestAgents(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(2, 1))
	offer := offerOf("o1", "*", 4)
	offer.Offers[0].URL, offer.Offers[0].Attributes = "http://10.0.0.7:5051", map[string]string{"site": "cnes"}
	offer.Offers[0].UnavailableFrom = g.now.Add(time.Hour)
	offer.Offers = append(offer.Offers, mesos.Offer{ID: "o0", AgentID: "a0", Hostname: "other", Resources: spec.Resources{CPUs: 500}})
	g.event(offer)
	want := []AgentView{
		{ID: "a0", Hostname: "other", Free: spec.Resources{CPUs: 500}, Seen: g.now},
		{ID: "a1", Hostname: "a1", URL: "http://10.0.0.7:5051", Attributes: map[string]string{"site": "cnes"},
			Free: spec.Resources{CPUs: 4000, Mem: 64 << 10}, Seen: g.now, Maintenance: g.now.Add(time.Hour)},
	}
	if d := cmp.Diff(want, g.r.Agents(g.now)); d != "" {
		t.Errorf("agents (-want +got):\n%s", d)
	}
	g.offer("o2", 4)
	want[1].Maintenance = time.Time{}
	want[1].Attributes = nil
	want[1].URL = ""
	want[1].Free, want[1].Used, want[1].Tasks = spec.Resources{CPUs: 2000, Mem: 64<<10 - 2}, spec.Resources{CPUs: 2000, Mem: 2}, 2
	if d := cmp.Diff(want, g.r.Agents(g.now)); d != "" {
		t.Errorf("agents (-want +got):\n%s", d)
	}
}

func TestWhyInWords(t *testing.T) {
	for max, want := range map[int]string{
		1: "waits for the task before it to end: its step may run one at a time",
		2: "waits for one of the 2 tasks that its step may run at a time to end",
	} {
		if got := whyHeld(max); got != want {
			t.Errorf("%d: %s", max, got)
		}
	}
	if got := count(1, "failure") + ", " + count(0, "failure"); got != "1 failure, 0 failures" {
		t.Error(got)
	}
}

// TestExplanationsAreShared: while people only look, what they are told is made from one look at the agents; whatever
// happens ends that, and so does time.
func TestExplanationsAreShared(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(3, 1))
	look := func() *explainer {
		g.step(&Read{Look: func(now time.Time, r *Reactor) { r.Queue(now) }})
		return g.r.explainer
	}
	g.offer("o1", 2)
	first := look()
	if look() != first {
		t.Error("the agents are looked at again though nothing has happened")
	}
	for name, happens := range map[string]func(){
		"an event":  func() { g.offer("o2", 1) },
		"a command": func() { g.step(g.submission(1, 1)) },
		"time":      func() { g.pass(time.Minute) },
		"both":      func() { g.step(&Read{Look: func(time.Time, *Reactor) {}}, Event{mesos.Disconnected{}}) },
	} {
		before := look()
		happens()
		if look() == before {
			t.Errorf("after %s the agents are not looked at again", name)
		}
	}
}
