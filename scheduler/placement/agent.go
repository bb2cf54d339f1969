package placement

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Agent is a machine as a round sees it at its start.
type Agent struct {
	// ID is the Mesos agent id, unique within a round.
	ID string
	// Hostname is what people know the agent by. It is also the attribute "hostname", unless Attributes has one.
	Hostname string
	// Attributes are the agent's attributes as text. They are read, never changed.
	Attributes map[string]string
	// Free is what is offered and not yet taken. An agent without an offer has nothing free, but should be listed:
	// it counts in explanations, and can be kept free for a task.
	Free spec.Resources
	// Unoffered is what nobody is known to use, but is not in an offer now, such as what the scheduler has declined.
	// No task can be put there, but one can hope for it.
	Unoffered spec.Resources
	// Used is what the scheduler's own tasks hold there. Free, Unoffered and Used together is what the agent would
	// have if they all ended. What other frameworks hold is in none of them.
	Used spec.Resources
	// Capacity is the most that was ever seen of the agent, free and used together. Where other frameworks hold
	// something it is more than Free, Unoffered and Used are now. Only explanations ask for it: a task that it is too
	// small for waits in vain.
	Capacity spec.Resources
	// VM is the name of the cloud machine that the agent runs on, Cloud that of its cloud: its attributes AttributeVM and
	// AttributeCloud, see CloudOf. Agents of the local cluster have neither.
	VM, Cloud string
	// Cordoned says that nothing new is to be put there for now.
	Cordoned bool
	// UnavailableFrom is when the planned maintenance of the agent starts; zero if none is planned.
	UnavailableFrom time.Time
}

// Attributes that tell agents on cloud machines from those of the local cluster.
const (
	AttributeVM    = "spillway_vm"    // the machine's name; an agent without it is one of the local cluster
	AttributeCloud = "spillway_cloud" // on which cloud it is
)

// CloudOf reads from an agent's attributes on which machine of which cloud it is; "" for both if it is one of the local
// cluster.
func CloudOf(attributes map[string]string) (vm, cloud string) {
	if vm = attributes[AttributeVM]; vm == "" {
		return "", ""
	}
	return vm, attributes[AttributeCloud]
}

// Attribute gives the agent's value of an attribute, and whether it has one. Counts of spread tasks are by this value.
func (a *Agent) Attribute(name string) (value string, present bool) {
	value, present = a.Attributes[name]
	if !present && name == "hostname" && a.Hostname != "" {
		return a.Hostname, true
	}
	return value, present
}

// Name is what people know the agent by: its hostname, or its id if it has none.
func (a *Agent) Name() string {
	if a.Hostname != "" {
		return a.Hostname
	}
	return a.ID
}

// idle is what nobody uses, offered or not.
func (a *Agent) idle() vector { return vectorOf(a.Free).plus(vectorOf(a.Unoffered)) }

// emptied is what would be idle if none of the scheduler's own tasks ran there.
func (a *Agent) emptied() vector { return a.idle().plus(vectorOf(a.Used)) }

// capacity is what would be idle if nobody's tasks ran there, as far as it is known.
func (a *Agent) capacity() vector {
	all := a.emptied()
	for k, n := range vectorOf(a.Capacity) {
		all[k] = max(all[k], n)
	}
	return all
}

// Shape is what placement has to know of a task. All tasks of a step have one shape, and equal shapes of different
// steps share what a round learns. A shape must not change while a round knows it.
type Shape struct {
	// Need is what one task takes. A resource of 0 is asked of nobody.
	Need spec.Resources
	// Where must all hold of the agent's attributes.
	Where []spec.Constraint
	// Spread is the attribute over whose values the tasks of the step are to be spread evenly; "" for none. Agents
	// without the attribute count as one more value, "".
	Spread string
	// SpreadCounts tells how many live tasks of the step there are by value of the attribute Spread. A round goes on
	// counting by itself, for each Shape pointer.
	SpreadCounts map[string]int
	// Avoid lists the ids of agents that failed the task. They are refused unless no other agent of the round could
	// hold the task even if all of the scheduler's own tasks had ended there: a task must not wait for ever because
	// it failed once on the only machine that can run it.
	Avoid []string
	// Burst says which cloud agents may take the task, once it has waited for long enough; the zero value: none may.
	// Agents of the local cluster go before those that may.
	Burst spec.Burst
	// Waited is how long the task has waited by now, which Burst.After is compared with.
	Waited time.Duration
	// Until is when a task that is started now may still run. An agent whose maintenance starts before is refused.
	// Zero if it is not known: then every agent with planned maintenance is refused.
	Until time.Time
}

// kind is one of the resources.
type kind int

const (
	cpus kind = iota
	mem
	disk
	gpus
	ports
	kinds
)

// vector is spec.Resources as an array, in the same units, so that a rule can be written once for all of them.
type vector [kinds]int64

func vectorOf(r spec.Resources) vector {
	return vector{cpus: r.CPUs, mem: r.Mem, disk: r.Disk, gpus: r.GPUs, ports: r.Ports}
}

func (v vector) plus(w vector) vector {
	for k := range v {
		v[k] += w[k]
	}
	return v
}
