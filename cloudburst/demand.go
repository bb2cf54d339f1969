package cloudburst

import "time"

// Demand is what waits in the queue, and where tasks can run.
type Demand struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Connected: the scheduler has a subscription with a master. While it has none, what it says of agents is old.
	Connected bool            `json:"connected"`
	Waiting   []Waiting       `json:"waiting"` // in the queue's order
	Agents    []OfferingAgent `json:"agents"`
}

// Waiting is tasks of one step that wait.
type Waiting struct {
	Run      string       `json:"run"`
	Project  string       `json:"project"`
	Pipeline string       `json:"pipeline"`
	Step     string       `json:"step"`
	Tasks    int          `json:"tasks"`
	Since    time.Time    `json:"since"`
	Need     Resources    `json:"need"` // of one task
	Where    []Constraint `json:"where"`
	Avoid    []string     `json:"avoid"` // agents
	Spread   string       `json:"spread"`
	Reason   string       `json:"reason"` // scheduler.WaitReason
	Why      string       `json:"why"`
	// UsualSeconds is how long such a task usually runs; 0: not known.
	UsualSeconds   float64    `json:"usual_seconds"`
	TimeoutSeconds float64    `json:"timeout_seconds"`
	Burst          Burst      `json:"burst"`
	Deadline       *time.Time `json:"deadline,omitempty"`
}

// Burst is what the author allows.
type Burst struct {
	Allow        bool     `json:"allow"`
	AfterSeconds float64  `json:"after_seconds"`
	Clouds       []string `json:"clouds"`
	// From is since or from when they have waited for so long; absent if they are not allowed at all.
	From *time.Time `json:"from,omitempty"`
}

// Resources are as the REST interface writes them.
type Resources struct {
	CPUs      float64 `json:"cpus"`
	MemBytes  int64   `json:"mem_bytes"`
	DiskBytes int64   `json:"disk_bytes"`
	GPUs      int64   `json:"gpus"`
	Ports     int64   `json:"ports"`
}

// Constraint is a condition on an attribute.
type Constraint struct {
	Attribute string `json:"attribute"`
	Op        string `json:"op"`
	Value     string `json:"value"`
}

// OfferingAgent is a Mesos agent that the scheduler has had offers of.
type OfferingAgent struct {
	ID         string            `json:"id"`
	Hostname   string            `json:"hostname"`
	Attributes map[string]string `json:"attributes"`
	Capacity   Resources         `json:"capacity"`
	Free       Resources         `json:"free"` // what nobody uses, offered now or not
	Used       Resources         `json:"used"`
	Tasks      int               `json:"tasks"` // the scheduler's own
	// IdleSince is when its last task ended, or since when it is known; absent while tasks run.
	IdleSince *time.Time `json:"idle_since,omitempty"`
	Frees     []Frees    `json:"frees"`
	// Maintenance is when the operator will take it down.
	Maintenance *time.Time `json:"maintenance,omitempty"`
	Cordon      *Cordon    `json:"cordon,omitempty"`
	// Uncollected is how many attempts have ended there whose logs are still to be collected.
	Uncollected int `json:"uncollected"`
}

// Frees is resources that are expected to become free.
type Frees struct {
	At        time.Time `json:"at"`
	Resources Resources `json:"resources"`
}

// Cordon keeps an agent from being used until a moment.
type Cordon struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}
