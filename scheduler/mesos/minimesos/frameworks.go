package minimesos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// framework is the master's record of one framework.
type framework struct {
	m    *master
	id   string
	info *mesos.FrameworkInfo
	can  capabilities

	// stream is nil while the framework is disconnected. A framework that is
	// only known from an agent, after a restart, is recovered until it is back.
	stream    *stream
	streamID  string
	recovered bool
	removed   bool
	heartbeat *time.Timer
	failover  *time.Timer

	roles       map[string]*roleState // of the roles that it is subscribed to
	left        map[string]*roleState // roles that it left with resources in them
	tasks       map[string]*task
	unreachable map[string]*task
	completed   []*task // oldest first, at most maxCompletedTasks
	executors   map[executorKey]*executorEntry
	offers      map[*offer]struct{}
	inverse     map[*inverseOffer]struct{}
	sequence    int // of tasks

	registered, reregistered, unregistered time.Time
}

// capabilities are those of FrameworkInfo.Capability that change answers.
type capabilities struct{ partitionAware, taskKilling, multiRole, gpus bool }

func capabilitiesOf(info *mesos.FrameworkInfo) (can capabilities) {
	for _, c := range info.Capabilities {
		switch c.Type {
		case mesos.FrameworkInfo_Capability_PARTITION_AWARE:
			can.partitionAware = true
		case mesos.FrameworkInfo_Capability_TASK_KILLING_STATE:
			can.taskKilling = true
		case mesos.FrameworkInfo_Capability_MULTI_ROLE:
			can.multiRole = true
		case mesos.FrameworkInfo_Capability_GPU_RESOURCES:
			can.gpus = true
		}
	}
	return can
}

// rolesOf is where a framework's offers come from: roles, or role for one
// without MULTI_ROLE.
func rolesOf(info *mesos.FrameworkInfo) []string {
	if capabilitiesOf(info).multiRole {
		return info.Roles
	}
	return []string{info.GetRole()}
}

// executorKey names an executor within a framework.
type executorKey struct{ agent, executor string }

// executorEntry is the master's record of a custom executor.
type executorEntry struct {
	info   *mesos.ExecutorInfo
	entry  *agentEntry
	amount bag
	role   string
}

func newFramework(m *master, id string, info *mesos.FrameworkInfo) *framework {
	f := &framework{
		m: m, id: id,
		roles:       map[string]*roleState{},
		left:        map[string]*roleState{},
		tasks:       map[string]*task{},
		unreachable: map[string]*task{},
		executors:   map[executorKey]*executorEntry{},
		offers:      map[*offer]struct{}{},
		inverse:     map[*inverseOffer]struct{}{},
		registered:  time.Now(),
	}
	f.reregistered = f.registered
	f.update(info, nil)
	return f
}

// update takes over a new FrameworkInfo; the roles in suppressed get no offers.
func (f *framework) update(info *mesos.FrameworkInfo, suppressed []string) {
	f.info = info
	f.info.ID = &mesos.FrameworkID{Value: f.id}
	f.can = capabilitiesOf(info)
	wanted := rolesOf(info)
	for _, role := range wanted {
		if f.roles[role] == nil {
			f.roles[role] = cmp.Or(f.left[role], newRoleState(f, role))
			delete(f.left, role)
		}
		f.roles[role].suppressed = slices.Contains(suppressed, role)
	}
	for role, state := range f.roles {
		if !slices.Contains(wanted, role) {
			f.left[role] = state
			delete(f.roles, role)
		}
	}
}

// roleState finds the record of a role, also of one that was left.
func (f *framework) roleState(role string) *roleState {
	if state := f.roles[role]; state != nil {
		return state
	}
	if f.left[role] == nil {
		f.left[role] = newRoleState(f, role)
	}
	return f.left[role]
}

func (f *framework) connected() bool { return f.stream != nil }

// send passes an event to the framework, through the tap. Events for a
// framework that is not connected are lost, as in Mesos.
func (f *framework) send(event *scheduler.Event) {
	if f.m.tap == nil {
		f.deliver(event)
		return
	}
	f.m.pass(eventMessage(f, event), func() { f.deliver(event) })
}

func (f *framework) deliver(event *scheduler.Event) {
	if f.stream != nil {
		f.stream.send(event)
	}
}

func (f *framework) complete(t *task) {
	if len(f.completed) >= maxCompletedTasks {
		f.completed[0] = nil
		f.completed = f.completed[1:]
	}
	f.completed = append(f.completed, t)
}

// tasksInOrder are the running tasks in the order of their launch.
func (f *framework) tasksInOrder() []*task {
	return slices.SortedFunc(maps.Values(f.tasks), func(a, b *task) int { return a.sequence - b.sequence })
}

// subscribe answers a SUBSCRIBE call on a stream that is already open.
func (m *master) subscribe(s *stream, streamID string, call *scheduler.Call_Subscribe) {
	info := call.FrameworkInfo
	if problem := validateFramework(info); problem != "" {
		refuse(s, problem)
		return
	}
	id := info.ID.GetValue()
	if m.isCompleted(id) {
		refuse(s, "Framework has been removed")
		return
	}
	f := m.frameworks[id]
	added := f == nil
	switch {
	case added:
		f = m.addFramework(id, info, call.SuppressedRoles)
	case f.recovered:
		f.recovered = false
		f.update(info, call.SuppressedRoles)
	case unchangeable(f.info, info) != "":
		refuse(s, unchangeable(f.info, info))
		return
	default:
		m.failOver(f)
		f.update(info, call.SuppressedRoles)
	}
	m.connect(f, s, streamID)
	if added {
		m.observeFrameworkAdded(f)
	} else {
		m.observeFrameworkUpdated(f)
	}
}

func refuse(s *stream, problem string) {
	s.send(&scheduler.Event{Type: scheduler.Event_ERROR, Error: &scheduler.Event_Error{Message: problem}})
	s.end()
}

func (m *master) isCompleted(id string) bool {
	return slices.ContainsFunc(m.completed, func(f *framework) bool { return f.id == id })
}

func (m *master) addFramework(id string, info *mesos.FrameworkInfo, suppressed []string) *framework {
	if id == "" {
		id = fmt.Sprintf("%s-%04d", m.id, m.nextFramework)
		m.nextFramework++
	}
	f := newFramework(m, id, info)
	f.update(info, suppressed)
	m.frameworks[id] = f
	m.order = append(m.order, f)
	return f
}

// failOver ends the earlier subscription of a framework that subscribes again.
func (m *master) failOver(f *framework) {
	if f.failover != nil {
		f.failover.Stop()
		f.failover = nil
	}
	if f.stream != nil {
		f.stream.send(&scheduler.Event{Type: scheduler.Event_ERROR, Error: &scheduler.Event_Error{Message: "Framework failed over"}})
		f.stream.end()
		f.stream = nil
	}
	m.dropOffers(f, false)
	f.reregistered = time.Now()
}

// connect makes s the framework's stream and starts its heartbeat.
func (m *master) connect(f *framework, s *stream, streamID string) {
	f.stream, f.streamID = s, streamID
	interval := m.opts.HeartbeatInterval.Seconds()
	f.send(&scheduler.Event{Type: scheduler.Event_SUBSCRIBED, Subscribed: &scheduler.Event_Subscribed{
		FrameworkID: &mesos.FrameworkID{Value: f.id}, HeartbeatIntervalSeconds: &interval, MasterInfo: m.info}})
	m.beat(f, s)
	for _, role := range f.roles {
		role.filters = map[*agentEntry][]filter{}
	}
	m.allocateNow = true
	for _, entry := range m.agentOrder {
		m.toAgent(entry, Message{Kind: "UPDATE_FRAMEWORK", Framework: f.id}, func(a *agent) { a.updateFramework(f.info) })
	}
}

// beat sends a heartbeat now and at every interval, for as long as s lasts.
func (m *master) beat(f *framework, s *stream) {
	if f.stream != s {
		return
	}
	f.send(&scheduler.Event{Type: scheduler.Event_HEARTBEAT})
	f.heartbeat = m.loop.after(m.opts.HeartbeatInterval, func() { m.beat(f, s) })
}

// streamClosed is called when a subscriber has gone away.
func (m *master) streamClosed(s *stream) {
	for _, f := range m.order {
		if f.stream != s {
			continue
		}
		m.disconnect(f)
		f.failover = m.loop.after(failoverTime(f.info), func() {
			if !f.removed && !f.connected() && m.running() {
				m.removeFramework(f)
			}
		})
		return
	}
}

// failoverTime is how long a framework may be away; no timer is needed for
// times beyond a century.
func failoverTime(info *mesos.FrameworkInfo) time.Duration {
	return time.Duration(min(info.GetFailoverTimeout(), 100*365*24*3600) * float64(time.Second))
}

func (m *master) disconnect(f *framework) {
	if f.stream != nil {
		f.stream.end()
		f.stream = nil
	}
	if f.heartbeat != nil {
		f.heartbeat.Stop()
	}
	m.dropOffers(f, false)
	m.observeFrameworkUpdated(f)
}

// removeFramework ends a framework and all its tasks.
func (m *master) removeFramework(f *framework) {
	m.dropOffers(f, false)
	if f.failover != nil {
		f.failover.Stop()
	}
	for _, entry := range m.agentOrder {
		m.toAgent(entry, Message{Kind: "SHUTDOWN_FRAMEWORK", Framework: f.id}, func(a *agent) { a.shutdownFramework(f.id) })
	}
	message := "Framework " + f.id + " removed"
	for _, t := range f.tasksInOrder() {
		status := masterStatus(t.id(), t.entry.id, mesos.TASK_KILLED, mesos.REASON_FRAMEWORK_REMOVED, message)
		status.ExecutorID = t.executorID
		m.updateTask(t, status, mesos.TASK_KILLED)
		m.removeTask(t, false)
	}
	for id, t := range f.unreachable {
		status := masterStatus(id, t.entry.id, mesos.TASK_KILLED, mesos.REASON_FRAMEWORK_REMOVED, message)
		m.updateTask(t, status, mesos.TASK_KILLED)
		delete(f.unreachable, id)
		f.complete(t)
	}
	for key := range f.executors {
		m.removeExecutor(f, key)
	}
	f.removed, f.unregistered = true, time.Now()
	if f.stream != nil {
		f.stream.end()
		f.stream = nil
	}
	if f.heartbeat != nil {
		f.heartbeat.Stop()
	}
	delete(m.frameworks, f.id)
	m.order = slices.DeleteFunc(m.order, func(other *framework) bool { return other == f })
	if len(m.completed) >= maxCompleted {
		m.completed = m.completed[1:]
	}
	m.completed = append(m.completed, f)
	m.observeFrameworkRemoved(f)
}

func (m *master) removeExecutor(f *framework, key executorKey) {
	e := f.executors[key]
	if e == nil {
		return
	}
	delete(f.executors, key)
	e.entry.unuse(f, &e.amount)
	m.recover(e.entry, f, e.role, &e.amount, 0)
}

// updateFramework answers UPDATE_FRAMEWORK.
func (m *master) updateFramework(f *framework, call *scheduler.Call_UpdateFramework) answer {
	info := &call.FrameworkInfo
	if problem := validateFramework(info); problem != "" {
		return badRequest("Supplied FrameworkInfo is not valid: " + problem)
	}
	if problem := unchangeable(f.info, info); problem != "" {
		return badRequest("FrameworkInfo update is not valid: " + problem)
	}
	if info.Principal == nil {
		info.Principal = f.info.Principal
	}
	f.update(info, call.SuppressedRoles)
	for o := range f.offers {
		if f.roles[o.role] == nil {
			m.rescind(o)
		}
	}
	m.allocateNow = true
	for _, entry := range m.agentOrder {
		m.toAgent(entry, Message{Kind: "UPDATE_FRAMEWORK", Framework: f.id}, func(a *agent) { a.updateFramework(f.info) })
	}
	m.observeFrameworkUpdated(f)
	return answer{status: 200}
}

// unchangeable says which field of a FrameworkInfo may not change (Mesos:
// validation::framework::validateUpdate).
func unchangeable(before, after *mesos.FrameworkInfo) string {
	if after.GetPrincipal() != "" && before.GetPrincipal() != after.GetPrincipal() {
		return fmt.Sprintf("Updating 'FrameworkInfo.principal' is unsupported; attempted to update from '%s' to '%s'",
			before.GetPrincipal(), after.GetPrincipal())
	}
	if before.User != after.User {
		return fmt.Sprintf("Updating 'FrameworkInfo.user' is unsupported; attempted to update from '%s' to '%s'",
			before.User, after.User)
	}
	if before.GetCheckpoint() != after.GetCheckpoint() {
		return fmt.Sprintf("Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '%t' to '%t'",
			before.GetCheckpoint(), after.GetCheckpoint())
	}
	return ""
}

// validateFramework returns what is wrong with a FrameworkInfo, or "".
func validateFramework(info *mesos.FrameworkInfo) string {
	if capabilitiesOf(info).multiRole {
		if info.Role != nil {
			return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
		}
	} else if len(info.Roles) > 0 {
		return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
	}
	seen := map[string]bool{}
	for _, role := range info.Roles {
		if seen[role] {
			return "'FrameworkInfo.roles' contains duplicate items: { " + role + " }"
		}
		seen[role] = true
		if problem := validateRole(role); problem != "" {
			return "'FrameworkInfo.roles' contains invalid role: " + problem
		}
	}
	if problem := validateRole(info.GetRole()); problem != "" {
		return "'FrameworkInfo.role' is not a valid role: " + problem
	}
	if info.GetFailoverTimeout() < 0 {
		return fmt.Sprintf("The framework failover_timeout (%g) is invalid", info.GetFailoverTimeout())
	}
	return validateID("Framework", info.ID.GetValue())
}

// validateRole follows src/common/roles.cpp.
func validateRole(role string) string {
	if role == "*" {
		return ""
	}
	if role == "" {
		return "Empty role name is invalid"
	}
	if strings.HasPrefix(role, "/") {
		return fmt.Sprintf("Role '%s' cannot start with a slash", role)
	}
	if strings.HasSuffix(role, "/") {
		return fmt.Sprintf("Role '%s' cannot end with a slash", role)
	}
	for _, part := range strings.Split(role, "/") {
		switch {
		case part == "":
			return fmt.Sprintf("Role '%s' cannot contain two adjacent slashes", role)
		case part == "." || part == ".." || part == "*":
			return fmt.Sprintf("Role '%s' cannot include '%s' as a component", role, part)
		case strings.HasPrefix(part, "-"):
			return fmt.Sprintf("Role '%s' cannot have a component that begins with a dash", role)
		case strings.ContainsAny(part, "\x09\x0a\x0b\x0c\x0d\x20\x7f"):
			return fmt.Sprintf("Role '%s' cannot contain whitespace", role)
		}
	}
	return ""
}

func newStreamID() string { return uuid.NewString() }
