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
	addGroup(root, "Runs:", newRun(), newSubmit(), newRuns(), newStatus(), newTasks(), newWhy(), newLogs(),
		newCancel(), newRetry(), newDelete(), newGraph(), newTimeline())
	addGroup(root, "Pipelines and specs:", newPipelines(), newValidate(), newSchema())
	addGroup(root, "The queue and the cluster:", newQueue(), newAgents(), newCloud(), newTop())
	addGroup(root, "Running a scheduler:", newScheduler(), newCloudburst(), newDev(), newToken(), newRegistry())
	root.AddCommand(newVersion())
	root.SetFlagErrorFunc(flagError)
	return root
}

// addGroup adds verbs that the help shows together.
func addGroup(root *cobra.Command, title string, verbs ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, verb := range verbs {
		verb.GroupID = title
	}
	root.AddCommand(verbs...)
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
