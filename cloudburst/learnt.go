package cloudburst

import (
	"maps"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// learnt are how long machines have taken from the request until their agents had registered, by cloud/flavor: what the
// machines that there are carry in their metadata, and what was seen since the process began.
type learnt map[learntKey]*samples

type learntKey struct {
	flavor string // cloud/flavor
	start  bool   // of a kept machine
}

// samples are the last so many, and of which machines they are.
type samples struct {
	took []time.Duration
	of   map[string]time.Time // joined, by intent
}

const maxSamples = 20

// watch learns from a machine that has joined.
func (l learnt) watch(v *vm.VM) {
	if v.Joined.IsZero() {
		return
	}
	key, began := learntKey{flavor: flavorKey(v.Cloud, v.Flavor)}, v.Created
	if !v.Started.IsZero() {
		key.start, began = true, v.Started
	}
	s := l[key]
	if s == nil {
		s = &samples{of: map[string]time.Time{}}
		l[key] = s
	}
	if s.of[v.Intent].Equal(v.Joined) || v.Joined.Before(began) {
		return
	}
	s.of[v.Intent] = v.Joined
	s.took = append(s.took, v.Joined.Sub(began))
	if len(s.took) > maxSamples {
		s.took = s.took[1:]
	}
}

// forget drops the names of machines that are gone. What was learnt from them stays.
func (l learnt) forget(there map[string]bool) {
	for _, s := range l {
		maps.DeleteFunc(s.of, func(intent string, _ time.Time) bool { return !there[intent] })
	}
}

// usual is what three of four machines take at most; false if none was watched.
func (s *samples) usual() (time.Duration, bool) {
	if s == nil || len(s.took) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[(len(sorted)*3-1)/4], true
}

// pool is a pool with what was learnt about its flavors.
func (l learnt) pool(p *planner.Pool) planner.Pool {
	known := *p
	known.Boot = l.bootTime(p, p.Boot, false)
	known.Start = l.bootTime(p, p.Start, true)
	return known
}

func (l learnt) bootTime(p *planner.Pool, configured planner.BootTime, start bool) planner.BootTime {
	b := planner.BootTime{Default: configured.Default, ByFlavor: map[string]time.Duration{}}
	for _, f := range p.Flavors {
		key := flavorKey(f.Cloud, f.Name)
		if d, ok := l[learntKey{key, start}].usual(); ok {
			b.ByFlavor[key] = d
		} else if d, ok := configured.ByFlavor[key]; ok {
			b.ByFlavor[key] = d
		}
	}
	return b
}

// expected is when a machine is expected to serve; zero if it does, or never will.
func (a *Agent) expected(v *vm.VM, now time.Time) time.Time {
	switch v.Stage {
	case vm.Requested, vm.Building, vm.Active:
	default:
		return time.Time{}
	}
	p := a.cfg.pool(v.Pool)
	if p == nil {
		return time.Time{}
	}
	times, began := a.learnt.bootTime(&p.Pool, p.Boot, false), v.Created
	if !v.Started.IsZero() {
		times, began = a.learnt.bootTime(&p.Pool, p.Start, true), v.Started
	}
	if began.IsZero() {
		began = v.Since
	}
	takes, ok := times.ByFlavor[flavorKey(v.Cloud, v.Flavor)]
	if !ok {
		takes = times.Default
	}
	if at := began.Add(takes); at.After(now) {
		return at
	}
	return now.Add(time.Second) // overdue: any moment, or never
}
