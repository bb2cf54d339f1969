package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// Exit statuses. Those of `run` say how the run ended.
const (
	exitFailed      = 1   // the run failed
	exitUsage       = 2   // bad input, or the scheduler refused it or cannot be asked
	exitCancelled   = 3   // the run was cancelled
	exitInterrupted = 130 // the command was interrupted; 128 and SIGINT's number, as shells have it
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "spillway",
		Short:         "A batch scheduler for science data processing centres, on Apache Mesos",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("spillway {{.Version}}\n")
	root.AddCommand(
		newSubmit(), newRun(), newRuns(), newStatus(), newTasks(), newWhy(), newLogs(),
		newCancel(), newRetry(), newDelete(),
		newGraph(), newTimeline(),
		newPipelines(),
		newQueue(), newAgents(), newTop(),
		newValidate(), newSchema(),
		newScheduler(), newDev(), newToken(), newRegistry(), newVersion(),
	)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "spillway %s\n", version)
			return err
		},
	}
}
