// Package minimesos is an embedded Mesos: a master with agents, over real HTTP
// on the loopback, for `spillway dev` and for tests. It answers as Apache
// Mesos 1.12 does; the recordings of a real one that it is held against decide
// where a document says something else.
//
// # What it speaks
//
// The master has the scheduler API (JSON and protobuf, RecordIO), the operator
// API (reads, the event stream, draining and removal of agents, maintenance),
// and of the older endpoints /health, /version, /redirect, /state,
// /state-summary and /metrics/snapshot. Each agent has a port of its own with
// the agent API (reads, sandbox files), the executor API, /state, /containers,
// /files/browse and /files/read.
//
// Not built: reservations, volumes and other operations on offers, task
// groups, nested containers, quotas and weights, oversubscription, health
// checks and checks, offer constraints, a second master and ZooKeeper,
// authorization. Operations and task groups are refused where they are asked
// for; health checks and resource limits are accepted and not acted upon.
// GPUs are numbers: an agent has as many as its resources say. Tasks run as
// the user that minimesos runs as. Sandboxes stay until Close.
//
// # How tasks run
//
// See Runner. With Docker, a task's docker parameters are those options of
// `docker run` that minimesos knows; a task with any other one fails and says
// so. As processes, tasks see neither image nor volumes, and MESOS_SANDBOX
// names the real folder.
//
// # Machines elsewhere
//
// A machine elsewhere becomes an agent by Join. The agent itself, with all of
// Mesos' rules and with its port, stays in the master's process; the machine
// runs the containers and holds the sandboxes, and is asked for both over one
// connection, which it has opened (join_wire.go says how). No agent of Mesos'
// can register here, and no master of Mesos' takes such a machine. Nobody is
// asked who they are.
//
// # How it is built
//
// One goroutine, the loop, owns all state. Requests, timers and ends of
// processes come to it as functions; it never waits for anything. When the
// functions that are waiting have run, it allocates once for all of them. Each
// event stream has a queue that its own request goroutine encodes and writes,
// everything that has gathered in one write. Docker, processes and fetching
// happen in goroutines that report back to the loop.
//
// Between master and agents there is no network but a queue of functions, on
// which messages get lost while either side is down or cut off. Every message
// there, and every call and event of a framework, passes the tap (SetTap),
// where a test can drop, double, hold back and reorder it.
package minimesos
