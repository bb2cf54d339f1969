package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// cloudVMs is what `cloud vms` prints.
type cloudVMs struct {
	At  time.Time `json:"at"`
	VMs []cloudVM `json:"vms"`
	// Unknown is why there may be others: clouds that do not answer.
	Unknown []string `json:"unknown,omitempty"`
	Trouble []string `json:"trouble,omitempty"`
}

// cloudVM is a machine.
type cloudVM struct {
	Intent    string     `json:"intent"`
	Pool      string     `json:"pool"`
	Cloud     string     `json:"cloud"`
	Flavor    string     `json:"flavor"`
	Zone      string     `json:"zone,omitempty"`
	Stage     vm.Stage   `json:"stage"`
	Since     time.Time  `json:"since,omitzero"`
	Server    string     `json:"server,omitempty"`
	Addresses []string   `json:"addresses,omitempty"`
	Agent     string     `json:"agent,omitempty"`
	Created   *time.Time `json:"created,omitempty"`
	Joined    *time.Time `json:"joined,omitempty"`
	Lease     *time.Time `json:"lease,omitempty"`
	Expected  *time.Time `json:"expected,omitempty"`
	// PricePerHour is what an hour costs, Cost what it has cost since it was made, as if it had run all the time.
	PricePerHour float64 `json:"price_per_hour"`
	Cost         float64 `json:"cost"`
	// Reason is what is wrong with it, or why it drains and what that waits for.
	Reason string `json:"reason,omitempty"`
}

func newCloudVMs() *cobra.Command {
	var b bursting
	cmd := &cobra.Command{
		Use:               "vms",
		Short:             "List the cloud machines",
		Long:              "List the cloud machines, on all clouds and in every stage. A cloud that does not answer is told on standard error, and the exit status is 1.",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, _, err := b.preview(cmd)
			if err != nil {
				return err
			}
			return showCloud(cmd, b.format, vmsView(p, time.Now()), p.Trouble, printVMs)
		},
	}
	b.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

// showCloud prints what a verb has found out, and ends with status 1 if something did not answer.
func showCloud[T any](cmd *cobra.Command, format string, v T, trouble []error, print func(*sheet, T)) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	if err := render(cmd, format, raw, print); err != nil {
		return err
	}
	if len(trouble) > 0 {
		complain(cmd, trouble)
		return exitError(exitFailed)
	}
	return nil
}

func vmsView(p *cloudburst.Preview, now time.Time) cloudVMs {
	v := cloudVMs{At: now.UTC(), VMs: []cloudVM{}, Unknown: unknown(p, true), Trouble: sentences(p.Trouble)}
	told := map[string]*cloudburst.ReportVM{}
	for i := range p.Report.VMs {
		told[p.Report.VMs[i].Intent] = &p.Report.VMs[i]
	}
	for i := range p.VMs {
		v.VMs = append(v.VMs, vmView(&p.VMs[i], told[p.VMs[i].Intent], now))
	}
	slices.SortFunc(v.VMs, func(a, b cloudVM) int {
		return strings.Compare(a.Pool+"\x00"+a.Cloud+"\x00"+a.Intent, b.Pool+"\x00"+b.Cloud+"\x00"+b.Intent)
	})
	return v
}

func vmView(m *planner.VM, told *cloudburst.ReportVM, now time.Time) cloudVM {
	v := cloudVM{
		Intent: m.Intent, Pool: m.Pool, Cloud: m.Cloud, Flavor: m.Flavor, Zone: m.Zone, Stage: m.Stage, Since: m.Since.UTC(),
		Server: m.Server, Addresses: m.Addresses, Agent: m.Agent,
		Created: unlessZero(m.Created), Joined: unlessZero(m.Joined), Lease: unlessZero(m.Lease),
	}
	if told != nil {
		v.PricePerHour, v.Reason, v.Expected = told.PricePerHour, told.Reason, told.Expected
	}
	if !m.Created.IsZero() {
		v.Cost = v.PricePerHour * now.Sub(m.Created).Hours()
	}
	return v
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// sentences are errors in a line each. Where several calls have failed in the same way, that is said once.
func sentences(errs []error) []string {
	var all []string
	for _, err := range errs {
		var said []string
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !slices.ContainsFunc(said, func(s string) bool { return strings.HasSuffix(s, line) }) {
				said = append(said, line)
			}
		}
		all = append(all, strings.Join(said, "; "))
	}
	return all
}

// stageStyles are the colours of stages.
var stageStyles = map[vm.Stage]style{
	vm.Requested: yellow, vm.Building: yellow, vm.Active: yellow, vm.Joined: green, vm.Serving: green,
	vm.Draining: cyan, vm.Leaving: cyan, vm.Stopped: faint, vm.Deleted: faint, vm.Failed: red,
}

func printVMs(s *sheet, v cloudVMs) {
	switch {
	case len(v.VMs) == 0 && len(v.Unknown) > 0:
		printUnknown(s, "", v.Unknown)
		return
	case len(v.VMs) == 0:
		fmt.Fprintln(s, "there are no cloud machines")
		return
	}
	t := newTable("VM", "POOL", "CLOUD", "FLAVOR", "STAGE", ">SINCE", ">SERVES IN", ">LEASE", ">COST", "AGENT", "WHY")
	for i := range v.VMs {
		x := &v.VMs[i]
		t.row(x.Intent, x.Pool, x.Cloud, x.Flavor, cell{string(x.Stage), stageStyles[x.Stage]}, since(s.now, x.Since),
			until(s.now, x.Expected), until(s.now, x.Lease), money(x.Cost), x.Agent, x.Reason)
	}
	t.print(s, s.screen)
	printUnknown(s, " whether there are more", v.Unknown)
}

// until is how long it is until a time; nothing if there is none.
func until(now time.Time, t *time.Time) string {
	switch {
	case t == nil:
		return ""
	case !t.After(now):
		return "now"
	}
	return since(*t, now)
}

// money writes an amount in the currency of the prices, nothing if it costs nothing.
func money(amount float64) string {
	if amount == 0 {
		return ""
	}
	if amount < 1 {
		return strconv.FormatFloat(amount, 'f', max(2, 2-int(math.Floor(math.Log10(amount)))), 64)
	}
	return fmt.Sprintf("%.2f", amount)
}
