package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
)

// cloudPlan is what `cloud plan` prints.
type cloudPlan struct {
	At      time.Time     `json:"at"`
	Actions []cloudAction `json:"actions"`
	Waiting []cloudWait   `json:"waiting"`
	// Unknown is why the plan may be another one: who does not answer.
	Unknown []string `json:"unknown,omitempty"`
	Trouble []string `json:"trouble,omitempty"`
}

// cloudAction is one thing that a round would do.
type cloudAction struct {
	Verb   planner.Verb `json:"verb"`
	VM     string       `json:"vm,omitempty"` // empty when it would be made
	Pool   string       `json:"pool"`
	Cloud  string       `json:"cloud"`
	Flavor string       `json:"flavor"`
	Zone   string       `json:"zone,omitempty"`
	Then   string       `json:"then,omitempty"`
	Reason string       `json:"reason"`
	For    []cloudStep  `json:"for,omitempty"`
}

// cloudStep is a step whose tasks something is for.
type cloudStep struct {
	Run  string `json:"run"`
	Step string `json:"step"`
}

// cloudWait is what bursting does about tasks that wait.
type cloudWait struct {
	cloudStep
	Project  string     `json:"project"`
	Pipeline string     `json:"pipeline"`
	Tasks    int        `json:"tasks"`
	Since    time.Time  `json:"since"`
	VMs      int        `json:"vms"`
	Expected *time.Time `json:"expected,omitempty"`
	Why      string     `json:"why"`
}

func newCloudPlan() *cobra.Command {
	var b bursting
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what the cloudburst agent would do now, and why",
		Long: "Say what the cloudburst agent would do now, each with its reason, and what bursting does about each step that waits.\n\n" +
			"Nothing is changed, and nobody is told. What only a running agent remembers, such as flavors that it leaves alone for a while because " +
			"the cloud has refused them, is not in it.",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, _, err := b.preview(cmd)
			if err != nil {
				return err
			}
			return showCloud(cmd, b.format, planView(p, time.Now()), p.Trouble, printPlan)
		},
	}
	b.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

func planView(p *cloudburst.Preview, now time.Time) cloudPlan {
	v := cloudPlan{At: now.UTC(), Actions: []cloudAction{}, Waiting: []cloudWait{}, Unknown: unknown(p, false), Trouble: sentences(p.Trouble)}
	vms := map[string]*planner.VM{}
	for i := range p.VMs {
		vms[p.VMs[i].Intent] = &p.VMs[i]
	}
	for _, a := range p.Plan.Actions {
		action := cloudAction{
			Verb: a.Verb, VM: a.VM, Pool: a.Pool, Cloud: a.Cloud, Flavor: a.Flavor, Zone: a.Zone, Then: string(a.Then), Reason: a.Reason,
		}
		if m := vms[a.VM]; m != nil {
			action.Pool, action.Cloud, action.Flavor, action.Zone = m.Pool, m.Cloud, m.Flavor, m.Zone
		}
		for _, i := range a.For {
			if p.Demand != nil && i < len(p.Demand.Waiting) {
				w := &p.Demand.Waiting[i]
				action.For = append(action.For, cloudStep{Run: w.Run, Step: w.Step})
			}
		}
		v.Actions = append(v.Actions, action)
	}
	if p.Demand == nil {
		return v
	}
	for i := range p.Demand.Waiting {
		w := &p.Demand.Waiting[i]
		wait := cloudWait{
			cloudStep: cloudStep{Run: w.Run, Step: w.Step}, Project: w.Project, Pipeline: w.Pipeline, Tasks: w.Tasks, Since: w.Since.UTC(), Why: w.Why,
		}
		if i < len(p.Plan.Outlook) {
			o := &p.Plan.Outlook[i]
			wait.VMs, wait.Expected, wait.Why = o.VMs, unlessZero(o.Expected), firstOf(o.Why, w.Why)
		}
		v.Waiting = append(v.Waiting, wait)
	}
	return v
}

// verbStyles are the colours of what is done.
var verbStyles = map[planner.Verb]style{
	planner.Boot: green, planner.Start: green, planner.Resume: green, planner.Drain: yellow, planner.Delete: red,
}

func printPlan(s *sheet, v cloudPlan) {
	switch {
	case len(v.Actions) == 0 && len(v.Unknown) > 0:
		printUnknown(s, " what is to be done", v.Unknown)
	case len(v.Actions) == 0:
		fmt.Fprintln(s, "nothing is to be done")
	default:
		t := newTable("", "VM", "POOL", "CLOUD", "FLAVOR", "THEN", "BECAUSE")
		for i := range v.Actions {
			a := &v.Actions[i]
			t.row(cell{string(a.Verb), verbStyles[a.Verb]}, a.VM, a.Pool, a.Cloud, a.Flavor, a.Then, a.Reason)
		}
		t.print(s, screen{colour: s.screen.colour}) // the reasons are what is asked for: they are not cut
		printUnknown(s, " what else is to be done", v.Unknown)
	}
	if len(v.Waiting) == 0 {
		return
	}
	fmt.Fprintln(s)
	t := newTable("RUN", "PIPELINE", "STEP", ">TASKS", ">WAITS", ">VMS", ">IN", "WHAT BURSTING DOES")
	for i := range v.Waiting {
		w := &v.Waiting[i]
		t.row(w.Run, w.Project+"/"+w.Pipeline, w.Step, w.Tasks, since(s.now, w.Since), some(w.VMs), until(s.now, w.Expected), w.Why)
	}
	t.print(s, screen{colour: s.screen.colour})
}
