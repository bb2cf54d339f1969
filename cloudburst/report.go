package cloudburst

import "time"

// Report is what the agent tells the scheduler in each round.
type Report struct {
	// Holder tells agents apart. It stays the same when an agent is started anew.
	Holder string `json:"holder"`
	// Began is when this process began: of two with one holder the later one acts.
	Began   time.Time       `json:"began"`
	VMs     []ReportVM      `json:"vms"`
	Waiting []ReportWaiting `json:"waiting"`
	// Events are what was decided and done since the last report.
	Events []Event `json:"events"`
}

// ReportVM is a machine.
type ReportVM struct {
	Intent       string     `json:"intent"`
	Pool         string     `json:"pool"`
	Cloud        string     `json:"cloud"`
	Flavor       string     `json:"flavor"`
	Stage        string     `json:"stage"`
	Since        time.Time  `json:"since"`
	Agent        string     `json:"agent,omitempty"`
	PricePerHour float64    `json:"price_per_hour"`
	Expected     *time.Time `json:"expected,omitempty"` // when it is expected to serve, if it does not yet
	Reason       string     `json:"reason,omitempty"`   // what is wrong with it, or why it drains
}

// ReportWaiting is what bursting does about tasks that wait.
type ReportWaiting struct {
	Run      string     `json:"run"`
	Step     string     `json:"step"`
	Tasks    int        `json:"tasks"`
	VMs      int        `json:"vms"` // how many machines come for them
	Why      string     `json:"why"` // a sentence
	Expected *time.Time `json:"expected,omitempty"`
}

// Event is something that was decided, done or noticed.
type Event struct {
	At      time.Time `json:"at"`
	Kind    EventKind `json:"kind"`
	VM      string    `json:"vm,omitempty"`
	Pool    string    `json:"pool,omitempty"`
	Cloud   string    `json:"cloud,omitempty"`
	Message string    `json:"message"`
}

// EventKind says what an event is about.
type EventKind string

// The kinds of events.
const (
	EventBoot    EventKind = "boot"    // a machine is ordered
	EventStart   EventKind = "start"   // a kept machine is started
	EventJoined  EventKind = "joined"  // its agent has registered
	EventDrain   EventKind = "drain"   // it is to be used no more
	EventResume  EventKind = "resume"  // it is wanted after all
	EventDrained EventKind = "drained" // its agent is gone for good
	EventKill    EventKind = "kill"    // its drain's limit is over: its tasks are ended
	EventDelete  EventKind = "delete"  // it is deleted, and why
	EventGone    EventKind = "gone"    // it was deleted, stopped or shelved
	EventFailed  EventKind = "failed"  // it has failed, or a call for it has
	EventBackoff EventKind = "backoff" // a flavor in a zone is not asked for for some time
	EventCloud   EventKind = "cloud"   // a cloud does not answer, or does again
	EventSwept   EventKind = "swept"   // something that belonged to nobody was removed
)
