package minimesos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosmaster "github.com/mesos/mesos-go/api/v1/lib/master"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos/mesosjson"
)

// serveOperator answers the operator API, POST /api/v1, in the order of
// checks of Master::Http::api in src/master/http.cpp.
func (m *master) serveOperator(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		methodNotAllowed(r.Method).write(w)
		return
	}
	media, refusal := contentType(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(errAbort)
	}
	call := new(mesosmaster.Call)
	if err := decode(media, body, call, "Call"); err != nil {
		badRequest(err.Error()).write(w)
		return
	}
	if problem := validateOperatorCall(call); problem != "" {
		badRequest("Failed to validate master::Call: " + problem).write(w)
		return
	}
	if media, refusal = acceptedMedia(r); refusal != nil {
		refusal.write(w)
		return
	}
	if call.Type == mesosmaster.Call_SUBSCRIBE {
		m.serveObserver(w, r, media)
		return
	}
	var response answer
	if !m.loop.do(func() { response = m.operate(call, media) }) {
		panic(errAbort)
	}
	response.write(w)
}

func validateOperatorCall(call *mesosmaster.Call) string {
	missing := ""
	switch call.Type {
	case mesosmaster.Call_UNKNOWN:
		missing = "type"
	case mesosmaster.Call_DRAIN_AGENT:
		if call.DrainAgent == nil {
			missing = "drain_agent"
		}
	case mesosmaster.Call_DEACTIVATE_AGENT:
		if call.DeactivateAgent == nil {
			missing = "deactivate_agent"
		}
	case mesosmaster.Call_REACTIVATE_AGENT:
		if call.ReactivateAgent == nil {
			missing = "reactivate_agent"
		}
	case mesosmaster.Call_MARK_AGENT_GONE:
		if call.MarkAgentGone == nil {
			missing = "mark_agent_gone"
		}
	case mesosmaster.Call_TEARDOWN:
		if call.Teardown == nil {
			missing = "teardown"
		}
	case mesosmaster.Call_UPDATE_MAINTENANCE_SCHEDULE:
		if call.UpdateMaintenanceSchedule == nil {
			missing = "update_maintenance_schedule"
		}
	case mesosmaster.Call_GET_METRICS:
		if call.GetMetrics == nil {
			missing = "get_metrics"
		}
	}
	if missing == "" {
		return ""
	}
	return "Expecting '" + missing + "' to be present"
}

// operate does what an operator asks for.
func (m *master) operate(call *mesosmaster.Call, media mediaType) answer {
	switch call.Type {
	case mesosmaster.Call_DRAIN_AGENT:
		return m.drainAgent(call.DrainAgent)
	case mesosmaster.Call_DEACTIVATE_AGENT:
		return m.deactivateAgent(call.DeactivateAgent.AgentID.Value)
	case mesosmaster.Call_REACTIVATE_AGENT:
		return m.reactivateAgent(call.ReactivateAgent.AgentID.Value)
	case mesosmaster.Call_MARK_AGENT_GONE:
		return m.markAgentGone(call.MarkAgentGone.AgentID.Value)
	case mesosmaster.Call_TEARDOWN:
		return m.teardown(call.Teardown.FrameworkID.Value)
	case mesosmaster.Call_UPDATE_MAINTENANCE_SCHEDULE:
		return m.updateSchedule(&call.UpdateMaintenanceSchedule.Schedule)
	}
	response := m.read(call)
	if response == nil {
		return text(http.StatusNotImplemented, fmt.Sprintf("%s is not supported by minimesos", call.Type))
	}
	return respond(media, http.StatusOK, response)
}

func respond(media mediaType, status int, m message) answer {
	body, err := encode(media, m)
	if err != nil {
		panic("minimesos: encoding a response: " + err.Error())
	}
	return answer{status: status, media: string(media), body: body}
}

// isKnown tells whether an agent is one that an operator may speak of.
func (m *master) isKnown(id string) bool {
	_, unreachable := m.registry.unreachable[id]
	return m.agents[id] != nil || m.recovered[id] != nil || unreachable
}

func (m *master) deactivateAgent(id string) answer {
	if !m.isKnown(id) {
		return badRequest("Unknown agent")
	}
	m.registry.deactivated[id] = true
	if e := m.agents[id]; e != nil {
		m.rescindAll(e)
	}
	return answer{status: http.StatusOK}
}

func (m *master) reactivateAgent(id string) answer {
	if !m.registry.deactivated[id] {
		return badRequest("Agent is not deactivated")
	}
	if drain := m.registry.draining[id]; drain != nil && drain.State == mesos.DrainState_DRAINING {
		return badRequest("Agent is still in the DRAINING state")
	}
	delete(m.registry.draining, id)
	delete(m.registry.drainStart, id)
	delete(m.registry.deactivated, id)
	if m.agents[id] == nil {
		return text(http.StatusConflict, "Agent removed while processing the call")
	}
	m.allocateNow = true
	return answer{status: http.StatusOK}
}

func (m *master) markAgentGone(id string) answer {
	if _, gone := m.registry.gone[id]; gone {
		return answer{status: http.StatusOK}
	}
	if !m.isKnown(id) {
		return text(http.StatusNotFound, "Agent '"+id+"' not found")
	}
	if e := m.agents[id]; e != nil {
		m.markGone(e)
		return answer{status: http.StatusOK}
	}
	m.registry.gone[id] = timeInfo(time.Now())
	delete(m.recovered, id)
	delete(m.registry.admitted, id)
	m.registry.forget(id)
	return answer{status: http.StatusOK}
}

func (m *master) teardown(id string) answer {
	f := m.frameworks[id]
	if f == nil {
		return badRequest("No framework found with ID " + id)
	}
	m.removeFramework(f)
	return answer{status: http.StatusOK}
}

// drainAgent takes an agent's offers back and makes it kill its tasks.
func (m *master) drainAgent(call *mesosmaster.Call_DrainAgent) answer {
	id := call.AgentID.Value
	if !m.isKnown(id) {
		return badRequest("Unknown agent")
	}
	markGone := call.GetMarkGone()
	config := mesos.DrainConfig{MarkGone: &markGone}
	if grace := call.MaxGracePeriod; grace != nil {
		config.MaxGracePeriod = &mesos.DurationInfo{Nanoseconds: grace.Seconds*1e9 + int64(grace.Nanos)}
	}
	m.registry.draining[id] = &mesos.DrainInfo{State: mesos.DrainState_DRAINING, Config: config}
	m.registry.deactivated[id] = true
	e := m.agents[id]
	if e == nil {
		return answer{status: http.StatusOK}
	}
	m.rescindAll(e)
	// Mesos keeps whole seconds here (createAgentResponse).
	m.registry.drainStart[id] = timeInfo(time.Now().Truncate(time.Second))
	m.drainIfDraining(e)
	m.checkDrained(e)
	return answer{status: http.StatusOK}
}

// drainIfDraining gives an agent its orders, also when it has come back.
func (m *master) drainIfDraining(e *agentEntry) {
	drain := m.registry.draining[e.id]
	if drain == nil {
		return
	}
	config := drain.Config
	m.toAgent(e, Message{Kind: "DRAIN"}, func(a *agent) { a.startDrain(&config) })
}

// checkDrained ends a drain when the agent's last task has been acknowledged.
func (m *master) checkDrained(e *agentEntry) {
	drain := m.registry.draining[e.id]
	if drain == nil || drain.State == mesos.DrainState_DRAINED || len(e.tasks) > 0 || e.removed {
		return
	}
	if drain.Config.GetMarkGone() {
		m.markGone(e)
		return
	}
	m.registry.draining[e.id] = &mesos.DrainInfo{State: mesos.DrainState_DRAINED, Config: drain.Config}
}

// startDrain kills all that the agent runs.
func (a *agent) startDrain(config *mesos.DrainConfig) {
	order := &drainOrder{markGone: config.GetMarkGone()}
	if grace := config.GetMaxGracePeriod(); grace != nil {
		limit := time.Duration(grace.Nanoseconds)
		order.grace = &limit
	}
	tasks := a.runningTasks()
	if len(tasks) == 0 {
		return
	}
	a.drain = order
	for _, t := range tasks {
		a.kill(t.framework, t.id(), nil)
	}
}

// markDrained marks updates of tasks that a drain kills (Slave::statusUpdate
// in src/slave/slave.cpp).
func (a *agent) markDrained(t *agentTask, status *mesos.TaskStatus) {
	if a.drain == nil {
		return
	}
	switch status.GetState() {
	case mesos.TASK_KILLING, mesos.TASK_KILLED:
		status.Reason = mesos.REASON_AGENT_DRAINING.Enum()
		if f := a.frameworks[t.framework]; a.drain.markGone && f != nil && f.can.partitionAware {
			status.State = mesos.TASK_GONE_BY_OPERATOR.Enum()
		}
	}
}

// operatorResponse adds to the JSON form what the generated types lack:
// AgentInfo.checkpoint and the (empty) offer constraints of frameworks.
type operatorResponse struct{ *mesosmaster.Response }

func (r operatorResponse) json() []byte { return complete(mesosjson.Marshal(r.Response)) }

// operatorEvent does the same for events.
type operatorEvent struct{ *mesosmaster.Event }

func (e operatorEvent) json() []byte { return complete(mesosjson.Marshal(e.Event)) }

func complete(data []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		panic("minimesos: reading a response that was just written: " + err.Error())
	}
	completeTree(tree)
	out, err := json.Marshal(tree)
	if err != nil {
		panic("minimesos: encoding a response: " + err.Error())
	}
	return out
}

func completeTree(tree any) {
	switch tree := tree.(type) {
	case []any:
		for _, element := range tree {
			completeTree(element)
		}
	case map[string]any:
		if info, ok := tree["agent_info"].(map[string]any); ok {
			info["checkpoint"] = true
		}
		for _, key := range []string{"frameworks", "completed_frameworks"} {
			addConstraints(tree[key])
		}
		for _, element := range tree {
			completeTree(element)
		}
	}
}

func addConstraints(list any) {
	frameworks, _ := list.([]any)
	for _, f := range frameworks {
		if object, ok := f.(map[string]any); ok && object["framework_info"] != nil {
			object["offer_constraints"] = map[string]any{}
		}
	}
}
