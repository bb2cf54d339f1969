// Package master speaks with the leading Mesos master as operators do: it lists agents and tasks, and deactivates and drains
// agents, by the operator API (POST /api/v1, in JSON).
package master

import (
	"errors"
	"time"
)

// Agent is an agent that a master knows.
type Agent struct {
	ID         string
	Hostname   string
	Attributes map[string]string
	Registered time.Time
	// Active: it is connected and its resources are offered. Deactivated: they are not, because an operator wants so.
	Active, Deactivated bool
	// Busy: tasks or executors of some framework hold resources there.
	Busy bool
	// Recovered: the master has not heard of it since it leads itself. What runs there it does not know.
	Recovered bool
}

var (
	// ErrUnknownAgent says that the master does not know the agent: it was marked gone, or never registered.
	ErrUnknownAgent = errors.New("the master does not know the agent")
	// ErrAgentAway says that the master has not heard of the agent since it leads itself. Wait until it has.
	ErrAgentAway = errors.New("the master waits for the agent, and does not know what runs there")
)
