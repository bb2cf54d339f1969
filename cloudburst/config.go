package cloudburst

import (
	"cmp"
	"crypto/rand"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// Config is what an agent works with. The durations have defaults.
type Config struct {
	// Cluster is whose machines they are: the tag on all that is made.
	Cluster string
	// Holder tells the agent from others that work for the same scheduler; it stays the same when it is started anew.
	Holder string
	// Began is when this process began, which tells it from another one with the same holder; default: when New was called.
	Began     time.Time
	Scheduler Scheduler
	Master    Master
	Clouds    []CloudConfig
	Pools     []Pool
	Prepare   Prepare
	// Caps bound all pools together; Calendar are the hours without bursting.
	Caps     planner.Caps
	Calendar planner.Calendar
	// Order says which of several clouds goes first, WaitValue what an hour of waiting is worth; see planner.Situation.
	Order     planner.Order
	WaitValue float64
	// DryRun: look, plan and tell, and change nothing.
	DryRun bool

	// Interval is how long there is no round at most; default 5 s.
	Interval time.Duration
	// CallTimeout is how long the scheduler and the master may take for an answer; default 5 s.
	CallTimeout time.Duration
	// Patience is how long a round waits for a cloud to answer before it makes do with what that said last; default 500 ms.
	Patience time.Duration
	// Stale is how old that may be; default 30 s. A cloud that has not answered for longer gets no machines.
	Stale time.Duration
	// Unclear is how long a server may still turn up after nobody knows whether the call has made it; default 30 s.
	Unclear time.Duration
	// SweepEvery is how often what belongs to nobody is looked for; 0: never. SweepGrace is how old it must be.
	SweepEvery, SweepGrace time.Duration

	// Now is the clock; default: time.Now.
	Now func() time.Time
	// Random is what intents are made of; default: the system's.
	Random io.Reader
	// Metrics counts; default: metrics that nobody sees.
	Metrics *Metrics
	// Log gets what operators should know; default: nothing is logged.
	Log *slog.Logger
}

// CloudConfig is a cloud that may be used.
type CloudConfig struct {
	Name string
	API  Cloud
	Caps planner.Caps
	// CallTimeout is how long it may take to list servers; default 30 s. WorkTimeout is how long making, starting, stopping or
	// deleting a machine may take until that is given up, to be looked at anew; default 5 min.
	CallTimeout, WorkTimeout time.Duration
	// BootsAtOnce is how many machines may be in the making at a time; default 20.
	BootsAtOnce int
	// Billing is the time that is charged for as a whole once it has begun; 0: seconds are charged.
	Billing time.Duration
}

// Pool is machines of one kind.
type Pool struct {
	planner.Pool
	// Deadlines hold for flavors (cloud/flavor) that have none of their own.
	Deadlines vm.Deadlines
	ByFlavor  map[string]vm.Deadlines
	// LogWait is how long a drained machine is kept for logs that are still to be collected; default 10 min.
	LogWait time.Duration
}

// complete fills in what was left out, and has all calls counted.
func (c *Config) complete() {
	def(&c.Interval, 5*time.Second)
	def(&c.CallTimeout, 5*time.Second)
	def(&c.Patience, 500*time.Millisecond)
	def(&c.Stale, 30*time.Second)
	def(&c.Unclear, 30*time.Second)
	def(&c.SweepGrace, 10*time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	def(&c.Began, c.Now().UTC())
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Scheduler = countedScheduler{c.Scheduler, counted{c.Metrics, "scheduler"}}
	c.Master = countedMaster{c.Master, counted{c.Metrics, "master"}}
	for i := range c.Clouds {
		c.Clouds[i].API = countedCloud{c.Clouds[i].API, counted{c.Metrics, "cloud " + c.Clouds[i].Name}}
		def(&c.Clouds[i].CallTimeout, 30*time.Second)
		def(&c.Clouds[i].WorkTimeout, 5*time.Minute)
		def(&c.Clouds[i].BootsAtOnce, 20)
	}
	c.usePools(c.Pools)
}

// usePools completes pools and takes them for its own.
func (c *Config) usePools(pools []Pool) {
	c.Pools = slices.Clone(pools)
	for i := range c.Pools {
		def(&c.Pools[i].LogWait, 10*time.Minute)
	}
}

func def[T comparable](v *T, value T) { *v = cmp.Or(*v, value) }

// pool finds a pool by its name; nil if it is not configured any more.
func (c *Config) pool(name string) *Pool {
	for i := range c.Pools {
		if c.Pools[i].Name == name {
			return &c.Pools[i]
		}
	}
	return nil
}

// flavorKey names a flavor on a cloud.
func flavorKey(cloud, flavor string) string { return cloud + "/" + flavor }

// deadlines gives those of a machine; a pool that is not known any more has none.
func (c *Config) deadlines(pool, cloud, flavor string) vm.Deadlines {
	p := c.pool(pool)
	if p == nil {
		return vm.Deadlines{}
	}
	if d, ok := p.ByFlavor[flavorKey(cloud, flavor)]; ok {
		return d
	}
	return p.Deadlines
}

// flavor finds what a machine is made of; nil if its pool or flavor is not configured any more.
func (c *Config) flavor(pool, cloud, flavor string) *planner.Flavor {
	p := c.pool(pool)
	if p == nil {
		return nil
	}
	for i := range p.Flavors {
		if p.Flavors[i].Cloud == cloud && p.Flavors[i].Name == flavor {
			return &p.Flavors[i]
		}
	}
	return nil
}
