package scheduler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// said checks that the log has one line with all parts since it was last looked at, and no other with the first part.
func (g *rig) said(parts ...string) {
	g.t.Helper()
	text := g.log.String()
	g.log.Reset()
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, parts[0]) {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		g.t.Errorf("%d lines say %q:\n%s", len(found), parts[0], text)
		return
	}
	for _, part := range parts {
		if !strings.Contains(found[0], part) {
			g.t.Errorf("it does not say %q: %s", part, found[0])
		}
	}
}

// TestLossesAreLogged: an agent with tasks that goes and comes is told of once, with how many they are, also when the
// scheduler was started in between.
func TestLossesAreLogged(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(3, 1))
	g.offer("o1", 4)
	tell := func(st state.TaskState) {
		t.Helper()
		var inputs []Input
		for i := range 3 {
			inputs = append(inputs, Event{mesos.Update{Status: state.Status{
				TaskID: fmt.Sprintf("run1.s.%d.0", i), State: st, Source: state.SourceMaster, Agent: "a1",
			}}})
		}
		g.step(inputs...)
	}
	tell(state.TaskRunning)
	g.log.Reset()
	tell(state.TaskUnreachable)
	g.said("agent is unreachable", "level=WARN", "agent=a1", "hostname=a1", "tasks=3", "for=10m0s")
	tell(state.TaskUnreachable)
	if g.log.Len() > 0 {
		t.Errorf("it is told again: %s", g.log.String())
	}
	g.boot()
	g.subscribe()
	g.pass(time.Second)
	tell(state.TaskRunning)
	g.said("agent is back", "level=INFO", "agent=a1", "tasks=3")
	tell(state.TaskUnreachable)
	g.log.Reset()
	g.pass(10*time.Minute + time.Second)
	g.step()
	g.said("agent has not come back", "agent=a1", "tasks=3")
	if len(g.r.absent) > 0 {
		t.Errorf("%d attempts are still waited for", len(g.r.absent))
	}
}

func TestLostTasksAreLogged(t *testing.T) {
	g := newRig(t)
	g.subscribe()
	g.step(g.submission(1, 1))
	g.offer("o1", 4)
	g.update("run1.s.0.0", state.TaskRunning)
	g.update("run1.s.0.0", state.TaskGone)
	g.said("tasks on an agent are lost", "level=WARN", "agent=a1", "tasks=1")
}

// refusing is a store that keeps nothing.
type refusing struct{ store.Store }

func (refusing) Commit(context.Context, *state.Changes) error { return store.ErrFull }

// TestNothingIsLoggedUncommitted: what could not be kept is not told of as done.
func TestNothingIsLoggedUncommitted(t *testing.T) {
	g := newRig(t)
	submit := g.submission(1, 1)
	g.r.store = refusing{g.store}
	if err := g.r.Step(t.Context(), g.now, []Input{submit}); !errors.Is(err, store.ErrFull) {
		t.Fatal(err)
	}
	if strings.Contains(g.log.String(), "accepted") {
		t.Errorf("the log tells of a run that there is not: %s", g.log.String())
	}
	g = newRig(t)
	g.step(g.submission(1, 1))
	g.said("run accepted", "run=run1")
}
