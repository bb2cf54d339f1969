package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/picture"
)

func newTimeline() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "timeline RUN",
		Short: "Draw which agent ran what when, as SVG",
		Long: "Draw which agent ran what when, as SVG: a row for each thing that an agent did at a time, bars in the colours of the steps, " +
			"paler until the task ran, with a mark at their ends where an attempt failed.\n\n" +
			"With -o json or yaml all attempts of the run are printed instead. " + runHelp,
		Example:           "  spillway timeline @last > timeline.svg",
		Args:              takes(1, 1),
		ValidArgsFunction: runIDs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.format == "svg" && screenOf(cmd.OutOrStdout()).terminal {
				return errors.New("a timeline is a picture, which a terminal does not show: send it to a file, as in `spillway timeline @last > timeline.svg`")
			}
			path, err := a.client.runPath(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			raw, err := a.client.pages(cmd.Context(), path+"/attempts", "attempts", url.Values{}, 0)
			if err != nil || a.format != "svg" {
				return errors.Join(err, printAttempts(cmd.OutOrStdout(), a.format, raw))
			}
			var run httpapi.Run
			if err := a.client.do(cmd.Context(), "GET", path, nil, &run); err != nil {
				return err
			}
			var list httpapi.Attempts
			if err := json.Unmarshal(raw, &list); err != nil {
				return fmt.Errorf("reading the answer: %w", err)
			}
			drawing := timeline(run, list.Attempts, time.Now()).SVG()
			if n := len(list.Attempts); n > manyBars {
				fmt.Fprintf(cmd.ErrOrStderr(), "spillway: the picture has %d bars and %s: not every viewer shows it quickly\n", n, size(int64(len(drawing))))
			}
			_, err = io.WriteString(cmd.OutOrStdout(), drawing)
			return err
		},
	}
	a.flags(cmd, "svg", asJSON, asYAML)
	return cmd
}

// manyBars is how many bars a browser still draws at once.
const manyBars = 20_000

func printAttempts(w io.Writer, format string, raw []byte) error {
	if raw == nil {
		return nil
	}
	return printData(w, format, raw)
}

// timeline draws the attempts of a run from its submission to its end or, if it has not ended, to now. A retry of a run
// forgets when it ended before, so the axis goes as far as there is something to see.
func timeline(run httpapi.Run, attempts []httpapi.Attempt, now time.Time) *picture.Timeline {
	t := &picture.Timeline{Title: fmt.Sprintf("%s/%s %s: %s", run.Project, run.Name, run.ID, run.Phase), From: run.Submitted, To: now}
	if run.Ended != nil {
		t.To = *run.Ended
	}
	for _, s := range run.Steps {
		t.Steps = append(t.Steps, s.Name)
	}
	for i := range attempts {
		at := &attempts[i]
		b := picture.Bar{
			Agent: at.Hostname, Step: at.Step, Label: fmt.Sprintf("%s, task %d, attempt %d", at.Step, at.Index, at.Number),
			Launched: at.Launched, Outcome: at.Outcome,
		}
		if at.Started != nil {
			b.Started = *at.Started
		}
		if at.Ended != nil {
			b.Ended = *at.Ended
			if b.Ended.After(t.To) {
				t.To = b.Ended
			}
		}
		if at.Outcome != "" && at.Outcome != "succeeded" {
			b.Failure = at.Why
		}
		t.Bars = append(t.Bars, b)
	}
	return t
}
