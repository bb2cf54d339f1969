package state

import "time"

// TaskState is the state of a Mesos task, by its name in mesos.proto (enum TaskState).
type TaskState string

// Every state of mesos.proto.
const (
	TaskStaging        TaskState = "TASK_STAGING" // also: launched, nothing heard yet
	TaskStarting       TaskState = "TASK_STARTING"
	TaskRunning        TaskState = "TASK_RUNNING"
	TaskKilling        TaskState = "TASK_KILLING"
	TaskFinished       TaskState = "TASK_FINISHED"
	TaskFailed         TaskState = "TASK_FAILED"
	TaskKilled         TaskState = "TASK_KILLED"
	TaskError          TaskState = "TASK_ERROR"
	TaskLost           TaskState = "TASK_LOST"
	TaskDropped        TaskState = "TASK_DROPPED"
	TaskUnreachable    TaskState = "TASK_UNREACHABLE"
	TaskGone           TaskState = "TASK_GONE"
	TaskGoneByOperator TaskState = "TASK_GONE_BY_OPERATOR"
	TaskUnknown        TaskState = "TASK_UNKNOWN"
)

// Reason is why a task is in its state, by its name in mesos.proto (enum TaskStatus.Reason); empty if the
// update named none.
type Reason string

// Source is who made a status update, by its name in mesos.proto (enum TaskStatus.Source).
type Source string

// The sources of mesos.proto.
const (
	SourceMaster   Source = "SOURCE_MASTER"
	SourceAgent    Source = "SOURCE_AGENT"
	SourceExecutor Source = "SOURCE_EXECUTOR"
)

// Status is one status update of a task.
type Status struct {
	TaskID  string
	State   TaskState
	Reason  Reason
	Source  Source
	Message string
	Agent   string // Mesos agent id; empty if the update named none
	// UUID is what must be acknowledged; empty for updates that the master made itself.
	UUID []byte
	// Time is when the update was made, by the clock of whoever made it.
	Time time.Time
}
