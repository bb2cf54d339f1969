package config

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Pool is machines of one kind. What they are made of may stand here or with the cloud; what stands here goes first.
type Pool struct {
	// Clouds that it may use. Default: all.
	Clouds []string `yaml:"clouds" jsonschema:"maxLength=63"`
	// What its machines may be made of, the preferred one first.
	Flavors []Flavor `yaml:"flavors" jsonschema:"required"`
	Machine
	// Attributes that its agents have beyond spillway_vm, spillway_pool and spillway_cloud, for `where` in specs.
	Attributes strictyaml.Entries[strictyaml.Plain] `yaml:"attributes" keys:"attribute"`
	// Machines that are kept for the next peak.
	Warm Warm `yaml:"warm"`
	// What becomes of a machine that is not needed any more: delete, stop (shut off) or shelve.
	Afterwards string `yaml:"afterwards" default:"delete" jsonschema:"enum=delete,enum=stop,enum=shelve"`
	// What the pool may have and use.
	Caps Caps `yaml:"caps"`
	// How long a machine may exist. When that is over it is drained and deleted.
	Lease time.Duration `yaml:"lease" default:"24h" min:"5m"`
	// How long a machine is kept after its last task, in case there is another.
	Idle time.Duration `yaml:"idle" default:"5m"`
	// How long a new machine takes until it serves, while none has been watched.
	BootTime time.Duration `yaml:"boot_time" default:"3m" min:"1s"`
	// The same of a stopped one.
	StartTime time.Duration `yaml:"start_time" default:"1m" min:"1s"`
	// How long a machine may be in a stage. One that stays longer is deleted, and another flavor or zone is tried.
	Deadlines Deadlines `yaml:"deadlines"`
	// How machines are taken out of use.
	Drain Drain `yaml:"drain"`
	// How a machine becomes a Mesos agent.
	Agent Agent `yaml:"agent"`
}

// Flavor is a size of machines: that of a name, or the smallest that has at least so much.
type Flavor struct {
	// Its name or id on the cloud. Exactly one of name and at_least is given.
	Name string `yaml:"name" jsonschema:"maxLength=255"`
	// What it has at least.
	AtLeast *AtLeast `yaml:"at_least"`
	// Clouds that have it. Default: those of the pool.
	Clouds []string `yaml:"clouds"`
	// What an hour of one machine costs. Default: what the cloud's vcpu_price and mem_price make of it.
	Price *float64 `yaml:"price" jsonschema:"minimum=0,maximum=1000000"`
	// As with the pool, for machines of this flavor. Default: the pool's.
	BootTime time.Duration `yaml:"boot_time" min:"1s"`
	// As with the pool, for machines of this flavor. Default: the pool's.
	StartTime time.Duration `yaml:"start_time" min:"1s"`
	// As with the pool, stage by stage, for machines of this flavor.
	Deadlines StageDeadlines `yaml:"deadlines"`
}

// AtLeast is what a flavor has at least. Of those that have it, the one with the fewest vcpus, then the least memory, then
// the smallest disk is taken.
type AtLeast struct {
	// Virtual cpus.
	VCPUs int64 `yaml:"vcpus" default:"1" jsonschema:"minimum=1,maximum=10000"`
	// Memory, such as 8GiB.
	Mem strictyaml.Size `yaml:"mem" default:"0MiB"`
	// Disk, such as 40GiB.
	Disk strictyaml.Size `yaml:"disk" default:"0MiB"`
}

// Warm is how many machines are kept though nothing waits.
type Warm struct {
	// Serving, with nothing to do.
	Ready int64 `yaml:"ready" default:"0" jsonschema:"minimum=0,maximum=10000"`
	// Stopped or shelved; with afterwards: delete none are. More than these are deleted.
	Stopped int64 `yaml:"stopped" default:"0" jsonschema:"minimum=0,maximum=10000"`
}

// Deadlines is how long a machine may be in a stage.
type Deadlines struct {
	// From the request until the cloud has a server.
	Requested time.Duration `yaml:"requested" default:"2m" min:"1s"`
	// From then until the cloud says that it runs.
	Building time.Duration `yaml:"building" default:"10m" min:"1s"`
	// From then until its agent has registered.
	Active time.Duration `yaml:"active" default:"15m" min:"1s"`
	// From the end of the drain until the server is gone, or stopped.
	Leaving time.Duration `yaml:"leaving" default:"10m" min:"1s"`
}

// StageDeadlines is deadlines that go before the pool's, where they are given.
type StageDeadlines struct {
	// From the request until the cloud has a server.
	Requested time.Duration `yaml:"requested" min:"1s"`
	// From then until the cloud says that it runs.
	Building time.Duration `yaml:"building" min:"1s"`
	// From then until its agent has registered.
	Active time.Duration `yaml:"active" min:"1s"`
	// From the end of the drain until the server is gone, or stopped.
	Leaving time.Duration `yaml:"leaving" min:"1s"`
}

// Drain is how a machine is taken out of use: it gets nothing new, and its tasks end by themselves.
type Drain struct {
	// After how long tasks that still run are ended, and run again elsewhere at the infrastructure's expense; 0s means never.
	KillAfter time.Duration `yaml:"kill_after" default:"0s"`
	// How long the logs of tasks that have ended there are waited for, before the machine goes all the same.
	LogWait time.Duration `yaml:"log_wait" default:"10m"`
}
