package scheduler

import (
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Why says in one sentence what the task waits for, or what it does. The task must be one of the step's.
func (r *Reactor) Why(now time.Time, st *state.Step, index int) string {
	v := st.Task(now, index)
	switch {
	case st.Run().Record().Phase == state.RunCancelling && v.Phase != state.TaskLive:
		return "its run is being cancelled"
	case st.Phase() == state.StepWaiting:
		return "waits for " + unfinished(st)
	case v.Phase == state.TaskBackoff:
		return fmt.Sprintf("waits until %s before attempt %d: %d failures of its own, %d of the infrastructure",
			v.ReadyAt.UTC().Format(time.RFC3339), v.Number+1, v.AuthorFailures, v.InfraFailures)
	case v.Phase == state.TaskLive:
		return r.whyLive(v.Live)
	case v.Phase != state.TaskPending && v.Phase != state.TaskReady:
		return string(v.Phase)
	case st.Phase().Final():
		return string(st.Phase())
	case st.Launchable() == 0:
		return fmt.Sprintf("waits for one of the %d tasks that its step may run at a time to end", st.Spec().MaxParallel)
	}
	return r.whyNotPlaced(now, st, v.Avoid)
}

func unfinished(st *state.Step) string {
	steps := st.Run().Steps()
	names, n := "", 0
	for _, i := range st.Spec().Needs {
		if !steps[i].Phase().Final() {
			if n > 0 {
				names += ", "
			}
			names += steps[i].Spec().Name
			n++
		}
	}
	if n == 1 {
		return "step " + names
	}
	return "steps " + names
}

func (r *Reactor) whyLive(rec *state.AttemptRecord) string {
	switch {
	case !rec.Unreachable.IsZero():
		return fmt.Sprintf("its agent %s is unreachable since %s; the task is replaced at %s", rec.Hostname,
			rec.Unreachable.UTC().Format(time.RFC3339), rec.Unreachable.Add(r.cfg.Limits.UnreachableWait).UTC().Format(time.RFC3339))
	case rec.Kill != "":
		return fmt.Sprintf("is being killed on %s (%s)", rec.Hostname, rec.Kill)
	case rec.State == state.TaskRunning:
		return fmt.Sprintf("runs on %s since %s", rec.Hostname, rec.Started.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("was launched on %s at %s and has not started yet", rec.Hostname, rec.Launched.UTC().Format(time.RFC3339))
}

// whyNotPlaced asks the rules that place tasks, over all agents that were seen, with what they had free when they
// were last looked at.
func (r *Reactor) whyNotPlaced(now time.Time, st *state.Step, avoid []string) string {
	switch {
	case !r.demand.connected:
		return "there is no connection to the Mesos master"
	case len(r.agents.byID) == 0:
		return "no agent has offered resources yet"
	}
	agents := r.agents.all()
	offered := make([]placement.Agent, len(agents))
	index := map[string]int{}
	for i, a := range agents {
		offered[i] = a.placing(a.free, r.state.UsedOn(a.id))
		index[a.id] = i
	}
	round, shape := placement.NewRound(offered, r.cfg.Seed), r.shape(now, st, avoid)
	for _, res := range r.Reservations() {
		i, seen := index[res.AgentID]
		switch {
		case !seen:
		case st.Owns(res.Entry):
			return keptFree(agents[i], round.Shortage(i, shape))
		default:
			round.Reserve(i)
		}
	}
	e := round.Explain(shape)
	if e.Admitting > 0 {
		return fmt.Sprintf("waits for an offer: %d of %d agents seen have room for it", e.Admitting, e.Agents)
	}
	return e.String()
}

func keptFree(a *agent, short string) string {
	if short == "" {
		short = "it has room, but makes no offer now"
	}
	return fmt.Sprintf("agent %s is kept free for it (%s)", a.hostname, short)
}
