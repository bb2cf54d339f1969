package config

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Machine is what a machine is made of besides its flavor. It stands with the cloud for all pools, or with the pool.
type Machine struct {
	// What it boots.
	Image *Image `yaml:"image"`
	// Networks, by name or id, in the order of its interfaces. Default: the only one that there is.
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

// Agent is how a machine becomes a Mesos agent. docs/agents.md describes what user-data does.
type Agent struct {
	// How Mesos and Docker get there: user-data installs packages, or the image has them (prebuilt), or somebody else makes
	// an agent of the machine, such as the Ansible role, and user-data does nothing (none).
	Install string `yaml:"install" default:"packages" jsonschema:"enum=packages,enum=prebuilt,enum=none"`
	// Where packages come from, with `install: packages`.
	Packages Packages `yaml:"packages"`
	// The master as the machines reach it: host:port, or zk://host:port,…/path. Default: the masters under mesos.
	Master string `yaml:"master" jsonschema:"maxLength=1000"`
	// URLs of masters at which the watchdog asks whether they know the agent. Default: those of master; with zk://, port 5050
	// of the leading one.
	MasterURLs []string `yaml:"master_urls" jsonschema:"maxLength=1000"`
	// How others reach the agent, if not by the address that it has towards its master: a name or an address.
	// Default: that address.
	Hostname string `yaml:"hostname" jsonschema:"maxLength=255"`
	// Where the agent keeps its state and the tasks' sandboxes.
	WorkDir string `yaml:"work_dir" default:"/var/lib/mesos" jsonschema:"maxLength=255"`
	// What the agent does not offer, for the system and for what runs beside tasks.
	Reserve Reserve `yaml:"reserve"`
	// How long an executor may take to register, the pulling of its image included.
	RegistrationTimeout time.Duration `yaml:"registration_timeout" default:"10m" min:"1s"`
	// Flags for mesos-agent beyond those that Spillway sets, without dashes.
	Flags strictyaml.Entries[strictyaml.Plain] `yaml:"flags" keys:"flag"`
	// Environment variables of mesos-agent, such as LIBPROCESS_SSL_ENABLED.
	Env strictyaml.Entries[strictyaml.Plain] `yaml:"env" keys:"env"`
	// Private registries whose certificates have an authority of their own.
	Registries []Registry `yaml:"registries"`
	// File with the credentials for pulling images: a Docker config.json without credential helpers. Default: none.
	DockerConfig string `yaml:"docker_config" jsonschema:"maxLength=4096"`
	// File with certificate authorities (PEM) that the whole machine is to trust. Default: the system's only.
	CAFile string `yaml:"ca_file" jsonschema:"maxLength=4096"`
	// How long no master may know the machine's agent before it powers itself off.
	Watchdog time.Duration `yaml:"watchdog" default:"30m" min:"1m"`
	// File with a cloud-config that is done as well, before the agent is started, such as mounts of shared storage.
	// Default: none.
	ExtraFile string `yaml:"extra_file" jsonschema:"maxLength=4096"`
	// Shell text that is all of the user-data, for images without cloud-init. It finds the agent's flags in its environment,
	// as MESOS_MASTER, MESOS_ATTRIBUTES and so on. Default: none, user-data is a cloud-config.
	Script string `yaml:"script" jsonschema:"maxLength=16000"`
}

// Packages is where Mesos comes from. It is in no release of Debian or Ubuntu.
type Packages struct {
	// A line of APT's sources, such as `deb https://apt.example.org/mesos bookworm main`. Default: the image's own sources.
	Source string `yaml:"source" jsonschema:"maxLength=1000"`
	// File with the key (armoured) that signs it. Default: none.
	KeyFile string `yaml:"key_file" jsonschema:"maxLength=4096"`
	// Packages, such as mesos or mesos=1.11.0-2.0.1: Mesos', or those that the archive needs.
	Names []string `yaml:"names" default:"[mesos]" jsonschema:"maxLength=255"`
	// URL of a .deb, or of a .tar.gz, .tar.xz and so on that is unpacked in /, instead of a package of Mesos. Default: none.
	Archive string `yaml:"archive" jsonschema:"maxLength=1000"`
	// The archive's checksum, in hexadecimal digits.
	SHA256 string `yaml:"sha256" form:"sha256"`
}

// Reserve is what of a machine is left to the system.
type Reserve struct {
	// Cpus, to the thousandth.
	CPUs strictyaml.CPUs `yaml:"cpus" default:"0"`
	// Memory.
	Mem strictyaml.Size `yaml:"mem" default:"512MiB"`
	// Disk.
	Disk strictyaml.Size `yaml:"disk" default:"4GiB"`
}

// Registry is a private registry.
type Registry struct {
	// Its host, with a port unless that is 443.
	Host string `yaml:"host" jsonschema:"required,maxLength=255"`
	// File with the authority (PEM) of its certificate.
	CAFile string `yaml:"ca_file" jsonschema:"required,maxLength=4096"`
}
