package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"log/slog"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/site"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// cloudChecks is what `cloud check` prints.
type cloudChecks struct {
	Checks []cloudCheck `json:"checks"`
}

// cloudCheck is one thing that was tried.
type cloudCheck struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	// Warning: nothing is wrong with it, but something is to be known.
	Warning bool `json:"warning,omitempty"`
	// Said is what was found, or what is wrong; Do is what to do about it.
	Said string `json:"said"`
	Do   string `json:"do,omitempty"`
}

func newCloudCheck() *cobra.Command {
	var b bursting
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Try all that bursting needs, and say what is wrong with each",
		Long: "Try all that bursting needs, and say what is wrong with each and what to do about it: the scheduler and its token, the Mesos master, and of " +
			"each cloud the credentials, images, flavors, networks, security groups, key pairs, zones, server groups, quota and user-data.\n\n" +
			"Nothing is made or changed. Exit status 1 means that something is wrong.",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := b.open()
			if err != nil {
				return err
			}
			found := cloudChecks{checkAll(cmd.Context(), s)}
			if err := showCloud(cmd, b.format, found, nil, printChecks); err != nil {
				return err
			}
			if slices.ContainsFunc(found.Checks, func(c cloudCheck) bool { return !c.OK }) {
				return exitError(exitFailed)
			}
			return nil
		},
	}
	b.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

func printChecks(s *sheet, v cloudChecks) {
	t := newTable("", "WHAT", "FOUND", "DO")
	for _, c := range v.Checks {
		mark := cell{"ok", green}
		switch {
		case !c.OK:
			mark = cell{"wrong", red}
		case c.Warning:
			mark = cell{"warning", yellow}
		}
		t.row(mark, c.What, c.Said, c.Do)
	}
	t.print(s, screen{colour: s.screen.colour}) // what is wrong is what is asked for: it is not cut
}

// checkAll tries everything, the scheduler and the master first.
func checkAll(ctx context.Context, s *site.Site) []cloudCheck {
	checks := []cloudCheck{checkScheduler(ctx, s.Config()), checkMaster(ctx, s.Config())}
	s.Connect(ctx, time.Now(), 0)
	for _, c := range s.Clouds() {
		checks = append(checks, checkCloud(ctx, s, c)...)
	}
	return checks
}

// checkScheduler asks for what the agent asks for, which takes the role of an operator.
func checkScheduler(ctx context.Context, c *config.Config) cloudCheck {
	check := cloudCheck{What: "scheduler " + c.Scheduler.URL}
	rest, err := schedulerOf(c, nil)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, checkFor)
		defer cancel()
		var d *cloudburst.Demand
		if d, err = rest.Demand(ctx, "", 0); err == nil {
			check.OK = d.Connected
			check.Said = fmt.Sprintf("answers: waiting: %s; offered: %s", counted(len(d.Waiting), "shape"), counted(len(d.Agents), "agent"))
			if !d.Connected {
				check.Said, check.Do = "answers, but has no Mesos master", "see its log, and `spillway agents`"
			}
			return check
		}
	}
	check.Said = inTime(err)
	switch status := statusOf(err); {
	case errors.Is(err, errToken):
		check.Do = "scheduler.token_file must name a file with a token that the scheduler knows; `spillway token new` makes one"
	case status == http.StatusUnauthorized:
		check.Do = "scheduler.token_file names a file with a token that it knows; `spillway token new` makes one"
	case status == http.StatusForbidden:
		check.Do = "the token must have the role operator, for all projects (spillway token new --role operator --project '*')"
	case status == http.StatusNotFound:
		check.Do = "it is older than cloudbursting: install the same version as here"
	default:
		check.Do = "set scheduler.url, and scheduler.ca_file if its certificate is not of the system's authorities"
	}
	return check
}

// checkFor is how long the scheduler, and the master, are waited for.
const checkFor = 10 * time.Second

// inTime says of an error that it is one of time, in plain words.
func inTime(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("does not answer within %v", checkFor)
	}
	return err.Error()
}

// checkMaster lists the agents, which takes the rights of an operator where the master asks for them.
func checkMaster(ctx context.Context, c *config.Config) cloudCheck {
	check := cloudCheck{What: "Mesos master " + strings.Join(c.Mesos.Masters, ", ")}
	ctx, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	m, err := masterOf(c, slog.New(slog.DiscardHandler))
	if err == nil {
		go m.Run(ctx)
		agents, asked := m.Agents(ctx)
		if err = asked; err == nil {
			check.OK, check.Said = true, fmt.Sprintf("answers: %s registered", counted(len(agents), "agent"))
			return check
		}
	}
	check.Said = inTime(err)
	check.Do = "set mesos.masters, and mesos.principal and mesos.secret_file if it asks who asks"
	return check
}

// checkCloud tries the credentials, the names in the pools, the quota, and the user-data.
func checkCloud(ctx context.Context, s *site.Site, c *site.Cloud) []cloudCheck {
	ctx, cancel := context.WithTimeout(ctx, 4*c.CallTimeout())
	defer cancel()
	check := cloudCheck{What: "cloud " + c.Name + ": credentials", OK: true, Said: "accepted"}
	if _, err := c.API(ctx); err != nil {
		check.OK, check.Said, check.Do = false, err.Error(), loginHint(c.Name, err)
		return []cloudCheck{check}
	}
	checks := []cloudCheck{check, checkQuota(ctx, s, c)}
	for _, e := range s.Config().Pools {
		if slices.Contains(s.Config().CloudsOf(&e.Value), c.Name) {
			checks = append(checks, checkPool(s, c, e.Name)...)
		}
	}
	return checks
}

func loginHint(cloud string, err error) string {
	switch openstack.KindOf(err) {
	case openstack.Denied:
		return "the credentials are not valid (any more): get new ones from the cloud, an application credential if it has them"
	case openstack.Invalid:
		return fmt.Sprintf("clouds.%[1]s.file names the clouds.yaml and clouds.%[1]s.entry its entry, which must be complete; "+
			"so must the variables OS_* with credentials: env", cloud)
	case openstack.NotFound:
		return "the region, or the service, is not in the cloud's catalog: set region, or interface"
	}
	return "is auth_url right, and is the cloud up? ca_file names the authority of its certificates"
}

// checkQuota says what the project may still have.
func checkQuota(ctx context.Context, s *site.Site, c *site.Cloud) cloudCheck {
	check := cloudCheck{What: "cloud " + c.Name + ": quota"}
	l, err := c.Limits(ctx)
	if err != nil {
		check.Said, check.Do = err.Error(), "the user must be a member of the project, or more"
		return check
	}
	o, err := ownUse(ctx, s, c)
	if err != nil {
		check.Said, check.Do = err.Error(), "the user must be a member of the project, or more"
		return check
	}
	var left, own, none []string
	for _, q := range []struct {
		noun              string
		limit, used, ours int
	}{
		{"servers", l.Instances, l.InstancesUsed, o.servers}, {"vcpus", l.Cores, l.CoresUsed, o.vcpus}, {"MiB of memory", l.MemMiB, l.MemMiBUsed, o.memMiB},
		{"ports", l.Ports, l.PortsUsed, o.ports}, {"volumes", l.Volumes, l.VolumesUsed, o.volumes},
	} {
		if q.ours > 0 {
			own = append(own, fmt.Sprintf("%d %s", q.ours, q.noun))
		}
		if q.limit < 0 {
			continue
		}
		left = append(left, fmt.Sprintf("%d of %d %s", max(0, q.limit-q.used), q.limit, q.noun))
		if q.limit <= q.used && q.ours == 0 && (q.noun != "volumes" || usesVolumes(s, c)) {
			none = append(none, q.noun)
		}
	}
	check.OK, check.Said = true, "left: "+strings.Join(left, ", ")
	if len(left) == 0 {
		check.Said = "no limits"
	}
	if len(own) > 0 {
		check.Said += "; the cluster's own machines use " + strings.Join(own, ", ")
	}
	if len(none) > 0 {
		check.Warning = true
		check.Do = "no " + strings.Join(none, " and no ") + " are left, and others than the cluster's machines use all: none can be made until the project " +
			"has less of what is not the cluster's, or the cloud's operators give it more"
	}
	return check
}

// uses is how much of a quota the cluster's own machines use.
type uses struct{ servers, vcpus, memMiB, ports, volumes int }

// ownUse adds up what carries the cluster's tag. A server whose flavor no pool names any more counts without vcpus and memory.
func ownUse(ctx context.Context, s *site.Site, c *site.Cloud) (u uses, err error) {
	servers, err := c.Servers(ctx, s.Config().Cluster)
	if err != nil {
		return u, err
	}
	parts, err := c.Leftovers(ctx, s.Config().Cluster)
	if err != nil {
		return u, err
	}
	flavors := map[string]openstack.Flavor{}
	for _, e := range s.Config().Pools {
		for _, f := range c.Flavors(e.Name) {
			flavors[f.Name] = f
		}
	}
	for i := range servers {
		if servers[i].Status != "DELETED" {
			f := flavors[servers[i].Flavor]
			u.servers, u.vcpus, u.memMiB = u.servers+1, u.vcpus+f.VCPUs, u.memMiB+f.MemMiB
		}
	}
	for _, p := range parts {
		switch p.Kind {
		case "port":
			u.ports++
		case "volume":
			u.volumes++
		}
	}
	return u, nil
}

func usesVolumes(s *site.Site, c *site.Cloud) bool {
	for _, e := range s.Config().Pools {
		if slices.Contains(s.Config().CloudsOf(&e.Value), c.Name) && s.Config().MachineOf(&e.Value, c.Name).Volume != nil {
			return true
		}
	}
	return false
}

// checkPool says what the names of a pool stand for on a cloud, and renders user-data for each flavor.
func checkPool(s *site.Site, c *site.Cloud, pool string) []cloudCheck {
	what := fmt.Sprintf("cloud %s: pool %s", c.Name, pool)
	problems, err := c.Trouble(pool)
	var checks []cloudCheck
	for _, p := range problems {
		checks = append(checks, cloudCheck{What: what + ": " + p.What, Said: p.Message, Do: problemHint(p)})
	}
	if err != nil && len(problems) == 0 {
		checks = append(checks, cloudCheck{What: what, Said: err.Error(), Do: "ask again; if it lasts, ask the cloud's operators"})
	}
	for _, f := range s.FlavorsOf(pool, c) {
		check := cloudCheck{What: what + ": flavor " + f.Name, OK: true, Said: fmt.Sprintf(
			"%s, %d MiB; its agent offers %s, %d MiB, %d MiB of disk; %s an hour",
			counted(f.VCPUs, "vcpu"), f.MemMiB, plural(float64(f.Resources.CPUs)/1000, "cpu"), f.Resources.Mem, f.Resources.Disk, firstOf(money(f.Price), "0"))}
		if f.Resources.CPUs == 0 || f.Resources.Mem == 0 {
			check.OK, check.Do = false, "agent.reserve leaves nothing of it: reserve less, or take a larger flavor"
		} else if err := s.TryUserData(pool, c.Name, f.Name, vm.NewIntent(pool, make([]byte, 7))); err != nil {
			check.OK, check.Said, check.Do = false, err.Error(), "set what it names under agent"
		}
		checks = append(checks, check)
	}
	return checks
}

func problemHint(p openstack.Problem) string {
	switch p.Kind {
	case openstack.NotFound:
		return "name one that is there, or have it made"
	case openstack.Denied:
		return "the user needs the right to see it"
	}
	return "set it right in burst.yaml, or on the cloud"
}
