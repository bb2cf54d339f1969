package spec

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Spec is a pipeline as its author wrote it, checked, with its parameters still open. Only Parse makes one.
type Spec struct {
	Name        string
	Project     string
	Owner       string
	Description string
	Labels      map[string]string
	Priority    int // 0..100 within the project
	Burst       Burst
	Deadline    time.Duration // wanted end, counted from the submission; 0: none
	Params      []Param       // in file order
	Steps       []StepSource  // in file order

	file   string
	places strictyaml.Places
}

// ParamType is the type of a parameter's value.
type ParamType string

// The types that a parameter can have.
const (
	Int    ParamType = "int"    // a whole number of 64 bits
	Float  ParamType = "float"  // a decimal number of 64 bits, finite
	String ParamType = "string" // any text without NUL
	Bool   ParamType = "bool"   // true or false
)

// Param is what may be given at submission. Texts are as they would be given.
type Param struct {
	Name     string
	Type     ParamType
	Required bool   // it has no default
	Default  string // as written; "" when Required
	Min, Max string // inclusive, of an int or float; "": no bound
}

// StepSource is a step as its author wrote it, with what `defaults` adds, before its parameters have values.
type StepSource struct {
	Name string

	fixed   Step // all of the step that no parameter can change
	path    string
	image   *template
	command command
	env     []strictyaml.Entry[template]
	volumes []volume
	array   *array
	matrix  []axis
}

// Pipeline is a spec whose parameters have their values: all that a run needs to know. Only Bind makes one. It is never
// changed afterwards, so it can be read from several goroutines at once.
type Pipeline struct {
	Name        string
	Project     string
	Owner       string
	Description string
	Labels      map[string]string
	Priority    int // 0..100 within the project
	Burst       Burst
	Deadline    time.Duration     // wanted end, counted from the submission; 0: none
	Params      map[string]string // every parameter with the value that it got
	Steps       []Step            // in file order, which need not be the order of their needs
}

// Burst says whether, when and where tasks may run on cloud agents. The zero value keeps them in the local cluster.
type Burst struct {
	Allow  bool
	After  time.Duration // once they have waited for so long
	Clouds []string      // only on these; empty: on any
}

// When says at which end of the steps that it needs a step runs.
type When string

// The cases in which a step runs once all that it needs has ended.
const (
	OnSuccess When = "success" // all of it succeeded
	OnFailure When = "failure" // some of it did not
	Always    When = "always"  // in both cases
)

// Network is the Docker network mode of a step's containers.
type Network string

// The networks a container can have.
const (
	HostNetwork   Network = "host"
	BridgeNetwork Network = "bridge"
	NoNetwork     Network = "none"
)

// Step is one step of a pipeline: Tasks tasks that differ only in their number and what follows from it.
type Step struct {
	Name        string
	Needs       []int // indices into Pipeline.Steps; never a cycle
	When        When
	Image       string // as written; without a tag or digest, latest is meant
	ForcePull   bool   // pull the image even if the agent has it
	Resources   Resources
	Tasks       int // array × matrix, 0..MaxTasks; with 0 the step succeeds at once
	MaxParallel int // tasks of the step at a time; 0: no limit
	Retries     Retries
	Timeout     time.Duration // of each attempt; 0: none
	Volumes     []Volume
	Network     Network
	Where       []Constraint // all must hold
	Spread      string       // an agent attribute; "": none
	Preemptible bool

	work work
}

// Resources is what one task of a step needs.
type Resources struct {
	CPUs  int64 // thousandths of a cpu
	Mem   int64 // MiB
	Disk  int64 // MiB
	GPUs  int64
	Ports int64 // how many of the agent's host ports
}

// Plus returns r and n times o; n may be negative.
func (r Resources) Plus(o Resources, n int64) Resources {
	return Resources{
		CPUs:  r.CPUs + n*o.CPUs,
		Mem:   r.Mem + n*o.Mem,
		Disk:  r.Disk + n*o.Disk,
		GPUs:  r.GPUs + n*o.GPUs,
		Ports: r.Ports + n*o.Ports,
	}
}

// Positive is r with nothing less than 0.
func (r Resources) Positive() Resources {
	return Resources{CPUs: max(0, r.CPUs), Mem: max(0, r.Mem), Disk: max(0, r.Disk), GPUs: max(0, r.GPUs), Ports: max(0, r.Ports)}
}

// Max is the larger of r and o for each resource.
func (r Resources) Max(o Resources) Resources {
	return Resources{CPUs: max(r.CPUs, o.CPUs), Mem: max(r.Mem, o.Mem), Disk: max(r.Disk, o.Disk), GPUs: max(r.GPUs, o.GPUs), Ports: max(r.Ports, o.Ports)}
}

// Min is the smaller of r and o for each resource.
func (r Resources) Min(o Resources) Resources {
	return Resources{CPUs: min(r.CPUs, o.CPUs), Mem: min(r.Mem, o.Mem), Disk: min(r.Disk, o.Disk), GPUs: min(r.GPUs, o.GPUs), Ports: min(r.Ports, o.Ports)}
}

// Retries says how often and when a task that failed by itself is run again. Attempts that were lost to the
// infrastructure are not counted here.
type Retries struct {
	Limit      int           // further attempts after the first
	Backoff    time.Duration // before the first retry; it doubles with every further one
	MaxBackoff time.Duration // never less than Backoff
	ExitCodes  []int         // only these are worth another try; empty: all are
}

// Allows tells whether an exit code is worth another try.
func (r Retries) Allows(exitCode int) bool {
	if len(r.ExitCodes) == 0 {
		return true
	}
	for _, c := range r.ExitCodes {
		if c == exitCode {
			return true
		}
	}
	return false
}

// Volume is a directory or file of the agent that the container sees.
type Volume struct {
	Host     string // absolute path on the agent
	At       string // absolute path in the container
	ReadOnly bool
}
