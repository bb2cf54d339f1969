package config

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Machine is what a machine is made of besides its flavor. It stands with the cloud for all pools, or with the pool.
type Machine struct {
	// What it boots.
	Image *Image `yaml:"image"`
	// Networks, by name or id, in the order of its interfaces.
	Networks []string `yaml:"networks" jsonschema:"maxLength=255"`
	// Security groups, by name or id. Default: the project's default group.
	SecurityGroups []string `yaml:"security_groups" jsonschema:"maxLength=255"`
	// Name of the key pair whose owner may log in. Default: none.
	KeyPair string `yaml:"keypair" jsonschema:"maxLength=255"`
	// Availability zones, the preferred one first. Default: the cloud's choice.
	Zones []string `yaml:"zones" jsonschema:"maxLength=255"`
	// Boot from a volume made of the image, instead of the hypervisor's disk.
	Volume *Volume `yaml:"volume"`
	// Server group, by name or id, whose policy says which machines share a host. Default: none.
	ServerGroup string `yaml:"server_group" jsonschema:"maxLength=255"`
	// Give the user-data by a config drive instead of the metadata service. Default: false.
	ConfigDrive *bool `yaml:"config_drive"`
}

// Image is what a machine boots. Exactly one of name, tag and family is given.
type Image struct {
	// The image's name or id.
	Name string `yaml:"name" jsonschema:"maxLength=255"`
	// The newest image that has this tag.
	Tag string `yaml:"tag" jsonschema:"maxLength=255"`
	// The newest image whose name begins so, such as debian-12-.
	Family string `yaml:"family" jsonschema:"maxLength=255"`
}

// Volume is a root disk of its own.
type Volume struct {
	// Its size, such as 40GiB, in whole GiB (rounded up).
	Size strictyaml.Size `yaml:"size" jsonschema:"required"`
	// Its type. Default: the cloud's.
	Type string `yaml:"type" jsonschema:"maxLength=255"`
}

// Agent is how a machine becomes a Mesos agent.
type Agent struct {
	// How Mesos gets there: user-data installs packages, the image has it (prebuilt), or somebody else makes an agent of
	// the machine, such as an Ansible role, and user-data does nothing (none). Default: packages.
	Install string `yaml:"install" jsonschema:"enum=packages,enum=prebuilt,enum=none"`
	// Where packages come from, with install: packages.
	Packages Packages `yaml:"packages"`
	// The masters as the machines reach them: what mesos-agent's --master gets. Default: those under mesos.
	Master string `yaml:"master" jsonschema:"maxLength=1000"`
	// What the agent does not offer, for the system and for what runs beside tasks.
	Reserve Reserve `yaml:"reserve"`
	// Flags for mesos-agent beyond those that Spillway sets, without dashes.
	Flags strictyaml.Entries[strictyaml.Plain] `yaml:"flags" keys:"flag"`
	// The private registry that images are pulled from.
	Registry *Registry `yaml:"registry"`
	// Certificate authorities (PEM file) that the machines are to trust, for the masters and for HTTPS in general.
	CAFile string `yaml:"ca_file" jsonschema:"maxLength=4096"`
	// How long the machine may hear nothing of the masters before it powers itself off. Default: 30m.
	Watchdog time.Duration `yaml:"watchdog" min:"1m"`
	// File with a cloud-config that is merged into Spillway's, such as mounts of shared storage.
	ExtraFile string `yaml:"extra_file" jsonschema:"maxLength=4096"`
}

// Packages is where Mesos' packages come from.
type Packages struct {
	// A line of APT's sources, such as `deb https://apt.example.org/mesos bookworm main`. Default: the image's own sources.
	Source string `yaml:"source" jsonschema:"maxLength=1000"`
	// File with the key (armoured) that signs it.
	KeyFile string `yaml:"key_file" jsonschema:"maxLength=4096"`
	// Packages, with a version if it matters. Default: [mesos].
	Names []string `yaml:"names" jsonschema:"maxLength=255"`
}

// Reserve is what of a machine is left to the system.
type Reserve struct {
	// Cpus, to the thousandth. Default: 0.
	CPUs strictyaml.CPUs `yaml:"cpus"`
	// Memory. Default: 512MiB.
	Mem strictyaml.Size `yaml:"mem"`
	// Disk. Default: 4GiB.
	Disk strictyaml.Size `yaml:"disk"`
}

// Registry is a private registry.
type Registry struct {
	// Its host, with a port unless that is 443.
	Host string `yaml:"host" jsonschema:"required,maxLength=255"`
	// Certificate authority (PEM file) of its certificate.
	CAFile string `yaml:"ca_file" jsonschema:"maxLength=4096"`
	// File with Docker's credentials for it (config.json).
	DockerConfig string `yaml:"docker_config" jsonschema:"maxLength=4096"`
}
