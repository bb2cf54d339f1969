package httpapi

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Submission is the body of a request for a run.
type Submission struct {
	// Spec is the YAML text, File what its author calls it, for messages.
	Spec   string `json:"spec"`
	File   string `json:"file,omitempty"`
	Params Params `json:"params,omitempty"`
	// Key makes a submission that is sent twice one run.
	Key string `json:"key,omitempty"`
	// DryRun checks all that a submission checks and keeps nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// PipelineRun is the body of a request to run a pipeline that is kept here.
type PipelineRun struct {
	Params Params `json:"params,omitempty"`
	// Key makes a request that is sent twice one run.
	Key string `json:"key,omitempty"`
	// DryRun checks all that a submission checks and keeps nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// PipelineSpec is the body of a request to keep a pipeline.
type PipelineSpec struct {
	// Spec is the YAML text, File what its author calls it, for messages.
	Spec string `json:"spec"`
	File string `json:"file,omitempty"`
}

// Params are values of parameters. A number, true and false are taken as they are written, like texts.
type Params map[string]string

// Run is a run as people see it. Lists leave its steps, params, images and deadline out.
type Run struct {
	// ID is empty in the answer to a dry run.
	ID      string `json:"id,omitempty"`
	Name    string `json:"name"`
	Project string `json:"project"`
	Owner   string `json:"owner,omitempty"`
	// Phase is active, cancelling, succeeded, failed or cancelled; empty in the answer to a dry run.
	Phase string `json:"phase,omitempty" jsonschema:"enum=active,enum=cancelling,enum=succeeded,enum=failed,enum=cancelled"`
	// Generation counts the retries of the whole run, from 0.
	Generation int               `json:"generation"`
	Params     map[string]string `json:"params,omitempty"`
	// Key is the submission's idempotency key.
	Key string `json:"key,omitempty"`
	// SubmittedBy names the token with which the run was submitted.
	SubmittedBy string `json:"submitted_by,omitempty"`
	// PipelineVersion is that of the kept pipeline; absent if the spec came with the submission.
	PipelineVersion int `json:"pipeline_version,omitempty"`
	// Images tells what runs for an image of the spec: its name with a digest. One that is not in it runs as written.
	Images map[string]string `json:"images,omitempty"`
	// Warnings are told once, to who submits.
	Warnings []string `json:"warnings,omitempty"`
	// Submitted is absent in the answer to a dry run.
	Submitted time.Time `json:"submitted,omitzero"`
	// Retried is when it was retried last: Ended minus Retried is what that has taken. Absent if it never was.
	Retried   *time.Time `json:"retried,omitempty"`
	Cancelled *time.Time `json:"cancelled,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
	// Deadline is when its end is wanted; absent if the pipeline does not say. Lists leave it out.
	Deadline *time.Time `json:"deadline,omitempty"`
	Steps    []Step     `json:"steps,omitempty"`
}

// Runs is a page of runs, newest first.
type Runs struct {
	Runs []Run `json:"runs"`
	// Next is the cursor of the next page; absent on the last one.
	Next string `json:"next,omitempty"`
}

// Deleted tells how many runs were deleted.
type Deleted struct {
	Deleted int `json:"deleted"`
	// More says that there may be more of them: ask again.
	More bool `json:"more"`
}

// Step is a step of a run. The counts, from Pending on, add up to Tasks.
type Step struct {
	Name string `json:"name"`
	// Phase is waiting (for steps that it needs), active, succeeded, failed, skipped or cancelled; empty in the answer to a
	// dry run.
	Phase string `json:"phase,omitempty" jsonschema:"enum=waiting,enum=active,enum=succeeded,enum=failed,enum=skipped,enum=cancelled"`
	// Needs names the steps that this one needs, in the order of the spec.
	Needs []string `json:"needs,omitempty"`
	// Image is what runs: as the spec writes it, or with the digest that was found for it.
	Image string `json:"image"`
	// Resources are what each task needs.
	Resources Resources `json:"resources"`
	Tasks     int       `json:"tasks"`
	Pending   int       `json:"pending"`
	Retrying  int       `json:"retrying"`
	Starting  int       `json:"starting"`
	Running   int       `json:"running"`
	Lost      int       `json:"lost"`
	Succeeded int       `json:"succeeded"`
	Failed    int       `json:"failed"`
	Cancelled int       `json:"cancelled"`
	// Skipped counts the tasks that were not attempted because their step was skipped.
	Skipped int `json:"skipped"`
	// Waits says what the first task that may be launched waits for.
	Waits string `json:"waits,omitempty"`
	// Why says how the task of the failure has failed, or why the step was skipped; absent if neither was.
	Why string `json:"why,omitempty"`
	// Failure is the failed attempt that ended last; if tasks failed for good, the one by which the last of them did.
	Failure *Attempt `json:"failure,omitempty"`
}

// Steps is all steps of a run, in the order of the spec.
type Steps struct {
	Steps []Step `json:"steps"`
}

// Task is a task of a run.
type Task struct {
	Step  string `json:"step"`
	Index int    `json:"index"`
	// Values tells the task from the others of its step: index, value, and the names of the matrix.
	Values map[string]string `json:"values,omitempty"`
	// Phase is pending, retrying, starting, running, lost, succeeded, failed, cancelled, or as its step skipped.
	Phase string `json:"phase" jsonschema:"enum=pending,enum=retrying,enum=starting,enum=running,enum=lost,enum=succeeded,enum=failed,enum=cancelled,enum=skipped"`
	// Attempts is how many were made.
	Attempts int `json:"attempts"`
	// Attempt is the newest one.
	Attempt *Attempt `json:"attempt,omitempty"`
	// Why says what the task waits for, or does, or what became of it. Lists leave it out.
	Why string `json:"why,omitempty"`
	// History is all attempts, the first one first. Lists leave it out.
	History []Attempt `json:"history,omitempty"`
}

// Tasks is a page of tasks, in the order of steps and indices.
type Tasks struct {
	Tasks []Task `json:"tasks"`
	// Next is the cursor of the next page; absent on the last one. A page can be short, and even empty, and have one.
	Next string `json:"next,omitempty"`
}

// Attempt is one attempt of a task.
type Attempt struct {
	// ID is the attempt's Mesos task id.
	ID     string `json:"id"`
	Run    string `json:"run"`
	Step   string `json:"step"`
	Index  int    `json:"index"`
	Number int    `json:"number"`
	// Generation is the run's, in which the attempt was made.
	Generation int    `json:"generation"`
	Hostname   string `json:"hostname"`
	// State, Reason, Source and Message are what Mesos said last.
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
	Source  string `json:"source,omitempty"`
	Message string `json:"message,omitempty"`
	// Outcome is absent while the attempt lives.
	Outcome  string `json:"outcome,omitempty" jsonschema:"enum=succeeded,enum=author_failed,enum=infra_failed,enum=cancelled"`
	ExitCode *int   `json:"exit_code,omitempty"`
	// Why says in one line how the attempt has ended if it has not succeeded.
	Why      string     `json:"why,omitempty"`
	Launched time.Time  `json:"launched"`
	Started  *time.Time `json:"started,omitempty"`
	Ended    *time.Time `json:"ended,omitempty"`
	// Unreachable is since when the agent has been out of reach.
	Unreachable *time.Time `json:"unreachable,omitempty"`
	// RetryAt is when the task may be attempted again; absent if it will not be.
	RetryAt *time.Time `json:"retry_at,omitempty"`
}

// Attempts is a page of attempts, ordered by the names of steps, index and number.
type Attempts struct {
	Attempts []Attempt `json:"attempts"`
	// Next is the cursor of the next page; absent on the last one.
	Next string `json:"next,omitempty"`
}

// Why is what a task waits for, or does, or what became of it.
type Why struct {
	Why string `json:"why"`
}

// Waiting is what a run, or a step, does and waits for.
type Waiting struct {
	// Why says what it does, or what became of it.
	Why string `json:"why"`
	// Waiting are the tasks that wait, by step and by what for.
	Waiting []StepWhy `json:"waiting"`
}

// StepWhy is what tasks of a step wait for.
type StepWhy struct {
	Step string `json:"step"`
	// Tasks is how many of them wait.
	Tasks int    `json:"tasks"`
	Why   string `json:"why"`
}

// Pipeline is a spec that is kept here, in one of its versions.
type Pipeline struct {
	Project string `json:"project"`
	Name    string `json:"name"`
	// Version counts from 1; it goes on counting after the pipeline was deleted.
	Version int `json:"version"`
	// By names the token with which this version was put.
	By  string    `json:"by,omitempty"`
	Put time.Time `json:"put"`
	// Deleted says that with this version the pipeline was deleted.
	Deleted bool `json:"deleted,omitempty"`
	// Spec is the YAML text. Lists leave it out.
	Spec string `json:"spec,omitempty"`
}

// Pipelines is a page of pipelines, ordered by project and name.
type Pipelines struct {
	Pipelines []Pipeline `json:"pipelines"`
	// Next is the cursor of the next page; absent on the last one.
	Next string `json:"next,omitempty"`
}

// Versions is a page of the versions of a pipeline, newest first.
type Versions struct {
	Versions []Pipeline `json:"versions"`
	// Next is the cursor of the next page; absent on the last one.
	Next string `json:"next,omitempty"`
}

// Resources are what a task needs, or an agent has.
type Resources struct {
	// CPUs is a number of CPUs, such as 0.5.
	CPUs      float64 `json:"cpus"`
	MemBytes  int64   `json:"mem_bytes"`
	DiskBytes int64   `json:"disk_bytes"`
	GPUs      int64   `json:"gpus"`
	// Ports is how many of the agent's host ports.
	Ports int64 `json:"ports"`
}

// Queue is what waits.
type Queue struct {
	// Projects are those with something that waits or runs, by name.
	Projects []ProjectQueue `json:"projects"`
	// Waiting are the steps with tasks that may be launched, in the order in which they go.
	Waiting []WaitingStep `json:"waiting"`
}

// ProjectQueue is what a project waits for and uses.
type ProjectQueue struct {
	Project string `json:"project"`
	// Weight is the project's share against that of others.
	Weight float64 `json:"weight"`
	// Used is what its live tasks hold, Pending what those that wait would.
	Used    Resources `json:"used"`
	Pending Resources `json:"pending"`
	// Waiting and Running count tasks.
	Waiting int `json:"waiting"`
	Running int `json:"running"`
	// Oldest is since when the task that has waited longest does; absent if none waits.
	Oldest *time.Time `json:"oldest,omitempty"`
	// Reasons counts the tasks that wait by why they do.
	Reasons map[string]int `json:"reasons,omitempty"`
}

// WaitingStep is a step with tasks that wait.
type WaitingStep struct {
	Run      string `json:"run"`
	Project  string `json:"project"`
	Pipeline string `json:"pipeline"`
	Step     string `json:"step"`
	// Tasks is how many wait.
	Tasks int       `json:"tasks"`
	Since time.Time `json:"since"`
	// Each is what one task needs.
	Each Resources `json:"each"`
	// Reason is one of resources, too_large, constraints, burst, cordon, reserved, offer, backoff, max_parallel, disconnected and no_agents.
	Reason string `json:"reason" jsonschema:"enum=resources,enum=constraints,enum=too_large,enum=burst,enum=cordon,enum=reserved,enum=offer,enum=backoff,enum=max_parallel,enum=disconnected,enum=no_agents"`
	Why    string `json:"why"`
}

// Agent is a machine that has offered resources.
type Agent struct {
	ID         string            `json:"id"`
	Hostname   string            `json:"hostname"`
	Attributes map[string]string `json:"attributes,omitempty"`
	// Free is what was free when it was last looked at; Used is what the scheduler's tasks hold.
	Free  Resources `json:"free"`
	Used  Resources `json:"used"`
	Tasks int       `json:"tasks"`
	// Seen is when it last made an offer.
	Seen time.Time `json:"seen"`
	// VM is the name of the cloud machine that it runs on, Cloud that of its cloud; absent if it is one of the local cluster.
	VM    string `json:"vm,omitempty"`
	Cloud string `json:"cloud,omitempty"`
	// Cordon is absent if it is not cordoned.
	Cordon *Cordoned `json:"cordon,omitempty"`
	// Maintenance is when the operator will take it down; absent if nothing is planned.
	Maintenance *time.Time `json:"maintenance,omitempty"`
}

// Agents is all agents that were seen, by hostname.
type Agents struct {
	Agents []Agent `json:"agents"`
}

// Version is the scheduler's version.
type Version struct {
	Version string `json:"version"`
}

// RunEvent is the data of an event of type run: what the run has become, without its steps.
type RunEvent = Run

// TaskEvent is the data of an event of type task: what the task has become by its newest attempt.
type TaskEvent struct {
	Run   string `json:"run"`
	Step  string `json:"step"`
	Index int    `json:"index"`
	// Phase is as Task's.
	Phase   string  `json:"phase" jsonschema:"enum=pending,enum=retrying,enum=starting,enum=running,enum=lost,enum=succeeded,enum=failed,enum=cancelled"`
	Attempt Attempt `json:"attempt"`
}

// ResetEvent is the data of an event of type reset: events were missed, so what they told must be read again.
type ResetEvent struct {
	Reason string `json:"reason"`
}

func (r Run) location() string { return "/v1/runs/" + r.ID }

func (p Pipeline) location() string { return "/v1/pipelines/" + p.Project + "/" + p.Name }

func recordView(rec state.RunRecord) Run {
	return Run{
		ID: string(rec.ID), Name: rec.Name, Project: rec.Project, Owner: rec.Owner,
		Phase: string(rec.Phase), Generation: rec.Generation, Params: rec.Params, Key: rec.Key,
		SubmittedBy: rec.SubmittedBy, PipelineVersion: rec.PipelineVersion, Images: rec.Images,
		Submitted: rec.Submitted.UTC(), Retried: optional(rec.Retried), Cancelled: optional(rec.Cancelled), Ended: optional(rec.Ended),
	}
}

// runView describes a run with its steps. The reactor, which knows why tasks wait, is nil for a finished run. What they
// wait for is filled in by explain, which is to be called outside the daemon's loop.
func runView(now time.Time, run *state.Run, reactor *scheduler.Reactor) (v Run, explain func()) {
	v = recordView(run.Record())
	v.Steps, v.Deadline = make([]Step, len(run.Steps())), optional(run.Deadline())
	whys := make([]func() string, len(v.Steps))
	for i, st := range run.Steps() {
		v.Steps[i], whys[i] = stepView(now, st, reactor)
	}
	return v, func() {
		for i, why := range whys {
			v.Steps[i].Waits = why()
		}
	}
}

// stepView describes a step; what it waits for is said by why.
func stepView(now time.Time, st *state.Step, reactor *scheduler.Reactor) (s Step, why func() string) {
	c, steps := st.Counts(), st.Run().Steps()
	s = Step{
		Name: st.Spec().Name, Phase: string(st.Phase()), Image: st.Spec().Image,
		Resources: resourcesView(st.Spec().Resources), Tasks: st.Spec().Tasks,
		Pending: c.Pending, Retrying: c.Retrying, Starting: c.Starting, Running: c.Running, Lost: c.Lost,
		Succeeded: c.Succeeded, Failed: c.Failed, Cancelled: c.Cancelled,
		Skipped: c.Skipped, Why: stepWhy(st),
	}
	for _, n := range st.Spec().Needs {
		s.Needs = append(s.Needs, steps[n].Spec().Name)
	}
	if f := st.Failure(); f != nil {
		failure := attemptView(f)
		s.Failure = &failure
	}
	if index, waits := st.FirstLaunchable(); waits && reactor != nil && st.Phase() == state.StepActive {
		return s, reactor.WhyLater(now, st, index)
	}
	return s, func() string { return "" }
}

func attemptView(rec *state.AttemptRecord) Attempt {
	a := Attempt{
		ID: rec.ID.String(), Run: string(rec.ID.Run), Step: rec.ID.Step, Index: rec.ID.Index, Number: rec.ID.Number,
		Generation: rec.Generation, Hostname: rec.Hostname,
		State: string(rec.State), Reason: string(rec.Reason), Source: string(rec.Source), Message: rec.Message,
		Outcome: string(rec.Outcome), Launched: rec.Launched.UTC(),
		Started: optional(rec.Started), Ended: optional(rec.Ended), RetryAt: optional(rec.RetryAt),
		Unreachable: optional(rec.Unreachable),
	}
	if rec.Outcome != "" && rec.Outcome != state.Succeeded {
		a.Why = failureWhy(rec)
	}
	if rec.ExitCode >= 0 {
		code := rec.ExitCode
		a.ExitCode = &code
	}
	return a
}

// mebibyte is the unit of the spec's sizes.
const mebibyte = 1 << 20

func resourcesView(r spec.Resources) Resources {
	return Resources{
		CPUs: float64(r.CPUs) / 1000, MemBytes: r.Mem * mebibyte, DiskBytes: r.Disk * mebibyte, GPUs: r.GPUs, Ports: r.Ports,
	}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
