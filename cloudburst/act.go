package cloudburst

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// act begins what was planned and goes on with what was begun.
func (a *Agent) act(ctx context.Context, l *look, p planner.Plan) {
	vms := map[string]*planner.VM{}
	for i := range l.vms {
		vms[l.vms[i].Intent] = &l.vms[i]
	}
	for i := range p.Actions {
		a.do(ctx, l, &p.Actions[i], vms)
	}
	for i := range l.vms {
		a.carryOn(ctx, l, &l.vms[i])
	}
	a.sweep(ctx, l)
}

// do begins one action, unless something is under way for the machine or it is not known how it is now.
func (a *Agent) do(ctx context.Context, l *look, action *planner.Action, vms map[string]*planner.VM) {
	if action.Verb == planner.Boot {
		a.boot(ctx, l, action)
		return
	}
	if l.demand == nil && action.Verb != planner.Delete {
		return // what was planned with a scheduler that has gone since
	}
	v := vms[action.VM]
	if v == nil || v.Unknown || a.underWay(v.Intent) != "" {
		return
	}
	switch action.Verb {
	case planner.Start:
		a.start(ctx, l, v, action.Reason)
	case planner.Drain:
		a.drain(ctx, l, v, a.then(v, action.Then), action.Reason)
	case planner.Resume:
		a.resume(ctx, l, v, action.Reason)
	case planner.Delete:
		a.remove(ctx, l, v, action.Reason)
	}
}

// carryOn does the next step of what was begun with a machine, and of what needs no plan.
func (a *Agent) carryOn(ctx context.Context, l *look, v *planner.VM) {
	if v.Unknown || a.underWay(v.Intent) != "" {
		return
	}
	if a.partTwins(ctx, l, v) {
		return
	}
	gone := a.cfg.pool(v.Pool) == nil
	switch v.Stage {
	case vm.Joined, vm.Serving:
		if gone {
			a.drain(ctx, l, v, vm.Delete, fmt.Sprintf("there is no pool %q any more", v.Pool))
			return
		}
		a.tagSeen(ctx, l, v)
	case vm.Draining:
		a.goOnDraining(ctx, l, v)
	case vm.Leaving:
		a.leave(ctx, l, v)
	case vm.Building, vm.Active, vm.Stopped:
		if gone {
			a.remove(ctx, l, v, fmt.Sprintf("there is no pool %q any more", v.Pool))
		}
	case vm.Failed:
		a.remove(ctx, l, v, v.Fault)
	}
}

func (a *Agent) then(v *planner.VM, wish vm.Afterwards) vm.Afterwards {
	if wish != "" {
		return wish
	}
	if p := a.cfg.pool(v.Pool); p != nil && p.Afterwards != "" {
		return p.Afterwards
	}
	return vm.Delete
}

// boot orders a machine. Its name is made first and written into everything that is made, so that it is found again whatever
// becomes of the call, or of this process.
func (a *Agent) boot(ctx context.Context, l *look, action *planner.Action) {
	c := a.clouds[action.Cloud]
	pool := a.cfg.pool(action.Pool)
	if c == nil || pool == nil || l.blind() || !a.mayBoot(l, action, c.cfg) {
		return
	}
	o := Order{
		Cluster: a.cfg.Cluster, Intent: a.newIntent(action.Pool),
		Pool: action.Pool, Cloud: action.Cloud, Flavor: action.Flavor, Zone: action.Zone,
	}
	if pool.Lease > 0 {
		o.Lease = l.now.Add(pool.Lease)
	}
	f := &flight{
		verb: string(planner.Boot), intent: o.Intent, pool: o.Pool, cloud: o.Cloud, flavor: o.Flavor, zone: o.Zone, began: l.now,
	}
	l.making[f.lane()] = true
	a.event(Event{At: l.now, Kind: EventBoot, VM: o.Intent, Pool: o.Pool, Cloud: o.Cloud, Message: action.Reason})
	timeout, backlog := c.cfg.WorkTimeout, a.firstAnswer()
	if d := a.cfg.deadlines(o.Pool, o.Cloud, o.Flavor).Requested; d > 0 {
		timeout = d
	}
	a.takeOff(ctx, f, timeout, func(ctx context.Context) result { return result{err: a.create(ctx, c.cfg.API, o, backlog)} })
}

func (a *Agent) create(ctx context.Context, api Cloud, o Order, backlog time.Time) error {
	b, err := a.cfg.Prepare(ctx, o)
	if err != nil {
		return err
	}
	b.Cluster, b.Intent, b.Zone = o.Cluster, o.Intent, o.Zone
	metadata := map[string]string{}
	maps.Copy(metadata, b.Metadata)
	maps.Copy(metadata, map[string]string{
		vm.KeyCluster: o.Cluster, vm.KeyIntent: o.Intent, vm.KeyPool: o.Pool, vm.KeyCloud: o.Cloud, vm.KeyFlavor: o.Flavor,
	})
	if !o.Lease.IsZero() {
		metadata[vm.KeyLease] = vm.Moment(o.Lease)
	}
	b.Metadata = metadata
	a.metrics.booting(backlog, a.cfg.Now())
	_, err = api.Boot(ctx, b)
	return err
}

// firstAnswer is since when a backlog waits that no machine was asked for yet; zero if one was.
func (a *Agent) firstAnswer() time.Time {
	if a.answered {
		return time.Time{}
	}
	a.answered = true
	return a.backlog
}

func (a *Agent) newIntent(pool string) string {
	random := make([]byte, 8)
	if _, err := io.ReadFull(a.cfg.Random, random); err != nil {
		panic("cloudburst: no random numbers: " + err.Error())
	}
	return vm.NewIntent(pool, random)
}

// mayBoot says whether one more create call may go out. A lane has a window of unanswered calls, which opens as calls are
// accepted and closes when one is refused, so that what is refused is refused a few times and not for every machine that is
// wanted.
func (a *Agent) mayBoot(look *look, action *planner.Action, c *CloudConfig) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.cfg.Now()
	l := lane{action.Cloud, action.Flavor, action.Zone}
	for _, l := range []lane{l, {cloud: l.cloud}} {
		if b := a.backoffs[l]; b != nil && b.until.After(now) {
			return false
		}
	}
	if a.trying(l, look.making) {
		return false
	}
	unanswered, inLane := 0, 0
	for _, f := range a.flights {
		if f.verb != string(planner.Boot) || f.landed || f.cloud != action.Cloud {
			continue
		}
		unanswered++
		if f.lane() == l && now.Sub(f.began) < stuck {
			inLane++
		}
	}
	return unanswered < c.BootsAtOnce && inLane < a.window(l)
}

// firstWindow is how many calls of a lane may be unanswered at first.
const firstWindow = 4

func (a *Agent) window(l lane) int {
	if n, ok := a.windows[l]; ok {
		return n
	}
	return firstWindow
}

// stuck is after how long an unanswered call does not keep others from being made.
const stuck = 5 * time.Second

// start starts a kept machine. What is written on it of its life before is taken away first: should this be the last thing
// that is done, the machine is a stopped one still.
func (a *Agent) start(ctx context.Context, l *look, v *planner.VM, reason string) {
	if v.Stage != vm.Stopped || l.demand == nil {
		return
	}
	api := a.clouds[v.Cloud].cfg.API
	fresh := map[string]string{
		vm.KeyStarted: vm.Moment(l.now), vm.KeyJoined: "", vm.KeyAgent: "", vm.KeyServed: "",
		vm.KeyDrain: "", vm.KeyDrainReason: "", vm.KeyThen: "", vm.KeyHeld: "",
	}
	a.event(eventOf(l.now, EventStart, &v.VM, "%s", reason))
	a.fly(ctx, l, v, string(planner.Start), func(ctx context.Context) result {
		if err := api.SetMetadata(ctx, v.Server, fresh); err != nil {
			return result{err: err}
		}
		return result{err: api.Start(ctx, v.Server)}
	})
}

// drain begins to take a machine out of use. That is written down first, and holds from then on.
func (a *Agent) drain(ctx context.Context, l *look, v *planner.VM, then vm.Afterwards, reason string) {
	switch v.Stage {
	case vm.Active, vm.Joined, vm.Serving:
	default:
		return
	}
	a.event(eventOf(l.now, EventDrain, &v.VM, "%s", reason))
	agents := l.agentsOf[v.Intent]
	a.fly(ctx, l, v, string(planner.Drain), func(ctx context.Context) result {
		if err := a.mark(ctx, v, then, reason, l.now); err != nil {
			return result{err: err}
		}
		return result{err: a.cordon(ctx, agents, reason)}
	})
}

func (a *Agent) mark(ctx context.Context, v *planner.VM, then vm.Afterwards, reason string, now time.Time) error {
	return a.clouds[v.Cloud].cfg.API.SetMetadata(ctx, v.Server, map[string]string{
		vm.KeyDrain: vm.Moment(now), vm.KeyDrainReason: reason, vm.KeyThen: string(then),
	})
}

// resume takes a drain back. The mark goes last: until it has, the machine drains.
func (a *Agent) resume(ctx context.Context, l *look, v *planner.VM, reason string) {
	if v.Stage != vm.Draining || !l.masterUp {
		return
	}
	a.event(eventOf(l.now, EventResume, &v.VM, "%s", reason))
	agents := l.agentsOf[v.Intent]
	a.fly(ctx, l, v, string(planner.Resume), func(ctx context.Context) result {
		for _, agent := range agents {
			if agent.Deactivated {
				if err := a.cfg.Master.Reactivate(ctx, agent.ID); err != nil {
					return result{err: err}
				}
			}
			if err := a.cfg.Scheduler.Uncordon(ctx, agent.ID); err != nil {
				return result{err: err}
			}
		}
		err := a.clouds[v.Cloud].cfg.API.SetMetadata(ctx, v.Server, map[string]string{
			vm.KeyDrain: "", vm.KeyDrainReason: "", vm.KeyThen: "", vm.KeyHeld: "",
		})
		if err == nil {
			a.metrics.drained(drainResumed)
		}
		return result{err: err}
	})
}

// remove deletes a machine on which nothing runs. One that has an agent is drained instead.
func (a *Agent) remove(ctx context.Context, l *look, v *planner.VM, reason string) {
	if len(l.agentsOf[v.Intent]) > 0 && v.Stage != vm.Stopped {
		a.drain(ctx, l, v, vm.Delete, reason)
		return
	}
	a.event(eventOf(l.now, EventDelete, &v.VM, "%s", reason))
	api, status, g := a.clouds[v.Cloud].cfg.API, l.servers[v.Intent].Status, a.guard(l, v)
	a.fly(ctx, l, v, string(planner.Delete), func(ctx context.Context) result {
		if canHaveAgent(&v.VM) || status != "ERROR" {
			// From here on an agent that registers after all is drained.
			if err := a.mark(ctx, v, vm.Delete, reason, l.now); err != nil && typed(err).Kind != openstack.Gone {
				return result{err: err}
			}
		}
		if canHaveAgent(&v.VM) {
			if err := a.mustHaveNoAgent(ctx, g); err != nil {
				return result{err: err}
			}
		}
		return result{err: api.Delete(ctx, a.cfg.Cluster, v.Intent, ""), events: []Event{eventOf(l.now, EventGone, &v.VM, "deleted")}}
	})
}

var errJoinedLate = errors.New("its agent has registered in the meantime: it is drained instead")

// mustHaveNoAgent makes sure that nothing runs on a machine whose agent is not there: none has registered meanwhile, and if the
// master has just lost contact with it, nothing ran there then. Who has been away for as long as an agent may be is not waited
// for: its tasks have been given up.
func (a *Agent) mustHaveNoAgent(ctx context.Context, g guard) error {
	agents, err := a.cfg.Master.Agents(ctx)
	if err != nil {
		return fmt.Errorf("asking the master for agents: %w", err)
	}
	for _, agent := range agents {
		if agent.Attributes[vm.KeyIntent] == g.intent {
			return errJoinedLate
		}
	}
	if g.last == "" || g.givenUp {
		return nil
	}
	n, err := a.cfg.Master.Tasks(ctx, g.last)
	if err != nil {
		return fmt.Errorf("asking the master for the tasks on agent %s: %w", g.last, err)
	}
	if n > 0 {
		return fmt.Errorf("the master has lost contact with its agent, on which %d tasks ran: they are waited for", n)
	}
	return nil
}

// guard is what has to be known of a machine before it is taken away.
type guard struct {
	intent string
	// last is the agent that it had; empty: none. givenUp: that has been away for longer than an agent may be.
	last    string
	givenUp bool
}

// patienceWithAgents is how long an agent may be away where no deadline says so.
const patienceWithAgents = 15 * time.Minute

func (a *Agent) guard(l *look, v *planner.VM) guard {
	patience := a.cfg.deadlines(v.Pool, v.Cloud, v.Flavor).Active
	if patience == 0 {
		patience = patienceWithAgents
	}
	missed := a.missed[v.Intent]
	return guard{
		intent: v.Intent, last: l.servers[v.Intent].Metadata[vm.KeyAgent],
		givenUp: !missed.IsZero() && l.now.Sub(missed) > patience,
	}
}

// tagSeen writes down that the agent of a machine was seen, and that something ran there.
func (a *Agent) tagSeen(ctx context.Context, l *look, v *planner.VM) {
	s := l.servers[v.Intent]
	seen := map[string]string{}
	var events []Event
	if v.Joined.IsZero() {
		seen[vm.KeyJoined] = vm.Moment(l.now)
		events = append(events, eventOf(l.now, EventJoined, &v.VM, "its agent has registered"))
	}
	if s.Metadata[vm.KeyAgent] != v.Agent {
		seen[vm.KeyAgent] = v.Agent
	}
	if v.Stage == vm.Serving && v.Served.IsZero() {
		seen[vm.KeyServed] = vm.Moment(l.now)
	}
	if len(seen) == 0 {
		return
	}
	api := a.clouds[v.Cloud].cfg.API
	a.fly(ctx, l, v, verbTag, func(ctx context.Context) result {
		if err := api.SetMetadata(ctx, v.Server, seen); err != nil {
			return result{err: err}
		}
		a.measure(v.VM, seen, l.now)
		return result{events: events}
	})
}

// measure counts what was just written down, which happens once in a machine's life.
func (a *Agent) measure(v vm.VM, seen map[string]string, now time.Time) {
	if seen[vm.KeyJoined] != "" {
		v.Joined = now
		a.metrics.joined(&v)
	}
	if seen[vm.KeyServed] != "" {
		v.Served = now
		a.metrics.served(&v)
	}
}

// fly begins an operation on a machine that exists.
func (a *Agent) fly(ctx context.Context, l *look, v *planner.VM, verb string, work func(context.Context) result) {
	f := &flight{verb: verb, intent: v.Intent, pool: v.Pool, cloud: v.Cloud, flavor: v.Flavor, zone: v.Zone, began: l.now}
	a.takeOff(ctx, f, a.clouds[v.Cloud].cfg.WorkTimeout, work)
}
