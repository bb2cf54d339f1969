package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/registry"
)

func newRegistry() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Look at image registries as the scheduler sees them",
	}
	groupOnly(cmd)
	cmd.AddCommand(newRegistryCheck())
	return cmd
}

// checkTimeout bounds a whole check; a step that hangs ends sooner.
const checkTimeout = 30 * time.Second

func newRegistryCheck() *cobra.Command {
	var cfg registry.Config
	var format string
	cmd := &cobra.Command{
		Use:   "check IMAGE",
		Short: "Find out whether an image can be looked up, and if not, why",
		Long: "Ask an image's registry from this machine, step by step, and say what was found: the name's address, the connection, TLS,\n" +
			"the registry itself, the credentials, the image with its platforms and its digest. It ends with what to do.\n\n" +
			"Give the flags that the scheduler is given, on the scheduler's machine and as its user. No scheduler needs to run.\n" +
			"The exit status is 1 if anything is wrong.",
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.UserAgent = userAgent()
			client, err := registry.New(cfg)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), checkTimeout)
			defer cancel()
			report := client.Check(ctx, args[0])
			raw, err := json.Marshal(report)
			if err != nil {
				return err
			}
			if err := render(cmd, format, raw, printReport); err != nil {
				return err
			}
			if !report.OK {
				return exitError(exitFailed)
			}
			return nil
		},
	}
	formatFlag(cmd, &format, asTable, asJSON, asYAML)
	registryFlags(cmd.Flags(), &cfg)
	return cmd
}

// printReport does not cut what was found where a terminal ends: it is what was asked for.
func printReport(s *sheet, r registry.Report) {
	t := newTable("STEP", "RESULT", "FOUND")
	for _, step := range r.Steps {
		result := cell{"ok", green}
		if !step.OK {
			result = cell{"FAILED", red}
		}
		t.row(step.Name, result, step.Found)
	}
	t.print(s, screen{colour: s.screen.colour})
	fmt.Fprintf(s, "\n%s\n", harmless(r.Advice))
}
