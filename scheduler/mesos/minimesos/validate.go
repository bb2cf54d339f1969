package minimesos

import (
	"fmt"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// checkOffers finds the offers of an ACCEPT. On a problem it returns those
// that exist, whoever they belong to, and what is wrong.
func (m *master) checkOffers(f *framework, ids []mesos.OfferID) (offers []*offer, problem string) {
	if len(ids) == 0 {
		return nil, "No offers specified"
	}
	seen := map[string]bool{}
	for _, id := range ids {
		o := m.offers[id.Value]
		switch {
		case seen[id.Value]:
			problem = firstOf(problem, "Duplicate offer "+id.Value+" in offer list")
			continue
		case o == nil:
			problem = firstOf(problem, "Offer "+id.Value+" is no longer valid")
			continue
		case o.framework != f:
			problem = firstOf(problem, fmt.Sprintf("Offer %s has invalid framework %s while framework %s is expected",
				o.id, o.framework.id, f.id))
		case len(offers) > 0 && o.role != offers[0].role:
			problem = firstOf(problem, fmt.Sprintf("Aggregated offers must be allocated to the same role. Offer %s uses "+
				"role '%s but another is using role '%s", o.id, o.role, offers[0].role))
		case len(offers) > 0 && o.entry != offers[0].entry:
			problem = firstOf(problem, fmt.Sprintf("Aggregated offers must belong to one single agent. Offer %s uses "+
				"agent %s and agent %s", o.id, o.entry.id, offers[0].entry.id))
		}
		seen[id.Value] = true
		offers = append(offers, o)
	}
	return offers, problem
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// validateID follows common::validation::validateID.
func validateID(what, id string) string {
	switch {
	case id == "" && what == "Framework":
		return ""
	case id == "":
		return "ID must not be empty"
	case len(id) > 255:
		return "ID must not be greater than 255 characters"
	case id == "." || id == "..":
		return "'" + id + "' is disallowed"
	case strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }):
		return "'" + id + "' contains invalid characters"
	}
	return ""
}

// validateTask returns the task's own resources, or what is wrong with it.
// left is what is left of the offers. Order and wording are those of
// validation::task::validate in src/master/validation.cpp.
func (m *master) validateTask(f *framework, entry *agentEntry, role string, info *mesos.TaskInfo, left *bag) (bag, string) {
	id := info.TaskID.Value
	if problem := validateID("Task", id); problem != "" {
		return bag{}, problem
	}
	if f.tasks[id] != nil {
		return bag{}, "Task has duplicate ID: " + id
	}
	if f.unreachable[id] != nil {
		return bag{}, "Task reuses the ID of an unreachable task: " + id
	}
	if info.AgentID.Value != entry.id {
		return bag{}, fmt.Sprintf("Task uses invalid agent %s while agent %s is expected", info.AgentID.Value, entry.id)
	}
	if problem := validateTimes(info); problem != "" {
		return bag{}, problem
	}
	amount, problem := validateResources(info.Resources, role, "Task")
	if problem != "" {
		return bag{}, problem
	}
	if (info.Executor != nil) == (info.Command != nil) {
		return bag{}, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
	}
	total, problem := m.withExecutor(f, entry, role, info.Executor, &amount)
	if problem != "" {
		return bag{}, problem
	}
	if !left.contains(&total) {
		return bag{}, fmt.Sprintf("Total resources %s required by task and its executor is more than available %s",
			total.allocatedString(role), left.allocatedString(role))
	}
	if problem := validateContainer(info.Container); problem != "" {
		return bag{}, "Task's `ContainerInfo` is invalid: " + problem
	}
	return amount, ""
}

func validateTimes(info *mesos.TaskInfo) string {
	if info.KillPolicy.GetGracePeriod().GetNanoseconds() < 0 {
		return "Task's 'kill_policy.grace_period' must be non-negative"
	}
	if info.MaxCompletionTime.GetNanoseconds() < 0 {
		return "Task's `max_completion_time` must be non-negative"
	}
	return ""
}

func validateResources(resources []mesos.Resource, role, whose string) (bag, string) {
	if len(resources) == 0 && whose == "Task" {
		return bag{}, "Task uses no resources"
	}
	amount, err := bagOf(resources)
	if err != nil {
		return bag{}, whose + " uses invalid resources: " + err.Error()
	}
	for i := range resources {
		r := &resources[i]
		if got := r.GetAllocationInfo().GetRole(); got != "" && got != role {
			return bag{}, fmt.Sprintf("Invalid %s resources: they are allocated to role '%s', the offer to role '%s'",
				strings.ToLower(whose), got, role)
		}
		if r.GetRole() != "*" || len(r.Reservations) > 0 || r.Reservation != nil || r.Revocable != nil || r.Disk != nil {
			return bag{}, whose + " uses reserved, revocable or persistent resources, which were not offered"
		}
	}
	return amount, ""
}

// withExecutor adds an executor's resources where it is yet to be started.
func (m *master) withExecutor(f *framework, entry *agentEntry, role string, x *mesos.ExecutorInfo, amount *bag) (bag, string) {
	total := amount.clone()
	if x == nil {
		return total, ""
	}
	if problem := validateExecutor(f, x); problem != "" {
		return bag{}, problem
	}
	own, problem := validateResources(x.Resources, role, "Executor")
	if problem != "" {
		return bag{}, problem
	}
	key := executorKey{entry.id, x.ExecutorID.Value}
	known := f.executors[key]
	if known == nil {
		total.add(&own)
		return total, ""
	}
	if !sameExecutor(known.info, x) {
		return bag{}, fmt.Sprintf("ExecutorInfo is not compatible with existing ExecutorInfo with the same ExecutorID '%s'",
			x.ExecutorID.Value)
	}
	return total, ""
}

func validateExecutor(f *framework, x *mesos.ExecutorInfo) string {
	if problem := validateID("Executor", x.ExecutorID.Value); problem != "" {
		return problem
	}
	switch {
	case x.FrameworkID != nil && x.FrameworkID.Value != f.id:
		return fmt.Sprintf("ExecutorInfo has an invalid FrameworkID (Actual: %s vs Expected: %s)", x.FrameworkID.Value, f.id)
	case x.Type != mesos.ExecutorInfo_CUSTOM && x.Type != mesos.ExecutorInfo_UNKNOWN:
		return "'ExecutorInfo.type' must be 'CUSTOM'"
	case x.Command == nil:
		return "'ExecutorInfo.command' must be set"
	case x.ShutdownGracePeriod.GetNanoseconds() < 0:
		return "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
	}
	if problem := validateContainer(x.Container); problem != "" {
		return "Executor's `ContainerInfo` is invalid: " + problem
	}
	return ""
}

// sameExecutor compares what the framework wrote, not what the master added.
func sameExecutor(a, b *mesos.ExecutorInfo) bool {
	left, right := *a, *b
	left.FrameworkID, right.FrameworkID = nil, nil
	left.Type, right.Type = 0, 0
	left.Resources, right.Resources = nil, nil
	have, err1 := bagOf(a.Resources)
	want, err2 := bagOf(b.Resources)
	return left.Equal(&right) && err1 == nil && err2 == nil && have.contains(&want) && want.contains(&have)
}

// validateContainer follows common::validation::validateContainerInfo.
func validateContainer(c *mesos.ContainerInfo) string {
	if c == nil {
		return ""
	}
	if c.GetType() == mesos.ContainerInfo_DOCKER && c.Docker == nil {
		return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"
	}
	if len(c.NetworkInfos) > 1 {
		return "Multiple `NetworkInfos` are not supported"
	}
	return ""
}
