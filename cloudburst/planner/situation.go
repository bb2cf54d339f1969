// Package planner decides which cloud machines to boot, start, drain, stop and delete, and says why.
//
// It is pure: a Situation comes in, a Plan goes out. It keeps nothing between two plans, so a plan must follow from what
// is there to see: machines that were ordered count as capacity, and what the last plan began the next one finds under way.
package planner

import (
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Situation is all that a plan is made from.
type Situation struct {
	Now time.Time
	// Demand is what waits, in the order in which the queue starts it.
	Demand []Demand
	// Agents are all that the scheduler has offers of, those on cloud machines among them.
	Agents []Agent
	// VMs are the cluster's machines on all clouds in every stage, ordered ones included.
	VMs []VM
	// Pools and Clouds are what the operator has configured, in the order of preference, with flavors as the clouds have
	// them.
	Pools  []Pool
	Clouds []Cloud
	// Order says which of several clouds goes first; empty: that of Clouds.
	Order Order
	// WaitValue is what it is worth that one task waits an hour less, in the currency of the prices; 0: half of what an hour
	// of the task costs where it costs least.
	WaitValue float64
	// Caps bound all pools together.
	Caps Caps
	// Spent is what the day has cost so far, Tomorrow when the next begins; zero: at midnight UTC.
	Spent    []Spent
	Tomorrow time.Time
	// Calendar are the hours without bursting.
	Calendar Calendar
}

// waitShare is which part of what an hour of a task costs in the cloud it is worth that it waits an hour less, if the operator
// does not say. On bursty days (see cloudburst/sim) this much leaves tasks waiting clearly less than machines that are added one
// by one while anything waits, for less money.
const waitShare = 0.5

// Order is which of several clouds goes first.
type Order string

// The orders.
const (
	ByPreference Order = "preference" // that which comes first in Situation.Clouds
	ByPrice      Order = "price"      // that where the work in view costs least
)

// Demand is tasks of one step that wait.
type Demand struct {
	Run, Project, Pipeline, Step string
	Tasks                        int
	// Shape says in Burst what the author allows, and in Waited how long they have waited as Burst.After counts it.
	Shape *placement.Shape
	// Since is since when they have waited in vain.
	Since time.Time
	// RunTime is how long such a task usually runs; 0: not known.
	RunTime time.Duration
	// Deadline is when the author wants the run's end; zero: not said.
	Deadline time.Time
	// Room says that it waits for room: for free resources, and for nothing else that no machine would change.
	Room bool
	// Why is what the scheduler says that it waits for.
	Why string
}

// Agent is a Mesos agent; its VM is the intent of the machine that it runs on.
type Agent struct {
	placement.Agent
	// Tasks is how many of the scheduler's tasks run there, Idle since when none does; zero while some do.
	Tasks int
	Idle  time.Time
	// Frees is when its tasks are expected to end, by time.
	Frees []Freed
}

// Freed is resources that are expected to become free.
type Freed struct {
	At        time.Time
	Resources spec.Resources
}

// VM is a machine with what the planner has to know of it beyond vm.VM.
type VM struct {
	vm.VM
	// Expected is when it is expected to serve, if it does not yet.
	Expected time.Time
	// Unknown: its cloud does not answer now; it counts, but nothing is done with it.
	Unknown bool
}

// Pool is machines of one kind.
type Pool struct {
	Name string
	// Flavors are what its machines may be made of, by cloud and in the order of preference.
	Flavors []Flavor
	// Attributes are those that agents of the pool have beyond the usual ones.
	Attributes map[string]string
	Afterwards vm.Afterwards
	// Ready is how many idle machines are kept serving, Stopped how many are kept stopped or shelved.
	Ready, Stopped int
	Caps           Caps
	// Lease is how long a machine may exist.
	Lease time.Duration
	// Idle is how long a machine is kept after its last task.
	Idle time.Duration
	// DrainLimit, if not 0, ends tasks that still run so long after a drain began.
	DrainLimit time.Duration
	// Boot and Start are how long a new machine, and a stopped one, take to serve, as learnt by flavor; see BootTime.
	Boot, Start BootTime
}

// BootTime is how long machines take from the request until they serve.
type BootTime struct {
	Default  time.Duration
	ByFlavor map[string]time.Duration // cloud/flavor
}

// Flavor is a size of machines on one cloud.
type Flavor struct {
	Cloud, Name string
	Zones       []string // empty: the cloud's choice
	// Resources are what its agent will offer, less than the machine has.
	Resources spec.Resources
	VCPUs     int
	MemMiB    int
	// Price is what an hour costs, in the operator's currency.
	Price float64
	// Ports and Volumes are how many a machine takes of the cloud's quotas; it has one port at least.
	Ports, Volumes int
}

// Cloud is what a cloud allows.
type Cloud struct {
	Name string
	// Reachable: it answered in this round.
	Reachable bool
	// Free is what its quotas leave for more machines than there are and were asked for; -1: no limit.
	FreeInstances, FreeVCPUs, FreeMemMiB, FreePorts, FreeVolumes int
	Caps                                                         Caps
	// AtOnce is how many machines may be in the making at a time; 0: no bound.
	AtOnce int
	// Billing is the time that is charged for as a whole once it has begun, such as an hour; 0: seconds are charged.
	Billing time.Duration
	// Backoffs are flavors in zones that are not asked for until a moment.
	Backoffs []Backoff
}

// Backoff keeps a flavor in a zone from being asked for.
type Backoff struct {
	Flavor, Zone string // empty: all
	Until        time.Time
	Why          string
}

// Caps bound what there may be at a time, and what may be used a day. 0: no bound.
type Caps struct {
	VMs, VCPUs       int
	VCPUHours, Money float64 // per day
}

// Spent is what was used since the day began.
type Spent struct {
	Cloud, Pool      string
	VCPUHours, Money float64
}

// Calendar are hours without bursting.
type Calendar []Closed

// Closed is a stretch of time in which no machine is booted or started. It recurs weekly.
type Closed struct {
	Days     [7]bool       // by time.Weekday
	From, To time.Duration // since midnight; To may be beyond 24 h
	Zone     *time.Location
}
