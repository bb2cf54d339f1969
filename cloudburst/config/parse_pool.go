package config

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

func (c *checker) pool(path string, p *Pool) {
	all := c.config.Clouds.Names()
	c.names(strictyaml.Join(path, "clouds"), p.Clouds, all, "cloud")
	usable := p.Clouds
	if usable == nil {
		usable = all
	}
	if p.Flavors != nil && len(p.Flavors) == 0 {
		c.Add(strictyaml.Join(path, "flavors"), "", "names no flavor")
	}
	for i := range p.Flavors {
		c.flavor(strictyaml.Item(strictyaml.Join(path, "flavors"), i), &p.Flavors[i], usable)
	}
	c.machine(path, &p.Machine)
	for _, name := range usable {
		if cloud, known := c.config.Clouds.Get(name); known && p.Image == nil && cloud.Image == nil {
			c.Add(path, "give it to the pool or to the cloud", "image is missing for cloud %s", name)
		}
	}
	if p.Afterwards == "delete" && p.Warm.Stopped > 0 {
		c.Add(strictyaml.Join(path, "warm.stopped"), "write afterwards: stop, or shelve", "machines that are deleted afterwards are not kept")
	}
	if p.Idle > p.Lease && !c.Faulty(strictyaml.Join(path, "lease")) {
		c.Add(strictyaml.Join(path, "idle"), "", "%s is longer than the lease, which is %s", strictyaml.Shortly(p.Idle), strictyaml.Shortly(p.Lease))
	}
	if most := p.Caps.VMs; most > 0 && p.Warm.Ready > most {
		c.Add(strictyaml.Join(path, "warm.ready"), "", "%d are more than caps.vms allows, which is %d", p.Warm.Ready, most)
	}
	c.attributes(strictyaml.Join(path, "attributes"), p.Attributes)
	c.agent(strictyaml.Join(path, "agent"), &p.Agent)
}

func (c *checker) flavor(path string, f *Flavor, usable []string) {
	c.oneOf(path, option{"name", f.Name != ""}, option{"at_least", f.AtLeast != nil})
	c.names(strictyaml.Join(path, "clouds"), f.Clouds, usable, "cloud of the pool")
}

// attributeValue is what Mesos takes in --attributes (docs/attributes-resources.md), and never takes for a number or a range.
var attributeValue = regexp.MustCompile(`^[A-Za-z0-9_/.-]+$`)

// ownAttributes are those that Spillway sets.
var ownAttributes = []string{"spillway_vm", "spillway_pool", "spillway_cloud"}

func (c *checker) attributes(path string, given strictyaml.Entries[strictyaml.Plain]) {
	for _, e := range given {
		at := strictyaml.Join(path, e.Name)
		if slices.Contains(ownAttributes, e.Name) {
			c.Add(at, "", "it is Spillway's own")
		} else if !attributeValue.MatchString(string(e.Value)) {
			c.Add(at, "a value has letters, digits and any of _ / . -", "%q cannot be used here", strictyaml.Quotable(string(e.Value)))
		}
	}
}

// ownFlags are those of mesos-agent that other fields say.
var ownFlags = map[string]string{
	"attributes": "attributes", "docker_config": "docker_config", "domain": "mesos.fault_domain",
	"executor_registration_timeout": "registration_timeout", "hostname": "hostname", "master": "master", "resources": "reserve", "work_dir": "work_dir",
}

var (
	masterAddress = regexp.MustCompile(`^(https?://)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}$`)
	registryHost  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	folder        = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+$`)
)

func (c *checker) agent(path string, a *Agent) {
	at := func(field string) string { return strictyaml.Join(path, field) }
	if a.Master != "" && !masterAddress.MatchString(a.Master) && !zkURL.MatchString(a.Master) {
		c.Add(at("master"), "such as m1.example.org:5050 or zk://h1:2181,h2:2181/mesos", "%q is no address of a master", strictyaml.Quotable(a.Master))
	}
	if a.Master == "" && a.Install != "none" && a.Script == "" && len(c.config.Mesos.Masters) > 1 {
		c.Add(path, "name the leading one's, or zk://", "master is missing: mesos-agent finds the leading one of several masters by ZooKeeper only")
	}
	for i, text := range a.MasterURLs {
		c.address(strictyaml.Item(at("master_urls"), i), text)
	}
	if !folder.MatchString(a.WorkDir) || strings.Contains(a.WorkDir+"/", "/../") {
		c.Add(at("work_dir"), "such as /var/lib/mesos", "%q is no absolute path of letters, digits and any of _ . -", strictyaml.Quotable(a.WorkDir))
	}
	for _, e := range a.Flags {
		if field := ownFlags[e.Name]; field != "" {
			c.Add(strictyaml.Join(at("flags"), e.Name), "say it with "+field, "it is set by what else is said of the agent")
		}
		c.oneLine(strictyaml.Join(at("flags"), e.Name), e.Value)
	}
	for _, e := range a.Env {
		if strings.HasPrefix(e.Name, "MESOS_") {
			c.Add(strictyaml.Join(at("env"), e.Name), "say it with flags", "what begins with MESOS_ is a flag")
		}
		c.oneLine(strictyaml.Join(at("env"), e.Name), e.Value)
	}
	for i, r := range a.Registries {
		if r.Host != "" && !registryHost.MatchString(r.Host) {
			c.Add(strictyaml.Join(strictyaml.Item(at("registries"), i), "host"), "such as registry.example.org:5000", "%q is no host", strictyaml.Quotable(r.Host))
		}
	}
	c.packages(at("packages"), a)
}

// oneLine keeps out what a line of an environment file cannot hold.
func (c *checker) oneLine(path string, value strictyaml.Plain) {
	if strings.ContainsFunc(string(value), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.Add(path, "", "should be one line")
	}
}

func (c *checker) packages(path string, a *Agent) {
	p := &a.Packages
	switch {
	case a.Install == "packages" && len(p.Names) == 0 && p.Archive == "":
		c.Add(path, "", "neither names nor archive is given, so Mesos comes from nowhere")
	case p.KeyFile != "" && p.Source == "":
		c.Add(strictyaml.Join(path, "key_file"), "", "there is no source that it could sign")
	case p.Source != "" && !strings.HasPrefix(p.Source, "deb "):
		c.Add(strictyaml.Join(path, "source"), "such as deb https://apt.example.org/mesos bookworm main", "%q is no line of APT's sources", strictyaml.Quotable(p.Source))
	}
	c.together(path, "archive", p.Archive, "sha256", p.SHA256)
	for _, f := range []struct {
		name string
		when bool
	}{{"archive", p.Archive != ""}, {"source", p.Source != ""}} {
		if f.when && a.Install != "packages" {
			c.Add(strictyaml.Join(path, f.name), "write install: packages", "nothing is installed with install: %s", a.Install)
		}
	}
}

// CloudsOf are the clouds that a pool may use, in the order of the file.
func (c *Config) CloudsOf(p *Pool) []string {
	if p.Clouds == nil {
		return c.Clouds.Names()
	}
	return p.Clouds
}

// MachineOf is what machines of a pool are made of on a cloud: what the pool says goes before what the cloud says.
func (c *Config) MachineOf(p *Pool, cloud string) Machine {
	m := p.Machine
	x, _ := c.Clouds.Get(cloud)
	if m.Image == nil {
		m.Image = x.Image
	}
	if m.Networks == nil {
		m.Networks = x.Networks
	}
	if m.SecurityGroups == nil {
		m.SecurityGroups = x.SecurityGroups
	}
	if m.KeyPair == "" {
		m.KeyPair = x.KeyPair
	}
	if m.Zones == nil {
		m.Zones = x.Zones
	}
	if m.Volume == nil {
		m.Volume = x.Volume
	}
	if m.ServerGroup == "" {
		m.ServerGroup = x.ServerGroup
	}
	if m.ConfigDrive == nil {
		m.ConfigDrive = x.ConfigDrive
	}
	return m
}

// DeadlinesOf are those of machines of a flavor.
func (p *Pool) DeadlinesOf(f *Flavor) Deadlines {
	d := p.Deadlines
	for _, x := range []struct {
		to  *time.Duration
		own time.Duration
	}{
		{&d.Requested, f.Deadlines.Requested}, {&d.Building, f.Deadlines.Building},
		{&d.Active, f.Deadlines.Active}, {&d.Leaving, f.Deadlines.Leaving},
	} {
		if x.own > 0 {
			*x.to = x.own
		}
	}
	return d
}
