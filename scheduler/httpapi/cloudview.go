package httpapi

import "time"

// CloudReport is what a cloudburst agent sees and does: the body of its report, and the answer with the latest one.
type CloudReport struct {
	// Holder tells cloudburst agents apart. It stays the same when an agent is started anew.
	Holder string `json:"holder"`
	// Began is when the process that reports began, with nanoseconds: of two with one holder the later one acts.
	Began time.Time `json:"began,omitzero"`
	// At is when the scheduler got the report; it need not be sent.
	At time.Time `json:"at,omitzero"`
	// VMs are the cluster's cloud machines, in every stage.
	VMs []CloudVM `json:"vms"`
	// Waiting is what is done about tasks that wait.
	Waiting []CloudWaiting `json:"waiting"`
	// Events are those since the report before. The answer has the latest ones of earlier reports too, oldest first.
	Events []CloudEvent `json:"events"`
}

// CloudVM is a machine on a cloud.
type CloudVM struct {
	// Intent is the machine's name for its whole life; its agent has it as attribute spillway_vm.
	Intent string `json:"intent"`
	Pool   string `json:"pool"`
	Cloud  string `json:"cloud"`
	Flavor string `json:"flavor"`
	// Stage is requested, building, active, joined, serving, draining, leaving, stopped, deleted or error.
	Stage string    `json:"stage"`
	Since time.Time `json:"since"`
	// Agent is the Mesos id of its agent; absent if that has not registered, or is gone.
	Agent string `json:"agent,omitempty"`
	// PricePerHour is in the operator's currency.
	PricePerHour float64 `json:"price_per_hour"`
	// Expected is when it is expected to serve; absent if it does, or will not.
	Expected *time.Time `json:"expected,omitempty"`
	// Reason says what is wrong with it, or why it is drained.
	Reason string `json:"reason,omitempty"`
}

// CloudWaiting is what is done about tasks of a step that wait.
type CloudWaiting struct {
	Run  string `json:"run"`
	Step string `json:"step"`
	// Tasks is how many wait.
	Tasks int `json:"tasks"`
	// VMs is how many machines come for them, Expected when the first of these is expected to serve.
	VMs      int        `json:"vms"`
	Expected *time.Time `json:"expected,omitempty"`
	// Why says why machines come, or why none do.
	Why string `json:"why"`
}

// CloudEvent is something that a cloudburst agent has decided, done or noticed; the data of an event of type cloud.
type CloudEvent struct {
	At time.Time `json:"at"`
	// Kind says what it is about, such as boot, drain or failed.
	Kind string `json:"kind"`
	// VM is the machine's intent; absent if it is about none.
	VM      string `json:"vm,omitempty"`
	Pool    string `json:"pool,omitempty"`
	Cloud   string `json:"cloud,omitempty"`
	Message string `json:"message"`
}
