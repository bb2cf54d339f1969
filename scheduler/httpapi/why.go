package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// reason is what a run or a step does or has become, and what it waits for, which is to be asked outside the daemon's
// loop.
type reason struct {
	why   string
	waits []stepWait
}

type stepWait struct {
	step string
	scheduler.Wait
}

// waitsOf adds what a step waits for. The reactor is nil if its run has ended.
func (w *reason) waitsOf(now time.Time, st *state.Step, r *scheduler.Reactor) {
	if r == nil {
		return
	}
	for _, wait := range r.Waits(now, st) {
		w.waits = append(w.waits, stepWait{st.Spec().Name, wait})
	}
}

func (w *reason) view() Waiting {
	v := Waiting{Why: w.why, Waiting: []StepWhy{}}
	for _, x := range w.waits {
		v.Waiting = append(v.Waiting, StepWhy{Step: x.step, Tasks: x.Tasks, Why: x.Why()})
	}
	return v
}

// whyRun tells what a run does or has become, and what its steps wait for.
func (s *Server) whyRun(req *request) (int, any, error) {
	why, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, r *scheduler.Reactor) (w reason, err error) {
		w.why = runWhy(run)
		for _, st := range run.Steps() {
			w.waitsOf(now, st, r)
		}
		return w, nil
	})
	return http.StatusOK, why.view(), err
}

// whyStep tells what a step does or has become, and what its tasks wait for.
func (s *Server) whyStep(req *request) (int, any, error) {
	why, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, r *scheduler.Reactor) (w reason, err error) {
		st, err := stepOf(run, req.PathValue("step"))
		if err != nil {
			return w, err
		}
		w.why = stepOutcome(st)
		w.waitsOf(now, st, r)
		return w, nil
	})
	return http.StatusOK, why.view(), err
}

// whyTask tells what one task waits for, or what became of it.
func (s *Server) whyTask(req *request) (int, any, error) {
	task, err := s.oneTask(req)
	return http.StatusOK, Why{Why: task.Why}, err
}

// runWhy says what a run does or has become, and which steps failed, the first few of them.
func runWhy(run *state.Run) string {
	const told = 3
	var failed []string
	more, all := 0, state.Counts{}
	for _, st := range run.Steps() {
		all = all.Plus(st.Counts())
		switch {
		case st.Phase() == state.StepFailed && len(failed) < told:
			failed = append(failed, st.Spec().Name+" "+stepWhy(st))
		case st.Phase() == state.StepFailed:
			more++
		}
	}
	if more > 0 {
		failed = append(failed, "and "+plural(more, "other step"))
	}
	text := string(run.Record().Phase)
	if !run.Record().Phase.Final() {
		text += countsText(all)
	}
	if len(failed) > 0 {
		text += ": " + strings.Join(failed, "; ")
	}
	return text
}

// stepOutcome says what a step does or has become.
func stepOutcome(st *state.Step) string {
	why := stepWhy(st)
	switch phase := st.Phase(); {
	case phase == state.StepSkipped:
		return why
	case phase == state.StepActive && why != "":
		return string(phase) + countsText(st.Counts()) + ": " + why
	case phase == state.StepActive:
		return string(phase) + countsText(st.Counts())
	case why != "":
		return string(phase) + ": " + why
	default:
		return string(phase)
	}
}

// countsText lists how many tasks do what, ", 2 succeeded, 1 running".
func countsText(c state.Counts) string {
	text := ""
	for _, part := range []struct {
		n    int
		what string
	}{
		{c.Succeeded, phaseSucceeded}, {c.Running, phaseRunning}, {c.Starting, phaseStarting}, {c.Lost, phaseLost},
		{c.Retrying, phaseRetrying}, {c.Pending, phasePending}, {c.Failed, phaseFailed}, {c.Cancelled, phaseCancelled}, {c.Skipped, phaseSkipped},
	} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text
}

// stepWhy says how a task of a step has failed, unless the step has succeeded nevertheless, or why the step was skipped;
// empty if nothing is to be said.
func stepWhy(st *state.Step) string {
	f := st.Failure()
	switch {
	case st.Phase() == state.StepSkipped:
		return scheduler.WhySkipped(st)
	case f == nil || st.Phase() == state.StepSucceeded:
		return ""
	}
	task := fmt.Sprintf("task %d", f.ID.Index)
	if values := valuesText(st.Spec(), f.ID.Index); values != "" {
		task += " (" + values + ")"
	}
	return fmt.Sprintf("%s failed on %s: %s", task, f.Hostname, failureWhy(f))
}

// failureWhy says in one line why an attempt has failed; Mesos' own messages may have several.
func failureWhy(rec *state.AttemptRecord) string {
	if words := strings.Fields(rec.Message); len(words) > 0 {
		return strings.Join(words, " ")
	}
	return strings.TrimSpace(string(rec.State) + " " + string(rec.Reason))
}
