package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/site"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// draining is what `cloud drain` is told.
type draining struct {
	bursting
	all    bool
	then   string
	wait   bool
	reason string
}

// drainedBy begins the reason of a drain that an operator wants.
const drainedBy = "an operator wants it"

func newCloudDrain() *cobra.Command {
	var d draining
	cmd := &cobra.Command{
		Use:   "drain VM...|--all",
		Short: "Take cloud machines out of use, without ending a task",
		Long: "Take cloud machines out of use: nothing new is launched there, their tasks come to their ends, then they are deleted, stopped or shelved. " +
			"No task is ended by it, unless the pool's drain.kill_after says so.\n\n" +
			"The verb writes on the machines that they are to go, and keeps the scheduler from using them; the cloudburst agent does the rest. It must be running.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, names []string) error {
			switch {
			case d.all && len(names) > 0:
				return errors.New("--all and names of machines: it is one or the other")
			case !d.all && len(names) == 0:
				return errors.New("name the machines, or say --all")
			case d.then != "" && !slices.Contains(afterwards, d.then):
				return fmt.Errorf("--then %s: there are %s", d.then, strings.Join(afterwards, ", "))
			}
			return d.run(cmd, names)
		},
	}
	cmd.ValidArgsFunction = vmNames(&d.bursting, -1)
	d.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&d.all, "all", false, "all of the cluster's machines")
	f.StringVar(&d.then, "then", "", "what follows: "+strings.Join(afterwards, ", ")+" (default: what the pool says)")
	f.BoolVar(&d.wait, "wait", false, "wait until they are gone, or stopped")
	f.StringVar(&d.reason, "reason", "", "why, for those who look at the machines")
	_ = cmd.RegisterFlagCompletionFunc("then", cobra.FixedCompletions(afterwards, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

// afterwards are what can follow a drain.
var afterwards = []string{string(vm.Delete), string(vm.Stop), string(vm.Shelve)}

func (d *draining) run(cmd *cobra.Command, names []string) error {
	p, s, err := d.preview(cmd)
	if err != nil {
		return err
	}
	complain(cmd, p.Trouble)
	machines, err := chosen(p.VMs, names)
	if err != nil {
		return err
	}
	rest, err := schedulerOf(s.Config(), nil)
	if err != nil {
		return err
	}
	var failed []error
	var began []string
	for _, m := range machines {
		done, err := d.begin(cmd.Context(), s, rest, m, p.VMs)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.Intent, err))
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", m.Intent, done)
		began = append(began, m.Intent)
	}
	if err := errors.Join(failed...); err != nil || len(began) == 0 {
		return err
	}
	alone := d.alone(cmd.Context(), s.Config(), rest)
	switch {
	case alone != nil && d.wait:
		return fmt.Errorf("not waiting: %w", alone)
	case alone != nil:
		complain(cmd, []error{alone})
	case d.wait:
		return d.await(cmd, rest, began)
	}
	return nil
}

// agentSilence is after how long without a report no cloudburst agent is taken to run, unless its rounds are rarer.
const agentSilence = time.Minute

// alone is an error if no cloudburst agent runs, as far as the scheduler knows.
func (d *draining) alone(ctx context.Context, c *config.Config, rest *overREST) error {
	at, err := rest.Reported(ctx)
	if err != nil {
		return fmt.Errorf("asking whether a cloudburst agent runs: %w", err)
	}
	return silentSince(at, time.Now(), quietFor(c))
}

func quietFor(c *config.Config) time.Duration { return max(agentSilence, 3*c.Interval) }

func silentSince(at, now time.Time, patience time.Duration) error {
	const then = "so nothing more happens with the machines until one does (`spillway cloudburst`)"
	switch {
	case at.IsZero():
		return errors.New("no cloudburst agent has reported since the scheduler was started, " + then)
	case now.Sub(at) > patience:
		return fmt.Errorf("no cloudburst agent has reported for %s, %s", since(now, at), then)
	}
	return nil
}

// chosen are the machines of those names; all of them without names.
func chosen(all []planner.VM, names []string) ([]*planner.VM, error) {
	var machines []*planner.VM
	for i := range all {
		if len(names) == 0 || slices.Contains(names, all[i].Intent) {
			machines = append(machines, &all[i])
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(m planner.VM) bool { return m.Intent == name }) {
			return nil, fmt.Errorf("there is no machine %s; `spillway cloud vms` lists them", name)
		}
	}
	return machines, nil
}

// begin writes on a machine that it is to go, and says what becomes of it.
func (d *draining) begin(ctx context.Context, s *site.Site, rest *overREST, m *planner.VM, all []planner.VM) (string, error) {
	again := !m.Draining.IsZero() && m.Held && m.Stage != vm.Stopped
	if again && d.then == "" && d.reason == "" {
		return fmt.Sprintf("drains already; then %s (%s)", firstOf(string(m.Then), string(vm.Delete)), m.DrainReason), nil
	}
	then, err := d.follows(s.Config(), m, all, again)
	if err != nil {
		return "", err
	}
	switch m.Stage {
	case vm.Leaving, vm.Deleted:
		return "it is on its way out already", nil
	case vm.Requested:
		return "", errors.New("it is just being made; ask again in a minute")
	case vm.Stopped:
		if then != string(vm.Delete) {
			return "it is stopped already", nil
		}
	}
	i := slices.IndexFunc(s.Clouds(), func(c *site.Cloud) bool { return c.Name == m.Cloud })
	if i < 0 || m.Server == "" {
		return "", fmt.Errorf("its cloud %s is not in the configuration", m.Cloud)
	}
	reason := drainedBy
	switch {
	case d.reason != "":
		reason += ": " + d.reason
	case again:
		reason = m.DrainReason
	}
	marks := map[string]string{vm.KeyDrainReason: reason, vm.KeyThen: then, vm.KeyHeld: "true"}
	if m.Draining.IsZero() || m.Stage == vm.Stopped {
		marks[vm.KeyDrain] = vm.Moment(time.Now())
	}
	if err := mark(ctx, s.Clouds()[i], m.Server, marks); err != nil {
		return "", err
	}
	if m.Agent != "" {
		const untilTheAgentRenewsIt = 10 * time.Minute
		if err := rest.Cordon(ctx, m.Agent, reason, untilTheAgentRenewsIt); err != nil {
			return "", fmt.Errorf("it is marked, but the scheduler still uses it until the cloudburst agent's next round: %w", err)
		}
	}
	m.Then, m.Draining = vm.Afterwards(then), time.Now() // for the places that are left for the next one
	return "drains; then " + then, nil
}

// follows is what becomes of a machine after its drain: what is wanted, what was wanted when the drain was begun, or what its
// pool says. What the next round would undo is refused.
func (d *draining) follows(c *config.Config, m *planner.VM, all []planner.VM, again bool) (string, error) {
	pool, known := c.Pools.Get(m.Pool)
	if !known {
		if d.then == string(vm.Stop) || d.then == string(vm.Shelve) {
			return "", fmt.Errorf("--then %s: its pool %s is not in the configuration any more, so that it would be deleted at once", d.then, m.Pool)
		}
		return string(vm.Delete), nil
	}
	then := d.then
	if then == "" && again {
		then = string(m.Then)
	}
	if then = firstOf(then, pool.Afterwards); then == string(vm.Delete) || othersKept(all, m) < int(pool.Warm.Stopped) {
		return then, nil
	}
	switch {
	case d.then == "" && m.Stage == vm.Stopped:
		return then, nil
	case d.then == "":
		return string(vm.Delete), nil // as the agent does with what is more than the pool keeps
	case pool.Afterwards == string(vm.Delete):
		return "", fmt.Errorf("--then %s: pool %s keeps no machines, so that it would be deleted at once; set afterwards: %s and warm.stopped of the pool in "+
			"burst.yaml, and start the cloudburst agent anew", then, m.Pool, then)
	}
	return "", fmt.Errorf("--then %s: pool %s keeps no more than %d stopped, and there are as many, so that one would be deleted at once; "+
		"set more for warm.stopped of the pool in burst.yaml, and start the cloudburst agent anew", then, m.Pool, pool.Warm.Stopped)
}

// othersKept counts the other machines of a machine's pool that are stopped, or will be.
func othersKept(all []planner.VM, m *planner.VM) (n int) {
	for i := range all {
		v := &all[i]
		stays := v.Stage == vm.Stopped || v.Stage != vm.Deleted && !v.Draining.IsZero() && (v.Then == vm.Stop || v.Then == vm.Shelve)
		if v.Pool == m.Pool && v.Intent != m.Intent && stays {
			n++
		}
	}
	return n
}

// mark writes on a server. Nova refuses that while it builds the server (409): then it is tried again for some minutes.
func mark(ctx context.Context, c *site.Cloud, server string, marks map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, longestBuild)
	defer cancel()
	tick := time.NewTicker(buildLook)
	defer tick.Stop()
	for {
		err := c.SetMetadata(ctx, server, marks)
		if err == nil || openstack.KindOf(err) != openstack.Conflict {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// How long a machine that is being built is waited for, and how often it is looked at.
const (
	longestBuild = 5 * time.Minute
	buildLook    = time.Second
)

// await waits until machines are gone or stopped, and tells each that is; on the standard error, what the others wait for. It
// gives up when no cloudburst agent runs any more.
func (d *draining) await(cmd *cobra.Command, rest *overREST, names []string) error {
	said := map[string]string{}
	tick := time.NewTicker(waitLook)
	defer tick.Stop()
	for len(names) > 0 {
		select {
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		case <-tick.C:
		}
		p, s, err := d.preview(cmd)
		if err != nil {
			return err
		}
		if len(p.Trouble) > 0 {
			complain(cmd, p.Trouble)
			continue
		}
		names = slices.DeleteFunc(names, func(name string) bool {
			i := slices.IndexFunc(p.VMs, func(m planner.VM) bool { return m.Intent == name })
			switch {
			case i < 0 || p.VMs[i].Stage == vm.Deleted:
				fmt.Fprintf(cmd.OutOrStdout(), "%s: gone\n", name)
			case p.VMs[i].Stage == vm.Stopped:
				fmt.Fprintf(cmd.OutOrStdout(), "%s: stopped\n", name)
			default:
				if now := firstOf(p.Waits[name], stageWords[p.VMs[i].Stage]); said[name] != now {
					said[name] = now
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", name, harmless(now))
				}
				return false
			}
			return true
		})
		at, err := rest.Reported(cmd.Context())
		if err != nil || len(names) == 0 {
			continue
		}
		if err := silentSince(at, time.Now(), quietFor(s.Config())); err != nil {
			return fmt.Errorf("not waiting any longer for %s: %w", strings.Join(names, ", "), err)
		}
	}
	return nil
}

// waitLook is how often drain --wait looks.
const waitLook = 3 * time.Second
