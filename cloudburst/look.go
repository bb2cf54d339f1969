package cloudburst

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// look is what a round sees.
type look struct {
	now time.Time
	// demand is what the scheduler says; nil: it does not answer, or knows nothing itself because it has no master.
	demand *Demand
	// agents are the master's, and agentsOf those of the machines by intent, the latest first. If the master does not answer
	// now, masterUp is false and they are what it said last.
	agents   answer[[]master.Agent]
	agentsOf map[string][]master.Agent
	masterUp bool
	// offering is what the scheduler says of agents, by id.
	offering map[string]*OfferingAgent
	clouds   map[string]*cloudLook
	servers  map[string]*openstack.Server // by intent
	twins    map[string]bool              // intents of which there are several servers
	listed   map[string]string            // by which cloud, by intent
	vms      []planner.VM
	making   map[lane]bool // where machines are in the making
	// trouble is what did not answer.
	trouble []error
}

// blind says whether it is not known what waits or what there is to run it, so that no machine can be asked for.
func (l *look) blind() bool { return l.demand == nil || !l.masterUp }

// cloudLook is what a cloud says, or said last.
type cloudLook struct {
	answer[view]
	// fresh: that is recent enough to act on.
	fresh bool
	err   error
}

// look asks everybody at the same time. The scheduler and the master are waited for until their deadline, for nothing can be
// begun without them; clouds only for as long as is usual, for one must not delay what is to be done on another.
func (a *Agent) look(ctx context.Context, now time.Time, patience time.Duration) *look {
	a.mu.Lock()
	tick := a.tick
	a.mu.Unlock()
	l := &look{now: now, clouds: map[string]*cloudLook{}, servers: map[string]*openstack.Server{}, twins: map[string]bool{}, listed: map[string]string{}}
	var views []<-chan struct{}
	for _, c := range a.clouds {
		views = append(views, c.view.refresh(ctx, now, tick))
		a.refreshUsage(ctx, c, now, tick)
		c.asked = firstKnown(c.asked, now)
	}
	demand, agents := a.demand.refresh(ctx, now, tick), a.agents.refresh(ctx, now, tick)
	a.await(ctx, views, patience)
	<-demand
	<-agents
	a.lookAtScheduler(l)
	a.lookAtMaster(l)
	for name, c := range a.clouds {
		a.lookAtCloud(l, name, c)
	}
	a.observeAll(l)
	a.forget(l)
	l.vms = append(l.vms, a.ordered(l)...)
	l.making = a.making(l.vms)
	return l
}

// making tells in which lanes machines have not joined yet and still may.
func (a *Agent) making(vms []planner.VM) map[lane]bool {
	making := map[lane]bool{}
	for i := range vms {
		v := &vms[i].VM
		switch v.Stage {
		case vm.Requested, vm.Building, vm.Active:
			making[a.laneOf(v)] = making[a.laneOf(v)] || v.Joined.IsZero()
		}
	}
	return making
}

// laneOf is the lane in which a machine was asked for. Where the cloud chooses the zone that is one for all zones, whichever
// zone the machine is in.
func (a *Agent) laneOf(v *vm.VM) lane {
	f := a.cfg.flavor(v.Pool, v.Cloud, v.Flavor)
	if f != nil && !slices.Contains(f.Zones, v.Zone) {
		return lane{v.Cloud, v.Flavor, ""}
	}
	return lane{v.Cloud, v.Flavor, v.Zone}
}

// await waits until all are closed, for at most as long as a round has patience with clouds. Those that come later wake the
// loop if nothing was known of some cloud.
func (a *Agent) await(ctx context.Context, all []<-chan struct{}, patience time.Duration) {
	enough := time.NewTimer(patience)
	defer enough.Stop()
	for i, c := range all {
		select {
		case <-c:
		case <-enough.C:
			go a.wakeAfter(ctx, all[i:])
			return
		}
	}
}

func (a *Agent) wakeAfter(ctx context.Context, all []<-chan struct{}) {
	for _, c := range all {
		select {
		case <-c:
		case <-ctx.Done():
			return
		}
	}
	for _, c := range a.clouds {
		if c.news.CompareAndSwap(true, false) {
			a.wakeUp()
		}
	}
}

func (a *Agent) lookAtScheduler(l *look) {
	demand, err := a.demand.latest()
	switch {
	case err != nil:
		l.trouble = append(l.trouble, fmt.Errorf("asking the scheduler what waits: %w", err))
	case !demand.value.Connected:
		l.trouble = append(l.trouble, fmt.Errorf("the scheduler has no subscription with a master"))
	default:
		l.demand = demand.value
	}
	l.offering = map[string]*OfferingAgent{}
	if l.demand != nil {
		for i := range l.demand.Agents {
			l.offering[l.demand.Agents[i].ID] = &l.demand.Agents[i]
		}
	}
}

func (a *Agent) lookAtMaster(l *look) {
	agents, err := a.agents.latest()
	l.agents, l.masterUp = agents, err == nil
	if err != nil {
		l.trouble = append(l.trouble, fmt.Errorf("asking the master for agents: %w", err))
	}
	l.agentsOf = map[string][]master.Agent{}
	for _, agent := range agents.value {
		if intent := agent.Attributes[vm.KeyIntent]; intent != "" {
			l.agentsOf[intent] = append(l.agentsOf[intent], agent)
		}
	}
}

func (a *Agent) lookAtCloud(l *look, name string, c *cloud) {
	view, err := c.view.latest()
	fresh := view.known && l.now.Sub(view.at) <= a.cfg.Stale
	l.clouds[name] = &cloudLook{answer: view, fresh: fresh, err: err}
	if err != nil {
		l.trouble = append(l.trouble, fmt.Errorf("asking cloud %s: %w", name, err))
	}
	c.news.Store(!fresh)
	if silent := !fresh && (err != nil || l.now.Sub(c.asked) > a.cfg.Stale); silent != c.silent && (silent || fresh) {
		c.silent = silent
		a.cloudChanged(l.now, name, fresh, err)
	}
	for i := range view.value.servers {
		s := &view.value.servers[i]
		intent := s.Metadata[vm.KeyIntent]
		if intent == "" || s.Metadata[vm.KeyCluster] != a.cfg.Cluster {
			continue // not a machine of ours; what carries only a part of our tags is for the sweeper
		}
		if of := s.Metadata[vm.KeyCloud]; of != name && a.clouds[of] != nil {
			continue // two clouds of ours are one project: it is the other's
		}
		l.listed[intent] = name
		other := l.servers[intent]
		l.twins[intent] = l.twins[intent] || other != nil && s.Status != "DELETED" && other.Status != "DELETED"
		if other == nil || prefer(s, other) {
			l.servers[intent] = s
		}
	}
}

// prefer says which of two servers of one intent is looked at for both.
func prefer(s, other *openstack.Server) bool {
	if (s.Status == "DELETED") != (other.Status == "DELETED") {
		return other.Status == "DELETED"
	}
	return s.Created.Before(other.Created)
}

func (a *Agent) cloudChanged(now time.Time, name string, up bool, err error) {
	e := Event{At: now, Kind: EventCloud, Cloud: name, Message: fmt.Sprintf("cloud %s answers", name)}
	level := slog.LevelInfo
	if !up {
		level = slog.LevelWarn
		e.Message = fmt.Sprintf("cloud %s does not answer: no machines are made there until it does", name)
		if err != nil {
			e.Message += fmt.Sprintf(" (%v)", err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.note(level, e)
}

// observeAll works out the machines.
func (a *Agent) observeAll(l *look) {
	for intent, s := range l.servers {
		l.vms = append(l.vms, a.observe(l, intent, s))
	}
	for intent := range a.missed {
		if l.servers[intent] == nil {
			delete(a.missed, intent)
		}
	}
}

func (a *Agent) observe(l *look, intent string, s *openstack.Server) planner.VM {
	f := vm.Facts{Intent: intent, Server: factsOf(s), Agent: agentOf(l.agentsOf[intent])}
	cloud := l.listed[intent] // which it is whatever it was called when the machine was made
	c := l.clouds[cloud]
	if l.masterUp {
		a.miss(l, intent, f.Agent != nil || s.Metadata[vm.KeyJoined] == "")
	}
	f.Missed = a.missed[intent]
	v := planner.VM{VM: vm.Observe(f, l.now, a.cfg.deadlines(s.Metadata[vm.KeyPool], cloud, s.Metadata[vm.KeyFlavor]))}
	v.Cloud, v.InFlight = cloud, a.underWay(intent)
	v.Unknown = !c.fresh || !l.masterUp && canHaveAgent(&v.VM)
	return v
}

// canHaveAgent says whether an agent may live on a machine of which only Nova has told.
func canHaveAgent(v *vm.VM) bool {
	return v.Stage != vm.Stopped && v.Stage != vm.Building && !v.Launched.IsZero()
}

func (a *Agent) miss(l *look, intent string, there bool) {
	if there {
		delete(a.missed, intent)
	} else if a.missed[intent].IsZero() {
		a.missed[intent] = l.now
	}
}

func factsOf(s *openstack.Server) *vm.Server {
	return &vm.Server{
		ID: s.ID, Status: s.Status, Task: s.Task, Fault: s.Fault, Created: s.Created, Updated: s.Updated, Launched: s.Launched,
		Zone: s.Zone, Addresses: s.Addresses, Metadata: s.Metadata,
	}
}

// agentOf makes one of the agents that say that they run on a machine. There are two for a while when the machine was
// started anew and the master has not missed the one before yet.
func agentOf(agents []master.Agent) *vm.Agent {
	if len(agents) == 0 {
		return nil
	}
	last := agents[0]
	var busy bool
	for _, agent := range agents {
		busy = busy || agent.Busy
		if agent.Registered.After(last.Registered) {
			last = agent
		}
	}
	return &vm.Agent{ID: last.ID, Busy: busy, Deactivated: last.Deactivated}
}
