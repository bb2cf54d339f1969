// Package userdata makes the user-data that turns a stock Debian or Ubuntu cloud image into a Mesos agent with the Docker
// containerizer, and reads back what such user-data says.
//
// What a machine gets is files of two kinds: scripts and units that are the same on all machines, which are those of the
// Ansible role in manifests/ansible, and what differs from machine to machine, in /etc/spillway. docs/agents.md
// describes the machine.
//
// The package is pure.
package userdata

import "time"

// Format is the form of user-data.
type Format int

// The forms.
const (
	// CloudConfig is #cloud-config, for images with cloud-init.
	CloudConfig Format = iota
	// Script is a #! script that runs Machine.Command, for guests whose init can do no more than that.
	Script
)

// Attributes by which a machine's agent is known again.
const (
	AttributeVM    = "spillway_vm"
	AttributePool  = "spillway_pool"
	AttributeCloud = "spillway_cloud"
)

// What holds for a Machine that says nothing else.
const (
	DefaultWorkDir             = "/var/lib/mesos"
	DefaultRegistrationTimeout = 10 * time.Minute
	DefaultSilence             = 30 * time.Minute
)

// Limit is how long user-data may be in Base64, in bytes (MAX_USERDATA_SIZE in nova/compute/api.py).
const Limit = 65535

// Machine is a machine that is to become a Mesos agent.
type Machine struct {
	Format Format
	// Masters is where the agent finds its master: one host:port, or one zk:// URL. http:// and https:// before a host are
	// left out. In a Script there may be several of host:port.
	Masters []string
	// VM is the machine's intent, Pool and Cloud say what it was made for and where. They become the agent's attributes
	// spillway_vm, spillway_pool and spillway_cloud; Attributes are further ones.
	VM, Pool, Cloud string
	Attributes      map[string]string
	// Region and Zone are its fault domain. Both empty: none, which is what agents of a master without one must have.
	Region, Zone string
	// Hostname is how others reach the agent. Empty: by the address that it has towards its master.
	Hostname string
	// WorkDir is where the agent keeps its state and the tasks' sandboxes. Empty: DefaultWorkDir.
	WorkDir string
	// Resources is what the agent offers, as mesos-agent's --resources takes it. Empty: what mesos-agent finds.
	Resources string
	// RegistrationTimeout is how long an executor may take to register, pulling its image included.
	// Zero: DefaultRegistrationTimeout.
	RegistrationTimeout time.Duration
	// Flags are further flags of mesos-agent, without dashes; a switch is "true" or "false".
	Flags map[string]string
	// Environment is for the agent's environment, such as LIBPROCESS_SSL_ENABLED.
	Environment map[string]string

	// Install is what is installed. Nil: nothing, because the image has all of it.
	Install *Install
	// Authorities are certificate authorities (PEM) that the whole machine trusts.
	Authorities string
	// Registries are private image registries whose certificates have an authority of their own.
	Registries []Registry
	// DockerConfig has the credentials for pulling images: the text of a Docker config.json.
	DockerConfig string

	// Silence is after how long without a master that knows its agent the machine powers itself off.
	// Zero: DefaultSilence. Both this and Lease are counted from each boot on.
	Silence time.Duration
	// Lease is after how long the machine powers itself off once nothing runs there. Zero: never.
	Lease time.Duration
	// MasterURLs are asked whether they know the agent, instead of those that Masters says; with zk:// that is port 5050 of
	// the leading master.
	MasterURLs []string

	// Extra is a cloud-config of the operator's that is done as well, before the agent is started.
	Extra string
	// Command is the shell text that a Script runs, with the agent's flags in its environment as MESOS_MASTER,
	// MESOS_ATTRIBUTES and so on.
	Command string
}

// Install says where Mesos comes from. It is in no release of Debian or Ubuntu, so the operator names a repository or an
// archive, or has it in a mirror that the image knows. Docker is the distribution's docker.io.
type Install struct {
	// Source is a line of APT's sources ("deb URL SUITE COMPONENT..."), Key the key that signs it (armoured).
	// Both empty: no source is added.
	Source, Key string
	// Packages to be installed, such as mesos, or mesos=1.11.0-2.0.1: those of Mesos, or those that an archive needs.
	Packages []string
	// Archive is the URL of a .deb, or of a .tar.* that is unpacked in /. Empty: none.
	// SHA256 is its checksum in hexadecimal digits.
	Archive, SHA256 string
}

// Registry is an image registry.
type Registry struct {
	// Host with a port, unless that is 443.
	Host string
	// CA is the authority (PEM) of its certificate.
	CA string
}
