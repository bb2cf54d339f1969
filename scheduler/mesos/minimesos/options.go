package minimesos

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Runner names a way in which agents run tasks.
type Runner string

const (
	// Auto is Docker when a Docker engine answers, and Process when none does.
	Auto Runner = "auto"
	// Docker runs tasks with ContainerInfo DOCKER in containers of the local
	// engine, and all others as processes.
	Docker Runner = "docker"
	// Process runs every task as a process in a group of its own, inside its
	// sandbox. ContainerInfo is not followed: no image, no volumes and no
	// network of its own; MESOS_SANDBOX names the real folder, and the docker
	// parameter "entrypoint" is put before the arguments.
	Process Runner = "process"
	// Instant runs nothing: a task is RUNNING and then, as soon as that is
	// acknowledged, what Options.Outcome says (FINISHED by default).
	Instant Runner = "instant"
)

// Options says what Start starts. The zero value is a master without agents
// on a free port of the loopback, with Mesos' own timing.
type Options struct {
	Addr        string         // the master's listen address; default "127.0.0.1:0"
	ClusterName string         // what GET /state-summary calls the cluster; default "minimesos"
	Agents      []AgentOptions // more can be added later with AddAgent
	Runner      Runner         // of agents that name none; default Auto
	WorkDir     string         // holds the sandboxes, and what former clusters left; default: a temporary folder, removed by Close

	// Outcome scripts the tasks of Instant agents. It is called by the
	// cluster's own goroutine and must not block or call the Cluster.
	// nil: every task finishes.
	Outcome func(mesos.TaskInfo) Outcome

	// Credentials are the principals and their secrets. If there are any,
	// frameworks must use HTTP basic authentication.
	Credentials map[string]string

	// AllocationInterval is how often free resources are offered when nothing
	// else makes the master offer them; default 1 s (--allocation_interval).
	AllocationInterval time.Duration
	// HeartbeatInterval of the event streams; default 15 s.
	HeartbeatInterval time.Duration
	// AgentTimeout is how long an agent may be silent before it counts as
	// unreachable; default 75 s (5 pings of 15 s).
	AgentTimeout time.Duration
	// ReregisterTimeout is how long a restarted master waits for its agents
	// before they count as unreachable; default 10 min (--agent_reregister_timeout).
	ReregisterTimeout time.Duration
	// OfferTimeout takes an offer back that is not answered; default 0: never.
	OfferTimeout time.Duration
	// UpdateRetryInterval is the time after which an agent sends an update
	// again that nobody acknowledged, doubled each time up to 10 min;
	// default 10 s.
	UpdateRetryInterval time.Duration
	// ExecutorRegistrationTimeout is how long a custom executor may take to
	// subscribe; default 1 min.
	ExecutorRegistrationTimeout time.Duration

	Logger *slog.Logger // default: nothing is logged
}

// AgentOptions describes one agent.
type AgentOptions struct {
	Name       string            // what the fault calls know it by; default "agent-N"
	Addr       string            // listen address; default "127.0.0.1:0"
	Hostname   string            // default: the host of Addr
	Resources  string            // as --resources takes them; see ParseResources
	Attributes map[string]string // text attributes
	Runner     Runner            // default Options.Runner
}

// DefaultResources is what an agent has that names none.
const DefaultResources = "cpus:4;mem:8192;disk:10000;ports:[31000-31999]"

// Outcome is what becomes of a task on an Instant agent.
type Outcome struct {
	// State is the last state that the task reaches by itself. The zero value
	// (and TASK_FINISHED) finishes it. TASK_RUNNING leaves it running until it
	// is killed, TASK_STAGING never reports anything.
	State   mesos.TaskState
	Reason  *mesos.TaskStatus_Reason
	Message string
	Data    []byte
	After   time.Duration // how long it is RUNNING before it reaches State
}

func (o Options) withDefaults() (Options, error) {
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	o.ClusterName = cmp.Or(o.ClusterName, "minimesos")
	o.Runner = cmp.Or(o.Runner, Auto)
	o.AllocationInterval = cmp.Or(o.AllocationInterval, time.Second)
	o.HeartbeatInterval = cmp.Or(o.HeartbeatInterval, 15*time.Second)
	o.AgentTimeout = cmp.Or(o.AgentTimeout, 75*time.Second)
	o.ReregisterTimeout = cmp.Or(o.ReregisterTimeout, 10*time.Minute)
	o.UpdateRetryInterval = cmp.Or(o.UpdateRetryInterval, 10*time.Second)
	o.ExecutorRegistrationTimeout = cmp.Or(o.ExecutorRegistrationTimeout, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.AllocationInterval < 0 || o.HeartbeatInterval < 0 || o.AgentTimeout < 0 || o.ReregisterTimeout < 0 ||
		o.OfferTimeout < 0 || o.UpdateRetryInterval < 0 || o.ExecutorRegistrationTimeout < 0 {
		return o, errors.New("minimesos: a time in Options is negative")
	}
	return o, nil
}

// workDir returns the folder for sandboxes and whether Close removes it.
func (o Options) workDir() (string, bool, error) {
	if o.WorkDir != "" {
		return o.WorkDir, false, os.MkdirAll(o.WorkDir, 0o755)
	}
	dir, err := os.MkdirTemp("", "minimesos-")
	if err != nil {
		return "", false, fmt.Errorf("creating the work folder: %w", err)
	}
	return dir, true, nil
}
