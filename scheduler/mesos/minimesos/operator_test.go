package minimesos

import (
	"net/http"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosagent "github.com/mesos/mesos-go/api/v1/lib/agent"
	mesosmaintenance "github.com/mesos/mesos-go/api/v1/lib/maintenance"
	mesosmaster "github.com/mesos/mesos-go/api/v1/lib/master"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

func agentID(c *Cluster, name string) mesos.AgentID {
	var id string
	c.Look(func(v View) { id = v.AgentID(name) })
	return mesos.AgentID{Value: id}
}

func drain(id mesos.AgentID, gone bool) *mesosmaster.Call {
	return &mesosmaster.Call{Type: mesosmaster.Call_DRAIN_AGENT, DrainAgent: &mesosmaster.Call_DrainAgent{AgentID: id, MarkGone: &gone}}
}

func reactivate(id mesos.AgentID) *mesosmaster.Call {
	return &mesosmaster.Call{Type: mesosmaster.Call_REACTIVATE_AGENT, ReactivateAgent: &mesosmaster.Call_ReactivateAgent{AgentID: id}}
}

func markGone(id mesos.AgentID) *mesosmaster.Call {
	return &mesosmaster.Call{Type: mesosmaster.Call_MARK_AGENT_GONE, MarkAgentGone: &mesosmaster.Call_MarkAgentGone{AgentID: id}}
}

// A drain ends only when the last task's end has been acknowledged.
func TestDrainWaitsForAcknowledgement(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	id := agentID(c, "agent-1")
	if status, _ := operate(t, c, drain(id, false)); status != http.StatusOK {
		t.Fatalf("DRAIN_AGENT: %d", status)
	}
	killed := f.peek("a")
	if killed.GetState() != mesos.TASK_KILLED || killed.GetReason() != mesos.REASON_AGENT_DRAINING {
		t.Fatalf("got %v", killed)
	}
	drainState := func() mesos.DrainState {
		_, response := operate(t, c, &mesosmaster.Call{Type: mesosmaster.Call_GET_AGENTS})
		return response.GetAgents.Agents[0].DrainInfo.GetState()
	}
	if got := drainState(); got != mesos.DrainState_DRAINING {
		t.Errorf("before the acknowledgement it is %v", got)
	}
	if status, _ := operate(t, c, reactivate(id)); status != http.StatusBadRequest {
		t.Errorf("an agent that drains can be reactivated: %d", status)
	}
	f.ack(killed)
	if got := drainState(); got != mesos.DrainState_DRAINED {
		t.Errorf("after the acknowledgement it is %v", got)
	}
	if status, _ := operate(t, c, reactivate(id)); status != http.StatusOK {
		t.Errorf("a drained agent cannot be reactivated: %d", status)
	}
	f.offers()
}

func TestOperatorRefuses(t *testing.T) {
	c := start(t, fast(Instant, 1))
	nobody := mesos.AgentID{Value: "nobody"}
	for _, call := range []struct {
		call *mesosmaster.Call
		want int
	}{
		{drain(nobody, false), 400}, {reactivate(nobody), 400}, {markGone(nobody), 404},
		{&mesosmaster.Call{Type: mesosmaster.Call_DEACTIVATE_AGENT, DeactivateAgent: &mesosmaster.Call_DeactivateAgent{AgentID: nobody}}, 400},
		{&mesosmaster.Call{Type: mesosmaster.Call_TEARDOWN, Teardown: &mesosmaster.Call_Teardown{FrameworkID: mesos.FrameworkID{Value: "x"}}}, 400},
		{&mesosmaster.Call{Type: mesosmaster.Call_DRAIN_AGENT}, 400},
		{&mesosmaster.Call{Type: mesosmaster.Call_GET_WEIGHTS}, 501},
		{schedule(&mesosmaintenance.Window{}), 400},
		{schedule(window("h"), window("h")), 400},
		{schedule(window("")), 400},
	} {
		if status, _ := operate(t, c, call.call); status != call.want {
			t.Errorf("%v: %d, want %d", call.call.Type, status, call.want)
		}
	}
}

func window(host string) *mesosmaintenance.Window {
	return &mesosmaintenance.Window{MachineIDs: []mesos.MachineID{{Hostname: &host}}}
}

func schedule(windows ...*mesosmaintenance.Window) *mesosmaster.Call {
	update := &mesosmaster.Call_UpdateMaintenanceSchedule{}
	for _, w := range windows {
		update.Schedule.Windows = append(update.Schedule.Windows, *w)
	}
	return &mesosmaster.Call{Type: mesosmaster.Call_UPDATE_MAINTENANCE_SCHEDULE, UpdateMaintenanceSchedule: update}
}

// An agent that is gone stays gone: it is not taken back, and its tasks end.
func TestGoneAgentStaysGone(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", "sleep 1000"))
	f.until("a", mesos.TASK_RUNNING)
	id := agentID(c, "agent-1")
	must(t, c.StopAgent("agent-1"))
	must(t, c.ExpireAgent("agent-1"))
	f.next(scheduler.Event_FAILURE)
	for range 2 { // once more does no harm
		if status, _ := operate(t, c, markGone(id)); status != http.StatusOK {
			t.Fatalf("MARK_AGENT_GONE: %d", status)
		}
	}
	must(t, c.ResumeAgent("agent-1"))
	wait(t, c, "the agent has ended its tasks", func(v View) bool { return v.Containers() == 0 })
	c.Look(func(v View) {
		if got := v.Agent(id.Value); got != Gone {
			t.Errorf("the agent is %s", got)
		}
	})
}

func TestOperatorTeardown(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	call := &mesosmaster.Call{Type: mesosmaster.Call_TEARDOWN, Teardown: &mesosmaster.Call_Teardown{FrameworkID: *f.info.ID}}
	if status, _ := operate(t, c, call); status != http.StatusOK {
		t.Fatalf("TEARDOWN: %d", status)
	}
	f.ended()
	_, response := operate(t, c, &mesosmaster.Call{Type: mesosmaster.Call_GET_STATE})
	state := response.GetState
	if len(state.GetFrameworks.Frameworks) != 0 || len(state.GetFrameworks.CompletedFrameworks) != 1 ||
		len(state.GetTasks.Tasks) != 0 || len(state.GetTasks.CompletedTasks) != 1 || len(state.GetAgents.Agents) != 1 {
		t.Errorf("the state is %v", state)
	}
}

func TestReadsInProtobuf(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	for _, kind := range []mesosmaster.Call_Type{
		mesosmaster.Call_GET_HEALTH, mesosmaster.Call_GET_VERSION, mesosmaster.Call_GET_MASTER, mesosmaster.Call_GET_METRICS,
		mesosmaster.Call_GET_AGENTS, mesosmaster.Call_GET_FRAMEWORKS, mesosmaster.Call_GET_EXECUTORS, mesosmaster.Call_GET_TASKS,
		mesosmaster.Call_GET_STATE, mesosmaster.Call_GET_ROLES, mesosmaster.Call_GET_QUOTA,
		mesosmaster.Call_GET_MAINTENANCE_STATUS, mesosmaster.Call_GET_MAINTENANCE_SCHEDULE,
	} {
		call := &mesosmaster.Call{Type: kind}
		if kind == mesosmaster.Call_GET_METRICS {
			call.GetMetrics = &mesosmaster.Call_GetMetrics{}
		}
		if status, response := operate(t, c, call); status != http.StatusOK || response.Type.String() != kind.String() {
			t.Errorf("%v: %d %v", kind, status, response.Type)
		}
	}
	for _, kind := range []mesosagent.Call_Type{
		mesosagent.Call_GET_HEALTH, mesosagent.Call_GET_VERSION, mesosagent.Call_GET_AGENT, mesosagent.Call_GET_CONTAINERS,
		mesosagent.Call_GET_TASKS, mesosagent.Call_GET_FRAMEWORKS, mesosagent.Call_GET_EXECUTORS, mesosagent.Call_GET_STATE,
	} {
		if status, response := askAgent(t, c, "agent-1", &mesosagent.Call{Type: kind}); status != http.StatusOK || response.Type.String() != kind.String() {
			t.Errorf("%v: %d %v", kind, status, response.Type)
		}
	}
	if status, _ := askAgent(t, c, "agent-1", &mesosagent.Call{Type: mesosagent.Call_GET_FLAGS}); status != http.StatusNotImplemented {
		t.Errorf("GET_FLAGS: %d", status)
	}
}

func TestStateOfMaster(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	_, tree := getJSON(t, c.URL()+"/state")
	frameworks := tree.(map[string]any)["frameworks"].([]any)
	task := frameworks[0].(map[string]any)["tasks"].([]any)[0].(map[string]any)
	if task["id"] != "a" || task["state"] != "TASK_RUNNING" {
		t.Errorf("the task is %v", task)
	}
	_, tree = getJSON(t, c.URL()+"/metrics/snapshot")
	metrics := tree.(map[string]any)
	for name, want := range map[string]float64{"master/slaves_active": 1, "master/tasks_running": 1, "master/cpus_used": 0.1,
		"master/cpus_total": 4, "master/frameworks_connected": 1, "master/elected": 1} {
		if metrics[name] != want {
			t.Errorf("%s is %v, want %v", name, metrics[name], want)
		}
	}
}

// Inverse offers go to those who use the agent, and come again when a filter
// has been taken away.
func TestInverseOffers(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_RUNNING)
	both := window("127.0.0.1")
	both.MachineIDs[0].IP = ptr("127.0.0.1")
	if status, _ := operate(t, c, schedule(both)); status != http.StatusOK {
		t.Fatalf("UPDATE_MAINTENANCE_SCHEDULE: %d", status)
	}
	asked := f.next(scheduler.Event_INVERSE_OFFERS).InverseOffers.InverseOffers
	f.call(&scheduler.Call{Type: scheduler.Call_DECLINE_INVERSE_OFFERS, DeclineInverseOffers: &scheduler.Call_DeclineInverseOffers{
		InverseOfferIDs: []mesos.OfferID{asked[0].OfferID}, Filters: &mesos.Filters{RefuseSeconds: ptr(3600.0)}}})
	f.simple(scheduler.Call_REVIVE)
	again := f.next(scheduler.Event_INVERSE_OFFERS).InverseOffers.InverseOffers
	if status, _ := operate(t, c, schedule()); status != http.StatusOK {
		t.Fatalf("UPDATE_MAINTENANCE_SCHEDULE: %d", status)
	}
	if got := f.next(scheduler.Event_RESCIND_INVERSE_OFFER).RescindInverseOffer.InverseOfferID; got != again[0].OfferID {
		t.Errorf("%v is taken back, want %v", got, again[0].OfferID)
	}
}
