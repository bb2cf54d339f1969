package site

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// Site is burst.yaml put to use. Its methods may be called from any goroutine.
type Site struct {
	config *config.Config
	clouds []*Cloud // in the order of preference
	pools  []pool
}

// pool is a pool with the files that it names.
type pool struct {
	name   string
	config *config.Pool
	files  agentFiles
}

// New reads the files that the configuration names. userAgent is what the clouds hear that calls them.
func New(c *config.Config, userAgent string) (*Site, error) {
	s := &Site{config: c}
	for _, e := range c.Clouds {
		s.clouds = append(s.clouds, newCloud(e.Name, e.Value, userAgent))
	}
	slices.SortStableFunc(s.clouds, func(a, b *Cloud) int { return cmp.Compare(a.config.Preference, b.config.Preference) })
	for i := range c.Pools {
		e := &c.Pools[i]
		files, err := readAgentFiles(&e.Value.Agent)
		if err != nil {
			return nil, fmt.Errorf("pool %s: %w", e.Name, err)
		}
		s.pools = append(s.pools, pool{name: e.Name, config: &e.Value, files: files})
	}
	return s, nil
}

// Config is what burst.yaml says.
func (s *Site) Config() *config.Config { return s.config }

// Clouds are its clouds, in the order of preference.
func (s *Site) Clouds() []*Cloud { return s.clouds }

// Connect connects the clouds that are not connected, all at the same time, and finds the names in the pools that are not
// found yet, or were found longer ago than fresh. It tells whether something is found that was not before, or otherwise.
func (s *Site) Connect(ctx context.Context, now time.Time, fresh time.Duration) (changed bool) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, c := range s.clouds {
		all.Go(func() {
			for i := range s.pools {
				p := &s.pools[i]
				if !slices.Contains(s.config.CloudsOf(p.config), c.Name) {
					continue
				}
				is := c.resolve(ctx, p.name, s.wanted(p, c), now, fresh)
				mu.Lock()
				changed = changed || is
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return changed
}

// wishes are the flavors of a pool that a cloud is to have.
func (p *pool) wishes(cloud string) []*config.Flavor {
	var wishes []*config.Flavor
	for i := range p.config.Flavors {
		if f := &p.config.Flavors[i]; f.Clouds == nil || slices.Contains(f.Clouds, cloud) {
			wishes = append(wishes, f)
		}
	}
	return wishes
}

// wanted is what machines of a pool are to be made of on a cloud.
func (s *Site) wanted(p *pool, c *Cloud) openstack.Wanted {
	m := s.config.MachineOf(p.config, c.Name)
	w := openstack.Wanted{
		Networks: m.Networks, SecurityGroups: m.SecurityGroups, ServerGroup: m.ServerGroup, KeyPair: m.KeyPair, Zones: m.Zones,
		ConfigDrive: m.ConfigDrive != nil && *m.ConfigDrive,
	}
	if m.Image != nil {
		w.Image = openstack.ImageWish{Name: m.Image.Name, Tag: m.Image.Tag, Family: m.Image.Family}
	}
	if v := m.Volume; v != nil {
		w.Volume = &openstack.Volume{SizeGiB: gib(int64(v.Size)), Type: v.Type}
	}
	for _, f := range p.wishes(c.Name) {
		wish := openstack.FlavorWish{Name: f.Name}
		if a := f.AtLeast; a != nil {
			wish = openstack.FlavorWish{VCPUs: int(a.VCPUs), MemMiB: int(a.Mem), DiskGiB: gib(int64(a.Disk))}
		}
		w.Flavors = append(w.Flavors, wish)
	}
	return w
}

// gib is MiB in whole GiB, rounded up.
func gib(mib int64) int { return int((mib + 1023) / 1024) }

// Agent is the configuration of an agent as far as it is known now; the scheduler, the master, metrics and the log are for the
// caller to add.
func (s *Site) Agent() cloudburst.Config {
	c := s.config
	cfg := cloudburst.Config{
		Cluster: c.Cluster, Interval: c.Interval, Caps: caps(c.Caps), Calendar: calendar(&c.Calendar),
		Order: planner.Order(c.Order), WaitValue: c.WaitValue,
		SweepEvery: c.Sweep.Every, SweepGrace: c.Sweep.Grace, Prepare: s.Prepare,
	}
	for _, x := range s.clouds {
		cfg.Clouds = append(cfg.Clouds, cloudburst.CloudConfig{
			Name: x.Name, API: x, Caps: caps(x.config.Caps), CallTimeout: x.config.CallTimeout, WorkTimeout: x.config.WorkTimeout,
			BootsAtOnce: int(x.config.BootsAtOnce), Billing: x.config.Billing,
		})
	}
	for i := range s.pools {
		cfg.Pools = append(cfg.Pools, s.agentPool(&s.pools[i]))
	}
	return cfg
}

func (s *Site) agentPool(p *pool) cloudburst.Pool {
	x := p.config
	out := cloudburst.Pool{
		Pool: planner.Pool{
			Name: p.name, Attributes: map[string]string{}, Afterwards: vm.Afterwards(x.Afterwards),
			Ready: int(x.Warm.Ready), Stopped: int(x.Warm.Stopped), Caps: caps(x.Caps), Lease: x.Lease, Idle: x.Idle,
			DrainLimit: x.Drain.KillAfter,
			Boot:       planner.BootTime{Default: x.BootTime, ByFlavor: map[string]time.Duration{}},
			Start:      planner.BootTime{Default: x.StartTime, ByFlavor: map[string]time.Duration{}},
		},
		Deadlines: deadlines(x.Deadlines), ByFlavor: map[string]vm.Deadlines{}, LogWait: x.Drain.LogWait,
	}
	for _, e := range x.Attributes {
		out.Attributes[e.Name] = string(e.Value)
	}
	for _, c := range s.clouds {
		for _, f := range c.flavorsOf(p.name, p.wishes(c.Name)) {
			out.Flavors = append(out.Flavors, s.flavor(p, c, f))
			key := c.Name + "/" + f.Name
			out.ByFlavor[key] = deadlines(x.DeadlinesOf(f.wish))
			if f.wish.BootTime > 0 {
				out.Boot.ByFlavor[key] = f.wish.BootTime
			}
			if f.wish.StartTime > 0 {
				out.Start.ByFlavor[key] = f.wish.StartTime
			}
		}
	}
	return out
}

// FlavorsOf are the flavors that a cloud has for a pool, as the planner sees them.
func (s *Site) FlavorsOf(name string, c *Cloud) []planner.Flavor {
	var flavors []planner.Flavor
	for i := range s.pools {
		if p := &s.pools[i]; p.name == name {
			for _, f := range c.flavorsOf(name, p.wishes(c.Name)) {
				flavors = append(flavors, s.flavor(p, c, f))
			}
		}
	}
	return flavors
}

func deadlines(d config.Deadlines) vm.Deadlines {
	return vm.Deadlines{Requested: d.Requested, Building: d.Building, Active: d.Active, Leaving: d.Leaving}
}

func caps(c config.Caps) planner.Caps {
	return planner.Caps{VMs: int(c.VMs), VCPUs: int(c.VCPUs), VCPUHours: c.VCPUHours, Money: c.Money}
}

func calendar(c *config.Calendar) planner.Calendar {
	var closed planner.Calendar
	for i := range c.Closed {
		x := planner.Closed{Zone: c.Timezone.Location}
		x.From, x.To = c.Closed[i].Span()
		for day := range x.Days {
			x.Days[day] = c.Closed[i].On(time.Weekday(day))
		}
		closed = append(closed, x)
	}
	return closed
}
