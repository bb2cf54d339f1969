package planner

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// option is one kind of machine that can be made: a flavor of a pool on a cloud that is configured.
type option struct {
	pool   *Pool
	cloud  *Cloud
	flavor *Flavor
	index  int // in the catalog
	rank   int // of its cloud; the lowest goes first
	// boot is how long a new one takes to serve, start how long a stopped one does.
	boot, start time.Duration
}

// usualBoot is how long a machine takes to arrive if nobody says.
const usualBoot = 3 * time.Minute

// of gives the time for a flavor.
func (b *BootTime) of(flavor *Flavor) time.Duration {
	for _, d := range []time.Duration{b.ByFlavor[flavor.Cloud+"/"+flavor.Name], b.Default} {
		if d > 0 {
			return d
		}
	}
	return usualBoot
}

// optionsOf lists what can be made, in the order of preference.
func optionsOf(s *Situation) []*option {
	var all []*option
	for p := range s.Pools {
		pool := &s.Pools[p]
		for f := range pool.Flavors {
			flavor := &pool.Flavors[f]
			rank := slices.IndexFunc(s.Clouds, func(c Cloud) bool { return c.Name == flavor.Cloud })
			if rank < 0 {
				continue
			}
			o := &option{
				pool: pool, cloud: &s.Clouds[rank], flavor: flavor, rank: rank,
				boot: pool.Boot.of(flavor), start: pool.Start.of(flavor),
			}
			if s.Order == ByPrice {
				o.rank = 0
			}
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all, func(a, b *option) int { return cmp.Compare(a.rank, b.rank) })
	return all
}

// agent is a machine as its agent will be, with nothing running there.
func (o *option) agent(intent string) placement.Agent {
	return emptyAgent(o.pool, o.flavor, intent)
}

func emptyAgent(pool *Pool, flavor *Flavor, intent string) placement.Agent {
	attributes := map[string]string{}
	maps.Copy(attributes, pool.Attributes)
	attributes[vm.KeyIntent], attributes[vm.KeyPool], attributes[vm.KeyCloud] = intent, pool.Name, flavor.Cloud
	return placement.Agent{
		ID: intent, Hostname: intent, Attributes: attributes, VM: intent, Cloud: flavor.Cloud,
		Free: flavor.Resources, Capacity: flavor.Resources,
	}
}

// overhead is for how long a new machine is paid without running a task: until it serves, and until it is given back.
func (o *option) overhead() time.Duration { return o.boot + o.pool.Idle }

// String is how people are told of it.
func (o *option) String() string { return o.flavor.Name + " on " + o.flavor.Cloud }

// catalog answers which options could hold which demand, by the rules of placement.
type catalog struct {
	options []*option
	round   *placement.Round
	wheres  map[string]*placement.Shape // shapes with nothing but constraints
}

func newCatalog(s *Situation) *catalog {
	c := &catalog{options: optionsOf(s), wheres: map[string]*placement.Shape{}}
	agents := make([]placement.Agent, len(c.options))
	for i, o := range c.options {
		o.index = i
		agents[i] = o.agent("new")
		agents[i].ID = o.pool.Name + "/" + o.String()
	}
	c.round = placement.Survey(agents)
	return c
}

// holding lists the options of which an empty machine would take a task of the shape, on clouds that its author wants, once
// it has waited for as long as they want.
func (c *catalog) holding(s *placement.Shape) (fits []int) {
	where := c.where(s.Where)
	for i, o := range c.options {
		if holds(o.flavor.Resources, s.Need) && allows(s, o) && (where == nil || c.round.CouldHold(i, where)) {
			fits = append(fits, i)
		}
	}
	return fits
}

// where gives the shape of some constraints, one for all that have the same; nil if there are none.
func (c *catalog) where(constraints []spec.Constraint) *placement.Shape {
	if len(constraints) == 0 {
		return nil
	}
	var key []byte
	for i := range constraints {
		key = strconv.AppendQuote(key, constraints[i].String())
	}
	s := c.wheres[string(key)]
	if s == nil {
		s = &placement.Shape{Where: constraints, Burst: spec.Burst{Allow: true}}
		c.wheres[string(key)] = s
	}
	return s
}

// allows tells whether the author of a task wants the cloud of an option.
func allows(s *placement.Shape, o *option) bool {
	return len(s.Burst.Clouds) == 0 || slices.Contains(s.Burst.Clouds, o.cloud.Name)
}

// holds tells whether there is enough of each resource.
func holds(free, need spec.Resources) bool {
	return free.CPUs >= need.CPUs && free.Mem >= need.Mem && free.Disk >= need.Disk && free.GPUs >= need.GPUs && free.Ports >= need.Ports
}

// waited is the shape once its tasks have waited for so long.
func waited(s *placement.Shape, d time.Duration) *placement.Shape {
	later := *s
	later.Waited = d
	return &later
}
