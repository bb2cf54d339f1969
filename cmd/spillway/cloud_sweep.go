package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst"
)

// cloudLeftovers is what `cloud sweep` prints.
type cloudLeftovers struct {
	Leftovers []cloudLeftover `json:"leftovers"`
	Removed   bool            `json:"removed"`
	// Unknown is why there may be more: clouds that do not answer.
	Unknown []string `json:"unknown,omitempty"`
}

// cloudLeftover is a server, port or volume that carries the cluster's tag and belongs to nobody.
type cloudLeftover struct {
	Cloud   string    `json:"cloud"`
	Kind    string    `json:"kind"`
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Intent  string    `json:"intent"`
	Created time.Time `json:"created"`
	Status  string    `json:"status"`
	Why     string    `json:"why"`
	Error   string    `json:"error,omitempty"` // why it could not be removed
}

func newCloudSweep() *cobra.Command {
	var b bursting
	var remove, dryRun bool
	cmd := &cobra.Command{
		Use:   "sweep [--delete]",
		Short: "Find what carries the cluster's tag and belongs to no machine, and delete it with --delete",
		Long: "Find servers, ports and volumes that carry the cluster's tag and belong to no machine. What is younger than sweep.grace is left alone, " +
			"and so is what carries no tag, or that of another cluster: it is not even looked at twice.\n\n" +
			"The tags are spillway_cluster and spillway_vm, in the metadata of servers and volumes; the description of a port is " +
			"\"spillway_cluster=CLUSTER spillway_vm=VM\". What has the first alone is found too. The cloudburst agent leaves that to you.\n\n" +
			"They are only listed, unless --delete is given. Exit status 1 means that a cloud does not answer or that something could not be deleted.",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if remove && dryRun {
				return errors.New("--dry-run and --delete: it is one or the other")
			}
			return b.sweep(cmd, remove)
		},
	}
	b.flags(cmd, asTable, asJSON, asYAML)
	cmd.Flags().BoolVar(&remove, "delete", false, "delete them")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only list them, which is what happens without --delete")
	return cmd
}

func (b *bursting) sweep(cmd *cobra.Command, remove bool) error {
	s, err := b.open()
	if err != nil {
		return err
	}
	ctx, c := cmd.Context(), s.Config()
	found := cloudLeftovers{Leftovers: []cloudLeftover{}, Removed: remove}
	var trouble []error
	for _, cloud := range s.Clouds() {
		all, err := cloud.Leftovers(ctx, c.Cluster)
		if err != nil {
			trouble = append(trouble, fmt.Errorf("cloud %s: %w", cloud.Name, err))
			found.Unknown = append(found.Unknown, cloudburst.Silent(cloud.Name, err).Words)
			continue
		}
		for _, l := range cloudburst.FindUnowned(all, time.Now(), c.Sweep.Grace) {
			x := cloudLeftover{
				Cloud: cloud.Name, Kind: l.Kind, ID: l.ID, Name: l.Name, Intent: l.Intent, Created: l.Created.UTC(), Status: l.Status, Why: l.Why,
			}
			if remove {
				if err := cloud.Remove(ctx, l.Leftover); err != nil {
					x.Error = err.Error()
					trouble = append(trouble, fmt.Errorf("cloud %s: %w", cloud.Name, err))
				}
			}
			found.Leftovers = append(found.Leftovers, x)
		}
	}
	return showCloud(cmd, b.format, found, trouble, printLeftovers)
}

func printLeftovers(s *sheet, v cloudLeftovers) {
	switch {
	case len(v.Leftovers) == 0 && len(v.Unknown) > 0:
		printUnknown(s, " what was left behind", v.Unknown)
		return
	case len(v.Leftovers) == 0:
		fmt.Fprintln(s, "nothing was left behind")
		return
	}
	t := newTable("CLOUD", "KIND", "ID", "VM", ">AGE", "STATUS", "WHY", "NOT DELETED BECAUSE")
	for i := range v.Leftovers {
		l := &v.Leftovers[i]
		t.row(l.Cloud, l.Kind, l.ID, l.Intent, since(s.now, l.Created), l.Status, l.Why, cell{l.Error, red})
	}
	t.print(s, s.screen)
	kept := 0
	for _, l := range v.Leftovers {
		if !v.Removed || l.Error != "" {
			kept++
		}
	}
	switch {
	case !v.Removed:
		fmt.Fprintf(s, "\n%s left behind; --delete removes what is listed\n", counted(kept, "thing"))
	case kept > 0:
		fmt.Fprintf(s, "\n%d of them deleted\n", len(v.Leftovers)-kept)
	default:
		fmt.Fprintln(s, "\nall of them deleted")
	}
	printUnknown(s, " whether more was left behind", v.Unknown)
}
