package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/userdata"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// agentFiles are the contents of the files that a pool's agent names.
type agentFiles struct {
	key, authorities, dockerConfig, extra string
	registries                            []userdata.Registry
}

func readAgentFiles(a *config.Agent) (agentFiles, error) {
	var files agentFiles
	var errs []error
	read := func(what, file string) string {
		if file == "" {
			return ""
		}
		text, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("agent.%s: %w", what, err))
		}
		return string(text)
	}
	files.key = read("packages.key_file", a.Packages.KeyFile)
	files.authorities = read("ca_file", a.CAFile)
	files.dockerConfig = read("docker_config", a.DockerConfig)
	files.extra = read("extra_file", a.ExtraFile)
	for _, r := range a.Registries {
		files.registries = append(files.registries, userdata.Registry{Host: r.Host, CA: read("registries", r.CAFile)})
	}
	return files, errors.Join(errs...)
}

// Prepare turns an order into what a cloud is asked for.
func (s *Site) Prepare(_ context.Context, o cloudburst.Order) (openstack.Boot, error) {
	var b openstack.Boot
	i := slices.IndexFunc(s.pools, func(p pool) bool { return p.name == o.Pool })
	k := slices.IndexFunc(s.clouds, func(c *Cloud) bool { return c.Name == o.Cloud })
	if i < 0 || k < 0 {
		return b, fmt.Errorf("pool %s on cloud %s: not configured", o.Pool, o.Cloud)
	}
	p, c := &s.pools[i], s.clouds[k]
	machine, flavor, err := c.machine(o.Pool, o.Flavor)
	if err != nil {
		return b, err
	}
	b.Machine, b.Zone = machine, o.Zone
	m := s.config.MachineOf(p.config, o.Cloud)
	b.UserData, err = s.userData(p, o, offered(p.config, &m, &flavor))
	return b, err
}

// TryUserData renders user-data for a machine, and says what is wrong with what it is made of.
func (s *Site) TryUserData(pool, cloud, flavor, intent string) error {
	_, err := s.Prepare(context.Background(), cloudburst.Order{Cluster: s.config.Cluster, Intent: intent, Pool: pool, Cloud: cloud, Flavor: flavor})
	return err
}

func (s *Site) userData(p *pool, o cloudburst.Order, offers spec.Resources) ([]byte, error) {
	a := &p.config.Agent
	if a.Install == "none" && a.Script == "" {
		return nil, nil
	}
	m := userdata.Machine{
		Masters: s.mastersOf(a), VM: o.Intent, Pool: o.Pool, Cloud: o.Cloud, Attributes: texts(p.config.Attributes),
		Hostname: a.Hostname, WorkDir: a.WorkDir, Resources: resources(offers), RegistrationTimeout: a.RegistrationTimeout,
		Flags: texts(a.Flags), Environment: texts(a.Env),
		Authorities: p.files.authorities, Registries: p.files.registries, DockerConfig: p.files.dockerConfig,
		Silence: a.Watchdog, Lease: lease(p.config), MasterURLs: a.MasterURLs, Extra: p.files.extra,
	}
	if s.config.Mesos.FaultDomain {
		m.Region, m.Zone = o.Cloud, zoneOf(o)
	}
	if a.Script != "" {
		m.Format, m.Command = userdata.Script, a.Script
	}
	if a.Install == "packages" && a.Script == "" {
		x := &a.Packages
		m.Install = &userdata.Install{Source: x.Source, Key: p.files.key, Packages: x.Names, Archive: x.Archive, SHA256: x.SHA256}
	}
	return userdata.Render(m)
}

// lease is how long after each boot the machine powers itself off, once nothing runs there, if nobody has taken it away: the
// agent does that when the lease is over, so this is for when there is no agent.
func lease(p *config.Pool) time.Duration { return p.Lease + p.Lease/10 + 10*time.Minute }

// mastersOf are the masters as machines of a pool reach them.
func (s *Site) mastersOf(a *config.Agent) []string {
	if a.Master != "" {
		return []string{a.Master}
	}
	var masters []string
	for _, text := range s.config.Mesos.Masters {
		masters = append(masters, strings.TrimSuffix(text, "/"))
	}
	return masters
}

func texts(entries strictyaml.Entries[strictyaml.Plain]) map[string]string {
	if len(entries) == 0 {
		return nil
	}
	all := map[string]string{}
	for _, e := range entries {
		all[e.Name] = string(e.Value)
	}
	return all
}

// RoleVariables are those of the Ansible role spillway_agent that burst.yaml says of a machine; what is not in it, such as
// where packages come from, is for the playbook to say.
func (s *Site) RoleVariables(o cloudburst.Order) map[string]any {
	i := slices.IndexFunc(s.pools, func(p pool) bool { return p.name == o.Pool })
	k := slices.IndexFunc(s.clouds, func(c *Cloud) bool { return c.Name == o.Cloud })
	if i < 0 || k < 0 {
		return nil
	}
	p := &s.pools[i]
	a := &p.config.Agent
	vars := map[string]any{
		"spillway_agent_master": bareMaster(strings.Join(s.mastersOf(a), ",")), "spillway_agent_work_dir": a.WorkDir,
		"spillway_agent_registration_timeout": int(a.RegistrationTimeout.Seconds()), "spillway_agent_silence": int(a.Watchdog.Seconds()),
		"spillway_agent_lease": int(lease(p.config).Seconds()),
	}
	for name, values := range map[string]map[string]string{
		"attributes": texts(p.config.Attributes), "flags": texts(a.Flags), "environment": texts(a.Env),
	} {
		if values != nil {
			vars["spillway_agent_"+name] = values
		}
	}
	if a.Hostname != "" {
		vars["spillway_agent_hostname"] = a.Hostname
	}
	if s.config.Mesos.FaultDomain {
		vars["spillway_agent_region"], vars["spillway_agent_zone"] = o.Cloud, zoneOf(o)
	}
	if _, flavor, err := s.clouds[k].machine(o.Pool, o.Flavor); err == nil {
		m := s.config.MachineOf(p.config, o.Cloud)
		vars["spillway_agent_resources"] = resources(offered(p.config, &m, &flavor))
	}
	return vars
}

// bareMaster is the address of a master without the scheme that mesos-agent does not take.
func bareMaster(text string) string {
	return strings.TrimPrefix(strings.TrimPrefix(text, "http://"), "https://")
}

// zoneOf is the zone of a machine's fault domain.
func zoneOf(o cloudburst.Order) string {
	if o.Zone == "" {
		return "any"
	}
	return o.Zone
}
