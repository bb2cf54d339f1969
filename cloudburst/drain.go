package cloudburst

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// A drain ends no task. The master's own DRAIN_AGENT does: it kills whatever runs there. So it comes last:
//
//  1. That the machine drains is written on it, and the scheduler launches nothing there any more (cordon).
//  2. When the scheduler's tasks have ended there and their logs are collected,
//  3. and no framework has a task there as the master says,
//  4. the agent is deactivated: the master takes its offers back and makes no more.
//  5. The master is asked again. A task that slipped in through an offer of the moment before is waited for.
//  6. Then the agent is drained and marked gone for good,
//  7. and the machine is deleted, stopped or shelved.
//
// Each round looks and does the next step; nothing of this is kept in memory.

// cordonFor is how long a cordon holds. It is renewed when half of it is over.
const cordonFor = 10 * time.Minute

// goOnDraining does the next steps of a drain.
func (a *Agent) goOnDraining(ctx context.Context, l *look, v *planner.VM) {
	if l.blind() {
		return // who knows what runs there
	}
	agents := l.agentsOf[v.Intent]
	if slices.ContainsFunc(agents, func(agent master.Agent) bool { return agent.Recovered }) {
		return // nor does the master, which leads only since a moment ago
	}
	p := a.cfg.pool(v.Pool)
	if p != nil && p.DrainLimit > 0 && l.now.Sub(v.Draining) > p.DrainLimit {
		a.kill(ctx, l, v, agents, p.DrainLimit)
		return
	}
	if l.lackCordon(agents) {
		a.fly(ctx, l, v, verbCordon, func(ctx context.Context) result { return result{err: a.cordon(ctx, agents, v.DrainReason)} })
		return
	}
	if l.waitsFor(agents, a.logWait(p)) != "" {
		return
	}
	a.fly(ctx, l, v, verbRetire, func(ctx context.Context) result { return a.retire(ctx, l.now, v, agents) })
}

func (a *Agent) logWait(p *Pool) time.Duration {
	if p == nil {
		return 10 * time.Minute
	}
	return p.LogWait
}

// lackCordon says whether the scheduler has to be told, or told again, to launch nothing there. Agents that it has never had
// an offer of it cannot use.
func (l *look) lackCordon(agents []master.Agent) bool {
	for _, agent := range agents {
		o := l.offering[agent.ID]
		if o != nil && (o.Cordon == nil || o.Cordon.Until.Sub(l.now) < cordonFor/2) {
			return true
		}
	}
	return false
}

func (a *Agent) cordon(ctx context.Context, agents []master.Agent, reason string) error {
	for _, agent := range agents {
		if err := a.cfg.Scheduler.Cordon(ctx, agent.ID, reason, cordonFor); err != nil {
			return fmt.Errorf("cordoning agent %s: %w", agent.ID, err)
		}
	}
	return nil
}

// waitsFor says in a few words what a drain waits for at the scheduler; "" if for nothing. Logs that cannot be had are waited for
// no longer than logWait after the last task's end.
func (l *look) waitsFor(agents []master.Agent, logWait time.Duration) string {
	tasks, logs := 0, 0
	for _, agent := range agents {
		o := l.offering[agent.ID]
		if o == nil {
			continue
		}
		tasks += o.Tasks
		if o.IdleSince == nil || l.now.Sub(*o.IdleSince) < logWait {
			logs += o.Uncollected
		}
	}
	switch {
	case tasks > 0:
		return fmt.Sprintf("%d of the scheduler's tasks run there", tasks)
	case logs > 0:
		return fmt.Sprintf("the logs of %d tasks are still to be collected", logs)
	}
	return ""
}

// retire takes a machine away that the scheduler does not use any more: steps 3 to 7.
func (a *Agent) retire(ctx context.Context, now time.Time, v *planner.VM, agents []master.Agent) result {
	for _, agent := range agents {
		free, err := a.drainFree(ctx, agent)
		if err != nil || !free {
			return result{err: err}
		}
	}
	a.metrics.drained(drainSoft)
	r := a.leaveOnceGone(ctx, now, v)
	r.events = append([]Event{eventOf(now, EventDrained, &v.VM, "its agent is gone, and no task was ended for it")}, r.events...)
	return r
}

// drainFree drains an agent on which no framework has a task; false if one has.
func (a *Agent) drainFree(ctx context.Context, agent master.Agent) (free bool, err error) {
	free, err = a.isFree(ctx, agent.ID)
	if !free || err != nil {
		return false, err
	}
	if err := a.cfg.Master.Deactivate(ctx, agent.ID); err != nil && !errors.Is(err, master.ErrUnknownAgent) {
		return false, fmt.Errorf("deactivating agent %s: %w", agent.ID, err)
	}
	free, err = a.isFree(ctx, agent.ID)
	if !free || err != nil {
		return false, err
	}
	if err := a.cfg.Master.Drain(ctx, agent.ID); err != nil && !errors.Is(err, master.ErrUnknownAgent) {
		return false, fmt.Errorf("draining agent %s: %w", agent.ID, err)
	}
	return true, nil
}

func (a *Agent) isFree(ctx context.Context, agent string) (bool, error) {
	n, err := a.cfg.Master.Tasks(ctx, agent)
	if err != nil {
		return false, fmt.Errorf("asking the master for the tasks on agent %s: %w", agent, err)
	}
	return n == 0, nil
}

// A master that was told to drain an agent on which nothing runs marks it gone a moment later: it writes that down first.
const (
	goneWithin = 3 * time.Second
	goneAgain  = 200 * time.Millisecond
)

// leaveOnceGone takes the machine away as soon as the master has marked its agent gone. If that takes long it is the next
// round's.
func (a *Agent) leaveOnceGone(ctx context.Context, now time.Time, v *planner.VM) result {
	soon, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	for {
		// Its agent was here a moment ago, and free or to be killed: nobody has to be waited for.
		err := a.mustHaveNoAgent(ctx, guard{intent: v.Intent, givenUp: true})
		if err == nil {
			return a.takeAway(ctx, now, v)
		}
		if !errors.Is(err, errJoinedLate) {
			return result{err: err}
		}
		if pause(soon, goneAgain); soon.Err() != nil {
			return result{}
		}
	}
}

// leave takes a machine away whose agent is gone.
func (a *Agent) leave(ctx context.Context, l *look, v *planner.VM) {
	if !l.masterUp && canHaveAgent(&v.VM) {
		return
	}
	g := a.guard(l, v)
	a.fly(ctx, l, v, verbLeave, func(ctx context.Context) result {
		if err := a.mustHaveNoAgent(ctx, g); err != nil {
			return result{err: err}
		}
		return a.takeAway(ctx, l.now, v)
	})
}

// takeAway does with a machine what its drain's mark says.
func (a *Agent) takeAway(ctx context.Context, now time.Time, v *planner.VM) result {
	api := a.clouds[v.Cloud].cfg.API
	var err error
	done := "deleted"
	switch v.Then {
	case vm.Stop:
		done, err = "stopped", api.Stop(ctx, v.Server)
	case vm.Shelve:
		done, err = "shelved", api.Shelve(ctx, v.Server)
	default:
		err = api.Delete(ctx, a.cfg.Cluster, v.Intent, "")
	}
	if err != nil && typed(err).Kind != openstack.Gone {
		return result{err: err}
	}
	return result{events: []Event{eventOf(now, EventGone, &v.VM, "%s", done)}}
}

// kill drains an agent though tasks run there: an operator has set a limit to the wait for them.
func (a *Agent) kill(ctx context.Context, l *look, v *planner.VM, agents []master.Agent, limit time.Duration) {
	a.event(eventOf(l.now, EventKill, &v.VM, "it has been draining for more than %v: what still runs there is ended, to run again elsewhere", limit))
	a.fly(ctx, l, v, verbKill, func(ctx context.Context) result {
		for _, agent := range agents {
			if err := a.cfg.Master.Drain(ctx, agent.ID); err != nil && !errors.Is(err, master.ErrUnknownAgent) {
				return result{err: fmt.Errorf("draining agent %s: %w", agent.ID, err)}
			}
		}
		a.metrics.drained(drainKilled)
		return a.leaveOnceGone(ctx, l.now, v)
	})
}
