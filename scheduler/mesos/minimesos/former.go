package minimesos

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// This file is about clusters that use one work folder after each other. A master's registry ends with its cluster, and
// so do the agents with all that they ran; but a framework may still believe in them. A folder for each agent id, where
// Mesos' agents have theirs too, keeps a master from knowing nothing of it: TASK_UNKNOWN would have the framework wait
// for agents that never come back.

// slavesFolder is where an agent's work folder has what belongs to an id of the agent.
const slavesFolder = "slaves"

// leaveTrace makes the folder by which a later cluster knows the agent's id. One whose folder is removed at the end
// needs none. It is on the cluster's disk, of a remote agent too.
func (a *agent) leaveTrace() {
	if a.c.ownDir {
		return
	}
	if err := os.MkdirAll(filepath.Join(a.c.dir, a.name, slavesFolder, a.id), 0o755); err != nil {
		a.c.log.Warn("minimesos: an agent's id was not kept", "agent", a.name, "error", err)
	}
}

// formerGone marks the agents of earlier clusters gone for good, as an operator would who has switched them off.
func (c *Cluster) formerGone() error {
	traces, err := fs.Glob(os.DirFS(c.dir), path.Join("*", slavesFolder, "*"))
	if err != nil {
		return fmt.Errorf("looking for former agents: %w", err)
	}
	now := timeInfo(time.Now())
	for _, trace := range traces {
		c.registry.gone[path.Base(trace)] = now
	}
	return nil
}
