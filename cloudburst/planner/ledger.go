package planner

import (
	"fmt"
	"math"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// ledger counts what there is against what there may be. Whoever makes a machine asks it first, and has it counted.
type ledger struct {
	now      time.Time
	tomorrow time.Time
	all      *scope
	pools    map[string]*scope
	clouds   map[string]*scope
	quotas   map[string]*quota
	zones    map[[3]string]int // machines by pool, cloud and zone
}

// scope is one set of caps with what counts against it.
type scope struct {
	name       string // what the caps are of, such as "pool burst"
	caps       Caps
	vms, vcpus int
	// What the day has cost, and what the machines that there are will still cost.
	spent, reserved struct{ hours, money float64 }
}

// quota is what a cloud leaves.
type quota struct {
	instances, vcpus, mem, ports, volumes int // -1: no limit
	atOnce, making                        int
}

func newLedger(s *Situation) *ledger {
	l := &ledger{
		now: s.Now, tomorrow: s.Tomorrow, all: &scope{name: "all pools", caps: s.Caps},
		pools: map[string]*scope{}, clouds: map[string]*scope{}, quotas: map[string]*quota{}, zones: map[[3]string]int{},
	}
	if l.tomorrow.IsZero() {
		l.tomorrow = s.Now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	for i := range s.Pools {
		p := &s.Pools[i]
		l.pools[p.Name] = &scope{name: "pool " + p.Name, caps: p.Caps}
	}
	for i := range s.Clouds {
		c := &s.Clouds[i]
		l.clouds[c.Name] = &scope{name: c.Name, caps: c.Caps}
		l.quotas[c.Name] = &quota{
			instances: c.FreeInstances, vcpus: c.FreeVCPUs, mem: c.FreeMemMiB, ports: c.FreePorts, volumes: c.FreeVolumes,
			atOnce: c.AtOnce,
		}
	}
	for _, spent := range s.Spent {
		for _, scope := range l.scopes(spent.Pool, spent.Cloud) {
			scope.spent.hours += spent.VCPUHours
			scope.spent.money += spent.Money
		}
	}
	return l
}

// scopes lists the scopes of a machine. A pool or cloud that is not configured has none.
func (l *ledger) scopes(pool, cloud string) []*scope {
	scopes := []*scope{l.all}
	if c := l.clouds[cloud]; c != nil {
		scopes = append(scopes, c)
	}
	if p := l.pools[pool]; p != nil {
		scopes = append(scopes, p)
	}
	return scopes
}

// count counts a machine that there is, and how much longer it is expected to be needed; coming says that it is not being
// taken away before it has served.
func (l *ledger) count(v *VM, flavor *Flavor, needed time.Duration, coming bool) {
	if v.Stage == vm.Stopped || v.Stage == vm.Deleted {
		return
	}
	l.add(v.Pool, v.Cloud, v.Zone, flavor, needed)
	if q := l.quotas[v.Cloud]; q != nil {
		if coming && (v.Stage == vm.Requested || v.Stage == vm.Building) {
			q.making++
		}
	}
}

func (l *ledger) add(pool, cloud, zone string, flavor *Flavor, needed time.Duration) {
	hours := max(0, min(needed, l.tomorrow.Sub(l.now))).Hours()
	for _, scope := range l.scopes(pool, cloud) {
		scope.vms++
		scope.vcpus += flavor.VCPUs
		scope.reserved.hours += hours * float64(flavor.VCPUs)
		scope.reserved.money += hours * flavor.Price
	}
	l.zones[[3]string{pool, cloud, zone}]++
}

// take counts one more machine if it may be, and otherwise says why not. It is expected to be needed for a while; new says
// that the cloud has not got it yet.
func (l *ledger) take(o *option, needed time.Duration, new bool) (zone, refusal string) {
	hours := max(0, min(needed, l.tomorrow.Sub(l.now))).Hours()
	for _, scope := range l.scopes(o.pool.Name, o.flavor.Cloud) {
		if why := scope.refuses(o.flavor, hours); why != "" {
			return "", why
		}
	}
	if !o.cloud.Reachable {
		return "", o.cloud.Name + " does not answer now"
	}
	if new {
		q := l.quotas[o.cloud.Name]
		if why := q.refuses(o); why != "" {
			return "", why
		}
		var why string
		if zone, why = l.zone(o); why != "" {
			return "", why
		}
		q.take(o.flavor)
		q.making++
	}
	l.add(o.pool.Name, o.flavor.Cloud, zone, o.flavor, needed)
	return zone, ""
}

// room counts how many new machines of an option may be, as many as are wanted at most, and says why not one more.
func (l *ledger) room(o *option, want int, needed time.Duration) (n int, refusal string) {
	for l = l.clone(); n < want; n++ {
		if _, refusal = l.take(o, needed, true); refusal != "" {
			return n, refusal
		}
	}
	return n, ""
}

// refuses says why a scope has no room for a machine for some hours; "" if it has.
func (s *scope) refuses(f *Flavor, hours float64) string {
	hoursLeft := s.caps.VCPUHours - s.spent.hours - s.reserved.hours
	moneyLeft := s.caps.Money - s.spent.money - s.reserved.money
	switch {
	case s.caps.VMs > 0 && s.vms >= s.caps.VMs:
		return fmt.Sprintf("%s may have %s at a time, and there are %d", s.name, count(s.caps.VMs, "VM"), s.vms)
	case s.caps.VCPUs > 0 && s.vcpus+f.VCPUs > s.caps.VCPUs:
		return fmt.Sprintf("%s may have %s at a time, of which %d are in use", s.name, count(s.caps.VCPUs, "vcpu"), s.vcpus)
	case s.caps.VCPUHours > 0 && hours*float64(f.VCPUs) > hoursLeft:
		return fmt.Sprintf("the day's %s vcpu hours of %s are used up: %s so far, and the machines that there are will use %s more",
			figure(s.caps.VCPUHours), s.name, figure(s.spent.hours), figure(s.reserved.hours))
	case s.caps.Money > 0 && hours*f.Price > moneyLeft:
		return fmt.Sprintf("the day's money of %s, %s, is used up: %s so far, and the machines that there are will cost %s more",
			s.name, figure(s.caps.Money), figure(s.spent.money), figure(s.reserved.money))
	}
	return ""
}

// usedUp says which of the day's caps is used up by what was spent alone; "" if none is.
func (s *scope) usedUp() string {
	switch {
	case s.caps.VCPUHours > 0 && s.spent.hours >= s.caps.VCPUHours:
		return fmt.Sprintf("the day's %s vcpu hours of %s are used up", figure(s.caps.VCPUHours), s.name)
	case s.caps.Money > 0 && s.spent.money >= s.caps.Money:
		return fmt.Sprintf("the day's money of %s, %s, is used up", s.name, figure(s.caps.Money))
	}
	return ""
}

func (q *quota) refuses(o *option) string {
	f := o.flavor
	for _, of := range []struct {
		free, need int
		noun       string
	}{
		{q.instances, 1, "instance"}, {q.vcpus, f.VCPUs, "vcpu"}, {q.mem, f.MemMiB, "MiB of memory"},
		{q.ports, f.ports(), "port"}, {q.volumes, f.Volumes, "volume"},
	} {
		if of.free >= 0 && of.need > of.free {
			if of.noun == "MiB of memory" {
				return fmt.Sprintf("the quota of %s leaves %d %s, %s takes %d", o.cloud.Name, of.free, of.noun, f.Name, of.need)
			}
			return fmt.Sprintf("the quota of %s leaves %s, %s takes %d", o.cloud.Name, count(of.free, of.noun), f.Name, of.need)
		}
	}
	if q.atOnce > 0 && q.making >= q.atOnce {
		return fmt.Sprintf("%s are in the making on %s, which is how many may be at once", count(q.making, "VM"), o.cloud.Name)
	}
	return ""
}

func (q *quota) take(f *Flavor) {
	for _, of := range []struct {
		free *int
		need int
	}{{&q.instances, 1}, {&q.vcpus, f.VCPUs}, {&q.mem, f.MemMiB}, {&q.ports, f.ports()}, {&q.volumes, f.Volumes}} {
		if *of.free >= 0 {
			*of.free = max(0, *of.free-of.need)
		}
	}
}

func (f *Flavor) ports() int { return max(1, f.Ports) }

// zone gives the zone in which the next machine goes: of those that are not in back-off the one with the fewest.
func (l *ledger) zone(o *option) (zone, refusal string) {
	zones := o.flavor.Zones
	if len(zones) == 0 {
		zones = []string{""}
	}
	least, why := math.MaxInt, ""
	for _, z := range zones {
		if b := o.cloud.backoff(o.flavor.Name, z, l.now); b != nil {
			why = b.refusal(o, z, l.now)
			continue
		}
		if n := l.zones[[3]string{o.pool.Name, o.cloud.Name, z}]; n < least {
			zone, least = z, n
		}
	}
	if least == math.MaxInt {
		return "", why
	}
	return zone, ""
}

// backoff gives the back-off of a flavor in a zone that lasts longest; nil if there is none.
func (c *Cloud) backoff(flavor, zone string, now time.Time) (last *Backoff) {
	for i := range c.Backoffs {
		b := &c.Backoffs[i]
		if (b.Flavor == "" || b.Flavor == flavor) && (b.Zone == "" || b.Zone == zone) && b.Until.After(now) &&
			(last == nil || b.Until.After(last.Until) || b.Until.Equal(last.Until) && b.Why < last.Why) {
			last = b
		}
	}
	return last
}

func (b *Backoff) refusal(o *option, zone string, now time.Time) string {
	where := o.String()
	if zone != "" {
		where += " in zone " + zone
	}
	return fmt.Sprintf("%s is not asked for before %s has passed: %s", where, span(b.Until.Sub(now)), b.Why)
}

// clone is for plans within the plan.
func (l *ledger) clone() *ledger {
	c := *l
	all := *l.all
	c.all, c.pools, c.clouds = &all, map[string]*scope{}, map[string]*scope{}
	c.quotas, c.zones = map[string]*quota{}, map[[3]string]int{}
	for name, s := range l.pools {
		copied := *s
		c.pools[name] = &copied
	}
	for name, s := range l.clouds {
		copied := *s
		c.clouds[name] = &copied
	}
	for name, q := range l.quotas {
		copied := *q
		c.quotas[name] = &copied
	}
	for key, n := range l.zones {
		c.zones[key] = n
	}
	return &c
}
