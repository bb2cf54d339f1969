package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func newWhy() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "why RUN [STEP[/INDEX]]",
		Short: "Say what a run, a step or a task waits for",
		Long: "Say what a run, a step or a task waits for, or what became of it.\n\n" +
			runHelp + " INDEX is the number of a task in its step, from 0; without it the step is meant.",
		Args: takes(1, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return stepNames(cmd, args[0]), cobra.ShellCompDirectiveNoFileComp
			}
			return runIDs(1)(cmd, args, begun)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				path, err := a.client.runPath(cmd.Context(), args[0], "why")
				if err != nil {
					return err
				}
				return present(cmd, &a, "GET", path, nil, printWaiting)
			}
			if !strings.Contains(args[1], "/") {
				path, err := a.client.runPath(cmd.Context(), args[0], "steps", args[1], "why")
				if err != nil {
					return err
				}
				return present(cmd, &a, "GET", path, nil, printWaiting)
			}
			step, index, err := taskName(args[1])
			if err != nil {
				return err
			}
			path, err := a.client.runPath(cmd.Context(), args[0], "steps", step, "tasks", strconv.Itoa(index), "why")
			if err != nil {
				return err
			}
			return present(cmd, &a, "GET", path, nil, func(s *sheet, why httpapi.Why) { fmt.Fprintln(s, harmless(why.Why)) })
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

// taskName reads STEP/INDEX; the first task is meant where only the step is named.
func taskName(text string) (step string, index int, err error) {
	step, number, numbered := strings.Cut(text, "/")
	if !numbered {
		return step, 0, nil
	}
	index, err = strconv.Atoi(number)
	if err != nil || index < 0 || step == "" {
		return "", 0, fmt.Errorf("task %q: write it as STEP/INDEX, with an index from 0 on", text)
	}
	return step, index, nil
}

func printWaiting(s *sheet, list httpapi.Waiting) {
	fmt.Fprintln(s, harmless(list.Why))
	if len(list.Waiting) == 0 {
		return
	}
	t := newTable("STEP", ">TASKS", "WHY")
	for _, w := range list.Waiting {
		t.row(w.Step, w.Tasks, w.Why)
	}
	t.print(s, screen{colour: s.screen.colour}) // the sentences are what is asked for: they are not cut
}
