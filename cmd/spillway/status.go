package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func newStatus() *cobra.Command {
	var a asking
	var follow bool
	cmd := &cobra.Command{
		Use:               "status RUN",
		Short:             "Show a run and its steps",
		Long:              "Show a run and its steps. With --follow it is followed until it ends, as by `spillway run` and with the same exit status.\n\n" + runHelp,
		Args:              takes(1, 1),
		ValidArgsFunction: runIDs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if follow {
				id, err := a.client.runID(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return newFollower(cmd, &a).follow(cmd.Context(), id)
			}
			path, err := a.client.runPath(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return present(cmd, &a, "GET", path, nil, printStatus)
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "follow the run until it ends")
	return cmd
}

// runHelp says how runs are named.
const runHelp = "RUN is a run's id, the last letters of one (at least four), or @last, the run that was submitted last."

func printStatus(s *sheet, run httpapi.Run) {
	var params, images []string
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		params = append(params, name+"="+run.Params[name])
	}
	for _, image := range slices.Sorted(maps.Keys(run.Images)) {
		images = append(images, image+" = "+run.Images[image])
	}
	submitted := run.Submitted.UTC().Format(time.RFC3339) + " (" + since(s.now, run.Submitted) + " ago)"
	if run.SubmittedBy != "" {
		submitted += " by " + run.SubmittedBy
	}
	pipeline := run.Project + "/" + run.Name
	if run.PipelineVersion > 0 {
		pipeline += fmt.Sprintf(" version %d", run.PipelineVersion)
	}
	retries := ""
	if run.Generation > 0 {
		retries = counted(run.Generation, "time")
	}
	if run.Retried != nil {
		retries += ", last at " + run.Retried.UTC().Format(time.RFC3339) + " (" + since(s.now, *run.Retried) + " ago)"
	}
	s.fields("run", run.ID, "pipeline", pipeline, "owner", run.Owner, "phase", run.Phase, "submitted", submitted,
		"took", took(s.now, began(run), run.Ended), "deadline", deadline(s.now, run), "retried", retries,
		"params", strings.Join(params, " "), "images", strings.Join(images, ", "))
	fmt.Fprintln(s)
	stepsTable(run.Steps).print(s, s.screen)
	for _, st := range run.Steps {
		if st.Waits != "" {
			fmt.Fprintf(s, "%s waits: %s\n", st.Name, harmless(st.Waits))
		}
		if st.Why != "" {
			look := red
			if st.Phase == "skipped" {
				look = phaseStyles[st.Phase]
			}
			fmt.Fprintln(s, s.screen.paint(look, harmless(st.Name+": "+st.Why)))
		}
	}
}

// deadline says when a run's end is wanted, and whether that is still to come, was kept or was missed.
func deadline(now time.Time, run httpapi.Run) string {
	if run.Deadline == nil {
		return ""
	}
	at := *run.Deadline
	text := at.UTC().Format(time.RFC3339)
	switch {
	case run.Ended != nil && run.Ended.After(at):
		return text + " (missed by " + since(*run.Ended, at) + ")"
	case run.Ended != nil:
		return text + " (kept)"
	case now.After(at):
		return text + " (" + since(now, at) + " ago)"
	}
	return text + " (in " + since(at, now) + ")"
}

// began is when the run began to do what it does: when it was submitted or, if it was retried, when it last was. The idle
// time before a retry is not counted.
func began(run httpapi.Run) time.Time {
	if run.Retried != nil {
		return *run.Retried
	}
	return run.Submitted
}

func stepsTable(steps []httpapi.Step) *table {
	cancelled := slices.ContainsFunc(steps, func(st httpapi.Step) bool { return st.Cancelled > 0 })
	heads := []string{"STEP", "PHASE", ">TASKS", ">SUCCEEDED", ">RUNNING", ">WAITING", ">FAILED"}
	if cancelled {
		heads = append(heads, ">CANCELLED")
	}
	t := newTable(append(heads, "NEEDS")...)
	for _, st := range steps {
		cells := []any{st.Name, phase(st.Phase), st.Tasks, some(st.Succeeded), some(st.Running + st.Starting + st.Lost),
			some(st.Pending + st.Retrying), cell{some(st.Failed), red}}
		if cancelled {
			cells = append(cells, cell{some(st.Cancelled), purple})
		}
		t.row(append(cells, join(st.Needs))...)
	}
	return t
}

// some is a number, or nothing instead of 0.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func join(names []string) string { return strings.Join(names, ", ") }
