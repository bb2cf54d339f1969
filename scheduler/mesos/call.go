package mesos

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Call is what a framework asks of the master, in the scheduler's own terms.
type Call interface{ call() }

// Accept launches tasks on one agent with the resources of one or more of its offers, all for one role.
type Accept struct {
	OfferIDs []string
	AgentID  string
	Launches []Launch
	// Refuse is how long the master shall not offer what is left over.
	Refuse time.Duration
}

// Launch is one task to launch.
type Launch struct {
	ID        state.AttemptID
	Project   string
	Pipeline  string // the pipeline's name
	Image     string
	ForcePull bool
	Command   spec.Command
	Network   spec.Network
	Volumes   []spec.Volume
	Resources spec.Resources
	// Timeout ends the task (TASK_FAILED, REASON_MAX_COMPLETION_TIME_REACHED) by the agent; 0: none.
	Timeout time.Duration
	// Grace is how long a killed task may take to end by itself.
	Grace time.Duration
}

// Decline gives offers back.
type Decline struct {
	OfferIDs []string
	// Refuse is how long the master shall not offer these resources again.
	Refuse time.Duration
}

// Kill asks for a task's end.
type Kill struct {
	TaskID  string
	AgentID string // empty if not known
	Grace   time.Duration
}

// Acknowledge says that an update has been kept, so that the agent need not send it again.
type Acknowledge struct {
	TaskID  string
	AgentID string
	UUID    []byte
}

// Reconcile asks for the present state of tasks; of all of the framework's that the master knows if Tasks is
// empty.
type Reconcile struct {
	Tasks []TaskRef
}

// TaskRef names a task and the agent it should be on.
type TaskRef struct {
	TaskID  string
	AgentID string
}

// Revive asks for offers, and forgets all filters.
type Revive struct{}

// Suppress asks for no offers until a Revive.
type Suppress struct{}

// AcceptInverseOffers agrees to give agents back.
type AcceptInverseOffers struct {
	OfferIDs []string
}

func (Accept) call()              {}
func (Decline) call()             {}
func (Kill) call()                {}
func (Acknowledge) call()         {}
func (Reconcile) call()           {}
func (Revive) call()              {}
func (Suppress) call()            {}
func (AcceptInverseOffers) call() {}
