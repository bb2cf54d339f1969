package httpapi

import "time"

// Demand is what waits and what there is to hold it: all that one needs to decide whether the cluster should have more
// machines, or fewer.
type Demand struct {
	// Version is told to a further request as seen, which is then answered when there is another.
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Connected says that the scheduler is subscribed to the Mesos master; what it tells of agents is old if it is not.
	Connected bool `json:"connected"`
	// Waiting is in the order in which tasks are started if they fit; those that could not be started whatever is free
	// come last.
	Waiting []Demanded `json:"waiting"`
	// Agents are those that have offered resources, by id.
	Agents []Supply `json:"agents"`
}

// Demanded is tasks of one step that wait for one reason and avoid the same agents.
type Demanded struct {
	Run      string `json:"run"`
	Project  string `json:"project"`
	Pipeline string `json:"pipeline"`
	Step     string `json:"step"`
	// Tasks is how many wait.
	Tasks int `json:"tasks"`
	// Since is since when they have waited in vain: since their turn came, or a task of the step was last launched.
	Since time.Time `json:"since"`
	// Need is what one task needs.
	Need Resources `json:"need"`
	// Where is what must hold of the agent's attributes, all of it.
	Where []Constraint `json:"where,omitempty"`
	// Avoid are the ids of agents that have failed the tasks: they go there only if no other agent could hold them.
	Avoid []string `json:"avoid,omitempty"`
	// Spread is the attribute over whose values the tasks of the step are spread.
	Spread string `json:"spread,omitempty"`
	// Reason is as that of a WaitingStep.
	Reason string `json:"reason"`
	Why    string `json:"why"`
	// UsualSeconds is how long such a task usually runs; absent if nothing is known of that.
	UsualSeconds float64 `json:"usual_seconds,omitempty"`
	// TimeoutSeconds is how long an attempt may run; absent if there is no limit.
	TimeoutSeconds float64 `json:"timeout_seconds,omitempty"`
	Burst          Burst   `json:"burst"`
	// Deadline is when the end of the run is wanted; absent if nobody said.
	Deadline *time.Time `json:"deadline,omitempty"`
}

// Constraint is a condition on one attribute of an agent.
type Constraint struct {
	Attribute string `json:"attribute"`
	// Op says how Value is compared: equals, or as a regular expression matches or not_matches.
	Op    string `json:"op" jsonschema:"enum=equals,enum=matches,enum=not_matches"`
	Value string `json:"value"`
}

// Burst says whether, when and where tasks may run on agents of clouds, those with the attribute spillway_vm.
type Burst struct {
	Allow bool `json:"allow"`
	// AfterSeconds is how long they must have waited, From when they have.
	AfterSeconds float64    `json:"after_seconds,omitempty"`
	From         *time.Time `json:"from,omitempty"`
	// Clouds are the only ones, by the attribute spillway_cloud; absent if any will do.
	Clouds []string `json:"clouds,omitempty"`
}

// Supply is an agent as what it has and will have free.
type Supply struct {
	ID         string            `json:"id"`
	Hostname   string            `json:"hostname"`
	Attributes map[string]string `json:"attributes,omitempty"`
	// Capacity is the most that was ever seen of it, what other frameworks hold not included.
	Capacity Resources `json:"capacity"`
	// Free is what nobody is known to use, whether it is in an offer now or not; Used is what the scheduler's tasks hold.
	Free Resources `json:"free"`
	Used Resources `json:"used"`
	// Tasks is how many of the scheduler's tasks live there.
	Tasks int `json:"tasks"`
	// IdleSince is since when none does: since the last of them ended, or it was first seen. Absent while some do.
	IdleSince *time.Time `json:"idle_since,omitempty"`
	// Frees is when what its tasks hold is expected to become free, by time. It leaves out tasks of which nobody knows how
	// long they run.
	Frees []Freeing `json:"frees,omitempty"`
	// Maintenance is when the operator will take it down; absent if nothing is planned.
	Maintenance *time.Time `json:"maintenance,omitempty"`
	// Cordon is absent if it is not cordoned.
	Cordon *Cordoned `json:"cordon,omitempty"`
	// Uncollected is how many attempts have ended there whose logs are still to be collected. It is at least 1 while the
	// scheduler, which has just been started or is far behind, does not know.
	Uncollected int `json:"uncollected"`
}

// Freeing is resources that are expected to become free at a time.
type Freeing struct {
	At        time.Time `json:"at"`
	Resources Resources `json:"resources"`
}

// Cordon is the body of a request to launch nothing on an agent for a while.
type Cordon struct {
	// Reason is told to people whose tasks wait, and listed with the agent.
	Reason string `json:"reason"`
	// For is how long, such as 10m or PT10M, at most 24h; to have it for longer, ask again.
	For string `json:"for"`
}

// Cordoned says that nothing is launched on an agent.
type Cordoned struct {
	Reason string `json:"reason"`
	// Until is when that ends by itself.
	Until time.Time `json:"until"`
}
