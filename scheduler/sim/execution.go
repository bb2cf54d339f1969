package sim

import (
	"bytes"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// execution is a task on an agent.
type execution struct {
	agent     *agent
	id        string
	framework string
	role      string
	launch    *mesos.Launch
	behaviour Behaviour
	// alive: it may be doing work; stuck: neither ends by itself nor when it is killed. state is that of the last update
	// that was made, reported that of the last sent.
	alive, stuck    bool
	killing         bool
	kills           int
	state, reported state.TaskState
	// updates were not acknowledged; only the first is sent, again and again.
	updates []state.Status
	tries   int
	// begun is when it was launched, asked when it was first asked to end.
	begun, asked time.Duration
}

// start begins the task's life: the container is prepared, runs and ends.
func (x *execution) start() {
	w, b := x.agent.w, &x.behaviour
	if b.Unstartable || x.agent.ill {
		w.soon(b.Start, func() {
			if x.alive {
				x.end(endedInfra, state.TaskFailed, state.ReasonContainerLaunchFailed, state.SourceAgent, "Failed to launch container: no such image")
			}
		})
		return
	}
	if !w.sc.Timing.Quick {
		w.after(b.Start/3, func() {
			if x.alive && !x.killing {
				x.update(state.Status{State: state.TaskStarting, Source: state.SourceExecutor})
			}
		})
	}
	w.soon(b.Start, func() {
		if x.alive && !x.killing {
			x.run()
		}
	})
}

func (x *execution) run() {
	w, b := x.agent.w, &x.behaviour
	x.update(state.Status{State: state.TaskRunning, Source: state.SourceExecutor})
	limit := x.launch.Timeout
	if limit > 0 && !b.Unlimited && (b.Hangs || b.Run > limit) {
		w.after(limit, func() {
			if x.alive && !x.killing && !x.stuck {
				x.end(endedBadly, state.TaskFailed, state.ReasonMaxCompletionTimeReached, state.SourceExecutor, "Command terminated with signal Terminated")
			}
		})
		return
	}
	if !b.Hangs {
		w.after(b.Run, func() {
			if x.alive && !x.killing && !x.stuck {
				x.finish()
			}
		})
	}
}

// finish is the task ending by itself.
func (x *execution) finish() {
	switch end := x.behaviour.End; {
	case end.OutOfMemory:
		x.end(endedBadly, state.TaskFailed, state.ReasonContainerLimitationMemory, state.SourceAgent, "Memory limit exceeded")
	case end.ExitCode != 0:
		x.end(endedBadly, state.TaskFailed, "", state.SourceExecutor, fmt.Sprintf("Container exited with status %d", end.ExitCode))
	default:
		x.end(endedWell, state.TaskFinished, "", state.SourceExecutor, "Container exited with status 0")
	}
}

// end is the task's end, by whatever cause, with its last update.
func (x *execution) end(cause attemptCause, s state.TaskState, reason state.Reason, source state.Source, message string) {
	x.die(cause)
	x.update(state.Status{State: s, Reason: reason, Source: source, Message: message})
}

// die is the end of the task's work.
func (x *execution) die(cause attemptCause) {
	if !x.alive {
		return
	}
	x.alive = false
	w := x.agent.w
	if cause == endedBadly {
		w.failures[taskOf(x.launch.ID)]++
	}
	if w.audit != nil {
		w.audit.ended(x, cause)
	}
	w.meter.ended(x, cause)
}

// kill asks the task to end; it does at once, or when the grace period is over (recording 06), which begins anew with
// each kill (docker/executor.cpp).
func (x *execution) kill(grace time.Duration, reason state.Reason, cause attemptCause) {
	w := x.agent.w
	if x.behaviour.Undying && x.asked == 0 {
		x.asked = w.now
	}
	if !x.alive || x.killing && !x.behaviour.Stubborn || x.stuck || x.behaviour.Undying && w.now-x.asked < 3*time.Minute {
		return
	}
	if !x.killing {
		x.update(state.Status{State: state.TaskKilling, Reason: reason, Source: state.SourceExecutor})
	}
	x.killing = true
	x.kills++
	kills := x.kills
	wait := w.draw(Span{10 * time.Millisecond, 500 * time.Millisecond})
	if x.behaviour.Stubborn {
		wait = grace
	}
	w.after(wait, func() {
		if x.alive && !x.stuck && x.kills == kills {
			x.end(cause, state.TaskKilled, reason, state.SourceExecutor, "Command terminated with signal Terminated")
		}
	})
}

// vanish is the executor ending without a word.
func (x *execution) vanish() {
	x.end(endedInfra, state.TaskFailed, state.ReasonExecutorTerminated, state.SourceAgent, "Executor terminated")
}

// update makes a status update. It is sent once those before it were acknowledged.
func (x *execution) update(st state.Status) {
	a := x.agent
	if x.state.Terminal() && x.state != "" {
		return
	}
	a.w.uuids++
	st.TaskID, st.Agent, st.Time = x.id, a.id, a.w.time()
	st.UUID = fmt.Appendf(nil, "u%d", a.w.uuids)
	x.state = st.State
	if a.w.sc.Timing.Quick {
		a.toMaster(func(e *entry) { a.w.master.update(e, x.framework, st, st.State) })
		if st.State.Terminal() {
			delete(a.executions, x.id)
		}
		return
	}
	x.updates = append(x.updates, st)
	if len(x.updates) == 1 {
		x.send()
	}
}

// heads reports whether the first unacknowledged update has the uuid.
func (x *execution) heads(uuid []byte) bool {
	return len(x.updates) > 0 && bytes.Equal(x.updates[0].UUID, uuid)
}

// send sends the first unacknowledged update, and again after a while.
func (x *execution) send() {
	if len(x.updates) == 0 {
		return
	}
	a, st, latest := x.agent, x.updates[0], x.state
	x.reported = st.State
	a.toMaster(func(e *entry) { a.w.master.update(e, x.framework, st, latest) })
	wait := min(a.w.sc.Timing.Resend<<min(x.tries, 6), 10*time.Minute)
	x.tries++
	tries := x.tries
	a.w.after(wait, func() {
		if x.tries == tries && x.heads(st.UUID) && a.executions[x.id] == x && a.up {
			x.send()
		}
	})
}
