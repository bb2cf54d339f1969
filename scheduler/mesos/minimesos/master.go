package minimesos

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/google/uuid"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// version is the release of Mesos whose answers are given.
const version = "1.12.0"

// master is one life of the master process: all that it would lose when it
// dies. What outlives it is in the registry. Its methods run in the loop.
type master struct {
	*Cluster
	id      string
	info    *mesos.MasterInfo
	started time.Time
	cut     chan struct{} // closed when this life ends; aborts its streams

	nextFramework, nextOffer, nextAgent int

	frameworks map[string]*framework
	order      []*framework // registered frameworks, oldest first
	completed  []*framework // removed ones, oldest first, at most maxCompleted

	agents     map[string]*agentEntry
	agentOrder []*agentEntry
	recovered  map[string]*agent // registered with an earlier life, not yet back

	offers        map[string]*offer
	inverseOffers map[string]*inverseOffer
	total         bag // of all registered agents
	allocateNow   bool
	observers     map[*observer]struct{}
	metrics       counters
}

// maxCompleted is Mesos' --max_completed_frameworks, and
// maxCompletedTasks its --max_completed_tasks_per_framework.
const (
	maxCompleted      = 50
	maxCompletedTasks = 1000
)

// registry is what survives a master (Mesos: the replicated log): which
// agents were admitted, and what was decided about them.
type registry struct {
	admitted    map[string]*agent // registered, and neither unreachable nor gone
	unreachable map[string]mesos.TimeInfo
	gone        map[string]mesos.TimeInfo
	draining    map[string]*mesos.DrainInfo
	drainStart  map[string]mesos.TimeInfo
	deactivated map[string]bool
	maintenance []maintenanceWindow
}

func newRegistry() *registry {
	return &registry{
		admitted:    map[string]*agent{},
		unreachable: map[string]mesos.TimeInfo{},
		gone:        map[string]mesos.TimeInfo{},
		draining:    map[string]*mesos.DrainInfo{},
		drainStart:  map[string]mesos.TimeInfo{},
		deactivated: map[string]bool{},
	}
}

func newMaster(c *Cluster, address *net.TCPAddr) *master {
	m := &master{
		Cluster:       c,
		id:            uuid.NewString(),
		started:       time.Now(),
		cut:           make(chan struct{}),
		frameworks:    map[string]*framework{},
		agents:        map[string]*agentEntry{},
		recovered:     map[string]*agent{},
		offers:        map[string]*offer{},
		inverseOffers: map[string]*inverseOffer{},
		observers:     map[*observer]struct{}{},
	}
	m.info = masterInfo(m.id, address)
	for id, a := range c.registry.admitted {
		m.recovered[id] = a
	}
	return m
}

func masterInfo(id string, address *net.TCPAddr) *mesos.MasterInfo {
	host, port := address.IP.String(), uint32(address.Port)
	pid := "master@" + net.JoinHostPort(host, strconv.Itoa(address.Port))
	number := version
	return &mesos.MasterInfo{
		ID: id, IP: packIP(address.IP), Port: &port, PID: &pid, Hostname: &host, Version: &number,
		Address: &mesos.Address{Hostname: &host, IP: &host, Port: int32(port)},
		Capabilities: []mesos.MasterInfo_Capability{
			{Type: mesos.MasterInfo_Capability_AGENT_UPDATE},
			{Type: mesos.MasterInfo_Capability_AGENT_DRAINING},
			{Type: 3}, // QUOTA_V2, which the generated code does not know
		},
	}
}

// packIP is the address as Mesos packs it: network byte order, read as a
// little-endian number.
func packIP(ip net.IP) uint32 {
	v4 := ip.To4()
	if v4 == nil {
		return 0
	}
	return uint32(v4[0]) | uint32(v4[1])<<8 | uint32(v4[2])<<16 | uint32(v4[3])<<24
}

// task is the master's record of one task.
type task struct {
	info       *mesos.TaskInfo
	framework  *framework
	entry      *agentEntry
	amount     bag
	role       string
	sequence   int
	resources  []mesos.Resource
	executorID *mesos.ExecutorID // of custom executors only, as in Mesos

	state    mesos.TaskState // the latest that the agent knows
	statuses []*mesos.TaskStatus
	released bool

	// forwarded is the last state that the framework was sent, and uuid the
	// number by which it acknowledges it; nil before the first.
	forwarded *mesos.TaskState
	uuid      []byte
}

func (t *task) id() string { return t.info.TaskID.Value }

// shownState is what reconciliation answers.
func (t *task) shownState() mesos.TaskState {
	if t.forwarded != nil {
		return *t.forwarded
	}
	return t.state
}

// containerStatus is the last one that the agent reported.
func (t *task) containerStatus() *mesos.ContainerStatus {
	if n := len(t.statuses); n > 0 {
		return t.statuses[n-1].ContainerStatus
	}
	return nil
}

// isTerminal follows protobuf::isTerminalState of src/common/protobuf_utils.cpp.
func isTerminal(state mesos.TaskState) bool {
	switch state {
	case mesos.TASK_FINISHED, mesos.TASK_FAILED, mesos.TASK_KILLED, mesos.TASK_LOST, mesos.TASK_ERROR,
		mesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR:
		return true
	}
	return false
}

// newStatus builds a status as the master or an agent makes them.
func newStatus(taskID string, agentID string, state mesos.TaskState, source mesos.TaskStatus_Source) *mesos.TaskStatus {
	now := seconds(time.Now())
	status := &mesos.TaskStatus{TaskID: mesos.TaskID{Value: taskID}, State: &state, Source: &source, Timestamp: &now}
	if agentID != "" {
		status.AgentID = &mesos.AgentID{Value: agentID}
	}
	return status
}

func masterStatus(taskID, agentID string, state mesos.TaskState, reason mesos.TaskStatus_Reason, message string) *mesos.TaskStatus {
	status := newStatus(taskID, agentID, state, mesos.SOURCE_MASTER)
	status.Reason, status.Message = &reason, &message
	return status
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func timeInfo(t time.Time) mesos.TimeInfo { return mesos.TimeInfo{Nanoseconds: t.UnixNano()} }

// updateTask applies a status to the master's record. latest is the newest
// state that the agent knows, which may be ahead of what it has sent.
func (m *master) updateTask(t *task, status *mesos.TaskStatus, latest mesos.TaskState) {
	before := t.state
	if !isTerminal(before) {
		t.state = latest
	}
	m.recordStatus(t, status)
	ended := isTerminal(latest) || latest == mesos.TASK_UNREACHABLE
	if ended && !isTerminal(before) && before != mesos.TASK_UNREACHABLE {
		m.release(t)
		m.metrics.ended(status.GetState())
	}
}

// recordStatus keeps the last status of each state, without its data.
func (m *master) recordStatus(t *task, status *mesos.TaskStatus) {
	kept := status
	if status.Data != nil {
		kept = new(mesos.TaskStatus)
		*kept = *status
		kept.Data = nil
	}
	n := len(t.statuses)
	if n > 0 && t.statuses[n-1].GetState() == status.GetState() {
		t.statuses[n-1] = kept
		if r := status.GetReason(); r != mesos.REASON_TASK_CHECK_STATUS_UPDATED &&
			r != mesos.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED {
			return
		}
	} else {
		t.statuses = append(t.statuses, kept)
	}
	m.observeTaskUpdated(t, status)
}

// release gives a task's resources back, once.
func (m *master) release(t *task) {
	if t.released {
		return
	}
	t.released = true
	t.entry.unuse(t.framework, &t.amount)
	m.recover(t.entry, t.framework, t.role, &t.amount, 0)
}

// removeTask forgets a task that has ended. unreachable ones are remembered
// apart: they may come back with their agent.
func (m *master) removeTask(t *task, unreachable bool) {
	m.release(t)
	delete(t.framework.tasks, t.id())
	t.entry.removeTask(t)
	if unreachable {
		t.framework.unreachable[t.id()] = t
		return
	}
	t.framework.complete(t)
}

// sendStatus sends an update that nobody needs to acknowledge.
func (m *master) sendStatus(f *framework, status *mesos.TaskStatus) {
	f.send(&scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: *status}})
}

func (m *master) newOfferID() string {
	id := fmt.Sprintf("%s-O%d", m.id, m.nextOffer)
	m.nextOffer++
	return id
}
