package minimesos

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// counters count what has happened in this life of the master.
type counters struct {
	ends    map[mesos.TaskState]int
	calls   map[scheduler.Call_Type]int
	lost    int // agents that became unreachable or gone
	back    int // agents that registered again
	arrived int // agents that registered for the first time
}

func (c *counters) ended(state mesos.TaskState) {
	if c.ends == nil {
		c.ends = map[mesos.TaskState]int{}
	}
	c.ends[state]++
}

func (c *counters) call(kind scheduler.Call_Type) {
	if c.calls == nil {
		c.calls = map[scheduler.Call_Type]int{}
	}
	c.calls[kind]++
}

// metricsSnapshot are the metrics of GET /metrics/snapshot that minimesos
// keeps, under Mesos' names (docs/monitoring.md of apache/mesos).
func (m *master) metricsSnapshot() map[string]float64 {
	out := map[string]float64{
		"master/elected": 1, "master/uptime_secs": m.uptime(), "master/outstanding_offers": float64(len(m.offers)),
		"master/slave_registrations": float64(m.metrics.arrived), "master/slave_reregistrations": float64(m.metrics.back),
		"master/slave_removals":                         float64(m.metrics.lost),
		"master/slaves_unreachable":                     float64(len(m.registry.unreachable)),
		"master/operator_event_stream_subscribers":      float64(len(m.observers)),
		"master/messages_launch_tasks":                  float64(m.metrics.calls[scheduler.Call_ACCEPT]),
		"master/messages_decline_offers":                float64(m.metrics.calls[scheduler.Call_DECLINE]),
		"master/messages_revive_offers":                 float64(m.metrics.calls[scheduler.Call_REVIVE]),
		"master/messages_suppress_offers":               float64(m.metrics.calls[scheduler.Call_SUPPRESS]),
		"master/messages_kill_task":                     float64(m.metrics.calls[scheduler.Call_KILL]),
		"master/messages_reconcile_tasks":               float64(m.metrics.calls[scheduler.Call_RECONCILE]),
		"master/messages_status_update_acknowledgement": float64(m.metrics.calls[scheduler.Call_ACKNOWLEDGE]),
	}
	m.addAgentMetrics(out)
	m.addFrameworkMetrics(out)
	m.addTaskMetrics(out)
	m.addResourceMetrics(out)
	return out
}

func (m *master) addAgentMetrics(out map[string]float64) {
	for _, name := range []string{"active", "inactive", "connected", "disconnected"} {
		out["master/slaves_"+name] = 0
	}
	for _, e := range m.agentOrder {
		out["master/slaves_"+either(e.connected, "connected", "disconnected")]++
		out["master/slaves_"+either(e.connected && !e.inactive(), "active", "inactive")]++
	}
}

func either(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

func (m *master) addFrameworkMetrics(out map[string]float64) {
	for _, name := range []string{"active", "inactive", "connected", "disconnected"} {
		out["master/frameworks_"+name] = 0
	}
	for _, f := range m.order {
		out["master/frameworks_"+either(f.connected(), "connected", "disconnected")]++
		out["master/frameworks_"+either(f.connected(), "active", "inactive")]++
	}
}

// stateNames are the states that metrics and /state-summary count.
var stateNames = map[mesos.TaskState]string{
	mesos.TASK_STAGING: "staging", mesos.TASK_STARTING: "starting", mesos.TASK_RUNNING: "running",
	mesos.TASK_KILLING: "killing", mesos.TASK_UNREACHABLE: "unreachable",
	mesos.TASK_FINISHED: "finished", mesos.TASK_FAILED: "failed", mesos.TASK_KILLED: "killed", mesos.TASK_LOST: "lost",
	mesos.TASK_ERROR: "error", mesos.TASK_DROPPED: "dropped", mesos.TASK_GONE: "gone",
	mesos.TASK_GONE_BY_OPERATOR: "gone_by_operator",
}

func (m *master) addTaskMetrics(out map[string]float64) {
	for state, name := range stateNames {
		out["master/tasks_"+name] = 0
		if isTerminal(state) {
			out["master/tasks_"+name] = float64(m.metrics.ends[state])
		}
	}
	for _, f := range m.order {
		out["master/tasks_unreachable"] += float64(len(f.unreachable))
		for _, t := range f.tasks {
			if !isTerminal(t.state) {
				out["master/tasks_"+stateNames[t.state]]++
			}
		}
	}
}

func (m *master) addResourceMetrics(out map[string]float64) {
	for _, name := range []string{"cpus", "mem", "disk", "gpus"} {
		var used int64
		for _, e := range m.agentOrder {
			for _, amount := range e.used {
				used += amount.milli(name)
			}
		}
		total := m.total.milli(name)
		out["master/"+name+"_total"], out["master/"+name+"_used"] = float64(total)/1000, float64(used)/1000
		out["master/"+name+"_percent"] = 0
		if total > 0 {
			out["master/"+name+"_percent"] = float64(used) / float64(total)
		}
	}
}

func (m *master) metricsList() (out []mesos.Metric) {
	snapshot := m.metricsSnapshot()
	for _, name := range sortedKeys(snapshot) {
		value := snapshot[name]
		out = append(out, mesos.Metric{Name: name, Value: &value})
	}
	return out
}
