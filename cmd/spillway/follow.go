package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// follower shows what becomes of a run until it ends.
type follower struct {
	client *client
	format string
	out    io.Writer
	errs   io.Writer
	// view shows a run while it is followed.
	view view
	// known says that the scheduler has answered: if it does not the next time, it may be being restarted.
	known bool
}

// view shows how far a run is.
type view interface {
	// show shows the run as it is now.
	show(run httpapi.Run)
	// end leaves the view, with the run as it was shown last.
	end()
}

const (
	// followEvery is how often the run is looked at, at first; runs in which nothing changes are looked at less often.
	followEvery  = 200 * time.Millisecond
	followRarely = 2 * time.Second
	// patience is how long a scheduler that does not answer is asked again: it may be being restarted.
	patience = time.Minute
)

func newFollower(cmd *cobra.Command, a *asking) *follower {
	f := &follower{client: a.client, format: a.format, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
	switch s := screenOf(f.out); {
	case a.format != asTable:
		f.view = silence{}
	case s.terminal:
		f.view = &bars{out: f.out}
	default:
		f.view = &lines{out: f.out}
	}
	return f
}

// silence shows nothing.
type silence struct{}

func (silence) show(httpapi.Run) {}
func (silence) end()             {}

// submit posts a submission and follows the run that it makes.
func (f *follower) submit(ctx context.Context, path string, body any, key string) error {
	var run httpapi.Run
	err := f.insist(ctx, func() error { return f.client.do(ctx, "POST", path, body, &run) })
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(f.errs, "spillway: interrupted before the scheduler answered; --key %s submits the same run, not another\n", key)
	}
	if err != nil {
		return err
	}
	warn(f.errs, run)
	if f.format == asTable {
		fmt.Fprintf(f.out, "run %s of %s/%s\n", run.ID, run.Project, run.Name)
	}
	return f.follow(ctx, run.ID)
}

// warn prints what the scheduler was not content with.
func warn(w io.Writer, run httpapi.Run) {
	for _, text := range run.Warnings {
		fmt.Fprintf(w, "spillway: warning: %s\n", harmless(text))
	}
}

// follow shows a run until it ends, and ends as it does.
func (f *follower) follow(ctx context.Context, id string) error {
	f.known = true
	var before []byte
	pause := followEvery
	for {
		var raw []byte
		err := f.insist(ctx, func() (err error) {
			raw, err = f.client.ask(ctx, "GET", "/v1/runs/"+id, nil)
			return err
		})
		var run httpapi.Run
		if err == nil {
			err = json.Unmarshal(raw, &run)
		}
		if err != nil {
			f.view.end()
			if errors.Is(err, context.Canceled) {
				fmt.Fprintf(f.errs, "no longer following; run %s goes on\n", id)
			}
			return err
		}
		f.view.show(run)
		if run.Ended != nil {
			f.view.end()
			return f.end(run, raw)
		}
		pause = min(pause*5/4, followRarely)
		if string(raw) != string(before) {
			before, pause = raw, followEvery
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// insist asks again while the scheduler does not answer, for as long as patience lasts. One that has never answered, and
// to whose address nobody listens, is not waited for.
func (f *follower) insist(ctx context.Context, ask func() error) error {
	start, told := time.Now(), false
	for {
		err := ask()
		if !errors.Is(err, errUnavailable) || time.Since(start) > patience || !f.known && isRefused(err) {
			if told && err == nil {
				fmt.Fprintln(f.errs, "spillway: the scheduler answers again")
			}
			return err
		}
		if !told {
			told = true
			f.view.end()
			fmt.Fprintf(f.errs, "spillway: %v; trying again for %s\n", err, span(patience))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followEvery):
		}
	}
}

// end says how the run ended, and becomes the exit status.
func (f *follower) end(run httpapi.Run, raw []byte) error {
	if f.format != asTable {
		if err := printData(f.out, f.format, raw); err != nil {
			return err
		}
	} else {
		s := screenOf(f.out)
		fmt.Fprintf(f.out, "run %s %s after %s\n", run.ID, s.paint(phaseStyles[run.Phase], run.Phase), span(run.Ended.Sub(began(run))))
	}
	switch run.Phase {
	case "succeeded":
		return nil
	case "cancelled":
		return exitError(exitCancelled)
	}
	return exitError(exitFailed)
}

// lines is a view for pipes and files: a line for each step that has changed.
type lines struct {
	out io.Writer
	// said is what was last printed of each step.
	said map[string]string
}

func (l *lines) show(run httpapi.Run) {
	if l.said == nil {
		l.said = map[string]string{}
	}
	for _, s := range run.Steps {
		line := harmless(describe(s))
		if line != l.said[s.Name] && (l.said[s.Name] != "" || s.Phase != "waiting") {
			fmt.Fprintf(l.out, "%-16s %s\n", s.Name, line)
		}
		l.said[s.Name] = line
	}
}

func (l *lines) end() {}
