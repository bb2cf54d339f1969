package scheduler

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// AgentView is what is known of an agent that has made an offer.
type AgentView struct {
	ID       string
	Hostname string
	// URL is the agent's own address, such as "http://10.0.0.7:5051"; empty if its offers do not tell.
	URL string
	// Attributes are to be read only.
	Attributes map[string]string
	// VM is the cloud machine that it runs on, Cloud its cloud; "" if it is one of the local cluster.
	VM, Cloud string
	// Free is what was free when the agent was last looked at, Used what the scheduler's tasks hold; what other
	// frameworks hold is in neither.
	Free, Used spec.Resources
	// Tasks is how many of the scheduler's tasks live there.
	Tasks int
	// Seen is when it last made an offer.
	Seen time.Time
	// CordonReason says why nothing is launched there, CordonUntil how long that lasts; zero if it is not cordoned.
	CordonReason string
	CordonUntil  time.Time
	// Maintenance is when a planned maintenance starts; zero if none is planned.
	Maintenance time.Time
}

// Agents returns the agents that have made offers, by id. Agents that have been silent for an hour and run nothing of the
// scheduler's are forgotten.
func (r *Reactor) Agents(time.Time) []AgentView {
	agents := r.agents.all()
	views := make([]AgentView, len(agents))
	for i, a := range agents {
		used, c := r.state.UsedOn(a.id), r.cordons[a.id]
		views[i] = AgentView{
			ID: a.id, Hostname: a.hostname, URL: a.url, Attributes: a.attributes, VM: a.vm, Cloud: a.cloud,
			Free: a.idle(used), Used: used, Tasks: r.state.LiveOn(a.id),
			Seen: a.seen, Maintenance: a.maintenance, CordonReason: c.reason, CordonUntil: c.until,
		}
	}
	return views
}
