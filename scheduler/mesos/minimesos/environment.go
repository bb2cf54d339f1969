package minimesos

import (
	"fmt"
	"net"
	"strconv"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// sandboxInDocker is where a Docker container finds its sandbox.
const sandboxInDocker = "/mnt/mesos/sandbox"

// specOf says what the container of an executor needs.
func specOf(x *executor, f *agentFramework, t *agentTask) *containerSpec {
	spec := &containerSpec{id: x.containerID, name: "mesos-" + x.containerID, sandbox: x.dir,
		command: t.info.Command, info: t.info.Container, custom: x.info != nil}
	resources := t.info.Resources
	if x.info != nil {
		spec.command, spec.info = x.info.Command, x.info.Container
		resources = append(resources[:len(resources):len(resources)], x.info.Resources...)
	}
	// The master has read these resources before, without an error.
	amount, err := bagOf(resources)
	if err != nil {
		panic("minimesos: an agent got bad resources: " + err.Error())
	}
	spec.cpus, spec.mem, spec.gpus = amount.milli("cpus"), amount.milli("mem"), amount.milli("gpus")
	// Of a name that is there twice the last one counts: with Docker Mesos'
	// own, otherwise the framework's.
	if spec.isDocker() {
		spec.env = append(userEnvironment(spec.command), x.dockerEnvironment(spec)...)
	} else {
		spec.env = append(x.executorEnvironment(spec.sandbox), userEnvironment(spec.command)...)
	}
	return spec
}

func (x *executor) dockerEnvironment(spec *containerSpec) []string {
	sandbox := sandboxInDocker
	if x.a.runner.kind() != Docker {
		sandbox = spec.sandbox
	}
	own := []string{"MESOS_CONTAINER_NAME=" + spec.name}
	if x.info != nil {
		return append(x.executorEnvironment(sandbox), own...)
	}
	return append(own, "MESOS_SANDBOX="+sandbox, "MESOS_ALLOCATION_ROLE="+x.role)
}

// executorEnvironment is what executorEnvironment in src/slave/slave.cpp sets.
func (x *executor) executorEnvironment(sandbox string) []string {
	env := []string{
		"LIBPROCESS_PORT=0",
		"LIBPROCESS_IP=" + x.a.address.IP.String(),
		"MESOS_AGENT_ENDPOINT=" + net.JoinHostPort(x.a.address.IP.String(), strconv.Itoa(x.a.address.Port)),
		"MESOS_ALLOCATION_ROLE=" + x.role,
		"MESOS_CHECKPOINT=" + oneOrZero(x.checkpoint),
		"MESOS_DIRECTORY=" + x.dir,
		"MESOS_EXECUTOR_ID=" + x.id,
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD=" + mesosDuration(x.shutdownGrace()),
		"MESOS_FRAMEWORK_ID=" + x.framework,
		"MESOS_HTTP_COMMAND_EXECUTOR=0",
		"MESOS_SANDBOX=" + sandbox,
		"MESOS_SLAVE_ID=" + x.a.id,
		"MESOS_SLAVE_PID=" + x.a.pid(),
	}
	if x.checkpoint {
		env = append(env, "MESOS_RECOVERY_TIMEOUT=15mins", "MESOS_SUBSCRIPTION_BACKOFF_MAX=2secs")
	}
	return env
}

func (x *executor) shutdownGrace() time.Duration {
	if x.info.GetShutdownGracePeriod() != nil {
		return time.Duration(x.info.ShutdownGracePeriod.Nanoseconds)
	}
	return shutdownGrace
}

func oneOrZero(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// mesosDuration writes a time as stout does: the largest unit that is not
// below one, such as "3secs" or "1.5mins".
func mesosDuration(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{
		{7 * 24 * time.Hour, "weeks"}, {24 * time.Hour, "days"}, {time.Hour, "hrs"}, {time.Minute, "mins"},
		{time.Second, "secs"}, {time.Millisecond, "ms"}, {time.Microsecond, "us"},
	}
	for _, u := range units {
		if d >= u.size || -d >= u.size {
			return strconv.FormatFloat(float64(d)/float64(u.size), 'g', -1, 64) + u.name
		}
	}
	return fmt.Sprintf("%dns", d.Nanoseconds())
}

func userEnvironment(command *mesos.CommandInfo) []string {
	var out []string
	if env := command.GetEnvironment(); env != nil {
		for i := range env.Variables {
			v := &env.Variables[i]
			if v.Value != nil {
				out = append(out, v.Name+"="+*v.Value)
			}
		}
	}
	return out
}
