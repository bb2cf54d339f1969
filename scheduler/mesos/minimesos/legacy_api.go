package minimesos

import (
	"encoding/json"
	"net/http"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// This file is the part of Mesos' older HTTP endpoints that tools read.

// handler is the master's whole HTTP interface. As in Mesos every path is
// also there behind "/master".
func (m *master) handler() http.Handler {
	mux := http.NewServeMux()
	both := func(path string, fn http.HandlerFunc) {
		mux.HandleFunc(path, fn)
		mux.HandleFunc("/master"+path, fn)
	}
	both("/api/v1", m.serveOperator)
	both("/api/v1/scheduler", m.serveScheduler)
	both("/health", func(w http.ResponseWriter, _ *http.Request) { answer{status: http.StatusOK}.write(w) })
	both("/version", m.inLoop(func(*http.Request) answer { return jsonAnswer(versionMap()) }))
	both("/redirect", m.inLoop(m.redirect))
	both("/state", m.inLoop(func(*http.Request) answer { return jsonAnswer(m.state()) }))
	both("/state-summary", m.inLoop(func(*http.Request) answer { return jsonAnswer(m.stateSummary()) }))
	mux.HandleFunc("/metrics/snapshot", m.inLoop(func(*http.Request) answer { return jsonAnswer(m.metricsSnapshot()) }))
	mux.HandleFunc("POST "+joinPath, m.serveJoin)
	mux.HandleFunc("GET "+joinPath+"/{session}", m.serveLine)
	mux.HandleFunc("POST "+joinPath+"/{session}/leave", m.serveLeave)
	return mux
}

// inLoop makes a handler of what belongs to the loop. A cluster that has been
// closed breaks the connection.
func (c *Cluster) inLoop(fn func(*http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var a answer
		if !c.loop.do(func() { a = fn(r) }) {
			panic(errAbort)
		}
		a.write(w)
	}
}

func jsonAnswer(v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic("minimesos: encoding a response: " + err.Error())
	}
	return answer{status: http.StatusOK, media: string(mediaJSON), body: body}
}

// redirect leads to the leading master, which is always this one. Mesos
// leaves the scheme out of the address.
func (m *master) redirect(*http.Request) answer {
	return answer{status: http.StatusTemporaryRedirect, header: [][2]string{{"Location", "//" + m.address.String()}}}
}

func versionMap() map[string]any { return map[string]any{"version": version} }

// object is a JSON object.
type object = map[string]any

func capabilityNames() (out []string) {
	for _, c := range agentCapabilities {
		out = append(out, c.Type.String())
	}
	return out
}

// legacyResources shows an amount as the older endpoints do: the usual
// scalars always, ranges as text.
func legacyResources(amount *bag) object {
	out := object{"cpus": 0.0, "mem": 0.0, "disk": 0.0, "gpus": 0.0}
	for _, s := range amount.scalars {
		out[s.name] = float64(s.milli) / 1000
	}
	for _, r := range amount.ranges {
		out[r.name] = spansString(r.spans)
	}
	return out
}

func attributesMap(attributes []mesos.Attribute) object {
	out := object{}
	for i := range attributes {
		out[attributes[i].Name] = attributes[i].Text.GetValue()
	}
	return out
}

func (m *master) stateSummary() object {
	slaves, frameworks := []object{}, []object{}
	for _, e := range m.agentOrder {
		slaves = append(slaves, e.summary())
	}
	for _, f := range m.order {
		frameworks = append(frameworks, f.summary())
	}
	return object{"hostname": *m.info.Hostname, "cluster": m.opts.ClusterName, "slaves": slaves, "frameworks": frameworks}
}

func (e *agentEntry) summary() object {
	var used, offered bag
	ids := map[string]bool{}
	for f, amount := range e.used {
		used.add(amount)
		ids[f.id] = true
	}
	for o := range e.offers {
		offered.add(&o.amount)
	}
	var tasks []*task
	for t := range e.tasks {
		ids[t.framework.id] = true
		tasks = append(tasks, t)
	}
	out := object{
		"id": e.id, "hostname": e.info.Hostname, "port": e.agent.address.Port, "attributes": attributesMap(e.info.Attributes),
		"pid": e.pid(), "registered_time": seconds(e.registered), "resources": legacyResources(&e.total),
		"used_resources": legacyResources(&used), "offered_resources": legacyResources(&offered),
		"reserved_resources": object{}, "unreserved_resources": legacyResources(&e.total),
		"active": e.connected && !e.inactive(), "deactivated": e.inactive(), "version": version,
		"capabilities": capabilityNames(), "framework_ids": sortedKeys(ids),
	}
	if !e.reregister.IsZero() {
		out["reregistered_time"] = seconds(e.reregister)
	}
	countStates(out, tasks)
	return out
}

// countStates adds the number of tasks in each state, with those states that
// /state-summary has.
func countStates(out object, tasks []*task) {
	for state := range stateNames {
		switch state {
		case mesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR:
		default:
			out[state.String()] = 0
		}
	}
	for _, t := range tasks {
		if n, ok := out[t.state.String()].(int); ok {
			out[t.state.String()] = n + 1
		}
	}
}

func (f *framework) summary() object {
	var used, offered bag
	ids := map[string]bool{}
	var tasks []*task
	for _, t := range f.tasks {
		tasks = append(tasks, t)
		ids[t.entry.id] = true
		if !t.released {
			used.add(&t.amount)
		}
	}
	for _, t := range f.unreachable {
		tasks = append(tasks, t)
	}
	tasks = append(tasks, f.completed...)
	for _, x := range f.executors {
		used.add(&x.amount)
	}
	for o := range f.offers {
		offered.add(&o.amount)
	}
	names := []string{}
	for _, c := range f.info.Capabilities {
		names = append(names, c.Type.String())
	}
	out := object{
		"id": f.id, "name": f.info.Name, "used_resources": legacyResources(&used),
		"offered_resources": legacyResources(&offered), "capabilities": names, "hostname": f.info.GetHostname(),
		"webui_url": f.info.GetWebUiURL(), "active": f.connected(), "connected": f.connected(), "recovered": f.recovered,
		"slave_ids": sortedKeys(ids),
	}
	countStates(out, tasks)
	return out
}

// state is the part of GET /state that tools use to find tasks and agents.
func (m *master) state() object {
	out := m.stateSummary()
	active := 0
	for _, e := range m.agentOrder {
		if e.connected && !e.inactive() {
			active++
		}
	}
	out["version"], out["id"], out["pid"] = version, m.id, *m.info.PID
	out["leader"] = *m.info.PID
	out["start_time"], out["elected_time"] = seconds(m.started), seconds(m.started)
	out["activated_slaves"], out["deactivated_slaves"] = active, len(m.agentOrder)-active
	out["unreachable_slaves"] = len(m.registry.unreachable)
	frameworks, completed := []object{}, []object{}
	for _, f := range m.order {
		frameworks = append(frameworks, f.state())
	}
	for _, f := range m.completed {
		completed = append(completed, f.state())
	}
	out["frameworks"], out["completed_frameworks"] = frameworks, completed
	return out
}

func (f *framework) state() object {
	out := f.summary()
	for key := range out {
		if strings.HasPrefix(key, "TASK_") {
			delete(out, key)
		}
	}
	out["user"], out["checkpoint"], out["roles"] = f.info.User, f.info.GetCheckpoint(), rolesOf(f.info)
	out["failover_timeout"], out["principal"] = f.info.GetFailoverTimeout(), f.info.GetPrincipal()
	out["registered_time"], out["reregistered_time"] = seconds(f.registered), seconds(f.reregistered)
	tasks, unreachable, completed := []object{}, []object{}, []object{}
	for _, t := range f.tasksInOrder() {
		tasks = append(tasks, t.legacy())
	}
	for _, t := range f.unreachable {
		unreachable = append(unreachable, t.legacy())
	}
	for _, t := range f.completed {
		completed = append(completed, t.legacy())
	}
	out["tasks"], out["unreachable_tasks"], out["completed_tasks"] = tasks, unreachable, completed
	return out
}

func (t *task) legacy() object {
	return legacyTask(t.info, t.framework.id, t.executorID.GetValue(), t.state, &t.amount, t.role, t.statuses)
}

func legacyTask(info *mesos.TaskInfo, framework, executor string, state mesos.TaskState, amount *bag, role string, statuses []*mesos.TaskStatus) object {
	list := []object{}
	for _, status := range statuses {
		list = append(list, legacyStatus(status))
	}
	out := object{
		"id": info.TaskID.Value, "name": info.Name, "framework_id": framework, "executor_id": executor,
		"slave_id": info.AgentID.Value, "state": state.String(), "resources": legacyResources(amount), "role": role,
		"statuses": list,
	}
	if info.Labels != nil {
		labels := []object{}
		for _, l := range info.Labels.Labels {
			labels = append(labels, object{"key": l.Key, "value": l.GetValue()})
		}
		out["labels"] = labels
	}
	return out
}

// legacyStatus leaves executor_pid out of the container's status, as Mesos
// does here.
func legacyStatus(status *mesos.TaskStatus) object {
	out := object{"state": status.GetState().String(), "timestamp": status.GetTimestamp()}
	container := status.ContainerStatus
	if container == nil {
		return out
	}
	networks := []object{}
	for _, network := range container.NetworkInfos {
		addresses := []object{}
		for _, a := range network.IPAddresses {
			addresses = append(addresses, object{"protocol": a.GetProtocol().String(), "ip_address": a.GetIPAddress()})
		}
		networks = append(networks, object{"ip_addresses": addresses})
	}
	out["container_status"] = object{"container_id": object{"value": container.ContainerID.GetValue()}, "network_infos": networks}
	return out
}
