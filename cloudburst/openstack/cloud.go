// Package openstack is one OpenStack cloud as the cloudburst agent uses it: Keystone, Nova, Neutron, Glance and Cinder
// through gophercloud.
//
// Every operation may be asked for again after whatever has happened: Boot finds the server that it made before, Delete
// goes on where it was ended, Start and Stop leave alone what is started or stopped. What is made carries the cluster's name
// and the machine's intent: servers and volumes in their metadata, ports in their description. Nothing without them is ever
// changed. Errors are of the type Error, whose Kind says what comes next.
package openstack

import "time"

// Boot asks for a server. It is idempotent: a server of the intent that exists already is the answer.
type Boot struct {
	// Cluster and Intent name it and tag all that is made for it; Metadata is what else the server is to carry.
	Cluster, Intent string
	Metadata        map[string]string
	UserData        []byte
	// Machine says what it is made of; its names have been resolved (Resolve).
	Machine Machine
	// Zone is the availability zone; empty: Nova's choice.
	Zone string
}

// Machine is what a server is made of. Flavor, Image, ServerGroup are ids; Networks too.
type Machine struct {
	Flavor, Image  string
	Networks       []string
	SecurityGroups []string // ids; none: the project's group "default"
	KeyPair        string   // its name
	ServerGroup    string
	ConfigDrive    bool
	// Volume boots from a volume made of the image; nil: from the hypervisor's disk.
	Volume *Volume
}

// Volume is a root disk in Cinder.
type Volume struct {
	SizeGiB int
	Type    string // empty: the cloud's default
}

// Server is a server that carries our cluster's tag.
type Server struct {
	ID, Name string
	// Status is Nova's (ACTIVE, BUILD, ERROR, SHUTOFF, SHELVED_OFFLOADED, DELETED …), Task its task_state ("" if none).
	Status, Task string
	// Fault is the message of its fault, if it has one; FaultKind says what it means.
	Fault     string
	Created   time.Time
	Updated   time.Time
	Launched  time.Time // when it was first ACTIVE; zero before
	Zone      string
	Flavor    string // name
	Metadata  map[string]string
	Addresses []string
}

// Flavor is a size of servers.
type Flavor struct {
	ID, Name string
	VCPUs    int
	MemMiB   int
	DiskGiB  int
	Extra    map[string]string
}

// Image is what a server boots.
type Image struct {
	ID, Name string
	Created  time.Time
	// MinDiskGiB and MinMemMiB are what it asks of a flavor; 0: nothing.
	MinDiskGiB, MinMemMiB int
}

// Limits are how much a project may have, and has. -1: without limit or not known.
type Limits struct {
	Instances, InstancesUsed         int
	Cores, CoresUsed                 int
	MemMiB, MemMiBUsed               int
	Ports, PortsUsed                 int
	Volumes, VolumesUsed             int
	VolumeGiB, VolumeGiBUsed         int
	ServerGroups, ServerGroupMembers int
	// Members is how many servers each server group has, by the group's id.
	Members map[string]int
	// Unknown says, a sentence each, what the cloud does not tell.
	Unknown []string
}

// Usage is what one server has used between two times, whether it still exists or not.
type Usage struct {
	// Intent is the machine's, read from the server's name.
	Intent, Name, Flavor string
	VCPUs                int
	Hours                float64
	Started              time.Time
	Ended                time.Time // zero: not yet
}

// Leftover is a server, port or volume that carries a cluster's tag.
type Leftover struct {
	Kind    string // "server", "port" or "volume"
	ID      string
	Name    string
	Cluster string
	Intent  string // the machine that it says it belongs to; empty: it names none
	Created time.Time
	Status  string
}
