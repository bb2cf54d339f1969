package httpapi

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Submission is the body of a request for a run.
type Submission struct {
	// Spec is the YAML text, File what its author calls it, for messages.
	Spec   string            `json:"spec"`
	File   string            `json:"file,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Key makes a submission that is sent twice one run.
	Key string `json:"key,omitempty"`
}

// Run is a run as people see it.
type Run struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Project    string            `json:"project"`
	Owner      string            `json:"owner,omitempty"`
	Phase      string            `json:"phase"`
	Generation int               `json:"generation"`
	Params     map[string]string `json:"params,omitempty"`
	Submitted  time.Time         `json:"submitted"`
	Cancelled  *time.Time        `json:"cancelled,omitempty"`
	Ended      *time.Time        `json:"ended,omitempty"`
	Steps      []Step            `json:"steps,omitempty"`
}

// Step is a step of a run. The counts add up to Tasks.
type Step struct {
	Name      string `json:"name"`
	Phase     string `json:"phase"`
	Tasks     int    `json:"tasks"`
	Pending   int    `json:"pending"`
	Retrying  int    `json:"retrying"`
	Starting  int    `json:"starting"`
	Running   int    `json:"running"`
	Lost      int    `json:"lost"`
	Succeeded int    `json:"succeeded"`
	Failed    int    `json:"failed"`
	Cancelled int    `json:"cancelled"`
	// Waits says what the first task that may be launched waits for.
	Waits string `json:"waits,omitempty"`
	// Failure is the failed attempt that ended last.
	Failure *Attempt `json:"failure,omitempty"`
}

// Attempt is one attempt of a task.
type Attempt struct {
	ID       string     `json:"id"`
	Step     string     `json:"step"`
	Index    int        `json:"index"`
	Number   int        `json:"number"`
	Hostname string     `json:"hostname"`
	State    string     `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	Source   string     `json:"source,omitempty"`
	Message  string     `json:"message,omitempty"`
	Outcome  string     `json:"outcome,omitempty"`
	ExitCode *int       `json:"exit_code,omitempty"`
	Launched time.Time  `json:"launched"`
	Started  *time.Time `json:"started,omitempty"`
	Ended    *time.Time `json:"ended,omitempty"`
	RetryAt  *time.Time `json:"retry_at,omitempty"`
}

// Why is what a task waits for, or does.
type Why struct {
	Why string `json:"why"`
}

func recordView(rec state.RunRecord) Run {
	return Run{
		ID: string(rec.ID), Name: rec.Name, Project: rec.Project, Owner: rec.Owner,
		Phase: string(rec.Phase), Generation: rec.Generation, Params: rec.Params,
		Submitted: rec.Submitted.UTC(), Cancelled: optional(rec.Cancelled), Ended: optional(rec.Ended),
	}
}

// runView describes a run with its steps. The reactor, which knows why tasks wait, is nil for a finished run.
func runView(now time.Time, run *state.Run, reactor *scheduler.Reactor) Run {
	v := recordView(run.Record())
	for _, st := range run.Steps() {
		c := st.Counts()
		s := Step{
			Name: st.Spec().Name, Phase: string(st.Phase()), Tasks: st.Spec().Tasks,
			Pending: c.Pending, Retrying: c.Retrying, Starting: c.Starting, Running: c.Running, Lost: c.Lost,
			Succeeded: c.Succeeded, Failed: c.Failed, Cancelled: c.Cancelled,
		}
		if index, waits := st.FirstLaunchable(); waits && reactor != nil && st.Phase() == state.StepActive {
			s.Waits = reactor.Why(now, st, index)
		}
		if f := st.Failure(); f != nil {
			s.Failure = attemptView(f)
		}
		v.Steps = append(v.Steps, s)
	}
	return v
}

func attemptView(rec *state.AttemptRecord) *Attempt {
	a := &Attempt{
		ID: rec.ID.String(), Step: rec.ID.Step, Index: rec.ID.Index, Number: rec.ID.Number, Hostname: rec.Hostname,
		State: string(rec.State), Reason: string(rec.Reason), Source: string(rec.Source), Message: rec.Message,
		Outcome: string(rec.Outcome), Launched: rec.Launched.UTC(),
		Started: optional(rec.Started), Ended: optional(rec.Ended), RetryAt: optional(rec.RetryAt),
	}
	if rec.ExitCode >= 0 {
		code := rec.ExitCode
		a.ExitCode = &code
	}
	return a
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
