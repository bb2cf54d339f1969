package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// cloudReasons is what `cloud why` prints: a sentence each.
type cloudReasons struct {
	Why []string `json:"why"`
}

func newCloudWhy() *cobra.Command {
	var b bursting
	cmd := &cobra.Command{
		Use:   "why RUN[/STEP]|VM",
		Short: "Say what bursting does about a run, or what becomes of a cloud machine, and why",
		Long: "Say in a sentence what bursting does about each step of a run that waits, or what becomes of a cloud machine, and why.\n\n" +
			runHelp + " A machine is named as `spillway cloud vms` lists it.",
		Example:           "spillway cloud why @last/whiten\nspillway cloud why batch-abcdefghij",
		Args:              takes(1, 1),
		ValidArgsFunction: vmNames(&b, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, s, err := b.preview(cmd)
			if err != nil {
				return err
			}
			rest, err := schedulerOf(s.Config(), nil)
			if err != nil {
				return err
			}
			why, err := whyOf(cmd.Context(), rest.client, p, args[0], time.Now())
			if err != nil {
				complain(cmd, p.Trouble)
				return err
			}
			return showCloud(cmd, b.format, cloudReasons{why}, p.Trouble, func(s *sheet, r cloudReasons) {
				for _, line := range r.Why {
					fmt.Fprintln(s, harmless(line))
				}
			})
		},
	}
	b.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

func whyOf(ctx context.Context, c *client, p *cloudburst.Preview, name string, now time.Time) ([]string, error) {
	for i := range p.VMs {
		if p.VMs[i].Intent == name {
			return []string{whyVM(p, &p.VMs[i], now)}, nil
		}
	}
	run, step, _ := strings.Cut(name, "/")
	id, err := c.runID(ctx, run)
	if errors.Is(err, errUnavailable) {
		return nil, fmt.Errorf("%s is no machine that is known now, and whether it is a run is not known: %w", name, err)
	}
	var of httpapi.Run
	if err == nil {
		err = c.do(ctx, http.MethodGet, "/v1/runs/"+url.PathEscape(id), nil, &of)
	}
	if err != nil {
		return nil, fmt.Errorf("there is no machine %s (any more), as `spillway cloud vms` lists them, and no such run: %w", name, err)
	}
	if step != "" {
		err := c.do(ctx, http.MethodGet, "/v1/runs/"+url.PathEscape(id)+"/steps/"+url.PathEscape(step), nil, nil)
		if statusOf(err) == http.StatusNotFound {
			return nil, fmt.Errorf("run %s has no step %s; `spillway status %s` lists its steps", id, step, id)
		}
	}
	return whyRun(p, id, step, now), nil
}

// whyRun says what bursting does about the steps of a run that wait.
func whyRun(p *cloudburst.Preview, run, step string, now time.Time) []string {
	var why []string
	for _, w := range planView(p, now).Waiting {
		if w.Run != run || step != "" && w.Step != step {
			continue
		}
		why = append(why, fmt.Sprintf("%s, %s waiting: %s", w.Step, counted(w.Tasks, "task"), w.Why))
	}
	switch {
	case p.Demand == nil:
		return []string{"the scheduler does not say what waits, so nothing is done for it"}
	case why == nil && step != "":
		return []string{fmt.Sprintf("no task of step %s waits that could be started, so bursting does nothing for it; `spillway why %s %s` says what the step does", step, run, step)}
	case why == nil:
		return []string{fmt.Sprintf("no task of it waits that could be started, so bursting does nothing for it; `spillway why %s` says what the run does", run)}
	}
	return why
}

// stageWords say what a machine in a stage is about.
var stageWords = map[vm.Stage]string{
	vm.Requested: "the cloud has been asked for it",
	vm.Building:  "the cloud builds or starts it",
	vm.Active:    "it runs, and its Mesos agent has not registered yet",
	vm.Joined:    "its agent has registered, and nothing has run there yet",
	vm.Serving:   "its agent serves",
	vm.Draining:  "it is taken out of use: nothing new is launched there, and its tasks come to their ends",
	vm.Leaving:   "its agent is gone for good, and the cloud takes it away",
	vm.Stopped:   "it is kept for the next peak",
	vm.Deleted:   "the cloud does not know it any more",
	vm.Failed:    "it has failed",
}

// whyVM says what a machine does and what becomes of it.
func whyVM(p *cloudburst.Preview, m *planner.VM, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", m.Stage, stageWords[m.Stage])
	if !m.Since.IsZero() {
		fmt.Fprintf(&b, " (for %s)", since(now, m.Since))
	}
	if !m.Expected.IsZero() && m.Expected.After(now) {
		fmt.Fprintf(&b, "; it is expected to serve in about %s", since(m.Expected, now))
	}
	i := slices.IndexFunc(p.Plan.Actions, func(a planner.Action) bool { return a.VM == m.Intent })
	next := ""
	if i >= 0 {
		next = p.Plan.Actions[i].Reason
	}
	for _, why := range []string{m.Fault, m.DrainReason, waitOf(p, m)} {
		if why != "" && !strings.Contains(next, why) { // which is said below
			b.WriteString("; " + why)
		}
	}
	if m.Unknown {
		b.WriteString("; its cloud or the master does not answer now, so nothing is done with it")
	}
	if i >= 0 {
		a := &p.Plan.Actions[i]
		fmt.Fprintf(&b, "; the next round would %s it: %s", a.Verb, a.Reason)
	}
	return b.String()
}

func waitOf(p *cloudburst.Preview, m *planner.VM) string {
	if m.Stage != vm.Draining {
		return ""
	}
	return p.Waits[m.Intent]
}
