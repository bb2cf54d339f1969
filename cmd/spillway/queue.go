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

func newQueue() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:               "queue",
		Short:             "Show what waits, in the order in which it goes, and why",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, &a, "GET", "/v1/queue", nil, func(s *sheet, q httpapi.Queue) {
				if len(q.Projects) == 0 {
					fmt.Fprintln(s, "nothing waits or runs")
					return
				}
				projectsTable(q, s.now).print(s, s.screen)
				if len(q.Waiting) > 0 {
					fmt.Fprintln(s)
					waitingTable(q, s.now).print(s, s.screen)
				}
			})
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

func projectsTable(q httpapi.Queue, now time.Time) *table {
	t := newTable("PROJECT", ">WEIGHT", ">RUNNING", ">WAITING", ">OLDEST", "USES", "WAITS FOR")
	for _, p := range q.Projects {
		oldest, uses := "", ""
		if p.Oldest != nil {
			oldest = since(now, *p.Oldest)
		}
		if p.Running > 0 {
			uses = needs(p.Used)
		}
		t.row(p.Project, number(p.Weight), some(p.Running), some(p.Waiting), oldest, uses, reasons(p.Reasons))
	}
	return t
}

// reasons lists why tasks wait, the most frequent reason first.
func reasons(counts map[string]int) string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	return strings.Join(names, ", ")
}

func waitingTable(q httpapi.Queue, now time.Time) *table {
	t := newTable("RUN", "PIPELINE", "STEP", ">TASKS", ">WAITS", "EACH", "WHY")
	for _, w := range q.Waiting {
		t.row(w.Run, w.Project+"/"+w.Pipeline, w.Step, w.Tasks, since(now, w.Since), needs(w.Each), w.Why)
	}
	return t
}
