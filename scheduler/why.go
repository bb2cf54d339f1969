package scheduler

import (
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Why says in one sentence what the task waits for, or what it does. The task must be one of the step's.
func (r *Reactor) Why(now time.Time, st *state.Step, index int) string {
	return r.WhyLater(now, st, index)()
}

// WhyLater is Why in two parts: what must be known of the state is read at once; the sentence, for which all agents may
// have to be looked at, is made by the function that it returns, which may be called on any goroutine.
func (r *Reactor) WhyLater(now time.Time, st *state.Step, index int) func() string {
	said := func(why string) func() string { return func() string { return why } }
	v := st.Task(now, index)
	switch {
	case v.Phase == state.TaskSkipped:
		return said(WhySkipped(st))
	case v.Phase == state.TaskSucceeded, v.Phase == state.TaskGivenUp, v.Phase == state.TaskStopped:
		return said(string(v.Phase))
	case st.Run().Record().Phase == state.RunCancelling && v.Phase != state.TaskLive:
		return said("its run is being cancelled")
	case st.Phase() == state.StepWaiting:
		return said("waits for " + unfinished(st))
	case v.Phase == state.TaskBackoff:
		return said(fmt.Sprintf("waits until %s before attempt %d: %s of its own, %d of the infrastructure",
			v.ReadyAt.UTC().Format(time.RFC3339), v.Number+1, count(v.AuthorFailures, "failure"), v.InfraFailures))
	case v.Phase == state.TaskLive:
		return said(r.whyLive(v.Live))
	case st.Launchable() == 0:
		return said(whyHeld(st.Spec().MaxParallel))
	}
	explainer, shape := r.explaining(now), shapeOf(now, st, v.Avoid)
	coming, run, step := r.OnTheWay, st.Run().Record().ID, st.Spec().Name
	return func() string {
		reason, why := explainer.why(st.Owns, shape)
		return why + reason.onTheWay(coming, run, step)
	}
}

// WhySkipped says why a step that is skipped was.
func WhySkipped(st *state.Step) string {
	if st.Spec().When == spec.OnFailure {
		return "skipped because nothing failed before it"
	}
	if cause := behind(st); cause != nil {
		return fmt.Sprintf("skipped because %s %s", cause.Spec().Name, past[cause.Phase()])
	}
	return "skipped"
}

var past = map[state.StepPhase]string{state.StepFailed: "failed", state.StepSkipped: "was skipped"}

// behind returns the step that is to blame for the skipping of another: a failed one among those that it needs, or that
// these need if they were skipped too, or else one that was skipped; nil if there is none.
func behind(st *state.Step) *state.Step {
	var skipped *state.Step
	steps := st.Run().Steps()
	for _, n := range st.Spec().Needs {
		switch need := steps[n]; need.Phase() {
		case state.StepFailed:
			return need
		case state.StepSkipped:
			if root := behind(need); root != nil && root.Phase() == state.StepFailed {
				return root
			}
			if skipped == nil {
				skipped = need
			}
		}
	}
	return skipped
}

// Wait is tasks of a step that wait for the same, and what that is, in a sentence.
type Wait struct {
	Tasks int
	// Why may be called on any goroutine, see Reactor.WhyLater.
	Why func() string
}

// Waits returns what the tasks of a step wait for; nothing if it has ended or all of them live.
func (r *Reactor) Waits(now time.Time, st *state.Step) []Wait {
	switch st.Phase() {
	case state.StepWaiting:
		return []Wait{{st.Spec().Tasks, r.WhyLater(now, st, 0)}}
	case state.StepActive:
	default:
		return nil
	}
	var waits []Wait
	if index, launchable := st.FirstLaunchable(); launchable {
		waits = append(waits, Wait{st.Launchable(), r.WhyLater(now, st, index)})
	}
	parallel := st.Spec().MaxParallel
	if n := st.Held(); n > 0 {
		waits = append(waits, Wait{n, func() string { return whyHeld(parallel) }})
	}
	if n := st.InBackoff(); n > 0 {
		waits = append(waits, Wait{n, func() string { return whyPausing }})
	}
	return waits
}

const whyPausing = "waits out the pause before its next attempt"

func whyHeld(maxParallel int) string {
	if maxParallel == 1 {
		return "waits for the task before it to end: its step may run one at a time"
	}
	return fmt.Sprintf("waits for one of the %d tasks that its step may run at a time to end", maxParallel)
}

// count writes a number of things, whose name takes an s where there are several.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
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
