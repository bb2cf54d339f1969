package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
)

// vmNames completes the names of cloud machines, asking the clouds only; at most so many in a command, -1: any number.
func vmNames(b *bursting, most int) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if most >= 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		s, err := b.open()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		base := cmd.Context()
		if base == nil {
			base = context.Background()
		}
		ctx, cancel := context.WithTimeout(base, completionTime)
		defer cancel()
		var names []string
		for _, c := range s.Clouds() {
			servers, err := c.Servers(ctx, s.Config().Cluster)
			if err != nil {
				continue
			}
			for i := range servers {
				m := servers[i].Metadata
				if name := m["spillway_vm"]; name != "" && !slices.Contains(args, name) {
					names = append(names, cobra.CompletionWithDesc(name, m["spillway_flavor"]+" on "+c.Name+", "+servers[i].Status))
				}
			}
		}
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}
}
