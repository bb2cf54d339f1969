package metrics

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// callTypes and recordTypes are what a call and a record can be (scheduler.proto). Others become "other": what a master
// sends must not make series without end.
var (
	callTypes = set("SUBSCRIBE", "ACCEPT", "DECLINE", "KILL", "ACKNOWLEDGE", "RECONCILE", "REVIVE", "SUPPRESS",
		"ACCEPT_INVERSE_OFFERS")
	recordTypes = set("SUBSCRIBED", "OFFERS", "INVERSE_OFFERS", "RESCIND", "RESCIND_INVERSE_OFFER", "UPDATE",
		"UPDATE_OPERATION_STATUS", "MESSAGE", "FAILURE", "ERROR", "HEARTBEAT", "UNKNOWN")
)

func set(names ...string) map[string]bool {
	s := map[string]bool{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

func known(types map[string]bool, name string) string {
	if types[name] {
		return name
	}
	return "other"
}

// Observe counts what the driver sees on the wire. It may be called from several goroutines.
func (m *Metrics) Observe(o mesos.Observation) {
	if o.Kind == mesos.ObservedRecord {
		m.records.WithLabelValues(known(recordTypes, o.Type), string(o.Outcome)).Inc()
		m.heartbeat.SetToCurrentTime()
		return
	}
	call := known(callTypes, o.Type)
	m.calls.WithLabelValues(call, string(o.Outcome)).Inc()
	if o.Outcome != mesos.OutcomeDropped {
		m.callDuration.WithLabelValues(call).Observe(o.Took.Seconds())
	}
}

// Heard counts what the master tells.
func (m *Metrics) Heard(e mesos.Event) {
	switch e := e.(type) {
	case mesos.Offers:
		m.offersReceived.Add(float64(len(e.Offers)))
	case mesos.Rescinded:
		m.offersRescinded.Inc()
	case mesos.Subscribed:
		m.subscriptions.Inc()
	case mesos.Disconnected:
		m.disconnects.Inc()
	}
}

// Asked counts what becomes of offers.
func (m *Metrics) Asked(calls []mesos.Call) {
	for _, c := range calls {
		switch c := c.(type) {
		case mesos.Accept:
			m.offersAccepted.Add(float64(len(c.OfferIDs)))
		case mesos.Decline:
			m.offersDeclined.Add(float64(len(c.OfferIDs)))
		}
	}
}

// Launched counts an attempt and how long its task waited for it.
func (m *Metrics) Launched(waited time.Duration) {
	m.taskLaunches.Inc()
	m.taskWait.Observe(waited.Seconds())
}

// Committed counts what a batch has changed. What began or ended in the batch did so at its time.
func (m *Metrics) Committed(at time.Time, c *state.Changes) {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if a.Started.Equal(at) {
			m.taskStarts.Inc()
		}
		if a.Outcome == "" || !a.Ended.Equal(at) {
			continue
		}
		m.taskEnds.WithLabelValues(string(a.Outcome)).Inc()
		if !a.Started.IsZero() {
			m.taskRun.WithLabelValues(string(a.Outcome)).Observe(a.Ended.Sub(a.Started).Seconds())
		}
	}
	for i := range c.Runs {
		r := &c.Runs[i]
		if r.Submitted.Equal(at) {
			m.runSubmissions.Inc()
		}
		if r.Phase.Final() && r.Ended.Equal(at) {
			m.runEnds.WithLabelValues(string(r.Phase)).Inc()
		}
	}
}

// Matching measures a round.
func (m *Metrics) Matching() (ended func()) {
	began := time.Now()
	return func() {
		m.matchDuration.Observe(time.Since(began).Seconds())
		m.lastMatch.SetToCurrentTime()
	}
}

// Committing measures a commit.
func (m *Metrics) Committing() (ended func()) {
	began := time.Now()
	return func() {
		m.commitDuration.Observe(time.Since(began).Seconds())
		m.lastCommit.SetToCurrentTime()
	}
}
