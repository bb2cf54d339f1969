package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/site"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

func newCloudInventory() *cobra.Command {
	var b bursting
	var list bool
	var host string
	cmd := &cobra.Command{
		Use:   "inventory --list|--host VM",
		Short: "Print the cloud machines as a dynamic inventory for Ansible",
		Long: "Print the cloud machines that have an address as a dynamic inventory for Ansible, in JSON, for sites whose machines Ansible configures " +
			"(agent.install: none). Groups are spillway, pool_NAME, cloud_NAME and stage_NAME, in which a - of a name is a _.\n\n" +
			"Ansible wants a program without arguments of its own: a script that runs `exec spillway cloud inventory --config /etc/spillway/burst.yaml \"$@\"`.",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list == (host != "") {
				return errors.New("say --list, or --host and a machine")
			}
			p, s, err := b.preview(cmd)
			if err != nil {
				return err
			}
			complain(cmd, p.Trouble)
			all := inventory(p, s)
			if host == "" {
				return printInventory(cmd, all)
			}
			vars, found := all["_meta"].(inventoryMeta).HostVars[host]
			if !found {
				return fmt.Errorf("there is no machine %s that has an address; `spillway cloud vms` lists them", host)
			}
			return printInventory(cmd, vars)
		},
	}
	b.flags(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "all machines, by groups, with their variables")
	cmd.Flags().StringVar(&host, "host", "", "the variables of one machine")
	return cmd
}

func printInventory(cmd *cobra.Command, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	return printData(cmd.OutOrStdout(), asJSON, text)
}

// inventoryGroup is a group of hosts, inventoryMeta what is known of each host; see Ansible's documentation, "Developing
// dynamic inventory", for the form.
type inventoryGroup struct {
	Hosts    []string `json:"hosts,omitempty"`
	Children []string `json:"children,omitempty"`
}

type inventoryMeta struct {
	HostVars map[string]map[string]any `json:"hostvars"`
}

// inventory is all machines that have an address.
func inventory(p *cloudburst.Preview, s *site.Site) map[string]any {
	groups := map[string]*inventoryGroup{"spillway": {}}
	meta := inventoryMeta{HostVars: map[string]map[string]any{}}
	for i := range p.VMs {
		m := &p.VMs[i]
		if len(m.Addresses) == 0 || m.Stage == vm.Deleted || m.Stage == vm.Leaving {
			continue
		}
		for _, name := range []string{"spillway", group("pool", m.Pool), group("cloud", m.Cloud), group("stage", string(m.Stage))} {
			if groups[name] == nil {
				groups[name] = &inventoryGroup{}
			}
			groups[name].Hosts = append(groups[name].Hosts, m.Intent)
		}
		meta.HostVars[m.Intent] = hostVars(m, s)
	}
	all := map[string]any{"_meta": meta}
	names := []string{}
	for name, g := range groups {
		slices.Sort(g.Hosts)
		all[name] = g
		names = append(names, name)
	}
	slices.Sort(names)
	all["all"] = inventoryGroup{Children: append(names, "ungrouped")}
	return all
}

// group is the name of a group: Ansible takes letters, digits and _ (TRANSFORM_INVALID_GROUP_CHARS in its documentation).
func group(kind, name string) string { return kind + "_" + strings.ReplaceAll(name, "-", "_") }

// hostVars are the variables of a machine: where it is reached, and what the role that makes an agent of it is to know.
func hostVars(m *planner.VM, s *site.Site) map[string]any {
	vars := map[string]any{
		"ansible_host": m.Addresses[0], "spillway_vm": m.Intent, "spillway_pool": m.Pool, "spillway_cloud": m.Cloud,
		"spillway_flavor": m.Flavor, "spillway_zone": m.Zone, "spillway_stage": m.Stage, "spillway_server": m.Server,
		"spillway_addresses": m.Addresses, "spillway_cluster": s.Config().Cluster,
	}
	maps.Copy(vars, s.RoleVariables(cloudburst.Order{Pool: m.Pool, Cloud: m.Cloud, Flavor: m.Flavor, Zone: m.Zone}))
	return vars
}
