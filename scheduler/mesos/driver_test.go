package mesos_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// TestDriver holds a conversation with a master and its agents: an embedded one, and the real one that
// SPILLWAY_TEST_MESOS names (its URL; agents with at least one cpu, 500 MiB and two ports free).
func TestDriver(t *testing.T) {
	cluster, err := minimesos.Start(minimesos.Options{
		Runner: minimesos.Process, AllocationInterval: 100 * time.Millisecond,
		Agents: []minimesos.AgentOptions{{Attributes: map[string]string{"rack": "r1"}}, {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	t.Run("minimesos", func(t *testing.T) { conversations(t, cluster.URL()) })
	t.Run("mesos", func(t *testing.T) {
		url := os.Getenv("SPILLWAY_TEST_MESOS")
		if url == "" {
			t.Skip("no real Mesos: SPILLWAY_TEST_MESOS names the URL of its master")
		}
		conversations(t, url)
	})
}

func conversations(t *testing.T, url string) {
	for _, codec := range []string{"protobuf", "json"} {
		t.Run(codec, func(t *testing.T) {
			for _, c := range []struct {
				name string
				test func(*testing.T, mesos.Config)
			}{
				{"life of a task", testLife},
				{"failing tasks", testFailures},
				{"kill", testKill},
				{"calls keep their order", testOrder},
				{"reconciliation", testReconcile},
				{"suppress and revive", testSuppress},
				{"offers that are gone", testGoneOffers},
				{"many tasks of one accept", testMany},
				{"offers of one agent together", testTogether},
				{"a scheduler that comes back", testReturn},
				{"two schedulers", testFailover},
				{"a removed framework", testRemoved},
				{"maintenance", testMaintenance},
			} {
				t.Run(c.name, func(t *testing.T) {
					c.test(t, mesos.Config{Masters: url, Codec: codec, Name: "driver-test", FailoverTimeout: time.Minute})
				})
			}
		})
	}
}

func testLife(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	l := task(`set -x; [ "$SPILLWAY_STEP" = step ] && [ "$FOO" = "a b" ] && [ "$SPILLWAY_PORTS" = "$PORT0,$PORT1" ] &&
		[ "$SPILLWAY_ATTEMPT" = 0 ] && [ "$PORT0" -gt 1023 ]`, func(l *mesos.Launch) {
		l.Resources.Ports = 2
		l.Command.Env = []spec.Var{{Name: "FOO", Value: "a b"}}
	})
	o := f.launch(l)
	s := f.reaches(l, state.TaskFinished)
	if got := f.states(l); got != "STARTING RUNNING FINISHED" {
		t.Errorf("states %s", got)
	}
	if s.Agent != o.AgentID || s.Source != state.SourceExecutor || len(s.UUID) != 16 || time.Since(s.Time).Abs() > time.Hour {
		t.Errorf("status %+v", s)
	}
	argv := task("", func(l *mesos.Launch) {
		l.Command = spec.Command{Argv: []string{"/bin/sh", "-c", `[ "$0" = "a b" ] && [ "$1" = "*" ] && [ $# = 1 ]`, "a b", "*"}}
	})
	f.launch(argv)
	f.reaches(argv, state.TaskFinished)
}

func testFailures(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	status := task("exit 3")
	long := task("sleep 300", func(l *mesos.Launch) { l.Timeout = time.Second })
	big := task("true", func(l *mesos.Launch) { l.Resources.CPUs = 999000 })
	f.launch(status, long, big)
	if s := f.reaches(status, state.TaskFailed); !strings.Contains(s.Message, "exited with status 3") {
		t.Errorf("exit 3: %+v", s)
	}
	if s := f.reaches(long, state.TaskFailed); s.Reason != state.ReasonMaxCompletionTimeReached {
		t.Errorf("max_completion_time: %+v", s)
	}
	if s := f.reaches(big, state.TaskDropped); s.Reason != state.ReasonInvalidOffers || s.UUID != nil {
		t.Errorf("more than offered: %+v", s)
	}
}

func testKill(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	gentle := task("sleep 300")
	stubborn := task("trap '' TERM; sleep 300 & wait; sleep 300", func(l *mesos.Launch) { l.Grace = time.Hour })
	o := f.launch(gentle, stubborn)
	f.reaches(gentle, state.TaskRunning)
	f.reaches(stubborn, state.TaskRunning)
	f.Send([]mesos.Call{
		mesos.Kill{TaskID: gentle.ID.String()},
		mesos.Kill{TaskID: stubborn.ID.String(), AgentID: o.AgentID, Grace: 100 * time.Millisecond},
		mesos.Kill{TaskID: "nobody"},
	})
	for _, l := range []mesos.Launch{gentle, stubborn} {
		f.reaches(l, state.TaskKilled)
		if got := f.states(l); got != "STARTING RUNNING KILLING KILLED" {
			t.Errorf("states %s", got)
		}
	}
	f.until("the answer for nobody", func() bool {
		s := f.updates["nobody"]
		return len(s) == 1 && s[0].State == state.TaskUnknown && s[0].Reason == state.ReasonReconciliation
	})
}

// testOrder: a reconciliation and a kill never overtake the launch that they are about.
func testOrder(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	for range 10 {
		l := task("sleep 300")
		o := f.offer("")
		f.Send([]mesos.Call{
			f.accept(o, l),
			mesos.Reconcile{Tasks: []mesos.TaskRef{{TaskID: l.ID.String(), AgentID: o.AgentID}}},
			mesos.Kill{TaskID: l.ID.String(), AgentID: o.AgentID},
		})
		f.reaches(l, state.TaskKilled)
		if got := f.states(l); strings.Contains(got, "UNKNOWN") || strings.Contains(got, "GONE") {
			t.Errorf("states %s", got)
		}
	}
}

func testReconcile(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	l, ghost := task("sleep 300"), task("never launched")
	o := f.launch(l)
	f.reaches(l, state.TaskRunning)
	answers := func(id string, want state.TaskState, n int) {
		t.Helper()
		f.until(fmt.Sprintf("answer %d for %s", n, id), func() bool {
			got := 0
			for _, s := range f.updates[id] {
				if s.Reason == state.ReasonReconciliation && s.State == want {
					got++
				}
			}
			return got == n
		})
	}
	f.Send([]mesos.Call{mesos.Reconcile{Tasks: []mesos.TaskRef{
		{TaskID: l.ID.String(), AgentID: o.AgentID},
		{TaskID: ghost.ID.String(), AgentID: o.AgentID},
		{TaskID: "stranger"},
	}}})
	answers(l.ID.String(), state.TaskRunning, 1)
	answers(ghost.ID.String(), state.TaskGone, 1)
	answers("stranger", state.TaskUnknown, 1)
	f.Send([]mesos.Call{mesos.Reconcile{}})
	answers(l.ID.String(), state.TaskRunning, 2)
	f.Send([]mesos.Call{mesos.Kill{TaskID: l.ID.String()}})
	f.reaches(l, state.TaskKilled)
}

// testSuppress: a framework that has suppressed offers gets none, whatever becomes free, until it revives them.
func testSuppress(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	l := task("sleep 300")
	o := f.offer("")
	f.Send([]mesos.Call{mesos.Suppress{}, f.accept(o, l)})
	f.reaches(l, state.TaskRunning)
	f.mu.Lock()
	var held []string
	for id := range f.offers {
		held = append(held, id)
	}
	f.offers = map[string]mesos.Offer{}
	f.mu.Unlock()
	f.Send([]mesos.Call{mesos.Decline{OfferIDs: held, Refuse: time.Hour}, mesos.Kill{TaskID: l.ID.String()}})
	f.reaches(l, state.TaskKilled)
	f.Send([]mesos.Call{mesos.Reconcile{Tasks: []mesos.TaskRef{{TaskID: "marker"}}}})
	f.until("the marker", func() bool { return len(f.updates["marker"]) > 0 })
	f.mu.Lock()
	if len(f.offers) > 0 {
		t.Errorf("offers in spite of suppression: %v", f.offers)
	}
	f.mu.Unlock()
	f.Send([]mesos.Call{mesos.Revive{}})
	f.offer(o.AgentID)
}

// testGoneOffers: a launch on offers that the master no longer knows is dropped, not lost.
func testGoneOffers(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	o := f.offer("")
	f.Send([]mesos.Call{mesos.Suppress{}}) // or the other offers go too
	operate(t, cfg.Masters, `{"type": "DEACTIVATE_AGENT", "deactivate_agent": {"agent_id": {"value": %q}}}`, o.AgentID)
	f.until("the rescind", func() bool { _, held := f.offers[o.ID]; return !held })
	l := task("true")
	f.Send([]mesos.Call{mesos.Accept{OfferIDs: []string{o.ID}, AgentID: o.AgentID, Launches: []mesos.Launch{l}}})
	s := f.reaches(l, state.TaskDropped)
	if s.Reason != state.ReasonInvalidOffers || s.Source != state.SourceMaster || !strings.Contains(s.Message, o.ID) {
		t.Errorf("rescinded: %+v", s)
	}
	operate(t, cfg.Masters, `{"type": "REACTIVATE_AGENT", "reactivate_agent": {"agent_id": {"value": %q}}}`, o.AgentID)
	f.Send([]mesos.Call{mesos.Revive{}})
	first, second := task("true"), task("true")
	o = f.offer(o.AgentID)
	f.Send([]mesos.Call{f.accept(o, first), f.accept(o, second)})
	f.reaches(first, state.TaskFinished)
	if s := f.reaches(second, state.TaskDropped); s.Reason != state.ReasonInvalidOffers {
		t.Errorf("used up: %+v", s)
	}
}

// operate calls the master's operator API.
func operate(t *testing.T, master, format string, args ...any) {
	t.Helper()
	res, err := http.Post(master+"/api/v1", "application/json", bytes.NewBufferString(fmt.Sprintf(format, args...)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		t.Fatalf("operator call: %s", res.Status)
	}
}

func testMany(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	var launches []mesos.Launch
	for range 5 {
		launches = append(launches, task("true", func(l *mesos.Launch) { l.Resources = spec.Resources{CPUs: 50, Mem: 32} }))
	}
	f.launch(launches...)
	for _, l := range launches {
		f.reaches(l, state.TaskFinished)
	}
}

// testTogether: what one offer lacks another one of the same agent gives.
func testTogether(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	sleeper := task("sleep 300", func(l *mesos.Launch) { l.Resources.CPUs = 400 })
	o := f.offer("")
	all := o.Resources.CPUs
	// The rest is offered again as one offer, what the sleeper has as another one once it is free.
	f.Send([]mesos.Call{f.accept(o, sleeper)})
	f.reaches(sleeper, state.TaskRunning)
	f.until("the rest of the agent", func() bool { return len(f.offersOf(o.AgentID)) == 1 })
	f.Send([]mesos.Call{mesos.Kill{TaskID: sleeper.ID.String()}})
	f.reaches(sleeper, state.TaskKilled)
	f.until("all of the agent", func() bool { return len(f.offersOf(o.AgentID)) == 2 })
	l := task("true", func(l *mesos.Launch) { l.Resources.CPUs = all })
	f.change(func() {
		f.Send([]mesos.Call{mesos.Accept{OfferIDs: f.offersOf(o.AgentID), AgentID: o.AgentID, Launches: []mesos.Launch{l}}})
		for _, id := range f.offersOf(o.AgentID) {
			delete(f.offers, id)
		}
	})
	f.reaches(l, state.TaskFinished)
}

// offersOf are the ids of an agent's offers.
func (f *framework) offersOf(agent string) (ids []string) {
	for _, o := range f.offers {
		if o.AgentID == agent {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// testReturn: a scheduler that was away finds its task and the update that it had not acknowledged.
func testReturn(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	f.change(func() { f.noAck = true })
	l := task("sleep 300")
	f.launch(l)
	f.reaches(l, state.TaskStarting)
	if err := f.stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	again := begin(t, cfg, f.id)
	if again.id != f.id {
		t.Errorf("subscribed as %s, was %s", again.id, f.id)
	}
	again.reaches(l, state.TaskStarting)
	again.reaches(l, state.TaskRunning)
	again.Send([]mesos.Call{mesos.Kill{TaskID: l.ID.String()}})
	again.reaches(l, state.TaskKilled)
}

func testFailover(t *testing.T, cfg mesos.Config) {
	first := begin(t, cfg, "")
	second := begin(t, cfg, first.id)
	first.until("the end of the first", func() bool { return first.runEnded != nil })
	if !errors.Is(first.runEnded, mesos.ErrFailedOver) {
		t.Errorf("the first ended with %v", first.runEnded)
	}
	l := task("true")
	second.launch(l)
	second.reaches(l, state.TaskFinished)
}

func testRemoved(t *testing.T, cfg mesos.Config) {
	cfg.FailoverTimeout = time.Millisecond
	f := begin(t, cfg, "")
	f.stop()
	var again *framework
	deadline := time.Now().Add(30 * time.Second)
	for again = begin(t, cfg, f.id); again.id == f.id; again = begin(t, cfg, f.id) {
		again.stop() // the master has not noticed yet that we were away
		if time.Now().After(deadline) {
			t.Fatal("the framework is not removed")
		}
	}
	if again.removed != 1 {
		t.Errorf("told %d times that the framework is removed", again.removed)
	}
	l := task("true")
	again.launch(l)
	again.reaches(l, state.TaskFinished)
}

func testMaintenance(t *testing.T, cfg mesos.Config) {
	f := begin(t, cfg, "")
	l := task("sleep 300")
	o := f.launch(l)
	f.reaches(l, state.TaskRunning)
	from := time.Now().Add(time.Hour)
	const schedule = `{"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": {"schedule": {"windows": [%s]}}}`
	operate(t, cfg.Masters, schedule, fmt.Sprintf(
		`{"machine_ids": [{"hostname": %q, "ip": "127.0.0.1"}], "unavailability": {"start": {"nanoseconds": %d}}}`, o.Hostname, from.UnixNano()))
	defer operate(t, cfg.Masters, schedule, "")
	f.until("the inverse offer", func() bool { return len(f.inverse) > 0 })
	if i := f.inverse[0]; !i.From.Equal(from) || i.Duration != 0 {
		t.Errorf("inverse offer %+v", i)
	}
	f.Send([]mesos.Call{mesos.AcceptInverseOffers{OfferIDs: []string{f.inverse[0].ID}}})
	if again := f.offer(o.AgentID); !again.UnavailableFrom.Equal(from) {
		t.Errorf("offer %+v", again)
	}
	f.Send([]mesos.Call{mesos.Kill{TaskID: l.ID.String()}})
	f.reaches(l, state.TaskKilled)
}

// TestDriverFaults are faults that only an embedded cluster can be told to have.
func TestDriverFaults(t *testing.T) {
	cluster, err := minimesos.Start(minimesos.Options{
		Runner: minimesos.Process, AllocationInterval: 100 * time.Millisecond, UpdateRetryInterval: 200 * time.Millisecond,
		Agents: []minimesos.AgentOptions{{Name: "a"}}, Credentials: map[string]string{"spill": "s3cret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cfg := mesos.Config{Masters: cluster.URL(), Principal: "spill", Secret: "s3cret", FailoverTimeout: time.Minute}

	t.Run("wrong credentials", func(t *testing.T) {
		wrong := cfg
		wrong.Secret = "wr0ng"
		d, err := mesos.New(wrong)
		if err != nil {
			t.Fatal(err)
		}
		err = d.Run(context.Background(), "", func([]mesos.Event) {})
		if err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("Run: %v", err)
		}
	})
	t.Run("the master restarts", func(t *testing.T) {
		f := begin(t, cfg, "")
		l := task("sleep 300")
		f.launch(l)
		f.reaches(l, state.TaskRunning)
		if err := cluster.RestartMaster(); err != nil {
			t.Fatal(err)
		}
		f.until("the next subscription", func() bool { return f.lives == 2 })
		if f.removed > 0 {
			t.Error("removed")
		}
		f.offer("") // an agent is back
		f.Send([]mesos.Call{mesos.Kill{TaskID: l.ID.String()}})
		f.reaches(l, state.TaskKilled)
	})
	t.Run("an agent is lost", func(t *testing.T) {
		f := begin(t, cfg, "")
		l := task("sleep 300")
		f.launch(l)
		f.reaches(l, state.TaskRunning)
		if err := errors.Join(cluster.StopAgent("a"), cluster.ExpireAgent("a")); err != nil {
			t.Fatal(err)
		}
		if s := f.reaches(l, state.TaskUnreachable); s.Reason != state.ReasonAgentRemoved {
			t.Errorf("status %+v", s)
		}
		if err := cluster.ResumeAgent("a"); err != nil {
			t.Fatal(err)
		}
		f.until("the task to be running again", func() bool {
			s := f.updates[l.ID.String()]
			return s[len(s)-1].State == state.TaskRunning
		})
		f.Send([]mesos.Call{mesos.Kill{TaskID: l.ID.String()}})
		f.reaches(l, state.TaskKilled)
	})
	t.Run("events come twice and calls get lost", func(t *testing.T) {
		f := begin(t, cfg, "")
		lost := map[string]bool{}
		cluster.SetTap(func(m minimesos.Message) minimesos.Verdict {
			if m.Route == minimesos.EventToFramework && m.Kind == "UPDATE" {
				return minimesos.Duplicate
			}
			if m.Kind == "ACKNOWLEDGE" && !lost[m.Task] {
				lost[m.Task] = true
				return minimesos.Drop
			}
			return minimesos.Deliver
		})
		defer cluster.SetTap(nil)
		l := task("true")
		f.launch(l)
		f.reaches(l, state.TaskFinished)
	})
}
