package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func newRun() *cobra.Command {
	var to connection
	var key string
	var params []string
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Submit a spec, follow its run, and end as it ends; - is standard input",
		Long: "Submit a spec, follow its run, and end as it ends; - is standard input.\n\n" +
			"The exit status is 0 if the run succeeded, 1 if it failed, 3 if it was cancelled, and 2 if it could not be submitted or followed.\n" +
			"An interrupt ends the following, not the run.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := parseParams(params)
			if err != nil {
				return err
			}
			name, text, err := readSpec(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if key == "" {
				key = ulid.Make().String()
			}
			client, err := to.newClient()
			if err != nil {
				return err
			}
			f := follower{client: client, out: cmd.OutOrStdout()}
			return f.run(cmd.Context(), httpapi.Submission{Spec: string(text), File: name, Params: given, Key: key})
		},
	}
	to.flags(cmd.Flags())
	cmd.Flags().StringArrayVarP(&params, "param", "p", nil, "a parameter's value, name=value; may be repeated")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key: the same key twice is the same run")
	return cmd
}

func parseParams(params []string) (map[string]string, error) {
	given := map[string]string{}
	for _, p := range params {
		name, value, found := strings.Cut(p, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("parameter %q: write it as name=value", p)
		}
		if _, twice := given[name]; twice {
			return nil, fmt.Errorf("parameter %q is given twice", name)
		}
		given[name] = value
	}
	return given, nil
}

// follower submits a run and prints what changes until it ends.
type follower struct {
	client *client
	out    io.Writer
	// said is what was last printed of each step.
	said map[string]string
}

const (
	// followEvery is how often the run is looked at.
	followEvery = 200 * time.Millisecond
	// patience is how long a scheduler that does not answer is asked again: it may be being restarted.
	patience = time.Minute
)

func (f *follower) run(ctx context.Context, sub httpapi.Submission) error {
	var run httpapi.Run
	// The key makes it safe to submit again when the answer got lost.
	err := f.insist(ctx, func() error { return f.client.do(ctx, "POST", "/v1/runs", sub, &run) })
	if err != nil {
		return err
	}
	fmt.Fprintf(f.out, "run %s of %s/%s\n", run.ID, run.Project, run.Name)
	f.said = map[string]string{}
	path := "/v1/runs/" + run.ID
	for {
		var now httpapi.Run
		if err := f.insist(ctx, func() error { return f.client.do(ctx, "GET", path, nil, &now) }); err != nil {
			if errors.Is(err, context.Canceled) {
				fmt.Fprintf(f.out, "no longer following; run %s goes on\n", run.ID)
				return exitError(exitUsage)
			}
			return err
		}
		f.say(now)
		if now.Ended != nil {
			return f.end(now)
		}
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
	}
}

// insist asks again while the scheduler does not answer, for as long as patience lasts.
func (f *follower) insist(ctx context.Context, ask func() error) error {
	start := time.Now()
	for {
		err := ask()
		if !errors.Is(err, errUnavailable) || time.Since(start) > patience || f.said == nil && isRefused(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followEvery):
		}
	}
}

// say prints the steps that have changed.
func (f *follower) say(run httpapi.Run) {
	for _, s := range run.Steps {
		line := describe(s)
		if line != f.said[s.Name] && (f.said[s.Name] != "" || s.Phase != "waiting") {
			fmt.Fprintf(f.out, "%-16s %s\n", s.Name, line)
		}
		f.said[s.Name] = line
	}
}

// describe says in one line how far a step is.
func describe(s httpapi.Step) string {
	parts := []string{s.Phase}
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Succeeded, "succeeded"}, {s.Running, "running"}, {s.Starting, "starting"}, {s.Lost, "unreachable"},
		{s.Retrying, "to be tried again"}, {s.Pending, "pending"}, {s.Failed, "failed"}, {s.Cancelled, "cancelled"},
	} {
		if c.n > 0 && s.Tasks > 1 || c.n > 0 && c.what != s.Phase && s.Phase == "active" {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	line := strings.Join(parts, ", ")
	if s.Waits != "" {
		line += ": " + s.Waits
	}
	if s.Failure != nil && s.Phase != string(state.StepSucceeded) {
		line += fmt.Sprintf("; task %d failed on %s: %s", s.Failure.Index, s.Failure.Hostname, failure(s.Failure))
	}
	return line
}

// failure says on one line why an attempt failed; Mesos' own messages may have several.
func failure(a *httpapi.Attempt) string {
	if message := strings.Fields(a.Message); len(message) > 0 {
		return strings.Join(message, " ")
	}
	return strings.TrimSpace(a.State + " " + a.Reason)
}

func (f *follower) end(run httpapi.Run) error {
	fmt.Fprintf(f.out, "run %s %s after %s\n", run.ID, run.Phase, run.Ended.Sub(run.Submitted).Round(time.Millisecond))
	switch run.Phase {
	case "succeeded":
		return nil
	case "cancelled":
		return exitError(exitCancelled)
	}
	return exitError(exitFailed)
}
