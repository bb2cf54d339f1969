package minimesos

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/allocator"
	mesosmaintenance "github.com/mesos/mesos-go/api/v1/lib/maintenance"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// maintenanceWindow is one window of the schedule.
type maintenanceWindow = mesosmaintenance.Window

// inverseOffer asks a framework whether it can do without an agent for a time.
type inverseOffer struct {
	id        string
	framework *framework
	entry     *agentEntry
	proto     mesos.InverseOffer
}

// maintenanceStatus is a framework's last answer for an agent, and until when
// it is not asked again.
type maintenanceStatus struct {
	answered bool
	accepted bool
	at       time.Time
	until    time.Time
}

// machine is how maintenance names what an agent runs on.
func (e *agentEntry) machine() mesos.MachineID {
	host, ip := e.info.Hostname, e.agent.address.IP.String()
	return mesos.MachineID{Hostname: &host, IP: &ip}
}

// sameMachine: Mesos compares both fields, an unset one being empty.
func sameMachine(a, b mesos.MachineID) bool {
	return a.GetHostname() == b.GetHostname() && a.GetIP() == b.GetIP()
}

// unavailability is when an agent's machine is to be away, nil if it is not.
func (r *registry) unavailability(e *agentEntry) *mesos.Unavailability {
	for i := range r.maintenance {
		for _, id := range r.maintenance[i].MachineIDs {
			if sameMachine(id, e.machine()) {
				return &r.maintenance[i].Unavailability
			}
		}
	}
	return nil
}

func (r *registry) schedule() mesosmaintenance.Schedule {
	return mesosmaintenance.Schedule{Windows: r.maintenance}
}

// updateSchedule replaces the schedule: offers of the machines concerned are
// taken back and made anew, with their unavailability, and inverse offers go
// out.
func (m *master) updateSchedule(schedule *mesosmaintenance.Schedule) answer {
	if problem := validateSchedule(schedule); problem != "" {
		return badRequest(problem)
	}
	m.registry.maintenance = schedule.Windows
	for _, e := range m.agentOrder {
		now := m.registry.unavailability(e)
		if now == nil && e.unavailability == nil {
			continue
		}
		e.unavailability = now
		e.inverseStatus = map[string]maintenanceStatus{}
		m.rescindAll(e)
		m.allocateNow = true
	}
	return answer{status: http.StatusOK}
}

// validateSchedule follows maintenance::validation::schedule.
func validateSchedule(schedule *mesosmaintenance.Schedule) string {
	var seen []mesos.MachineID
	for i := range schedule.Windows {
		w := &schedule.Windows[i]
		if len(w.MachineIDs) == 0 {
			return "List of machines in the maintenance window is empty"
		}
		if w.Unavailability.Duration.GetNanoseconds() < 0 {
			return "Unavailability 'duration' is negative"
		}
		for _, id := range w.MachineIDs {
			if id.GetHostname() == "" && id.GetIP() == "" {
				return "Both 'hostname' and 'ip' for a machine are empty"
			}
			if slices.ContainsFunc(seen, func(other mesos.MachineID) bool { return sameMachine(id, other) }) {
				return fmt.Sprintf("Machine '%s (%s)' appears more than once in the schedule", id.GetHostname(), id.GetIP())
			}
			seen = append(seen, id)
		}
	}
	return ""
}

// offerInverse asks every framework that has something on an agent which is
// to go away, and that has not been asked.
func (m *master) offerInverse() {
	if len(m.registry.maintenance) == 0 {
		return
	}
	now := time.Now()
	for _, f := range m.order {
		if !f.connected() {
			continue
		}
		var list []mesos.InverseOffer
		for _, e := range m.agentOrder {
			if e.unavailability == nil || !e.connected || e.inactive() || !e.concerns(f) || !e.mayAsk(f, now) {
				continue
			}
			list = append(list, m.makeInverse(f, e).proto)
		}
		if len(list) > 0 {
			f.send(&scheduler.Event{Type: scheduler.Event_INVERSE_OFFERS,
				InverseOffers: &scheduler.Event_InverseOffers{InverseOffers: list}})
		}
	}
}

// concerns tells whether a framework uses or was offered some of the agent.
func (e *agentEntry) concerns(f *framework) bool {
	if e.used[f] != nil {
		return true
	}
	for o := range e.offers {
		if o.framework == f {
			return true
		}
	}
	return false
}

func (e *agentEntry) mayAsk(f *framework, now time.Time) bool {
	for o := range e.inverse {
		if o.framework == f {
			return false
		}
	}
	return !now.Before(e.inverseStatus[f.id].until)
}

func (m *master) makeInverse(f *framework, e *agentEntry) *inverseOffer {
	o := &inverseOffer{id: m.newOfferID(), framework: f, entry: e}
	o.proto = mesos.InverseOffer{OfferID: mesos.OfferID{Value: o.id}, URL: e.url, FrameworkID: mesos.FrameworkID{Value: f.id},
		AgentID: &mesos.AgentID{Value: e.id}, Unavailability: *e.unavailability}
	m.inverseOffers[o.id] = o
	f.inverse[o] = struct{}{}
	e.inverse[o] = struct{}{}
	return o
}

func (m *master) forgetInverse(o *inverseOffer) {
	delete(m.inverseOffers, o.id)
	delete(o.framework.inverse, o)
	delete(o.entry.inverse, o)
}

func (m *master) rescindInverse(o *inverseOffer) {
	m.forgetInverse(o)
	o.framework.send(&scheduler.Event{Type: scheduler.Event_RESCIND_INVERSE_OFFER,
		RescindInverseOffer: &scheduler.Event_RescindInverseOffer{InverseOfferID: mesos.OfferID{Value: o.id}}})
}

// answerInverse takes a framework's answer to inverse offers.
func (m *master) answerInverse(f *framework, ids []mesos.OfferID, filters *mesos.Filters, accepted bool) {
	now := time.Now()
	for _, id := range ids {
		o := m.inverseOffers[id.Value]
		if o == nil || o.framework != f {
			continue
		}
		m.forgetInverse(o)
		o.entry.inverseStatus[f.id] = maintenanceStatus{answered: true, accepted: accepted, at: now,
			until: now.Add(max(refuseTime(filters), m.opts.AllocationInterval))}
	}
}

// reviveInverse lets a framework be asked again at once.
func (m *master) reviveInverse(f *framework) {
	for _, e := range m.agentOrder {
		if status, ok := e.inverseStatus[f.id]; ok {
			status.until = time.Time{}
			e.inverseStatus[f.id] = status
		}
	}
}

// maintenanceStatus is what GET_MAINTENANCE_STATUS answers.
func (m *master) maintenanceStatus() (out mesosmaintenance.ClusterStatus) {
	for i := range m.registry.maintenance {
		for _, id := range m.registry.maintenance[i].MachineIDs {
			out.DrainingMachines = append(out.DrainingMachines, mesosmaintenance.ClusterStatus_DrainingMachine{
				ID: id, Statuses: m.inverseStatuses(id)})
		}
	}
	return out
}

func (m *master) inverseStatuses(id mesos.MachineID) (out []allocator.InverseOfferStatus) {
	for _, e := range m.agentOrder {
		if !sameMachine(id, e.machine()) {
			continue
		}
		for _, framework := range sortedKeys(e.inverseStatus) {
			status := e.inverseStatus[framework]
			if !status.answered {
				continue
			}
			word := allocator.InverseOfferStatus_DECLINE
			if status.accepted {
				word = allocator.InverseOfferStatus_ACCEPT
			}
			out = append(out, allocator.InverseOfferStatus{Status: &word,
				FrameworkID: mesos.FrameworkID{Value: framework}, Timestamp: timeInfo(status.at)})
		}
	}
	return out
}
