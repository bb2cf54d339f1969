package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func newSubmit() *cobra.Command {
	var a asking
	var s submitting
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Submit a spec and print its run's id; - is standard input",
		Long: "Submit a spec and print its run's id; - is standard input.\n\n" +
			"With --dry-run the scheduler checks all that it checks of a submission, and keeps nothing.",
		Args:              takes(1, 1),
		ValidArgsFunction: specFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			sub, err := s.submission(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			sub.DryRun = dryRun
			return submit(cmd, &a, "/v1/runs", sub, sub.Key)
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	s.flags(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check the spec and show what would run")
	return cmd
}

// submit posts a submission and prints the run that it makes.
func submit(cmd *cobra.Command, a *asking, path string, body any, key string) error {
	err := present(cmd, a, "POST", path, body, func(s *sheet, run httpapi.Run) {
		warn(cmd.ErrOrStderr(), run)
		if run.ID != "" {
			fmt.Fprintln(s, run.ID)
			return
		}
		fmt.Fprintf(s, "%s/%s can be run: %s\n", run.Project, run.Name, counted(len(run.Steps), "step"))
		t := newTable("STEP", ">TASKS", "NEEDS", "EACH", "IMAGE")
		for _, st := range run.Steps {
			t.row(st.Name, st.Tasks, join(st.Needs), needs(st.Resources), pinned(run, st.Image))
		}
		t.print(s, s.screen)
	})
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(cmd.ErrOrStderr(), "spillway: interrupted before the scheduler answered; --key %s submits the same run, not another\n", key)
	}
	return err
}

// pinned is what runs for an image of the spec.
func pinned(run httpapi.Run, image string) string {
	if digest, known := run.Images[image]; known {
		return digest
	}
	return image
}
