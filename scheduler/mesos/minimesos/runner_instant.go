package minimesos

import (
	"cmp"
	"context"
	"errors"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// instantRunner marks agents whose tasks are only told of; see launchInstant.
type instantRunner struct{ localDisk }

func (instantRunner) kind() Runner { return Instant }

func (instantRunner) prepare(context.Context, *containerSpec) error {
	return errors.New("an Instant agent starts no containers")
}

func (instantRunner) start(context.Context, *containerSpec) (container, error) {
	return nil, errors.New("an Instant agent starts no containers")
}

// launchInstant reports what Options.Outcome says becomes of a task. One that ends at once does so when it has been heard
// that it runs: a master has the resources of a task back when its agent knows of the end, even if the framework is still
// to be told that the task runs, and would offer them for more and more tasks whose ends nobody has had time to hear of.
func (a *agent) launchInstant(t *agentTask) {
	outcome := Outcome{}
	if a.c.opts.Outcome != nil {
		outcome = a.c.opts.Outcome(*t.info)
	}
	// TASK_STARTING is the zero value of a state, and nothing ends in it.
	end := cmp.Or(outcome.State, mesos.TASK_FINISHED)
	if end == mesos.TASK_STAGING {
		return
	}
	a.update(t, newStatus(t.id(), a.id, mesos.TASK_RUNNING, mesos.SOURCE_EXECUTOR))
	if end == mesos.TASK_RUNNING {
		return
	}
	finish := func() {
		if isTerminal(t.latest) || t.updates.stopped {
			return
		}
		status := newStatus(t.id(), a.id, end, mesos.SOURCE_EXECUTOR)
		status.Reason, status.Data = outcome.Reason, outcome.Data
		if outcome.Message != "" {
			status.Message = &outcome.Message
		}
		a.update(t, status)
	}
	if outcome.After <= 0 {
		t.heard = finish
		return
	}
	t.instant = a.c.loop.after(outcome.After, finish)
}

func (a *agent) killInstant(t *agentTask) {
	t.killed = true
	t.stopTimers()
	a.update(t, newStatus(t.id(), a.id, mesos.TASK_KILLED, mesos.SOURCE_EXECUTOR))
}
