package sim

import (
	"io"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Scenario is a stretch of simulated time: a cluster, what is submitted to it, and what goes wrong. Equal scenarios
// play alike.
type Scenario struct {
	// Seed draws all that the scenario leaves open.
	Seed     uint64
	Config   scheduler.Config
	Machines []Machine
	// Roles are those of the framework; empty: "*".
	Roles []string
	// Greedy adds a second framework that takes all that it is offered.
	Greedy      bool
	Submissions []Submission
	// Behave says what a task does when it runs. failures is how often the task has failed by itself before. If it is
	// nil, tasks succeed after a minute.
	Behave func(l *mesos.Launch, failures int) Behaviour
	Timing Timing
	// Length is how long it goes on at least; longer while runs are unfinished, but at most Length + Patience.
	Length, Patience time.Duration
	// Unchecked leaves out what is checked, and keeps no history: for large clusters.
	Unchecked bool
	// Trace gets a line for everything that happens; nil: none.
	Trace io.Writer

	// actions are what goes wrong, and what people do beside submitting.
	actions []action
	noise   noise
}

// action is something that is done to the world at a time.
type action struct {
	at time.Duration
	do func(w *world)
}

// Machine is a computer that runs an agent.
type Machine struct {
	Name       string
	Attributes map[string]string
	Resources  spec.Resources
}

// Submission is what somebody submits.
type Submission struct {
	At     time.Duration
	Spec   string
	Params map[string]string
	Images map[string]string // what is run in the place of what the spec writes
	Key    string
}

// Behaviour is what a task does once it was launched.
type Behaviour struct {
	// Start is how long it takes to become TASK_RUNNING, Run how long it runs then; if Hangs, it never ends by itself.
	Start, Run time.Duration
	Hangs      bool
	// Unstartable: the container cannot be started.
	Unstartable bool
	// End is how it ends; the zero value: it succeeds.
	End Ending
	// Stubborn: it ignores TERM, and ends only when the grace period of a kill is over.
	Stubborn bool
	// Unlimited: its agent does not end it at its timeout. Undying: nor when it is killed, unless it is for the second
	// time and some minutes later.
	Unlimited, Undying bool
}

// Ending is how a task ends by itself.
type Ending struct {
	ExitCode int
	// OutOfMemory: it is ended for using more memory than it asked for.
	OutOfMemory bool
}

// Span is a time between two bounds, drawn anew each time.
type Span struct{ Min, Max time.Duration }

// Timing is how long things take.
type Timing struct {
	// Network is from anybody to the master or back, Batch from an input's arrival to the reactor's step.
	Network, Batch Span
	// Connect is how long an agent takes to register once it can.
	Connect Span
	// Allocation is the master's allocation interval.
	Allocation time.Duration
	// Ping is after how much silence the master takes an agent for unreachable.
	Ping time.Duration
	// Reregister is how long a restarted master waits for its agents before it takes them for unreachable.
	Reregister time.Duration
	// Resend is when an agent sends an update again that was not acknowledged; it doubles up to ten minutes.
	Resend time.Duration
	// Quick leaves out what matters only when something goes wrong, which then must not: TASK_STARTING, updates that
	// are sent again, acknowledgements, the driver's book of offers.
	Quick bool
}

// DefaultTiming is that of a Mesos cluster with default flags.
func DefaultTiming() Timing {
	return Timing{
		Network: Span{time.Millisecond, 5 * time.Millisecond}, Batch: Span{0, 2 * time.Millisecond},
		Connect: Span{100 * time.Millisecond, 3 * time.Second}, Allocation: time.Second, Ping: 75 * time.Second, Reregister: 10 * time.Minute, Resend: 10 * time.Second,
	}
}

// Report is what came of a scenario.
type Report struct {
	Seed uint64
	// Err is the first thing that did not hold; nil if all did.
	Err error
	// Virtual is how much time was played.
	Virtual time.Duration
	// Events is how many things happened, Steps how often the reactor was called, Rounds how often with new offers.
	Events, Steps, Rounds int
	// Offers is how many offers the scheduler was made, Revives how often it asked for all of them anew.
	Offers, Revives int
	// Runs counts those that ended, Tasks the successful tasks, Attempts all attempts.
	Runs, Tasks, Attempts int
	// Faults counts what went wrong, by what it was.
	Faults map[string]int
	// Wait is from when a task could be launched to its first launch.
	Wait Quantiles
	// Utilisation is the part of the cluster's cpus that was used, over Length.
	Utilisation float64
	Projects    map[string]*ProjectReport
}

// ProjectReport is what of a Report concerns one project.
type ProjectReport struct {
	Tasks       int
	Wait        Quantiles
	Utilisation float64

	waits []time.Duration
	used  float64 // cpu-seconds
}

// Quantiles describe how waits are spread.
type Quantiles struct{ P50, P99, Max time.Duration }

// attemptCause says what really ended an attempt, other than what was reported of it.
type attemptCause string

const (
	endedWell   attemptCause = "it succeeded"
	endedBadly  attemptCause = "it failed by itself"
	endedKilled attemptCause = "it was killed"
	endedInfra  attemptCause = "the cluster ended it"
)

// taskName names a task of a run, whichever the attempt.
type taskName struct {
	run   state.RunID
	step  string
	index int
}

func taskOf(id state.AttemptID) taskName { return taskName{id.Run, id.Step, id.Index} }
