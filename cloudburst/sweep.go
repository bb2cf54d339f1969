package cloudburst

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// Unowned is a server, port or volume that carries the cluster's tag and belongs to no machine.
type Unowned struct {
	openstack.Leftover
	Why string
}

// FindUnowned finds them among all that carries the tag: the parts without a server, and the servers beyond the first of an
// intent that do not run. (One that runs may have an agent and tasks; the agent drains the machine.) What is younger than
// grace may belong to a machine that is being made. all is in the order of age, as a cloud lists it; servers come first in
// the answer, for they hold ports and volumes.
func FindUnowned(all []openstack.Leftover, now time.Time, grace time.Duration) []Unowned {
	first := map[string]string{} // server by intent
	for _, l := range all {
		if l.Kind == "server" && l.Status != "DELETED" && first[l.Intent] == "" {
			first[l.Intent] = l.ID
		}
	}
	var left []Unowned
	for _, l := range all {
		why := ""
		switch {
		case now.Sub(l.Created) < grace:
		case l.Intent == "":
			why = "it says of no machine that it is its own"
		case l.Kind == "server" && first[l.Intent] != l.ID && l.Status != "DELETED" && l.Status != "ACTIVE":
			why = "there is an older server of the same machine"
		case l.Kind != "server" && first[l.Intent] == "":
			why = "there is no server of " + l.Intent
		}
		if why != "" {
			left = append(left, Unowned{l, why})
		}
	}
	slices.SortStableFunc(left, func(a, b Unowned) int { return rank[a.Kind] - rank[b.Kind] })
	return left
}

var rank = map[string]int{"server": 0, "port": 1, "volume": 2}

const verbSweep = "sweep"

// sweep removes from time to time what belongs to nobody. It is an operation as others are, one for each cloud.
func (a *Agent) sweep(ctx context.Context, l *look) {
	if a.cfg.SweepEvery <= 0 {
		return
	}
	for _, c := range a.clouds {
		key := verbSweep + " " + c.cfg.Name
		if !l.clouds[c.cfg.Name].fresh || a.underWay(key) != "" || l.now.Sub(c.swept) < a.cfg.SweepEvery {
			continue
		}
		c.swept = l.now
		f := &flight{verb: verbSweep, intent: key, cloud: c.cfg.Name, began: l.now}
		a.takeOff(ctx, f, c.cfg.WorkTimeout, func(ctx context.Context) result { return a.sweepCloud(ctx, l.now, c.cfg) })
	}
}

func (a *Agent) sweepCloud(ctx context.Context, now time.Time, c *CloudConfig) (r result) {
	all, err := c.API.Leftovers(ctx, a.cfg.Cluster)
	if err != nil {
		return result{err: err}
	}
	for _, u := range FindUnowned(all, now, a.cfg.SweepGrace) {
		if u.Intent == "" || a.underWay(u.Intent) != "" {
			continue // of no machine, so that nobody can say that it is ours; or being made
		}
		if err := c.API.Remove(ctx, u.Leftover); err != nil {
			r.err = err
			continue
		}
		r.events = append(r.events, Event{
			At: now, Kind: EventSwept, VM: u.Intent, Cloud: c.Name, Message: fmt.Sprintf("%s %s was removed: %s", u.Kind, u.ID, u.Why),
		})
	}
	return r
}

// partTwins takes away machines of which there are two servers: which of them runs what cannot be said, for both call themselves
// by the same name.
func (a *Agent) partTwins(ctx context.Context, l *look, v *planner.VM) (begun bool) {
	if !l.twins[v.Intent] {
		return false
	}
	switch v.Stage {
	case vm.Building, vm.Active, vm.Joined, vm.Serving:
		a.remove(ctx, l, v, "there are two servers of it")
		return true
	}
	return false
}
