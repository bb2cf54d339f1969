package master

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// Client speaks with the leading master. Its methods may be called from any goroutine.
type Client struct {
	operator *mesos.Operator
}

// New makes a client of masters, credentials and certificates.
func New(cfg mesos.Config) (*Client, error) {
	operator, err := mesos.NewOperator(cfg)
	if err != nil {
		return nil, fmt.Errorf("settings of the Mesos masters: %w", err)
	}
	return &Client{operator}, nil
}

// Run follows the election of masters in ZooKeeper until ctx ends. Before it runs, or where the masters are given as a list, it
// does nothing.
func (c *Client) Run(ctx context.Context) { c.operator.Run(ctx) }

// The types below are the parts of mesos.proto and master.proto that are read, in their JSON form.

type id struct {
	Value string `json:"value"`
}

type resource struct {
	Name string `json:"name"`
}

type attribute struct {
	Name string `json:"name"`
	Text struct {
		Value string `json:"value"`
	} `json:"text"`
	Scalar struct {
		Value json.Number `json:"value"`
	} `json:"scalar"`
}

type agentInfo struct {
	ID         id          `json:"id"`
	Hostname   string      `json:"hostname"`
	Attributes []attribute `json:"attributes"`
}

type moment struct {
	Nanoseconds int64 `json:"nanoseconds"`
}

type agents struct {
	GetAgents struct {
		Agents []struct {
			AgentInfo          agentInfo  `json:"agent_info"`
			Active             bool       `json:"active"`
			Deactivated        bool       `json:"deactivated"`
			RegisteredTime     moment     `json:"registered_time"`
			AllocatedResources []resource `json:"allocated_resources"`
		} `json:"agents"`
		RecoveredAgents []agentInfo `json:"recovered_agents"`
	} `json:"get_agents"`
}

type task struct {
	AgentID id `json:"agent_id"`
}

// state leaves out completed_tasks: those have ended.
type state struct {
	GetState struct {
		GetTasks struct {
			Pending     []task `json:"pending_tasks"`
			Tasks       []task `json:"tasks"`
			Unreachable []task `json:"unreachable_tasks"`
			Orphan      []task `json:"orphan_tasks"`
		} `json:"get_tasks"`
		GetAgents struct {
			RecoveredAgents []agentInfo `json:"recovered_agents"`
		} `json:"get_agents"`
	} `json:"get_state"`
}

// Agents lists the agents that are registered, and those that a master that has just been elected remembers and waits for.
func (c *Client) Agents(ctx context.Context) ([]Agent, error) {
	var answer agents
	if err := c.read(ctx, "GET_AGENTS", &answer); err != nil {
		return nil, err
	}
	var list []Agent
	for _, a := range answer.GetAgents.Agents {
		agent := agentOf(&a.AgentInfo)
		agent.Active, agent.Deactivated, agent.Busy = a.Active, a.Deactivated, len(a.AllocatedResources) > 0
		agent.Registered = time.Unix(0, a.RegisteredTime.Nanoseconds)
		list = append(list, agent)
	}
	for _, a := range answer.GetAgents.RecoveredAgents {
		agent := agentOf(&a)
		agent.Recovered = true
		list = append(list, agent)
	}
	return list, nil
}

func agentOf(info *agentInfo) Agent {
	agent := Agent{ID: info.ID.Value, Hostname: info.Hostname, Attributes: map[string]string{}}
	for _, a := range info.Attributes {
		value := a.Text.Value
		if value == "" {
			value = a.Scalar.Value.String()
		}
		agent.Attributes[a.Name] = value
	}
	return agent
}

// Tasks counts what has not ended on an agent, of all frameworks: what the master has not sent yet, what has ended and the
// framework has not been heard to know, and what ran when the master lost contact with the agent. Of an agent that a master
// remembers and has not heard of since it leads, nothing is known: ErrAgentAway. (That is why tasks and agents are read in
// one call: a new master has none of both.)
func (c *Client) Tasks(ctx context.Context, agent string) (int, error) {
	var answer state
	if err := c.read(ctx, "GET_STATE", &answer); err != nil {
		return 0, err
	}
	for _, a := range answer.GetState.GetAgents.RecoveredAgents {
		if a.ID.Value == agent {
			return 0, ErrAgentAway
		}
	}
	n := 0
	t := &answer.GetState.GetTasks
	for _, list := range [][]task{t.Pending, t.Tasks, t.Unreachable, t.Orphan} {
		for _, task := range list {
			if task.AgentID.Value == agent {
				n++
			}
		}
	}
	return n, nil
}

func (c *Client) read(ctx context.Context, kind string, answer any) error {
	body, err := c.operator.Call(ctx, map[string]any{"type": kind})
	if err != nil {
		return fmt.Errorf("asking the master (%s): %w", kind, err)
	}
	head := struct {
		Type string `json:"type"`
	}{}
	if err := errors.Join(json.Unmarshal(body, &head), json.Unmarshal(body, answer)); err != nil {
		return fmt.Errorf("reading the master's answer to %s: %w", kind, err)
	}
	if head.Type != kind {
		return fmt.Errorf("the answer to %s is of type %.40q; is it a Mesos master?", kind, head.Type)
	}
	return nil
}

// Deactivate takes an agent's offers back and makes no more (DEACTIVATE_AGENT). Its tasks go on.
func (c *Client) Deactivate(ctx context.Context, agent string) error {
	return c.change(ctx, "DEACTIVATE_AGENT", "deactivate_agent", map[string]any{"agent_id": id{agent}})
}

// Reactivate undoes Deactivate (REACTIVATE_AGENT). One that is not deactivated is left alone.
func (c *Client) Reactivate(ctx context.Context, agent string) error {
	err := c.change(ctx, "REACTIVATE_AGENT", "reactivate_agent", map[string]any{"agent_id": id{agent}})
	var refused *mesos.Refused
	if errors.As(err, &refused) && refused.Text == "Agent is not deactivated" {
		return nil
	}
	return err
}

// Drain kills what runs on an agent and marks the agent gone for good (DRAIN_AGENT with mark_gone).
func (c *Client) Drain(ctx context.Context, agent string) error {
	return c.change(ctx, "DRAIN_AGENT", "drain_agent", map[string]any{"agent_id": id{agent}, "mark_gone": true})
}

func (c *Client) change(ctx context.Context, kind, field string, parameters map[string]any) error {
	_, err := c.operator.Call(ctx, map[string]any{"type": kind, field: parameters})
	var refused *mesos.Refused
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && refused.Text == "Unknown agent" {
		return ErrUnknownAgent
	}
	if err != nil {
		return fmt.Errorf("asking the master (%s): %w", kind, err)
	}
	return nil
}
