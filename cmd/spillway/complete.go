package main

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// completion is what a shell asks for while a command line is typed. It must not keep anybody waiting, and a scheduler
// that cannot be asked is nothing to complain of in the middle of a line.
type completion func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

const (
	completionTime = 2 * time.Second
	completionRuns = 50
)

func specFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completer is a client for a completion; there is none if the flags and variables name no scheduler.
func completer(cmd *cobra.Command) (*client, context.Context, context.CancelFunc) {
	var to connection
	to.url, _ = cmd.Flags().GetString("url") // verbs that complete have these flags
	to.tokenFile, _ = cmd.Flags().GetString("token-file")
	to.caFile, _ = cmd.Flags().GetString("ca-file")
	base := cmd.Context()
	if base == nil {
		base = context.Background()
	}
	ctx, cancel := context.WithTimeout(base, completionTime)
	c, err := to.newClient()
	if err != nil {
		c = &client{}
	}
	return c, ctx, cancel
}

// runIDs completes the ids of the newest runs, in some phases or in any; at most so many in a command, -1: any number.
func runIDs(most int, phases ...string) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if most >= 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, ctx, cancel := completer(cmd)
		defer cancel()
		var list httpapi.Runs
		query := url.Values{"phase": phases}
		if err := c.do(ctx, "GET", "/v1/runs?"+query.Encode(), nil, &list); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var ids []string
		for _, r := range list.Runs[:min(len(list.Runs), completionRuns)] {
			if !slices.Contains(args, r.ID) {
				ids = append(ids, cobra.CompletionWithDesc(r.ID, r.Project+"/"+r.Name+" "+r.Phase+", "+since(time.Now(), r.Submitted)+" ago"))
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// stepNames completes the steps of a run.
func stepNames(cmd *cobra.Command, run string) []string {
	c, ctx, cancel := completer(cmd)
	defer cancel()
	path, err := c.runPath(ctx, run, "steps")
	var list httpapi.Steps
	if err != nil || c.do(ctx, "GET", path, nil, &list) != nil {
		return nil
	}
	var names []string
	for _, s := range list.Steps {
		names = append(names, cobra.CompletionWithDesc(s.Name, s.Phase+", "+counted(s.Tasks, "task")))
	}
	return names
}

// stepFlag completes --step of the run that the command names.
func stepFlag(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return stepNames(cmd, args[0]), cobra.ShellCompDirectiveNoFileComp
}
