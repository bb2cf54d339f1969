package state

import "time"

// RunID names a run: a ULID in lower case, 26 letters and digits, so that runs sort by submission.
type RunID string

// RunPhase says how far a run is.
type RunPhase string

// The phases of a run. The last three are final, though a retry makes a finished run active again.
const (
	RunActive     RunPhase = "active"
	RunCancelling RunPhase = "cancelling" // no launches any more; waits for its live attempts to end
	RunSucceeded  RunPhase = "succeeded"
	RunFailed     RunPhase = "failed"
	RunCancelled  RunPhase = "cancelled"
)

// Final reports whether nothing of the run is left to do.
func (p RunPhase) Final() bool {
	return p == RunSucceeded || p == RunFailed || p == RunCancelled
}

// RunRecord is what the store keeps of a run, once per run. Steps and joins are derived from it and from the
// attempts, so they are not kept.
type RunRecord struct {
	ID       RunID
	Sequence int64 // order of submission, unique
	Name     string
	Project  string
	Owner    string
	// SubmittedBy is the name of the token with which the run was submitted; empty if none was asked for.
	SubmittedBy string
	// PipelineVersion is that of the stored pipeline that was run; 0 if the spec came with the submission.
	PipelineVersion int
	// Spec is the YAML text as it was submitted, Params the values given with it: what the run executes is
	// bound again from these two.
	Spec   string
	Params map[string]string
	// Images are the images that were resolved when the run was submitted: what the spec writes, and what is
	// run in its place ("repo@sha256:..."). An image that is not in it runs as it is written.
	Images map[string]string
	// Key is the caller's idempotency key, unique within the project; empty if none was given.
	Key       string
	Submitted time.Time
	Phase     RunPhase
	// Generation counts the retries of the whole run, from 0.
	Generation int
	// Retried is when the latest generation began; zero for the first.
	Retried time.Time
	// Cancelled is when the cancellation was asked for; zero if it was not.
	Cancelled time.Time
	Ended     time.Time
}

// AttemptRecord is what the store keeps of one attempt of one task, updated in place while the attempt lives.
type AttemptRecord struct {
	ID AttemptID
	// Generation is the run's generation in which the attempt was made: failures of earlier generations do
	// not count against the limits.
	Generation int
	Agent      string // Mesos agent id
	Hostname   string
	// AgentURL is where the agent's own API is: "http://10.0.0.7:5051". Empty if the offer did not tell it.
	AgentURL string
	State    TaskState
	Reason   Reason
	Source   Source
	Message  string
	// Kill is why the scheduler asked for the attempt's end; empty if it did not.
	Kill KillCause
	// Outcome is set when the attempt has ended.
	Outcome  Outcome
	ExitCode int // -1: not known
	Launched time.Time
	Started  time.Time // first TASK_RUNNING
	// Unreachable is since when the agent has been unreachable; zero while it is reachable.
	Unreachable time.Time
	Ended       time.Time
	// RetryAt is when the task may be attempted again; zero if it will not be.
	RetryAt time.Time
	// Killed is when the kill was first asked for.
	Killed time.Time
}

// PipelineRecord is one version of a stored pipeline. Versions are never changed: a pipeline that is put or deleted gets
// another one.
type PipelineRecord struct {
	Project string
	Name    string
	// Version counts from 1, and goes on after a deletion.
	Version int
	// Spec is the YAML text; empty in a version that says that the pipeline was deleted.
	Spec string
	// By is the name of the token with which it was put or deleted; empty if none was asked for.
	By      string
	Put     time.Time // when it was put or deleted
	Deleted bool
}

// Changes is what one batch changed. It is durable before anything of the batch has an effect outside.
type Changes struct {
	Runs     []RunRecord
	Attempts []AttemptRecord
	// Pipelines are new versions.
	Pipelines []PipelineRecord
	// Forgotten are finished runs that are to be deleted, with their attempts.
	Forgotten []RunID
	// FrameworkID is the id that the master gave the scheduler; nil if the batch did not change it.
	FrameworkID *string
}

// Empty reports whether there is nothing to commit.
func (c *Changes) Empty() bool {
	return len(c.Runs) == 0 && len(c.Attempts) == 0 && len(c.Pipelines) == 0 && len(c.Forgotten) == 0 &&
		c.FrameworkID == nil
}

// Snapshot is what a scheduler starts from: every run that is not final, with all its attempts, and what of
// the finished ones must be known to go on.
type Snapshot struct {
	FrameworkID string
	// NextSequence is one more than the highest Sequence ever given.
	NextSequence int64
	Runs         []RunRecord
	// Attempts belong to Runs, ordered by run, step, index and number.
	Attempts []AttemptRecord
	// Pipelines are the newest version of each stored pipeline, ordered by project and name; also of the deleted
	// ones, whose versions are to be counted on.
	Pipelines []PipelineRecord
}
