package ministack

import "slices"

// What a new cloud holds is what the project's real OpenStack for tests is
// filled with, by the same names.
const (
	projectName   = "lisa-dpc"
	userName      = "burst"
	adminName     = "admin"
	keyName       = "burst-key"
	networkName   = "burst-net"
	groupName     = "burst-sg"
	credential    = "burst-appcred"
	defaultDomain = "default"
)

// Flavor is a size of servers.
type Flavor struct {
	ID, Name         string // ID default: made up
	VCPUs, RAM, Disk int    // cores, MiB, GiB
	// ExtraSpecs of ministack's own, as the real one's fake hypervisor has
	// them: fake:spawn_seconds=N is the time that a build takes,
	// fake:spawn_error=TEXT makes it fail.
	ExtraSpecs map[string]string
}

// Extra specs that change how a build goes.
const (
	specSeconds = "fake:spawn_seconds"
	specError   = "fake:spawn_error"
)

// DefaultFlavors are the flavors of a cloud that is not told others.
func DefaultFlavors() []Flavor {
	return []Flavor{
		{Name: "m1.nano", VCPUs: 1, RAM: 192, Disk: 1},
		{Name: "m1.tiny", VCPUs: 1, RAM: 512, Disk: 1},
		{Name: "m1.small", VCPUs: 1, RAM: 2048, Disk: 20},
		{Name: "m1.medium", VCPUs: 2, RAM: 4096, Disk: 40},
		{Name: "m1.large", VCPUs: 4, RAM: 8192, Disk: 80},
		{Name: "m1.impossible", VCPUs: 1, RAM: 512, Disk: 1000000},
		{Name: "m1.faulty", VCPUs: 1, RAM: 512, Disk: 1, ExtraSpecs: map[string]string{specError: "the hypervisor is on fire"}},
		{Name: "m1.slow", VCPUs: 1, RAM: 512, Disk: 1, ExtraSpecs: map[string]string{specSeconds: "15"}},
	}
}

// DefaultImages are the images of a cloud that is not told others.
func DefaultImages() []Image {
	return []Image{{Name: "tiny", Size: 1 << 20}}
}

// DefaultQuota is what the project may have in a cloud that is not told
// otherwise; -1 is without limit.
func DefaultQuota() Quota {
	return Quota{Instances: 10, Cores: 40, RAM: 102400, ServerGroups: 10, Ports: 500, Volumes: 10, Gigabytes: 1000}
}

// Quota is how much a project may have; RAM in MiB, Gigabytes (of volumes) in
// GiB, -1 for any number.
type Quota struct {
	Instances, Cores, RAM, ServerGroups, Ports, Volumes, Gigabytes int
}

// fill makes what a new cloud has.
func (c *Cloud) fill() {
	service, project := c.newProject("service"), c.newProject(projectName)
	c.project = project
	project.quota = *c.opts.Quota
	c.newUser(adminName, service, "admin", "member", "reader").password = c.Credentials.AdminPassword
	user := c.newUser(userName, project, "member", "reader")
	user.password = c.Credentials.Password
	c.appcreds = append(c.appcreds, &appcred{
		id: c.Credentials.ApplicationID, name: credential, secret: c.Credentials.ApplicationSecret, user: user, project: project})
	for _, f := range c.opts.Flavors {
		c.addFlavor(f)
	}
	for _, image := range c.opts.Images {
		c.addImage(image)
	}
	c.zones = slices.Clone(c.opts.Zones)
	c.networks = append(c.networks, &netw{id: c.newID(), name: networkName, subnet: c.newID(), project: project, created: c.Now()})
	for _, name := range []string{"default", groupName} {
		c.groups = append(c.groups, &secGroup{id: c.newID(), name: name, description: "the security group " + name, project: project, created: c.Now()})
	}
	c.keyPairs = append(c.keyPairs, &keyPair{name: keyName, public: "ssh-ed25519 AAAA burst", fingerprint: "00:00", owner: user, created: c.Now()})
}
