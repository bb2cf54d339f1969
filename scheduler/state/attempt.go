package state

import (
	"fmt"
	"strings"
	"time"
)

// maxMessage is how much of a status message is kept: enough for a registry's answer, and a bound on what a
// task that fails again and again costs.
const maxMessage = 2048

// rank orders the states of a living task: an update never takes a task back to an earlier one, because updates
// may come twice and, after a failover, late.
func (s TaskState) rank() int {
	switch s {
	case TaskStaging:
		return 0
	case TaskStarting:
		return 1
	case TaskRunning:
		return 2
	case TaskKilling:
		return 3
	}
	if s.Terminal() {
		return 4
	}
	return -1 // tells nothing of how far the task is
}

// Update takes in a status update. An update of an attempt that is not the task's living one changes nothing,
// but if it says that such a twin lives, the twin is killed.
func (s *State) Update(now time.Time, st Status) {
	a := s.find(st.TaskID)
	if a == nil {
		s.killTwin(st)
		return
	}
	a.heard = now
	switch {
	case st.State == TaskFailed && st.Reason == ReasonReconciliation:
		// A reconciliation tells that the task has failed, but not why, so not whose fault it was. The master
		// knows a task that has ended only as long as the agent's own update is not acknowledged; that update
		// comes, again if need be, or the agent is lost and the master tells that.
		s.back(a, st)
	case st.State == TaskUnknown:
		// A master that has lost its registry says this of every task until the agents are back (mesos.proto:
		// the task "may or may not still be running"), also of one that was launched and not heard of yet. So it
		// is waited for as on an unreachable agent. Of a launch that was lost the master says TASK_GONE.
		s.unreachable(now, a, st)
	case st.State.Terminal():
		s.ended(now, a, st)
	case st.State == TaskUnreachable:
		s.unreachable(now, a, st)
	default:
		s.alive(now, a, st)
	}
}

// find returns the live attempt with the Mesos task id, or nil.
func (s *State) find(taskID string) *attempt {
	id, err := ParseAttemptID(taskID)
	if err != nil {
		return nil
	}
	r := s.runs[id.Run]
	if r == nil || r.byName[id.Step] == nil {
		return nil
	}
	t := r.byName[id.Step].tasks[id.Index]
	if t == nil || t.live == nil || t.number != id.Number {
		return nil
	}
	return t.live
}

// killTwin asks for the end of a task that lives though it has been replaced, or its run has ended.
func (s *State) killTwin(st Status) {
	if st.State.Terminal() || st.State == TaskUnreachable || st.State == TaskKilling {
		return
	}
	if id, err := ParseAttemptID(st.TaskID); err == nil {
		s.kills = append(s.kills, Kill{ID: id, Agent: st.Agent})
	}
}

func (s *State) alive(now time.Time, a *attempt, st Status) {
	s.back(a, st)
	if st.State.rank() <= a.rec.State.rank() {
		return
	}
	a.rec.State = st.State
	a.rec.Reason, a.rec.Source, a.rec.Message = st.Reason, st.Source, clip(st.Message)
	if a.rec.Started.IsZero() && st.State == TaskRunning {
		a.rec.Started = now
	}
	s.touchAttempt(a)
	s.rearm(a.task)
}

// back notes that the agent of an attempt is reachable, if it was not.
func (s *State) back(a *attempt, st Status) {
	if a.rec.Unreachable.IsZero() {
		return
	}
	a.rec.Unreachable = time.Time{}
	a.rec.Reason, a.rec.Source, a.rec.Message = st.Reason, st.Source, clip(st.Message)
	s.touchAttempt(a)
	s.rearm(a.task)
}

// unreachable notes since when the agent has been away. An attempt that is to be cancelled is not waited for.
func (s *State) unreachable(now time.Time, a *attempt, st Status) {
	if a.rec.Kill == KillCancel {
		s.endAttempt(now, a, Cancelled)
		return
	}
	if !a.rec.Unreachable.IsZero() {
		s.rearm(a.task) // confirmed in this subscription
		return
	}
	a.rec.Unreachable = now
	a.rec.Reason, a.rec.Source, a.rec.Message = st.Reason, st.Source, clip(st.Message)
	s.touchAttempt(a)
	s.rearm(a.task)
}

// replaceUnreachable declares an attempt lost whose agent has been away for too long. Should it come back, it
// is killed as a twin.
func (s *State) replaceUnreachable(now time.Time, a *attempt) {
	a.rec.State = TaskUnreachable
	a.rec.Message = fmt.Sprintf("declared lost: its agent has been unreachable for %s", s.cfg.UnreachableWait)
	s.endAttempt(now, a, InfraFailed)
}

// ended takes in a terminal status.
func (s *State) ended(now time.Time, a *attempt, st Status) {
	rule := blameFor(st.State, st.Reason, st.Source)
	outcome := rule.Outcome
	message := clip(st.Message)
	switch {
	case outcome == Succeeded:
	case a.task.step.run.cancelled():
		outcome = Cancelled
	case a.rec.Kill == KillLaunch && st.State == TaskKilled:
		message = fmt.Sprintf("killed because it did not start in time (its timeout and %s)", s.cfg.LaunchTimeout)
	case st.Reason == ReasonMaxCompletionTimeReached,
		a.rec.Kill == KillTimeout && (st.State == TaskKilled || st.State == TaskFailed):
		outcome = AuthorFailed
		message = fmt.Sprintf("ran longer than its timeout of %s", a.task.step.spec.Timeout)
	case outcome == AuthorFailed && a.rec.Kill == "" && wasKilled(st):
		message = fmt.Sprintf("%s: killed, probably out of memory (its step has %dMiB)", message, a.task.step.spec.Resources.Mem)
	}
	if outcome == InfraFailed && rule.Limit > 0 {
		a.task.limited++
	}
	a.rec.State, a.rec.Reason, a.rec.Source, a.rec.Message = st.State, st.Reason, st.Source, message
	a.rec.ExitCode = exitCode(st.State, st.Message)
	if a.rec.Started.IsZero() && outcome == Succeeded {
		a.rec.Started = now // the updates in between were lost or are still to come
	}
	s.endAttempt(now, a, outcome)
}

// endAttempt closes the attempt and decides what becomes of its task.
func (s *State) endAttempt(now time.Time, a *attempt, outcome Outcome) {
	t := a.task
	st := t.step
	a.rec.Outcome, a.rec.Ended, a.rec.Unreachable = outcome, now, time.Time{}
	s.touchAttempt(a)
	t.live = nil
	st.live--
	st.ended = now
	s.usage.add(st.run.rec.Project, a.rec.Agent, st.spec.Resources, -1)
	switch outcome {
	case Succeeded:
		if ran, known := a.rec.RunTime(); known {
			s.runTimes.add(st.work(), ran)
			st.ran = st.ran.plus(ran)
		}
		st.succeeded.Add(t.index)
		s.forget(t)
	case Cancelled:
		st.cancelled.Add(t.index)
		s.forget(t)
	default:
		s.afterFailure(now, t, a)
		st.noteFailure(&a.rec)
	}
	s.updateWaiting(st)
	s.maybeEndStep(st)
	s.maybeFinish(now, st.run)
}

// afterFailure plans the next attempt of a task that failed, or gives it up.
func (s *State) afterFailure(now time.Time, t *task, a *attempt) {
	wait, reason := s.nextAttempt(now, t, a)
	if reason != "" {
		if a.rec.Message != "" {
			reason = a.rec.Message + "; " + reason
		}
		a.rec.Message = clip(reason)
		t.step.failed.Add(t.index)
		s.forget(t)
		return
	}
	a.rec.RetryAt = now.Add(wait)
	t.readyAt = a.rec.RetryAt
	s.rearm(t)
}

// avoid keeps the task away from the agent that failed it. An agent has no part in the loss of the framework, nor
// in an offer that was no longer valid.
func (s *State) avoid(t *task, rec *AttemptRecord) {
	if rec.Reason != ReasonFrameworkRemoved && rec.Reason != ReasonInvalidOffers {
		t.avoid = append(t.avoid, avoidance{agent: rec.Agent, until: rec.Ended.Add(s.cfg.AvoidFor)})
	}
}

// noteFailure keeps the failed attempt that says most about the step.
func (st *Step) noteFailure(rec *AttemptRecord) {
	if st.failure == nil || saysMore(rec, st.failure) {
		own := *rec
		st.failure = &own
	}
}

// saysMore tells which of two failed attempts explains their step: one that made its task fail rather than one
// that was followed by another, then the one that ended last.
func saysMore(a, b *AttemptRecord) bool {
	switch final := a.RetryAt.IsZero(); {
	case final != b.RetryAt.IsZero():
		return final
	case !a.Ended.Equal(b.Ended):
		return a.Ended.After(b.Ended)
	}
	return a.ID.Index >= b.ID.Index
}

// nextAttempt counts the failure and returns the wait before the next attempt, or why there is none.
func (s *State) nextAttempt(now time.Time, t *task, a *attempt) (time.Duration, string) {
	retries := t.step.spec.Retries
	if a.rec.Outcome == AuthorFailed {
		t.author++
		switch {
		case t.author > retries.Limit && retries.Limit > 0:
			return 0, fmt.Sprintf("none of %d retries is left", retries.Limit)
		case t.author > retries.Limit:
			return 0, "its step has no retries"
		case !retries.Allows(a.rec.ExitCode):
			return 0, "not an exit code to retry"
		}
		return backoff(retries.Backoff, retries.MaxBackoff, t.author, s.cfg.Seed, a.rec.ID), ""
	}
	t.infra++
	s.avoid(t, &a.rec)
	if limit := blameFor(a.rec.State, a.rec.Reason, a.rec.Source).Limit; limit > 0 && t.limited >= limit {
		return 0, fmt.Sprintf("given up after %d such failures", limit)
	}
	if t.infra > s.cfg.InfraLimit {
		return 0, fmt.Sprintf("given up after %d failures of the infrastructure", t.infra)
	}
	return backoff(s.cfg.InfraBackoff, s.cfg.InfraMaxBackoff, t.infra, s.cfg.Seed, a.rec.ID), ""
}

// kill asks for an attempt's end for the first time.
func (s *State) kill(now time.Time, a *attempt, cause KillCause) {
	a.rec.Kill = cause
	if a.rec.Killed.IsZero() {
		a.rec.Killed = now
	}
	s.touchAttempt(a)
	s.askKill(now, a)
}

// askKill asks for an attempt's end, for the first time or again: a kill may be lost with the master or the agent.
func (s *State) askKill(now time.Time, a *attempt) {
	a.askedAt = now
	s.kills = append(s.kills, Kill{ID: a.rec.ID, Agent: a.rec.Agent})
}

// FrameworkLost ends all live attempts: the master has removed the framework, and its tasks with it.
func (s *State) FrameworkLost(now time.Time) {
	var live []*attempt
	s.eachLive(func(a *attempt) { live = append(live, a) })
	for _, a := range live {
		s.ended(now, a, Status{State: TaskLost, Reason: ReasonFrameworkRemoved, Source: SourceMaster,
			Message: "the master has removed the framework"})
	}
}

// clip shortens a message; what it leaves out is in the middle.
func clip(s string) string {
	s = strings.TrimSpace(s)
	if len(s) <= maxMessage {
		return s
	}
	return s[:maxMessage/2] + " … " + s[len(s)-maxMessage/2:]
}
