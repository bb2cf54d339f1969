package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func newCancel() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:               "cancel RUN...",
		Short:             "Cancel runs: what runs of them is killed, and nothing more is launched",
		Long:              "Cancel runs: what runs of them is killed, and nothing more is launched.\n\n" + runHelp,
		Args:              takes(1, -1),
		ValidArgsFunction: runIDs(-1, "active"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachRun(args, func(name string) error { return changeRun(cmd, &a, name, "cancel") })
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

func newRetry() *cobra.Command {
	var a asking
	var follow bool
	cmd := &cobra.Command{
		Use:   "retry RUN...",
		Short: "Run again what failed or was cancelled in runs that have ended",
		Long: "Run again what failed or was cancelled in runs that have ended; what succeeded is kept.\n\n" +
			"With --follow the run is followed until it ends, as by `spillway run` and with the same exit status.\n\n" + runHelp,
		Args:              takes(1, -1),
		ValidArgsFunction: runIDs(-1, "failed", "cancelled"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !follow {
				return eachRun(args, func(name string) error { return changeRun(cmd, &a, name, "retry") })
			}
			if len(args) > 1 {
				return errors.New("--follow: give one run")
			}
			id, err := a.client.runID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.client.do(cmd.Context(), "POST", "/v1/runs/"+url.PathEscape(id)+"/retry", nil, nil); err != nil {
				return err
			}
			return newFollower(cmd, &a).follow(cmd.Context(), id)
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "follow the run until it ends")
	return cmd
}

// changeRun posts to a run and says in which phase it is then.
func changeRun(cmd *cobra.Command, a *asking, name, verb string) error {
	path, err := a.client.runPath(cmd.Context(), name, verb)
	if err != nil {
		return err
	}
	return present(cmd, a, "POST", path, nil, func(s *sheet, run httpapi.Run) {
		fmt.Fprintf(s, "run %s is %s\n", run.ID, s.screen.paint(phaseStyles[run.Phase], run.Phase))
	})
}

// eachRun does the same with several runs, and goes on after one that fails.
func eachRun(names []string, do func(name string) error) error {
	var failed []error
	for _, name := range names {
		if err := do(name); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func newDelete() *cobra.Command {
	var a asking
	var before, project string
	cmd := &cobra.Command{
		Use:   "delete [RUN...]",
		Short: "Delete runs that have ended, with their attempts and logs",
		Long: "Delete runs that have ended, with their attempts and logs: those that are named, or all that ended before a time.\n\n" +
			"--ended-before takes a time (2026-03-01, 2026-03-01T12:00:00Z), or how long ago it was (24h, 90d). " + runHelp,
		ValidArgsFunction: runIDs(-1, "succeeded", "failed", "cancelled"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case before != "" && len(args) > 0:
				return errors.New("give runs or --ended-before, not both")
			case before == "" && len(args) == 0:
				return errors.New("which runs? Give their ids, or --ended-before")
			case before == "" && project != "":
				return errors.New("--project goes with --ended-before")
			case before != "":
				return deleteBefore(cmd, &a, before, project)
			}
			return deleteEach(cmd, &a, args)
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	cmd.Flags().StringVar(&before, "ended-before", "", "delete all runs that ended before")
	cmd.Flags().StringVar(&project, "project", "", "with --ended-before: only runs of this project")
	return cmd
}

// deleteEach deletes runs and says which are gone, whatever became of the others.
func deleteEach(cmd *cobra.Command, a *asking, names []string) error {
	gone := []string{}
	err := eachRun(names, func(name string) error {
		id, err := a.client.runID(cmd.Context(), name)
		if err != nil {
			return err
		}
		if err := a.client.do(cmd.Context(), "DELETE", "/v1/runs/"+url.PathEscape(id), nil, nil); err != nil {
			return err
		}
		gone = append(gone, id)
		if a.format == asTable {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "run %s is deleted\n", id)
		}
		return err
	})
	if a.format == asTable {
		return err
	}
	text, failed := json.Marshal(map[string]any{"deleted": len(gone), "runs": gone})
	if failed == nil {
		failed = printData(cmd.OutOrStdout(), a.format, text)
	}
	return errors.Join(err, failed)
}

func deleteBefore(cmd *cobra.Command, a *asking, before, project string) error {
	at, err := parseTime(time.Now(), before)
	if err != nil {
		return fmt.Errorf("--ended-before: %w", err)
	}
	query := url.Values{"ended_before": {at.UTC().Format(time.RFC3339Nano)}}
	if project != "" {
		query.Set("project", project)
	}
	return present(cmd, a, "DELETE", "/v1/runs?"+query.Encode(), nil, func(s *sheet, d httpapi.Deleted) {
		fmt.Fprintf(s, "%s deleted\n", counted(d.Deleted, "run"))
	})
}
