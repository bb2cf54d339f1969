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
	// Spec is the YAML text as it was submitted, Params the values given with it: what the run executes is
	// bound again from these two.
	Spec   string
	Params map[string]string
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
	State      TaskState
	Reason     Reason
	Source     Source
	Message    string
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

// Changes is what one batch changed. It is durable before anything of the batch has an effect outside.
type Changes struct {
	Runs     []RunRecord
	Attempts []AttemptRecord
	// FrameworkID is the id that the master gave the scheduler; nil if the batch did not change it.
	FrameworkID *string
}

// Empty reports whether there is nothing to commit.
func (c *Changes) Empty() bool {
	return len(c.Runs) == 0 && len(c.Attempts) == 0 && c.FrameworkID == nil
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
}
