package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// runPhases are those that runs can be listed by.
var runPhases = []string{"active", "cancelling", "succeeded", "failed", "cancelled"}

func newRuns() *cobra.Command {
	var a asking
	var project, name, owner, since, until string
	var phases []string
	var limit int
	var all bool
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List runs, newest first",
		Long: "List runs, newest first, as many as --limit says, or --all.\n\n" +
			"--since and --until take a time (2026-03-01, 2026-03-01T12:00:00Z), or how long ago it was (90m, 24h, 7d).",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			for key, value := range map[string]string{"project": project, "name": name, "owner": owner} {
				if value != "" {
					query.Set(key, value)
				}
			}
			query["phase"] = phases
			for key, text := range map[string]string{"since": since, "until": until} {
				if text == "" {
					continue
				}
				at, err := parseTime(time.Now(), text)
				if err != nil {
					return fmt.Errorf("--%s: %w", key, err)
				}
				query.Set(key, at.UTC().Format(time.RFC3339Nano))
			}
			return listRuns(cmd, &a, query, limit, all)
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	f := cmd.Flags()
	f.StringVar(&project, "project", "", "only runs of this project")
	f.StringVar(&name, "name", "", "only runs of the pipeline of this name")
	f.StringVar(&owner, "owner", "", "only runs of this owner")
	f.StringSliceVar(&phases, "phase", nil, "only runs in this phase: "+strings.Join(runPhases, ", ")+"; may be repeated")
	f.StringVar(&since, "since", "", "only runs submitted then or later")
	f.StringVar(&until, "until", "", "only runs submitted before")
	f.IntVar(&limit, "limit", 50, "how many runs to list")
	f.BoolVar(&all, "all", false, "list all runs")
	_ = cmd.RegisterFlagCompletionFunc("phase", cobra.FixedCompletions(runPhases, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func listRuns(cmd *cobra.Command, a *asking, query url.Values, limit int, all bool) error {
	if all {
		limit = 0
	} else if limit < 1 {
		return fmt.Errorf("--limit %d: it must be at least 1; --all lists all", limit)
	}
	var raw []byte
	var err error
	c := a.client
	if limit > 0 && limit <= pageSize {
		query.Set("limit", strconv.Itoa(limit))
		raw, err = c.ask(cmd.Context(), "GET", "/v1/runs?"+query.Encode(), nil)
	} else {
		raw, err = c.pages(cmd.Context(), "/v1/runs", "runs", query, limit)
	}
	if err != nil {
		return err
	}
	return render(cmd, a.format, raw, func(s *sheet, list httpapi.Runs) {
		if len(list.Runs) == 0 {
			fmt.Fprintln(s, "no runs")
			return
		}
		runsTable(list.Runs, s.now).print(s, s.screen)
		if list.Next != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "there are more; --limit and --all list them\n")
		}
	})
}

func runsTable(runs []httpapi.Run, now time.Time) *table {
	t := newTable("RUN", "PIPELINE", "PHASE", ">AGE", ">TOOK", "OWNER", "BY")
	for _, r := range runs {
		t.row(r.ID, r.Project+"/"+r.Name, phase(r.Phase), since(now, r.Submitted), took(now, began(r), r.Ended), r.Owner, r.SubmittedBy)
	}
	return t
}

// parseTime reads a time, or how long ago it was.
func parseTime(now time.Time, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-03-01T12:00:00Z, and none such as 90m, 24h or 7d ago", text)
}
