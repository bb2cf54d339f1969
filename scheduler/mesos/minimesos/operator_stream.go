package minimesos

import (
	"net/http"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosmaster "github.com/mesos/mesos-go/api/v1/lib/master"
)

// observer is a subscriber of the operator API's event stream.
type observer struct{ stream *stream }

func (m *master) serveObserver(w http.ResponseWriter, r *http.Request, media mediaType) {
	o := &observer{newStream(media)}
	w.Header().Set("Content-Type", string(media))
	m.loop.post(func() {
		if m.running() {
			m.observe(o)
		}
	})
	defer m.loop.post(func() { delete(m.observers, o) })
	o.stream.serve(w, r, m.cut)
}

// observe sends the present state, and from then on every change.
func (m *master) observe(o *observer) {
	m.observers[o] = struct{}{}
	interval := m.opts.HeartbeatInterval.Seconds()
	o.stream.send(operatorEvent{&mesosmaster.Event{Type: mesosmaster.Event_SUBSCRIBED,
		Subscribed: &mesosmaster.Event_Subscribed{GetState: m.stateResponse(), HeartbeatIntervalSeconds: &interval}}})
	m.beatObserver(o)
}

func (m *master) beatObserver(o *observer) {
	if _, there := m.observers[o]; !there || !m.running() {
		return
	}
	o.stream.send(&mesosmaster.Event{Type: mesosmaster.Event_HEARTBEAT})
	m.loop.after(m.opts.HeartbeatInterval, func() { m.beatObserver(o) })
}

// tell sends an event to all observers. It must not point to anything that
// may still change.
func (m *master) tell(event *mesosmaster.Event) {
	for o := range m.observers {
		o.stream.send(operatorEvent{event})
	}
}

func (m *master) observeTaskAdded(t *task) {
	if len(m.observers) > 0 {
		m.tell(&mesosmaster.Event{Type: mesosmaster.Event_TASK_ADDED,
			TaskAdded: &mesosmaster.Event_TaskAdded{Task: taskProto(t)}})
	}
}

func (m *master) observeTaskUpdated(t *task, status *mesos.TaskStatus) {
	if len(m.observers) > 0 {
		state := t.state
		m.tell(&mesosmaster.Event{Type: mesosmaster.Event_TASK_UPDATED, TaskUpdated: &mesosmaster.Event_TaskUpdated{
			FrameworkID: mesos.FrameworkID{Value: t.framework.id}, Status: *status, State: &state}})
	}
}

func (m *master) observeFrameworkAdded(f *framework) {
	if len(m.observers) > 0 {
		described := f.describe()
		described.UnregisteredTime = &mesos.TimeInfo{} // as Mesos sends it
		m.tell(&mesosmaster.Event{Type: mesosmaster.Event_FRAMEWORK_ADDED,
			FrameworkAdded: &mesosmaster.Event_FrameworkAdded{Framework: described}})
	}
}

func (m *master) observeFrameworkUpdated(f *framework) {
	if len(m.observers) > 0 {
		described := f.describe()
		described.UnregisteredTime = &mesos.TimeInfo{}
		m.tell(&mesosmaster.Event{Type: mesosmaster.Event_FRAMEWORK_UPDATED,
			FrameworkUpdated: &mesosmaster.Event_FrameworkUpdated{Framework: described}})
	}
}

func (m *master) observeFrameworkRemoved(f *framework) {
	if len(m.observers) > 0 {
		m.tell(&mesosmaster.Event{Type: mesosmaster.Event_FRAMEWORK_REMOVED,
			FrameworkRemoved: &mesosmaster.Event_FrameworkRemoved{FrameworkInfo: *f.info}})
	}
}

func (m *master) observeAgentAdded(e *agentEntry) {
	if len(m.observers) > 0 {
		m.tell(&mesosmaster.Event{Type: mesosmaster.Event_AGENT_ADDED,
			AgentAdded: &mesosmaster.Event_AgentAdded{Agent: e.describe()}})
	}
}

func (m *master) observeAgentRemoved(e *agentEntry) {
	if len(m.observers) > 0 {
		m.tell(&mesosmaster.Event{Type: mesosmaster.Event_AGENT_REMOVED,
			AgentRemoved: &mesosmaster.Event_AgentRemoved{AgentID: mesos.AgentID{Value: e.id}}})
	}
}
