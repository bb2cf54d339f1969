package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/placement"
)

func newAgents() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:               "agents",
		Short:             "List the agents that have offered resources, and what of them is used",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, &a, "GET", "/v1/agents", nil, func(s *sheet, list httpapi.Agents) {
				if len(list.Agents) == 0 {
					fmt.Fprintln(s, "no agent has offered anything yet")
					return
				}
				agentsTable(list.Agents, s.now).print(s, s.screen)
			})
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

func agentsTable(agents []httpapi.Agent, now time.Time) *table {
	t := newTable("AGENT", ">TASKS", ">CPUS", ">MEM", ">DISK", ">GPUS", ">LAST OFFER", "CLOUD VM", "CORDONED", "MAINTENANCE", "ATTRIBUTES")
	for _, a := range agents {
		maintenance := ""
		if a.Maintenance != nil {
			maintenance = a.Maintenance.UTC().Format(time.RFC3339)
		}
		vm, cordoned := "", ""
		if a.VM != "" {
			vm = a.Cloud + "/" + a.VM
		}
		if a.Cordon != nil {
			cordoned = "until " + a.Cordon.Until.UTC().Format(time.TimeOnly) + "Z: " + a.Cordon.Reason
		}
		gpus := ""
		if n := a.Used.GPUs + a.Free.GPUs; n > 0 {
			gpus = fmt.Sprintf("%d/%d", a.Used.GPUs, n)
		}
		t.row(a.Hostname, some(a.Tasks), number(a.Used.CPUs)+"/"+number(a.Used.CPUs+a.Free.CPUs), share(a.Used.MemBytes, a.Free.MemBytes),
			share(a.Used.DiskBytes, a.Free.DiskBytes), gpus, since(now, a.Seen), vm, cell{cordoned, yellow}, cell{maintenance, yellow}, attributes(a.Attributes))
	}
	return t
}

// share is what is used of all there is.
func share(used, free int64) string {
	if used == 0 {
		return "0/" + size(free)
	}
	return size(used) + "/" + size(used+free)
}

// attributes lists all but those that have a column of their own.
func attributes(all map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name == placement.AttributeVM || name == placement.AttributeCloud {
			continue
		}
		parts = append(parts, name+"="+all[name])
	}
	return strings.Join(parts, " ")
}
