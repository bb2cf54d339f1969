package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// taskPhases are those that tasks can be listed by.
var taskPhases = []string{"pending", "retrying", "starting", "running", "lost", "succeeded", "failed", "cancelled", "skipped"}

func newTasks() *cobra.Command {
	var a asking
	var step string
	var phases []string
	var limit int
	var all bool
	cmd := &cobra.Command{
		Use:               "tasks RUN",
		Short:             "List the tasks of a run",
		Long:              "List the tasks of a run, as many as --limit says, or --all.\n\n" + runHelp,
		Args:              takes(1, 1),
		ValidArgsFunction: runIDs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 && !all {
				return fmt.Errorf("--limit %d: it must be at least 1; --all lists all", limit)
			}
			if all {
				limit = 0
			}
			path, err := a.client.runPath(cmd.Context(), args[0], "tasks")
			if err != nil {
				return err
			}
			query := url.Values{"phase": phases}
			if step != "" {
				query.Set("step", step)
			}
			raw, err := a.client.pages(cmd.Context(), path, "tasks", query, limit)
			if err != nil {
				return err
			}
			return render(cmd, a.format, raw, func(s *sheet, list httpapi.Tasks) {
				printTasks(s, list.Tasks)
				if list.Next != "" {
					fmt.Fprintln(cmd.ErrOrStderr(), "there are more; --limit and --all list them")
				}
			})
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	f := cmd.Flags()
	f.StringVar(&step, "step", "", "only tasks of this step")
	f.StringSliceVar(&phases, "phase", nil, "only tasks in this phase: "+strings.Join(taskPhases, ", ")+"; may be repeated")
	f.IntVar(&limit, "limit", pageSize, "how many tasks to list")
	f.BoolVar(&all, "all", false, "list all tasks")
	_ = cmd.RegisterFlagCompletionFunc("step", stepFlag)                                                                // the flag is there
	_ = cmd.RegisterFlagCompletionFunc("phase", cobra.FixedCompletions(taskPhases, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func printTasks(s *sheet, tasks []httpapi.Task) {
	if len(tasks) == 0 {
		fmt.Fprintln(s, "no tasks")
		return
	}
	t := newTable("STEP", ">TASK", "VALUES", "PHASE", ">ATTEMPTS", "AGENT", ">TOOK", ">EXIT", "MESSAGE")
	indexed := map[string]bool{} // steps with tasks whose index is not their number
	for _, task := range tasks {
		index, there := task.Values["index"]
		indexed[task.Step] = indexed[task.Step] || there && index != strconv.Itoa(task.Index)
	}
	for _, task := range tasks {
		host, ran, exit, message := "", "", "", ""
		if at := task.Attempt; at != nil {
			host = at.Hostname
			if at.Started != nil {
				ran = took(s.now, *at.Started, at.Ended)
			}
			if at.ExitCode != nil {
				exit = strconv.Itoa(*at.ExitCode)
			}
			if task.Phase != "succeeded" && at.Ended != nil {
				message = at.Why
			}
		}
		t.row(task.Step, task.Index, values(task, indexed[task.Step]), phase(task.Phase), some(task.Attempts), host, ran, exit, message)
	}
	t.print(s, s.screen)
}

// values tells a task from others; its index only where that is not its number.
func values(task httpapi.Task, indexed bool) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(task.Values)) {
		if name != "index" || indexed {
			parts = append(parts, name+"="+task.Values[name])
		}
	}
	return strings.Join(parts, " ")
}
