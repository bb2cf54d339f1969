package mesos

import (
	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
)

// frameworkInfo is how the framework introduces itself, under the id it has, if it has one.
func frameworkInfo(cfg *Config, id string) *mesosgo.FrameworkInfo {
	info := &mesosgo.FrameworkInfo{
		User:            cfg.User,
		Name:            cfg.Name,
		Roles:           cfg.Roles,
		FailoverTimeout: ptr(cfg.FailoverTimeout.Seconds()),
		// Agents keep what they know of our tasks on disk, so that tasks outlive an agent's restart.
		Checkpoint:   ptr(true),
		Capabilities: capabilities(cfg),
	}
	if id != "" {
		info.ID = &mesosgo.FrameworkID{Value: id}
	}
	if cfg.Hostname != "" {
		info.Hostname = &cfg.Hostname
	}
	if cfg.WebUI != "" {
		info.WebUiURL = &cfg.WebUI
	}
	if cfg.Principal != "" {
		info.Principal = &cfg.Principal
	}
	return info
}

func capabilities(cfg *Config) []mesosgo.FrameworkInfo_Capability {
	types := []mesosgo.FrameworkInfo_Capability_Type{
		mesosgo.FrameworkInfo_Capability_PARTITION_AWARE,
		mesosgo.FrameworkInfo_Capability_TASK_KILLING_STATE,
		mesosgo.FrameworkInfo_Capability_MULTI_ROLE,
		mesosgo.FrameworkInfo_Capability_RESERVATION_REFINEMENT,
		mesosgo.FrameworkInfo_Capability_REGION_AWARE,
	}
	if cfg.GPU {
		types = append(types, mesosgo.FrameworkInfo_Capability_GPU_RESOURCES)
	}
	if cfg.Revocable {
		types = append(types, mesosgo.FrameworkInfo_Capability_REVOCABLE_RESOURCES)
	}
	list := make([]mesosgo.FrameworkInfo_Capability, len(types))
	for i, t := range types {
		list[i].Type = t
	}
	return list
}

func ptr[T any](v T) *T { return &v }
