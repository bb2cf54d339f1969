package scheduler

import (
	"sort"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// absent are the living attempts whose agent is unreachable.
type absent map[state.AttemptID]bool

func newAbsent(attempts []state.AttemptRecord) absent {
	away := absent{}
	for i := range attempts {
		if isAway(&attempts[i]) {
			away[attempts[i].ID] = true
		}
	}
	return away
}

func isAway(a *state.AttemptRecord) bool { return a.Outcome == "" && !a.Unreachable.IsZero() }

// losses are what a batch has changed of the attempts on one agent.
type losses struct {
	agent, hostname string
	// How many attempts wait for the agent to come back, go on because it has, were replaced because it has not, or are
	// lost.
	away, back, replaced, lost int
}

// take notes what became of the attempts that changed, and returns it by agent.
func (away absent) take(attempts []state.AttemptRecord) []losses {
	byAgent := map[string]*losses{}
	of := func(a *state.AttemptRecord) *losses {
		l := byAgent[a.Agent]
		if l == nil {
			l = &losses{agent: a.Agent, hostname: a.Hostname}
			byAgent[a.Agent] = l
		}
		return l
	}
	for i := range attempts {
		a := &attempts[i]
		was := away[a.ID]
		switch {
		case isAway(a):
			away[a.ID] = true
			if !was {
				of(a).away++
			}
			continue
		case was && a.Outcome == "":
			of(a).back++
		case a.Outcome == state.InfraFailed && a.State == state.TaskUnreachable:
			of(a).replaced++
		case a.Outcome == state.InfraFailed && isLost(a.State) && a.Reason != state.ReasonFrameworkRemoved:
			of(a).lost++
		}
		delete(away, a.ID)
	}
	list := make([]losses, 0, len(byAgent))
	for _, l := range byAgent {
		list = append(list, *l)
	}
	sort.Slice(list, func(i, k int) bool { return list[i].agent < list[k].agent })
	return list
}

// isLost reports whether a task in the state is nowhere any more, though it has not ended by itself.
func isLost(s state.TaskState) bool {
	return s == state.TaskLost || s == state.TaskGone || s == state.TaskGoneByOperator
}

// tellLosses logs what became of agents with tasks, one line for each agent and batch.
func (r *Reactor) tellLosses(attempts []state.AttemptRecord) {
	for _, l := range r.absent.take(attempts) {
		log := r.log.With("agent", l.agent, "hostname", l.hostname)
		if l.away > 0 {
			log.Warn("agent is unreachable: its tasks are waited for", "tasks", l.away, "for", r.cfg.Limits.UnreachableWait)
		}
		if l.back > 0 {
			log.Info("agent is back: its tasks go on", "tasks", l.back)
		}
		if l.replaced > 0 {
			log.Warn("agent has not come back: its tasks are replaced", "tasks", l.replaced)
		}
		if l.lost > 0 {
			log.Warn("tasks on an agent are lost", "tasks", l.lost)
		}
	}
}
