package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/queue"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// match places waiting tasks on the offers that are held, and gives back what nobody needs. Offers of different
// roles cannot be accepted together (Mesos refuses it), so each role has a round of its own.
func (r *Reactor) match(now time.Time) {
	if r.agents.held == 0 {
		return
	}
	r.agents.prune(now, r.state.UsedOn)
	for _, role := range r.agents.roles() {
		r.matchRole(now, role)
	}
}

func (r *Reactor) matchRole(now time.Time, role string) {
	agents := r.agents.all()
	groups, entries := r.waiting(now)
	var plan queue.Plan
	if len(entries) > 0 {
		r.rounds++
		offered, total := r.describe(agents, role)
		round := placement.NewRound(offered, r.cfg.Seed^r.rounds)
		options := r.cfg.Queue
		options.Reserved = r.reservations[role]
		plan = queue.Match(now, entries, r.shares(), round, total, options)
	}
	r.reservations[role] = plan.Reservations
	launches := make([][]mesos.Launch, len(agents))
	for _, as := range plan.Assignments {
		a := agents[as.Agent]
		g := groups[as.Entry]
		for _, rec := range r.state.Launch(now, g, as.Count, a.id, a.hostname) {
			launches[as.Agent] = append(launches[as.Agent], r.launch(g.Step, rec))
		}
		a.free = a.free.Plus(g.Step.Spec().Resources, -int64(as.Count))
	}
	r.answerOffers(role, agents, launches)
}

// waiting describes what waits to the queue, one entry a group of tasks, and returns the groups by entry.
func (r *Reactor) waiting(now time.Time) (map[int]*state.Group, []queue.Entry) {
	groups := map[int]*state.Group{}
	var entries []queue.Entry
	for _, st := range r.state.Waiting() {
		rec, p := st.Run().Record(), st.Run().Pipeline()
		for _, g := range st.Groups(now) {
			if g.Count == 0 {
				continue
			}
			groups[g.ID()] = &g
			entries = append(entries, queue.Entry{
				ID: g.ID(), Project: rec.Project, Priority: p.Priority, Sequence: rec.Sequence,
				Since: st.Since(), Count: g.Count, Shape: r.shape(now, st, g.Avoid),
			})
		}
	}
	return groups, entries
}

// shape returns the step's shape, with what changes from round to round filled in.
func (r *Reactor) shape(now time.Time, st *state.Step, avoid []string) *placement.Shape {
	shape := st.Shape()
	timeout := st.Spec().Timeout
	if len(avoid) == 0 && shape.Spread == "" && timeout == 0 {
		return shape
	}
	own := *shape
	own.Avoid = avoid
	if timeout > 0 {
		own.Until = now.Add(timeout)
	}
	if own.Spread != "" {
		own.SpreadCounts = map[string]int{}
		st.Agents(func(agent string) {
			value := ""
			if a := r.agents.byID[agent]; a != nil {
				on := a.placing(spec.Resources{}, spec.Resources{})
				value, _ = on.Attribute(own.Spread)
			}
			own.SpreadCounts[value]++
		})
	}
	return &own
}

// describe lists the agents for a round over the offers of one role, and sums what the cluster has for us.
func (r *Reactor) describe(agents []*agent, role string) (offered []placement.Agent, total spec.Resources) {
	offered = make([]placement.Agent, len(agents))
	for i, a := range agents {
		used := r.state.UsedOn(a.id)
		free := a.offered(role)
		offered[i] = a.placing(free, used)
		offered[i].Unoffered = a.free.Plus(free, -1)
		total = total.Plus(a.free, 1).Plus(used, 1)
	}
	return offered, total
}

func (r *Reactor) shares() map[string]queue.Share {
	shares := map[string]queue.Share{}
	for project, w := range r.cfg.Weights {
		shares[project] = queue.Share{Weight: w}
	}
	r.state.Projects(func(project string, used spec.Resources) {
		s := shares[project]
		s.Used = used
		shares[project] = s
	})
	return shares
}

// answerOffers accepts the offers of the role on which something is launched, keeps those of agents that are
// kept free for a task, and declines the others.
func (r *Reactor) answerOffers(role string, agents []*agent, launches [][]mesos.Launch) {
	reserved := map[string]bool{}
	for _, res := range r.reservations[role] {
		reserved[res.AgentID] = true
	}
	refuse := r.cfg.RefuseIdle
	if len(r.state.Waiting()) > 0 {
		refuse = r.cfg.RefuseBusy
	}
	var declined []string
	for i, a := range agents {
		switch {
		case len(a.offers) == 0:
		case len(launches[i]) > 0:
			r.call(mesos.Accept{OfferIDs: r.agents.take(a, role), AgentID: a.id, Launches: launches[i], Refuse: refuse})
			r.demand.declined = true
		case !reserved[a.id]:
			declined = append(declined, r.agents.take(a, role)...)
		}
	}
	if len(declined) > 0 {
		r.call(mesos.Decline{OfferIDs: declined, Refuse: refuse})
		r.demand.declined = true
	}
}

func (r *Reactor) launch(st *state.Step, rec state.AttemptRecord) mesos.Launch {
	sp, p := st.Spec(), st.Run().Pipeline()
	return mesos.Launch{
		ID: rec.ID, Project: p.Project, Pipeline: p.Name,
		Image: sp.Image, ForcePull: sp.ForcePull, Command: sp.Task(rec.ID.Index),
		Network: sp.Network, Volumes: sp.Volumes, Resources: sp.Resources,
		Timeout: sp.Timeout, Grace: r.cfg.Limits.KillGrace,
	}
}
