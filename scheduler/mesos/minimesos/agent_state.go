package minimesos

import (
	"bytes"
	"os"
	"slices"
	"strconv"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// state is the part of an agent's GET /state from which tools find a task's
// sandbox: frameworks[].executors[].directory.
func (a *agent) state() object {
	var used bag
	for _, f := range a.frameworks {
		for _, x := range f.executors {
			amount := x.allocation()
			used.add(&amount)
		}
	}
	used.ranges = nil
	frameworks, completed := []object{}, []object{}
	for _, f := range valuesOf(a.frameworks) {
		frameworks = append(frameworks, f.state())
	}
	for _, f := range a.completed {
		completed = append(completed, f.state())
	}
	master := ""
	if m := a.c.master; m != nil {
		master = *m.info.Hostname
	}
	return object{
		"version": version, "start_time": seconds(a.started), "id": a.id, "pid": a.pid(), "hostname": a.info.Hostname,
		"capabilities": capabilityNames(), "resources": legacyResources(&a.total), "reserved_resources": object{},
		"unreserved_resources": legacyResources(&a.total), "reserved_resources_full": object{},
		"unreserved_resources_full":      legacyFull(unreserved(a.info.Resources)),
		"reserved_resources_allocated":   object{},
		"unreserved_resources_allocated": legacyResources(&used), "resource_providers": []object{},
		"attributes": attributesMap(a.info.Attributes), "master_hostname": master, "flags": a.flags(),
		"frameworks": frameworks, "completed_frameworks": completed,
	}
}

// flags are those of a Mesos agent's that this one's options stand for.
func (a *agent) flags() object {
	attributes := ""
	for i := range a.info.Attributes {
		if i > 0 {
			attributes += ";"
		}
		attributes += a.info.Attributes[i].Name + ":" + a.info.Attributes[i].Text.GetValue()
	}
	return object{
		"hostname": a.info.Hostname, "ip": a.address.IP.String(), "port": strconv.Itoa(a.address.Port),
		"resources": a.text, "attributes": attributes, "work_dir": a.workDir(), "sandbox_directory": sandboxInDocker,
		"executor_registration_timeout":   mesosDuration(a.c.opts.ExecutorRegistrationTimeout),
		"executor_reregistration_timeout": mesosDuration(executorReregistration),
		"executor_shutdown_grace_period":  mesosDuration(shutdownGrace),
		"docker_stop_timeout":             mesosDuration(dockerGrace), "recovery_timeout": "15mins",
	}
}

func legacyFull(resources []mesos.Resource) []object {
	out := []object{}
	for i := range resources {
		r := &resources[i]
		o := object{"name": r.Name, "type": r.GetType().String(), "role": r.GetRole()}
		if r.Scalar != nil {
			o["scalar"] = object{"value": r.Scalar.Value}
		}
		if r.Ranges != nil {
			list := []object{}
			for _, s := range r.Ranges.Range {
				list = append(list, object{"begin": s.Begin, "end": s.End})
			}
			o["ranges"] = object{"range": list}
		}
		out = append(out, o)
	}
	return out
}

func (f *agentFramework) state() object {
	executors, completed := []object{}, []object{}
	for _, x := range valuesOf(f.executors) {
		executors = append(executors, x.stateObject(f))
	}
	for _, x := range f.done {
		completed = append(completed, x.stateObject(f))
	}
	return object{
		"id": f.info.ID.Value, "name": f.info.Name, "user": f.info.User, "failover_timeout": f.info.GetFailoverTimeout(),
		"checkpoint": f.info.GetCheckpoint(), "hostname": f.info.GetHostname(), "roles": rolesOf(f.info),
		"executors": executors, "completed_executors": completed,
	}
}

func (x *executor) stateObject(f *agentFramework) object {
	amount := x.allocation()
	running, queued, done := []object{}, []object{}, []object{}
	for _, t := range x.queued {
		queued = append(queued, t.legacy())
	}
	for _, t := range valuesOf(f.tasks) {
		if t.executor == x && !slices.Contains(x.queued, t) {
			running = append(running, t.legacy())
		}
	}
	for _, t := range f.doneTasks {
		if t.executor == x {
			done = append(done, t.legacy())
		}
	}
	out := object{
		"id": x.id, "name": x.title(), "source": x.source(), "container": x.containerID, "directory": x.dir,
		"resources": legacyResources(&amount), "role": x.role,
		"tasks": running, "queued_tasks": queued, "completed_tasks": done,
	}
	if x.info != nil {
		out["type"] = "CUSTOM"
	}
	return out
}

func (t *agentTask) legacy() object {
	amount, _ := bagOf(t.info.Resources) // read before, without an error
	return legacyTask(t.info, t.framework, t.customExecutorID().GetValue(), t.latest, &amount, t.role, t.statuses)
}

// processUsage reads what a process has used from /proc.
func processUsage(pid uint32) (used usage, ok bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(int(pid)) + "/stat")
	if err != nil {
		return usage{}, false
	}
	// The command in parentheses may hold anything, so count from its end.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 22 {
		return usage{}, false
	}
	number := func(i int) uint64 {
		n, err := strconv.ParseUint(string(fields[i]), 10, 64)
		ok = ok && err == nil
		return n
	}
	ok = true
	const ticks = 100 // per second, for every Linux that Go runs on
	used = usage{float64(number(11)) / ticks, float64(number(12)) / ticks, number(21) * uint64(os.Getpagesize())}
	return used, ok
}
