package state

// Outcome is how an attempt ended, by whose doing; it decides what happens to the task next. Empty while the
// attempt lives.
type Outcome string

// The outcomes of an attempt.
const (
	// Succeeded: the task is done.
	Succeeded Outcome = "succeeded"
	// AuthorFailed: the task failed by itself; its author's retries decide.
	AuthorFailed Outcome = "author_failed"
	// InfraFailed: the cluster ended the attempt; the infrastructure's retries decide.
	InfraFailed Outcome = "infra_failed"
	// Cancelled: the run was cancelled.
	Cancelled Outcome = "cancelled"
)

// KillCause is why the scheduler asked for an attempt's end.
type KillCause string

// The causes of a kill.
const (
	KillCancel  KillCause = "cancel"  // the run was cancelled
	KillTimeout KillCause = "timeout" // the attempt ran longer than its timeout
	KillLaunch  KillCause = "launch"  // the attempt did not start in time
)
