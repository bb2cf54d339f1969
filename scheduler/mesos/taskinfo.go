package mesos

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// taskInfo describes a launch to the agent's Docker containerizer, or to its command executor if there is no image.
func taskInfo(l *Launch, agent string, resources []mesosgo.Resource, ports []uint64) mesosgo.TaskInfo {
	labels := launchLabels(l)
	task := mesosgo.TaskInfo{
		Name:      fmt.Sprintf("%s/%s[%d]", l.Pipeline, l.ID.Step, l.ID.Index),
		TaskID:    mesosgo.TaskID{Value: l.ID.String()},
		AgentID:   mesosgo.AgentID{Value: agent},
		Resources: resources,
		Command:   commandInfo(l, ports),
		Labels:    &mesosgo.Labels{Labels: labels},
	}
	if l.Image != "" {
		task.Container = containerInfo(l, labels, ports)
	}
	if l.Grace > 0 {
		task.KillPolicy = killPolicy(l.Grace)
	}
	if l.Timeout > 0 {
		task.MaxCompletionTime = &mesosgo.DurationInfo{Nanoseconds: l.Timeout.Nanoseconds()}
	}
	return task
}

func killPolicy(grace time.Duration) *mesosgo.KillPolicy {
	return &mesosgo.KillPolicy{GracePeriod: &mesosgo.DurationInfo{Nanoseconds: grace.Nanoseconds()}}
}

// launchLabels say whose task it is, to Mesos' and to Docker's tools.
func launchLabels(l *Launch) []mesosgo.Label {
	return []mesosgo.Label{
		label("spillway.project", l.Project),
		label("spillway.run", string(l.ID.Run)),
		label("spillway.step", l.ID.Step),
		label("spillway.index", strconv.Itoa(l.ID.Index)),
		label("spillway.attempt", strconv.Itoa(l.ID.Number)),
	}
}

func label(key, value string) mesosgo.Label { return mesosgo.Label{Key: key, Value: &value} }

// commandInfo gives a text to /bin/sh -c, and an argv as it is. With an image, the agent puts arguments behind the
// image's name on Docker's command line, where they would become arguments of the image's ENTRYPOINT: therefore
// containerInfo makes argv[0] the entry point, and only the rest stands here (src/docker/docker.cpp,
// RunOptions::create). Without one, value is the program and arguments its whole argv.
func commandInfo(l *Launch, ports []uint64) *mesosgo.CommandInfo {
	c := &mesosgo.CommandInfo{Environment: environment(l, ports)}
	switch argv := l.Command.Argv; {
	case len(argv) == 0:
		c.Shell, c.Value = ptr(true), &l.Command.Shell
	case l.Image != "":
		c.Shell, c.Arguments = ptr(false), argv[1:]
	default:
		c.Shell, c.Value, c.Arguments = ptr(false), &argv[0], argv
	}
	return c
}

// environment tells a task who it is and which host ports it has, before what its author wants.
func environment(l *Launch, ports []uint64) *mesosgo.Environment {
	env := &mesosgo.Environment{}
	own := map[string]bool{}
	set := func(name, value string) {
		own[name] = true
		env.Variables = append(env.Variables, mesosgo.Environment_Variable{
			Name: name, Type: mesosgo.Environment_Variable_VALUE.Enum(), Value: &value,
		})
	}
	set("SPILLWAY_RUN", string(l.ID.Run))
	set("SPILLWAY_STEP", l.ID.Step)
	set("SPILLWAY_INDEX", strconv.Itoa(l.ID.Index))
	set("SPILLWAY_ATTEMPT", strconv.Itoa(l.ID.Number))
	if len(ports) > 0 {
		set("SPILLWAY_PORTS", joinPorts(ports))
	}
	for i, port := range ports {
		set("PORT"+strconv.Itoa(i), strconv.FormatUint(port, 10))
	}
	for _, v := range l.Command.Env {
		if !own[v.Name] {
			set(v.Name, v.Value)
		}
	}
	return env
}

func joinPorts(ports []uint64) string {
	texts := make([]string, len(ports))
	for i, port := range ports {
		texts[i] = strconv.FormatUint(port, 10)
	}
	return strings.Join(texts, ",")
}

func containerInfo(l *Launch, labels []mesosgo.Label, ports []uint64) *mesosgo.ContainerInfo {
	docker := &mesosgo.ContainerInfo_DockerInfo{
		Image:          l.Image,
		Network:        dockerNetwork(l.Network).Enum(),
		ForcePullImage: ptr(l.ForcePull),
	}
	for _, label := range labels {
		docker.Parameters = append(docker.Parameters, mesosgo.Parameter{Key: "label", Value: label.Key + "=" + label.GetValue()})
	}
	if len(l.Command.Argv) > 0 {
		docker.Parameters = append(docker.Parameters, mesosgo.Parameter{Key: "entrypoint", Value: l.Command.Argv[0]})
	}
	if l.Network == spec.BridgeNetwork {
		// A port has the same number inside and outside, so that PORT0 is right for both sides.
		for _, port := range ports {
			docker.PortMappings = append(docker.PortMappings, mesosgo.ContainerInfo_DockerInfo_PortMapping{
				HostPort: uint32(port), ContainerPort: uint32(port),
			})
		}
	}
	return &mesosgo.ContainerInfo{
		Type:    mesosgo.ContainerInfo_DOCKER.Enum(),
		Docker:  docker,
		Volumes: volumes(l.Volumes),
	}
}

func dockerNetwork(n spec.Network) mesosgo.ContainerInfo_DockerInfo_Network {
	switch n {
	case spec.BridgeNetwork:
		return mesosgo.ContainerInfo_DockerInfo_BRIDGE
	case spec.NoNetwork:
		return mesosgo.ContainerInfo_DockerInfo_NONE
	default:
		return mesosgo.ContainerInfo_DockerInfo_HOST
	}
}

func volumes(list []spec.Volume) []mesosgo.Volume {
	var volumes []mesosgo.Volume
	for _, v := range list {
		mode := mesosgo.RW
		if v.ReadOnly {
			mode = mesosgo.RO
		}
		volumes = append(volumes, mesosgo.Volume{Mode: mode.Enum(), ContainerPath: v.At, HostPath: ptr(v.Host)})
	}
	return volumes
}
