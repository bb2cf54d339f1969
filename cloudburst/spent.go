package cloudburst

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// usage is what a cloud has recorded since a day began.
type usage struct {
	day     time.Time
	records []openstack.Usage
}

// usageEvery is how often clouds are asked for usage records, which costs them more than a list of servers. Between two
// answers what exists goes on being used.
const usageEvery = 5 * time.Minute

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func (a *Agent) askUsage(c *CloudConfig) func(context.Context) (usage, error) {
	return func(ctx context.Context) (usage, error) {
		now := a.cfg.Now()
		records, err := c.API.Usage(ctx, a.cfg.Cluster, midnight(now), now)
		return usage{day: midnight(now), records: records}, err
	}
}

// refreshUsage asks for usage when it is time. Nobody waits for the answer.
func (a *Agent) refreshUsage(ctx context.Context, c *cloud, now time.Time, tick int) {
	last, err := c.usage.latest()
	if openstack.KindOf(err) == openstack.Denied && now.Sub(c.usageAsked) < usageEvery {
		return
	}
	c.usageAsked = now
	if !last.known || now.Sub(last.at) >= usageEvery || !last.value.day.Equal(midnight(now)) {
		c.usage.refresh(ctx, now, tick)
	}
}

// spentKnown says whether it is known what was spent on a cloud, if that matters.
func (a *Agent) spentKnown(c *CloudConfig) bool {
	last, err := a.clouds[c.Name].usage.latest()
	return last.known || openstack.KindOf(err) == openstack.Denied || !a.capsByDay(c)
}

func (a *Agent) capsByDay(c *CloudConfig) bool {
	daily := func(caps planner.Caps) bool { return caps.VCPUHours > 0 || caps.Money > 0 }
	for i := range a.cfg.Pools {
		if daily(a.cfg.Pools[i].Caps) {
			return true
		}
	}
	return daily(a.cfg.Caps) || daily(c.Caps)
}

// spent adds up what the cluster's machines have used since midnight (UTC), by cloud and pool. Where a cloud keeps its records to
// itself that is what the machines have used that exist still.
func (a *Agent) spent(l *look) []planner.Spent {
	var list []planner.Spent
	for i := range a.cfg.Clouds {
		name := a.cfg.Clouds[i].Name
		last, err := a.clouds[name].usage.latest()
		byPool := map[string]*planner.Spent{}
		switch {
		case openstack.KindOf(err) == openstack.Denied:
			a.addVMs(byPool, l, name)
		case last.known && last.value.day.Equal(midnight(l.now)):
			for _, u := range last.value.records {
				a.addUsage(byPool, name, &u, l.now.Sub(last.at))
			}
		}
		for _, pool := range slices.Sorted(maps.Keys(byPool)) {
			list = append(list, *byPool[pool])
		}
	}
	return list
}

// addVMs adds what the machines of a cloud have used that there are.
func (a *Agent) addVMs(byPool map[string]*planner.Spent, l *look, cloud string) {
	for i := range l.vms {
		v := &l.vms[i]
		f := a.cfg.flavor(v.Pool, v.Cloud, v.Flavor)
		if v.Cloud != cloud || v.Created.IsZero() || f == nil {
			continue
		}
		since := midnight(l.now)
		if v.Created.After(since) {
			since = v.Created
		}
		a.addUsage(byPool, cloud, &openstack.Usage{
			Intent: v.Intent, Flavor: v.Flavor, VCPUs: f.VCPUs, Hours: l.now.Sub(since).Hours(), Ended: l.now,
		}, 0)
	}
}

// addUsage adds a server's usage, with what it has used since the records were made if it was there still.
func (a *Agent) addUsage(byPool map[string]*planner.Spent, cloud string, u *openstack.Usage, since time.Duration) {
	hours := u.Hours
	if u.Ended.IsZero() {
		hours += since.Hours()
	}
	pool := a.poolOfIntent(u.Intent)
	s := byPool[pool]
	if s == nil {
		s = &planner.Spent{Cloud: cloud, Pool: pool}
		byPool[pool] = s
	}
	s.VCPUHours += hours * float64(u.VCPUs)
	if f := a.cfg.flavor(pool, cloud, u.Flavor); f != nil {
		s.Money += hours * f.Price
	}
}

// poolOfIntent finds the pool of a machine that may be gone: an intent may hold only the beginning of its name.
func (a *Agent) poolOfIntent(intent string) string {
	short := vm.PoolOf(intent)
	for i := range a.cfg.Pools {
		if name := a.cfg.Pools[i].Name; vm.PoolOf(vm.NewIntent(name, make([]byte, 8))) == short {
			return name
		}
	}
	return short
}
