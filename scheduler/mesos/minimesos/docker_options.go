package minimesos

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	containerapi "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Limits below which Mesos' Docker containerizer does not go
// (src/slave/containerizer/mesos/isolators/cgroups/constants.hpp,
// src/docker/docker.cpp).
const (
	minCPUShares    = 2
	sharesPerCPU    = 1024
	minDockerMemory = 32 << 20
)

// dockerOptions follows Docker::RunOptions::create in src/docker/docker.cpp.
func dockerOptions(spec *containerSpec) (client.ContainerCreateOptions, error) {
	info := spec.info.Docker
	config := &containerapi.Config{Image: withTag(info.Image), Env: spec.env, AttachStdout: true, AttachStderr: true,
		Cmd: dockerArguments(spec.command), Hostname: spec.info.GetHostname()}
	if spec.command.GetShell() {
		config.Entrypoint = []string{"/bin/sh"}
	}
	host := &containerapi.HostConfig{Privileged: info.GetPrivileged(),
		RestartPolicy: containerapi.RestartPolicy{Name: containerapi.RestartPolicyDisabled}}
	host.CPUShares = max(spec.cpus*sharesPerCPU/1000, minCPUShares)
	host.Memory = max(spec.mem*(1<<20)/1000, minDockerMemory)
	if err := setNetwork(spec, config, host); err != nil {
		return client.ContainerCreateOptions{}, err
	}
	binds, err := bindsOf(spec)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	host.Binds = binds
	for _, p := range info.Parameters {
		if err := setParameter(p, spec, config, host); err != nil {
			return client.ContainerCreateOptions{}, err
		}
	}
	return client.ContainerCreateOptions{Name: spec.name, Config: config, HostConfig: host}, nil
}

func setNetwork(spec *containerSpec, config *containerapi.Config, host *containerapi.HostConfig) error {
	info := spec.info.Docker
	kind := mesos.ContainerInfo_DockerInfo_HOST
	if info.Network != nil {
		kind = *info.Network
	}
	switch kind {
	case mesos.ContainerInfo_DockerInfo_HOST:
		host.NetworkMode = "host"
	case mesos.ContainerInfo_DockerInfo_BRIDGE:
		host.NetworkMode = "bridge"
	case mesos.ContainerInfo_DockerInfo_NONE:
		host.NetworkMode = "none"
	case mesos.ContainerInfo_DockerInfo_USER:
		if len(spec.info.NetworkInfos) == 0 || spec.info.NetworkInfos[0].GetName() == "" {
			return wording("No network name found in network info")
		}
		host.NetworkMode = containerapi.NetworkMode(spec.info.NetworkInfos[0].GetName())
	}
	if config.Hostname != "" && host.NetworkMode == "host" {
		return wording("Unable to set hostname with host network mode")
	}
	return mapPorts(info.PortMappings, config, host)
}

func mapPorts(mappings []mesos.ContainerInfo_DockerInfo_PortMapping, config *containerapi.Config, host *containerapi.HostConfig) error {
	if len(mappings) == 0 {
		return nil
	}
	if host.NetworkMode == "host" || host.NetworkMode == "none" {
		return wording("Port mappings are only supported for bridge and user-defined networks")
	}
	config.ExposedPorts, host.PortBindings = network.PortSet{}, network.PortMap{}
	for _, m := range mappings {
		protocol := m.GetProtocol()
		if protocol == "" {
			protocol = "tcp"
		}
		port, err := network.ParsePort(fmt.Sprintf("%d/%s", m.ContainerPort, protocol))
		if err != nil {
			return err
		}
		config.ExposedPorts[port] = struct{}{}
		host.PortBindings[port] = append(host.PortBindings[port], network.PortBinding{HostPort: strconv.Itoa(int(m.HostPort))})
	}
	return nil
}

// bindsOf are the task's volumes and its sandbox.
func bindsOf(spec *containerSpec) ([]string, error) {
	var out []string
	for i := range spec.info.Volumes {
		bind, err := bindOf(spec, &spec.info.Volumes[i])
		if err != nil {
			return nil, err
		}
		out = append(out, bind)
	}
	return append(out, spec.sandbox+":"+sandboxInDocker), nil
}

func bindOf(spec *containerSpec, v *mesos.Volume) (string, error) {
	at := v.ContainerPath
	if !filepath.IsAbs(at) {
		at = filepath.Join(sandboxInDocker, at)
	}
	source := ""
	switch {
	case v.HostPath != nil:
		source = *v.HostPath
		if !filepath.IsAbs(source) {
			if !filepath.IsAbs(v.ContainerPath) {
				return "", worded("Both host_path '%s' and container_path '%s' of a volume are relative", source, v.ContainerPath)
			}
			source = filepath.Join(spec.sandbox, source)
		}
	case v.Source.GetDockerVolume() != nil:
		source = v.Source.DockerVolume.Name
	default:
		return "", wording("Host path or volume source is required")
	}
	mode := "rw"
	if v.GetMode() == mesos.RO {
		mode = "ro"
	}
	return source + ":" + at + ":" + mode, nil
}

// setParameter does what docker run does for --key=value. The options are
// those that pipelines have been seen to use; any other is refused, since one
// that is left out silently would make a test lie.
func setParameter(p mesos.Parameter, spec *containerSpec, config *containerapi.Config, host *containerapi.HostConfig) error {
	if set, ok := dockerTexts[p.Key]; ok {
		set(p.Value, config, host)
		return nil
	}
	if set, ok := dockerChecked[p.Key]; ok {
		if err := set(p.Value, host); err != nil {
			return fmt.Errorf("docker parameter %s=%s: %w", p.Key, p.Value, err)
		}
		return nil
	}
	if p.Key == "entrypoint" {
		if !spec.command.GetShell() {
			config.Entrypoint = []string{p.Value}
		}
		return nil
	}
	return fmt.Errorf("docker parameter %q is not supported by minimesos", p.Key)
}

// dockerTexts are options whose values need no reading.
var dockerTexts = map[string]func(string, *containerapi.Config, *containerapi.HostConfig){
	"label": func(v string, c *containerapi.Config, _ *containerapi.HostConfig) {
		key, value, _ := strings.Cut(v, "=")
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		c.Labels[key] = value
	},
	"env":         func(v string, c *containerapi.Config, _ *containerapi.HostConfig) { c.Env = append(c.Env, v) },
	"user":        func(v string, c *containerapi.Config, _ *containerapi.HostConfig) { c.User = v },
	"workdir":     func(v string, c *containerapi.Config, _ *containerapi.HostConfig) { c.WorkingDir = v },
	"hostname":    func(v string, c *containerapi.Config, _ *containerapi.HostConfig) { c.Hostname = v },
	"stop-signal": func(v string, c *containerapi.Config, _ *containerapi.HostConfig) { c.StopSignal = v },
	"volume":      func(v string, _ *containerapi.Config, h *containerapi.HostConfig) { h.Binds = append(h.Binds, v) },
	"add-host": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		h.ExtraHosts = append(h.ExtraHosts, v)
	},
	"cap-add":   func(v string, _ *containerapi.Config, h *containerapi.HostConfig) { h.CapAdd = append(h.CapAdd, v) },
	"cap-drop":  func(v string, _ *containerapi.Config, h *containerapi.HostConfig) { h.CapDrop = append(h.CapDrop, v) },
	"group-add": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) { h.GroupAdd = append(h.GroupAdd, v) },
	"security-opt": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		h.SecurityOpt = append(h.SecurityOpt, v)
	},
	"ipc": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		h.IpcMode = containerapi.IpcMode(v)
	},
	"pid": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		h.PidMode = containerapi.PidMode(v)
	},
	"uts": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		h.UTSMode = containerapi.UTSMode(v)
	},
	"net": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		h.NetworkMode = containerapi.NetworkMode(v)
	},
	"network": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		h.NetworkMode = containerapi.NetworkMode(v)
	},
	"cpuset-cpus": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) { h.CpusetCpus = v },
	"tmpfs": func(v string, _ *containerapi.Config, h *containerapi.HostConfig) {
		path, options, _ := strings.Cut(v, ":")
		if h.Tmpfs == nil {
			h.Tmpfs = map[string]string{}
		}
		h.Tmpfs[path] = options
	},
}

// dockerChecked are options whose values may be wrong.
var dockerChecked = map[string]func(string, *containerapi.HostConfig) error{
	"read-only":   func(v string, h *containerapi.HostConfig) error { return readBool(v, &h.ReadonlyRootfs) },
	"privileged":  func(v string, h *containerapi.HostConfig) error { return readBool(v, &h.Privileged) },
	"memory":      func(v string, h *containerapi.HostConfig) error { return readSize(v, &h.Memory) },
	"memory-swap": func(v string, h *containerapi.HostConfig) error { return readSize(v, &h.MemorySwap) },
	"shm-size":    func(v string, h *containerapi.HostConfig) error { return readSize(v, &h.ShmSize) },
	"cpu-shares":  func(v string, h *containerapi.HostConfig) error { return readInt(v, &h.CPUShares) },
	"cpu-period":  func(v string, h *containerapi.HostConfig) error { return readInt(v, &h.CPUPeriod) },
	"cpu-quota":   func(v string, h *containerapi.HostConfig) error { return readInt(v, &h.CPUQuota) },
	"cpus": func(v string, h *containerapi.HostConfig) error {
		cpus, err := strconv.ParseFloat(v, 64)
		h.NanoCPUs = int64(cpus * 1e9)
		return err
	},
	"pids-limit": func(v string, h *containerapi.HostConfig) error {
		h.PidsLimit = new(int64)
		return readInt(v, h.PidsLimit)
	},
	"init": func(v string, h *containerapi.HostConfig) error {
		h.Init = new(bool)
		return readBool(v, h.Init)
	},
	"ulimit": func(v string, h *containerapi.HostConfig) error {
		limit, err := units.ParseUlimit(v)
		h.Ulimits = append(h.Ulimits, limit)
		return err
	},
	"dns": func(v string, h *containerapi.HostConfig) error {
		address, err := netip.ParseAddr(v)
		h.DNS = append(h.DNS, address)
		return err
	},
}

func readBool(text string, into *bool) (err error) {
	*into, err = strconv.ParseBool(text)
	return err
}

func readInt(text string, into *int64) (err error) {
	*into, err = strconv.ParseInt(text, 10, 64)
	return err
}

func readSize(text string, into *int64) (err error) {
	if text == "-1" {
		*into = -1
		return nil
	}
	*into, err = units.RAMInBytes(text)
	return err
}
