package minimesos

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosmaster "github.com/mesos/mesos-go/api/v1/lib/master"
	mesosquota "github.com/mesos/mesos-go/api/v1/lib/quota"
)

// read answers the GET_… calls of the operator API; nil for one that is not
// among those that minimesos knows.
func (m *master) read(call *mesosmaster.Call) message {
	r := &mesosmaster.Response{Type: mesosmaster.Response_Type(mesosmaster.Response_Type_value[call.Type.String()])}
	switch call.Type {
	case mesosmaster.Call_GET_HEALTH:
		r.GetHealth = &mesosmaster.Response_GetHealth{Healthy: true}
	case mesosmaster.Call_GET_VERSION:
		r.GetVersion = &mesosmaster.Response_GetVersion{VersionInfo: versionInfo()}
	case mesosmaster.Call_GET_MASTER:
		started := seconds(m.started)
		r.GetMaster = &mesosmaster.Response_GetMaster{MasterInfo: m.info, StartTime: &started, ElectedTime: &started}
	case mesosmaster.Call_GET_METRICS:
		r.GetMetrics = &mesosmaster.Response_GetMetrics{Metrics: m.metricsList()}
	case mesosmaster.Call_GET_AGENTS:
		r.GetAgents = m.agentsResponse()
	case mesosmaster.Call_GET_FRAMEWORKS:
		r.GetFrameworks = m.frameworksResponse()
	case mesosmaster.Call_GET_EXECUTORS:
		r.GetExecutors = m.executorsResponse()
	case mesosmaster.Call_GET_TASKS:
		r.GetTasks = m.tasksResponse()
	case mesosmaster.Call_GET_STATE:
		r.GetState = m.stateResponse()
	case mesosmaster.Call_GET_ROLES:
		r.GetRoles = &mesosmaster.Response_GetRoles{Roles: m.rolesResponse()}
	case mesosmaster.Call_GET_QUOTA:
		r.GetQuota = &mesosmaster.Response_GetQuota{Status: mesosquota.QuotaStatus{}}
	case mesosmaster.Call_GET_MAINTENANCE_STATUS:
		r.GetMaintenanceStatus = &mesosmaster.Response_GetMaintenanceStatus{Status: m.maintenanceStatus()}
	case mesosmaster.Call_GET_MAINTENANCE_SCHEDULE:
		r.GetMaintenanceSchedule = &mesosmaster.Response_GetMaintenanceSchedule{Schedule: m.registry.schedule()}
	default:
		return nil
	}
	return operatorResponse{r}
}

// versionInfo leaves out when and from what Mesos was built: it was not.
func versionInfo() mesos.VersionInfo { return mesos.VersionInfo{Version: version} }

func (m *master) stateResponse() *mesosmaster.Response_GetState {
	return &mesosmaster.Response_GetState{GetTasks: m.tasksResponse(), GetExecutors: m.executorsResponse(),
		GetFrameworks: m.frameworksResponse(), GetAgents: m.agentsResponse()}
}

func (m *master) agentsResponse() *mesosmaster.Response_GetAgents {
	out := &mesosmaster.Response_GetAgents{}
	for _, e := range m.agentOrder {
		out.Agents = append(out.Agents, e.describe())
	}
	for _, a := range m.recovered {
		out.RecoveredAgents = append(out.RecoveredAgents, *a.info)
	}
	return out
}

// agentCapabilities are those of an agent of Mesos 1.12.
var agentCapabilities = []mesos.AgentInfo_Capability{
	{Type: mesos.AgentInfo_Capability_MULTI_ROLE}, {Type: mesos.AgentInfo_Capability_HIERARCHICAL_ROLE},
	{Type: mesos.AgentInfo_Capability_RESERVATION_REFINEMENT}, {Type: mesos.AgentInfo_Capability_RESOURCE_PROVIDER},
	{Type: mesos.AgentInfo_Capability_RESIZE_VOLUME}, {Type: mesos.AgentInfo_Capability_AGENT_OPERATION_FEEDBACK},
	{Type: mesos.AgentInfo_Capability_AGENT_DRAINING}, {Type: mesos.AgentInfo_Capability_TASK_RESOURCE_LIMITS},
}

func (e *agentEntry) describe() mesosmaster.Response_GetAgents_Agent {
	deactivated, pid, registered := e.inactive(), e.pid(), timeInfo(e.registered)
	registry := e.agent.c.registry
	out := mesosmaster.Response_GetAgents_Agent{
		AgentInfo: *e.info, Active: e.connected && !deactivated, Deactivated: &deactivated, Version: version, PID: &pid,
		RegisteredTime: &registered, TotalResources: unreserved(e.info.Resources),
		AllocatedResources: e.allocatedResources(), OfferedResources: e.offeredResources(),
		Capabilities: agentCapabilities, DrainInfo: registry.draining[e.id],
	}
	if !e.reregister.IsZero() {
		again := timeInfo(e.reregister)
		out.ReregisteredTime = &again
	}
	if start, ok := registry.drainStart[e.id]; ok {
		out.EstimatedDrainStartTime = &start
	}
	return out
}

// unreserved adds the role of unreserved resources to an agent's own list.
func unreserved(resources []mesos.Resource) []mesos.Resource {
	out := slices.Clone(resources)
	for i := range out {
		out[i].Role = &anyRole
	}
	return out
}

// allocatedResources are what tasks and custom executors use, by role.
func (e *agentEntry) allocatedResources() []mesos.Resource {
	byRole := map[string]*bag{}
	for t := range e.tasks {
		if !t.released {
			addTo(byRole, t.role, &t.amount)
		}
	}
	for f := range e.used {
		for key, x := range f.executors {
			if key.agent == e.id {
				addTo(byRole, x.role, &x.amount)
			}
		}
	}
	return resourcesByRole(byRole)
}

func (e *agentEntry) offeredResources() []mesos.Resource {
	byRole := map[string]*bag{}
	for o := range e.offers {
		addTo(byRole, o.role, &o.amount)
	}
	return resourcesByRole(byRole)
}

func addTo(byRole map[string]*bag, role string, amount *bag) {
	if byRole[role] == nil {
		byRole[role] = &bag{}
	}
	byRole[role].add(amount)
}

func resourcesByRole(byRole map[string]*bag) (out []mesos.Resource) {
	for _, role := range sortedKeys(byRole) {
		out = append(out, byRole[role].resources(&anyRole, &mesos.Resource_AllocationInfo{Role: &role})...)
	}
	return out
}

func (m *master) frameworksResponse() *mesosmaster.Response_GetFrameworks {
	out := &mesosmaster.Response_GetFrameworks{}
	for _, f := range m.order {
		out.Frameworks = append(out.Frameworks, f.describe())
	}
	for _, f := range m.completed {
		out.CompletedFrameworks = append(out.CompletedFrameworks, f.describe())
	}
	return out
}

func (f *framework) describe() mesosmaster.Response_GetFrameworks_Framework {
	registered, again := timeInfo(f.registered), timeInfo(f.reregistered)
	out := mesosmaster.Response_GetFrameworks_Framework{
		FrameworkInfo: *f.info, Active: f.connected(), Connected: f.connected(), Recovered: f.recovered,
		RegisteredTime: &registered, ReregisteredTime: &again,
	}
	if f.removed {
		gone := timeInfo(f.unregistered)
		out.UnregisteredTime = &gone
		return out
	}
	used, offered := map[string]*bag{}, map[string]*bag{}
	for _, t := range f.tasks {
		if !t.released {
			addTo(used, t.role, &t.amount)
		}
	}
	for _, x := range f.executors {
		addTo(used, x.role, &x.amount)
	}
	for _, o := range sortedOffers(f.offers) {
		addTo(offered, o.role, &o.amount)
		shown := *o.proto
		shown.Resources = slices.Clone(shown.Resources)
		for i := range shown.Resources {
			shown.Resources[i].Role = nil // as Mesos shows them here
		}
		out.Offers = append(out.Offers, shown)
	}
	out.AllocatedResources, out.OfferedResources = resourcesByRole(used), resourcesByRole(offered)
	return out
}

func (m *master) executorsResponse() *mesosmaster.Response_GetExecutors {
	out := &mesosmaster.Response_GetExecutors{}
	for _, f := range m.order {
		for _, x := range f.executors {
			out.Executors = append(out.Executors, mesosmaster.Response_GetExecutors_Executor{
				ExecutorInfo: *x.info, AgentID: mesos.AgentID{Value: x.entry.id}})
		}
	}
	return out
}

func (m *master) tasksResponse() *mesosmaster.Response_GetTasks {
	out := &mesosmaster.Response_GetTasks{}
	for _, f := range slices.Concat(m.order, m.completed) {
		for _, t := range f.tasksInOrder() {
			out.Tasks = append(out.Tasks, taskProto(t))
		}
		for _, t := range f.unreachable {
			out.UnreachableTasks = append(out.UnreachableTasks, taskProto(t))
		}
		for _, t := range f.completed {
			out.CompletedTasks = append(out.CompletedTasks, taskProto(t))
		}
	}
	return out
}

func taskProto(t *task) mesos.Task {
	out := describeTask(t.info, t.framework.id, t.state, t.resources, t.statuses)
	out.ExecutorID = t.executorID
	out.StatusUpdateState, out.StatusUpdateUUID = t.forwarded, t.uuid
	return out
}

// describeTask follows protobuf::createTask of src/common/protobuf_utils.cpp.
func describeTask(info *mesos.TaskInfo, framework string, state mesos.TaskState, resources []mesos.Resource, statuses []*mesos.TaskStatus) mesos.Task {
	out := mesos.Task{
		Name: info.Name, TaskID: info.TaskID, FrameworkID: mesos.FrameworkID{Value: framework}, AgentID: info.AgentID,
		State: &state, Resources: resources, Labels: info.Labels, Discovery: info.Discovery, Container: info.Container,
		HealthCheck: info.HealthCheck, KillPolicy: info.KillPolicy,
	}
	if info.Command != nil {
		out.User = info.Command.User
	}
	for _, status := range statuses {
		out.Statuses = append(out.Statuses, *status)
	}
	return out
}

// rolesResponse shows of each role in use what is offered or in use, scalars
// only and by name.
func (m *master) rolesResponse() []mesos.Role {
	amounts, members := map[string]*bag{}, map[string][]mesos.FrameworkID{}
	for _, f := range m.order {
		for role, state := range f.roles {
			addTo(amounts, role, &bag{scalars: state.allocated.scalars})
			members[role] = append(members[role], mesos.FrameworkID{Value: f.id})
		}
	}
	var out []mesos.Role
	for _, name := range sortedKeys(amounts) {
		amount := amounts[name]
		slices.SortFunc(amount.scalars, func(a, b scalar) int { return cmpString(a.name, b.name) })
		out = append(out, mesos.Role{Name: name, Weight: 1, Frameworks: members[name], Resources: amount.resources(nil, nil)})
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// uptime is for metrics.
func (m *master) uptime() float64 { return time.Since(m.started).Seconds() }
