package ministack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// JoinMinimesos is an Options.Boot by which servers become agents of a
// minimesos. read finds in their user-data which masters the agent is to join
// and with which attributes (as userdata.Read does); if the cluster's is not
// among them, no agent starts.
func JoinMinimesos(cluster *minimesos.Cluster, runner minimesos.Runner,
	read func(userData []byte) (masters []string, attributes map[string]string, err error)) func(Machine, []byte) (func(), error) {
	master := strings.TrimPrefix(cluster.URL(), "http://")
	return func(m Machine, userData []byte) (func(), error) {
		masters, attributes, err := read(userData)
		if err != nil {
			return nil, fmt.Errorf("reading the user-data: %w", err)
		}
		if !slices.ContainsFunc(masters, func(named string) bool { return strings.TrimPrefix(named, "http://") == master }) {
			return nil, fmt.Errorf("no master answers at %s", strings.Join(masters, ", "))
		}
		// Names of servers need not be unique, and a machine that boots again is a new agent.
		name := fmt.Sprintf("%s-%d", m.ID, m.Boot)
		err = cluster.AddAgent(minimesos.AgentOptions{Name: name, Hostname: m.Name, Runner: runner, Attributes: attributes,
			Resources: fmt.Sprintf("cpus:%d;mem:%d;disk:%d;ports:[31000-31999]", m.Flavor.VCPUs, m.Flavor.RAM, m.Flavor.Disk*1024)})
		if err != nil {
			return nil, fmt.Errorf("starting the agent: %w", err)
		}
		return func() {
			_ = cluster.LoseAgent(name) // fails only if the cluster has ended, and the agent with it
		}, nil
	}
}
