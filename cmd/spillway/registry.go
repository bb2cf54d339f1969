package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/registry"
)

func newRegistry() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Look at image registries as the scheduler sees them",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newRegistryCheck())
	return cmd
}

// checkTimeout bounds a whole check; a step that hangs ends sooner.
const checkTimeout = 30 * time.Second

func newRegistryCheck() *cobra.Command {
	var cfg registry.Config
	var output string
	cmd := &cobra.Command{
		Use:   "check IMAGE",
		Short: "Find out whether an image can be looked up, and if not, why",
		Long: "Ask an image's registry from this machine, step by step, and say what was found: the name's address, the connection, TLS,\n" +
			"the registry itself, the credentials, the image with its platforms and its digest. It ends with what to do.\n\n" +
			"Give the flags that the scheduler is given, on the scheduler's machine and as its user. No scheduler needs to run.\n" +
			"The exit status is 1 if anything is wrong.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, known := reportForms[output]
			if !known {
				return fmt.Errorf("-o %q: it must be table or json", output)
			}
			cfg.UserAgent = userAgent()
			client, err := registry.New(cfg)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), checkTimeout)
			defer cancel()
			report := client.Check(ctx, args[0])
			if err := write(cmd.OutOrStdout(), report); err != nil {
				return err
			}
			if !report.OK {
				return exitError(exitFailed)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	registryFlags(cmd.Flags(), &cfg)
	return cmd
}

// reportForms are the forms in which a report is written.
var reportForms = map[string]func(io.Writer, registry.Report) error{
	"table": writeReport,
	"json": func(w io.Writer, r registry.Report) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	},
}

func writeReport(w io.Writer, r registry.Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range r.Steps {
		result := "ok"
		if !s.OK {
			result = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, result, s.Found)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, r.Advice)
	return err
}
