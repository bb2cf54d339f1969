// Package vm is what is known of one cloud machine: its identity, the stage that it is in, and how long it may stay there.
//
// Nothing of it is kept anywhere but in the metadata of the server itself and in the master's list of agents, so it is
// worked out anew in every round, and whoever has forgotten everything knows as much as one that has run for a month.
//
// The package is pure: the time comes in as an argument.
package vm

import "time"

// Stage is where a machine is on its way from an intent to nothing. Machines go through the stages one by one, each by
// itself; some leave some out.
type Stage string

// The stages.
const (
	// Requested: the intent exists; whether there is a server of it is not known yet.
	Requested Stage = "requested"
	// Building: there is a server, which Nova builds or starts.
	Building Stage = "building"
	// Active: Nova says that the server runs; its agent has not registered.
	Active Stage = "active"
	// Joined: its agent has registered, and nothing has run there yet.
	Joined Stage = "joined"
	// Serving: its agent runs tasks or has done so.
	Serving Stage = "serving"
	// Draining: nothing new is launched there; its tasks come to their ends.
	Draining Stage = "draining"
	// Leaving: its agent is gone for good; the server is being stopped, shelved or deleted.
	Leaving Stage = "leaving"
	// Stopped: the server is kept, shut off or shelved, for the next peak.
	Stopped Stage = "stopped"
	// Deleted: Nova does not know the server any more.
	Deleted Stage = "deleted"
	// Failed: the server is in error, or has stayed in a stage for longer than it may.
	Failed Stage = "error"
)

// Stages are all of them, in order.
var Stages = []Stage{Requested, Building, Active, Joined, Serving, Draining, Leaving, Stopped, Deleted, Failed}

// Keys of a server's metadata. Those of a volume are KeyCluster and KeyIntent. A key whose value is empty counts as absent.
const (
	KeyCluster     = "spillway_cluster"      // whose machine it is: Config.Cluster
	KeyIntent      = "spillway_vm"           // also the agent's attribute
	KeyPool        = "spillway_pool"         // also the agent's attribute
	KeyCloud       = "spillway_cloud"        // also the agent's attribute
	KeyFlavor      = "spillway_flavor"       // the flavor's name
	KeyLease       = "spillway_lease"        // RFC 3339: until when it may exist
	KeyJoined      = "spillway_joined"       // RFC 3339: when its agent was first seen since it was made or started
	KeyAgent       = "spillway_agent"        // the Mesos id of that agent
	KeyServed      = "spillway_served"       // RFC 3339: when something was first seen to run there
	KeyStarted     = "spillway_started"      // RFC 3339: when a kept machine was last started
	KeyDrain       = "spillway_drain"        // RFC 3339: since when it drains
	KeyDrainReason = "spillway_drain_reason" // why, in a sentence
	KeyThen        = "spillway_then"         // what follows the drain: an Afterwards
	KeyHeld        = "spillway_drain_held"   // an operator drains it: no plan takes that back
)

// Afterwards is what becomes of a machine that is not needed any more.
type Afterwards string

// What can become of it.
const (
	Delete Afterwards = "delete"
	Stop   Afterwards = "stop"
	Shelve Afterwards = "shelve"
)

// VM is one machine as of now.
type VM struct {
	// Intent is its unique name for its whole life; Cluster, Pool, Cloud and Flavor say what it was made for and of.
	Intent, Cluster, Pool, Cloud, Flavor, Zone string
	// Server is Nova's id; empty while no server is known.
	Server string
	// Addresses of the server, fixed ones first.
	Addresses []string
	// Agent is the Mesos id of its agent; empty until that has registered, and after it was marked gone.
	Agent string
	// Deactivated: the master offers nothing of its agent.
	Deactivated bool
	Stage       Stage
	// Since is when it came into the stage, as well as that is known.
	Since time.Time
	// Created is when Nova took the request, Launched when the server first ran, Joined when its agent was first seen, Served
	// when something was first seen to run there, Lease until when it may exist. Zero if not known.
	Created, Launched, Joined, Served, Lease time.Time
	// Started is when it was last started after it had been stopped or shelved; zero if it never was. Joined is later then.
	Started time.Time
	// Draining is since when it drains, DrainReason why, Then what follows.
	Draining    time.Time
	DrainReason string
	// Held: an operator drains it, so that it is not taken back when tasks wait.
	Held bool
	Then Afterwards
	// Fault is what Nova, or its deadline, says is wrong with it.
	Fault string
	// InFlight names the call that is under way for it, such as "boot" or "delete"; empty: none.
	InFlight string
}
