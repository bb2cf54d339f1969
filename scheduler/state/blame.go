package state

// A blameRule says how an attempt that ended in a state, for a reason, told by a source, is counted. An empty
// Reason or Source holds for all; the first rule that holds decides.
type blameRule struct {
	State   TaskState
	Reason  Reason
	Source  Source
	Outcome Outcome
	// Limit is how many such failures a task may have before it fails for good; 0: the infrastructure's
	// general limit. It keeps a launch that can never work, such as one of an image that does not exist, from
	// being tried for hours.
	Limit int
	Why   string
}

// launchLimit is for failures that are more often lasting than passing.
const launchLimit = 3

// blame is the one place where it is written down whose fault the end of an attempt is. The reasons are those
// of mesos.proto; which state comes with which reason was read in Mesos' agent (slave.cpp), master and
// executors, and seen in recorded answers. docs/failures.md shows this table to users.
var blame = []blameRule{
	{State: TaskFinished, Outcome: Succeeded, Why: "the task did its work; nothing that happened around it changes that"},

	{State: TaskFailed, Reason: ReasonMaxCompletionTimeReached, Outcome: AuthorFailed, Why: "it ran longer than its timeout"},
	{State: TaskFailed, Reason: ReasonContainerLimitation, Outcome: AuthorFailed, Why: "it used more than it asked for"},
	{State: TaskFailed, Reason: ReasonContainerLimitationDisk, Outcome: AuthorFailed, Why: "it used more disk than it asked for"},
	{State: TaskFailed, Reason: ReasonContainerLimitationMemory, Outcome: AuthorFailed, Why: "it used more memory than it asked for"},
	{State: TaskFailed, Reason: ReasonTaskCheckStatusUpdated, Outcome: AuthorFailed, Why: "its own check failed"},
	{State: TaskFailed, Reason: ReasonTaskHealthCheckStatusUpdated, Outcome: AuthorFailed, Why: "its own health check failed"},
	{State: TaskFailed, Reason: ReasonContainerLaunchFailed, Outcome: InfraFailed, Limit: launchLimit, Why: "the agent could not start the container: the image cannot be pulled, or its Docker engine is ill"},
	{State: TaskFailed, Reason: ReasonTaskInvalid, Outcome: InfraFailed, Limit: launchLimit, Why: "the agent refused the task"},
	{State: TaskFailed, Reason: ReasonTaskUnauthorized, Outcome: InfraFailed, Limit: launchLimit, Why: "the scheduler may not run this on the agent"},
	{State: TaskFailed, Reason: ReasonTaskGroupInvalid, Outcome: InfraFailed, Limit: launchLimit, Why: "the agent refused the task"},
	{State: TaskFailed, Reason: ReasonTaskGroupUnauthorized, Outcome: InfraFailed, Limit: launchLimit, Why: "the scheduler may not run this on the agent"},
	{State: TaskFailed, Reason: ReasonCommandExecutorFailed, Source: SourceAgent, Outcome: InfraFailed, Why: "the executor ended without telling how the task did"},
	{State: TaskFailed, Reason: "", Source: SourceExecutor, Outcome: AuthorFailed, Why: "the executor tells how the command ended"},
	{State: TaskFailed, Outcome: InfraFailed, Why: "the agent or the master ended it: executor gone or not registered in time, preempted, agent restarted, draining or removed"},

	{State: TaskError, Outcome: InfraFailed, Limit: launchLimit, Why: "the master refused the launch: the offer held less than it seemed, or the scheduler is not authorised"},

	{State: TaskKilled, Outcome: InfraFailed, Why: "somebody else than the scheduler killed it: the agent is drained, an operator, the launch was given up"},

	{State: TaskDropped, Outcome: InfraFailed, Why: "the launch never reached the agent: offer no longer valid, agent gone"},
	{State: TaskLost, Outcome: InfraFailed, Why: "the agent is lost"},
	{State: TaskGone, Outcome: InfraFailed, Why: "the agent does not have the task (any more)"},
	{State: TaskGoneByOperator, Outcome: InfraFailed, Why: "an operator declared the agent gone"},
	{State: TaskUnknown, Outcome: InfraFailed, Why: "the master does not know the agent, nor the task that was on it. The task is waited for as if its agent were unreachable; what is counted is that it did not come back"},
}

// Terminal reports whether the task has ended, as far as its scheduler is concerned. TASK_UNREACHABLE is not
// an end: the agent may come back, and the task with it. TASK_UNKNOWN and TASK_LOST are: no master or agent
// answers for the task any longer (but see Update for TASK_UNKNOWN). A state that this version does not know says
// nothing: should it be an end, reconciliation finds that the task is gone.
func (s TaskState) Terminal() bool {
	switch s {
	case TaskFinished, TaskFailed, TaskKilled, TaskError, TaskLost, TaskDropped, TaskGone, TaskGoneByOperator, TaskUnknown:
		return true
	}
	return false
}

// blameFor finds the rule for a terminal status. A state that is not in mesos.proto counts against the
// infrastructure.
func blameFor(state TaskState, reason Reason, source Source) blameRule {
	for _, r := range blame {
		if r.State == state && (r.Reason == "" || r.Reason == reason) && (r.Source == "" || r.Source == source) {
			return r
		}
	}
	return blameRule{State: state, Outcome: InfraFailed, Why: "a state that this version does not know"}
}
