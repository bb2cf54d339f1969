package scheduler

import (
	"slices"
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
	defer r.observer.Matching()()
	r.agents.prune(now, r.state.UsedOn)
	for _, role := range r.agents.roles() {
		r.matchRole(now, role)
	}
}

func (r *Reactor) matchRole(now time.Time, role string) {
	groups, entries := r.waiting(now)
	agents, options := r.sight(now, role, entries)
	var plan queue.Plan
	if len(entries) > 0 {
		r.rounds++
		round := placement.NewRound(r.describe(now, agents, role), r.cfg.Seed^r.rounds)
		shares, total := r.shares()
		plan = queue.Match(now, entries, shares, round, total, options)
	}
	r.reservations[role] = plan.Reservations
	launches := make([][]mesos.Launch, len(agents))
	for _, as := range plan.Assignments {
		a := agents[as.Agent]
		g := groups[as.Entry]
		for _, rec := range r.state.Launch(now, g, as.Count, state.Agent{ID: a.id, Hostname: a.hostname, URL: a.url}) {
			launches[as.Agent] = append(launches[as.Agent], r.launch(g.Step, rec))
			r.observer.Launched(now.Sub(g.Step.Due(rec.ID.Index)))
		}
		r.agents.setFree(a, a.free.Plus(g.Step.Spec().Resources, -int64(as.Count)))
	}
	r.answerOffers(role, agents, launches)
}

// lookAround is, for each agent, how long no round need look at all agents for the sake of tasks that have waited long.
const lookAround = 5 * time.Millisecond

// sight returns the agents that a round looks at, and its options. To look at all of 10,000 agents takes some
// milliseconds, which is much where a few tasks end in a second. Those that make no offer matter only to tasks that
// avoid agents unless there are no others, and to tasks that have waited for so long that an agent is to be kept free
// for them; to these a moment more is nothing.
func (r *Reactor) sight(now time.Time, role string, entries []queue.Entry) ([]*agent, queue.Options) {
	options := r.cfg.Queue
	options.Reserved = r.reservations[role]
	known := len(r.agents.byID)
	pause := time.Duration(known) * lookAround
	if now.Equal(r.lookedAround) || now.Sub(r.lookedAround) >= pause {
		pause = 0
	}
	matters := func(e queue.Entry) bool {
		return len(e.Shape.Avoid) > 0 || pause == 0 && now.Sub(e.Since) >= options.ReserveAfter
	}
	if 4*r.agents.held > known || slices.ContainsFunc(entries, matters) {
		r.lookedAround = now
		return r.agents.all(), options
	}
	kept := make([]string, len(options.Reserved))
	for i, res := range options.Reserved {
		kept[i] = res.AgentID
	}
	options.MaxReservations = min(options.MaxReservations, len(kept))
	return r.agents.offering(kept), options
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
	if len(avoid) == 0 && shape.Spread == "" && timeout == 0 && shape.Burst.After == 0 {
		return shape
	}
	own := *shape
	own.Avoid = avoid
	own.Waited = now.Sub(st.Opened())
	if timeout > 0 {
		own.Until = now.Add(timeout)
	}
	if own.Spread != "" {
		own.SpreadCounts = map[string]int{}
		st.Agents(func(agent string) {
			value := ""
			if a := r.agents.byID[agent]; a != nil {
				on := r.placing(a, spec.Resources{}, spec.Resources{})
				value, _ = on.Attribute(own.Spread)
			}
			own.SpreadCounts[value]++
		})
	}
	return &own
}

// describe lists agents for a round over the offers of one role.
func (r *Reactor) describe(now time.Time, agents []*agent, role string) []placement.Agent {
	offered := make([]placement.Agent, len(agents))
	for i, a := range agents {
		free, held := a.offered(role), a.offered("")
		if now.Sub(a.changed) > r.refuseBusy()+10*time.Second {
			r.agents.setFree(a, held) // what nobody uses would have been offered again by now
		}
		offered[i] = r.placing(a, free, r.state.UsedOn(a.id))
		offered[i].Unoffered = a.free.Plus(held, -1)
	}
	return offered
}

// shares returns what the projects use and are worth, and what there is in all.
func (r *Reactor) shares() (shares map[string]queue.Share, total spec.Resources) {
	shares = map[string]queue.Share{}
	for project, w := range r.cfg.Weights {
		shares[project] = queue.Share{Weight: w}
	}
	total = r.agents.free
	r.state.Projects(func(project string, used spec.Resources) {
		s := shares[project]
		s.Used = used
		shares[project] = s
		total = total.Plus(used, 1)
	})
	return shares, total
}

// refuseEach is, for each agent, how long at least what fits nothing is refused: agents that stay as they are, full
// but for some rest, are to bring no more than 200 offers a second.
const refuseEach = 5 * time.Millisecond

// answerOffers accepts the offers of the role on which something is launched, keeps those of agents that are
// kept free for a task, and declines the others.
func (r *Reactor) answerOffers(role string, agents []*agent, launches [][]mesos.Launch) {
	reserved := map[string]bool{}
	for _, res := range r.reservations[role] {
		reserved[res.AgentID] = true
	}
	refuse := r.cfg.RefuseIdle
	if len(r.state.Waiting()) > 0 {
		refuse = r.refuseBusy()
	}
	var declined []string
	for i, a := range agents {
		switch {
		case len(a.offers) == 0:
		case len(launches[i]) > 0:
			r.call(mesos.Accept{OfferIDs: r.agents.take(nil, a, role), AgentID: a.id, Launches: launches[i], Refuse: refuse})
			r.asking.declined = true
		case !reserved[a.id]:
			declined = r.agents.take(declined, a, role)
		}
	}
	if len(declined) > 0 {
		r.call(mesos.Decline{OfferIDs: declined, Refuse: refuse})
		r.asking.declined = true
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

func (r *Reactor) refuseBusy() time.Duration {
	return max(r.cfg.RefuseBusy, time.Duration(len(r.agents.byID))*refuseEach)
}
