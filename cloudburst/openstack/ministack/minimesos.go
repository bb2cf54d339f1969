package ministack

import (
	"fmt"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// Joining is what user-data says about the agent that it starts.
type Joining struct {
	Master     string            // URL of the master, or host:port
	Attributes map[string]string // of the agent
	Resources  string            // as --resources has them; default: what the flavor has
}

// JoinMinimesos is an Options.Boot by which servers become agents of a
// minimesos: read says what their user-data asks for. User-data that names
// another master starts nothing.
func JoinMinimesos(cluster *minimesos.Cluster, runner minimesos.Runner, read func(userData []byte) (Joining, error)) func(Machine, []byte) (func(), error) {
	return func(m Machine, userData []byte) (func(), error) {
		joining, err := read(userData)
		if err != nil {
			return nil, fmt.Errorf("reading the user-data: %w", err)
		}
		if joining.Master != cluster.URL() && "http://"+joining.Master != cluster.URL() {
			return nil, fmt.Errorf("no master answers at %q", joining.Master)
		}
		// The machine's id tells its agent from those of others of the same name, and each boot from the last: the
		// former agent's disk may still be in the master's memory.
		name := fmt.Sprintf("%s-%d", m.ID, m.Boot)
		if joining.Resources == "" {
			joining.Resources = agentResources(m.Flavor)
		}
		err = cluster.AddAgent(minimesos.AgentOptions{Name: name, Hostname: m.Name, Runner: runner,
			Resources: joining.Resources, Attributes: joining.Attributes})
		if err != nil {
			return nil, fmt.Errorf("starting the agent: %w", err)
		}
		return func() {
			if err := cluster.LoseAgent(name); err != nil {
				return // the cluster is closed, and the agent with it
			}
		}, nil
	}
}

func agentResources(f Flavor) string {
	return fmt.Sprintf("cpus:%d;mem:%d;disk:%d;ports:[31000-31999]", f.VCPUs, f.RAM, f.Disk*1024)
}
