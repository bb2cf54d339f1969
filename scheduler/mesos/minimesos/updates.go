package minimesos

import (
	"bytes"
	"time"

	"github.com/google/uuid"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// maxUpdateRetry is the longest time between two sendings of one update
// (STATUS_UPDATE_RETRY_INTERVAL_MAX in src/slave/constants.hpp).
const maxUpdateRetry = 10 * time.Minute

// updateQueue holds the updates of one task that have not been acknowledged.
// Only the first is under way; it is sent again until it is acknowledged.
type updateQueue struct {
	pending  []*mesos.TaskStatus
	timer    *time.Timer
	interval time.Duration
	stopped  bool
	acked    [][]byte // the last uuids, to tell an executor's repetition from news
}

// maxAcked is how many of them are kept. An executor sends again what had not
// been confirmed when its agent died, which is no more than a few.
const maxAcked = 100

func (q *updateQueue) stop() {
	q.stopped = true
	if q.timer != nil {
		q.timer.Stop()
	}
}

// update is how every change of a task's state leaves an agent.
func (a *agent) update(t *agentTask, status *mesos.TaskStatus) {
	if status.UUID == nil {
		id := uuid.New()
		status.UUID = id[:]
	}
	status.AgentID = &mesos.AgentID{Value: a.id}
	if status.ExecutorID == nil && status.GetReason() != mesos.REASON_RECONCILIATION {
		status.ExecutorID = t.executorID()
	}
	if status.Timestamp == nil {
		now := seconds(time.Now())
		status.Timestamp = &now
	}
	a.markDrained(t, status)
	if !isTerminal(t.latest) {
		t.latest = status.GetState()
	}
	t.record(status)
	if t.updates.stopped {
		return
	}
	t.updates.pending = append(t.updates.pending, status)
	if len(t.updates.pending) == 1 {
		a.sendUpdate(t, a.c.opts.UpdateRetryInterval)
	}
}

func (t *agentTask) record(status *mesos.TaskStatus) {
	if n := len(t.statuses); n > 0 && t.statuses[n-1].GetState() == status.GetState() {
		t.statuses[n-1] = status
		return
	}
	t.statuses = append(t.statuses, status)
}

// sendUpdate sends a task's first pending update, and again after interval.
func (a *agent) sendUpdate(t *agentTask, interval time.Duration) {
	q := &t.updates
	if len(q.pending) == 0 || q.stopped {
		return
	}
	status := q.pending[0]
	if q.timer != nil {
		q.timer.Stop()
	}
	q.interval = interval
	q.timer = a.c.loop.after(interval, func() {
		if len(q.pending) > 0 && q.pending[0] == status && a.alive {
			a.sendUpdate(t, min(2*interval, maxUpdateRetry))
		}
	})
	a.toMaster(Message{Kind: "STATUS_UPDATE", Framework: t.framework, Task: t.id(), Status: status}, func(m *master) {
		m.statusUpdate(a, t.framework, status, t.latest)
	})
}

// resendUpdates sends all that is unacknowledged, as after registering again.
func (a *agent) resendUpdates() {
	for _, t := range a.runningTasks() {
		a.sendUpdate(t, a.c.opts.UpdateRetryInterval)
	}
}

// acknowledge takes an acknowledgement from a framework.
func (a *agent) acknowledge(framework, id string, number []byte) {
	t := a.task(framework, id)
	if t == nil || len(t.updates.pending) == 0 {
		return
	}
	q := &t.updates
	status := q.pending[0]
	if !bytes.Equal(status.UUID, number) {
		return
	}
	q.timer.Stop()
	q.pending = q.pending[1:]
	if t.info.Executor != nil && t.executor != nil {
		if len(q.acked) >= maxAcked {
			q.acked = q.acked[1:]
		}
		q.acked = append(q.acked, number)
	}
	if isTerminal(status.GetState()) {
		a.completeTask(t)
		return
	}
	if heard := t.heard; heard != nil && len(q.pending) == 0 {
		t.heard = nil
		heard()
		return
	}
	a.sendUpdate(t, a.c.opts.UpdateRetryInterval)
}

// seen tells whether an executor has sent this update before.
func (q *updateQueue) seen(number []byte) bool {
	for _, status := range q.pending {
		if bytes.Equal(status.UUID, number) {
			return true
		}
	}
	for _, id := range q.acked {
		if bytes.Equal(id, number) {
			return true
		}
	}
	return false
}
