package cloudburst

import (
	"context"

	"github.com/lisa-dpc/spillway/cloudburst/master"
)

// Master is the leading Mesos master, as operators speak to it. Calls about an agent that it does not know fail with
// master.ErrUnknownAgent.
type Master interface {
	// Agents lists the agents that are registered, and those that the master remembers and waits for.
	Agents(ctx context.Context) ([]master.Agent, error)
	// Tasks counts what has not ended on an agent, of all frameworks: tasks that the master has not sent yet and those on an
	// unreachable agent included. Of an agent that it does not know that is nothing; of one that it waits for it cannot be
	// said, which is an error.
	Tasks(ctx context.Context, agent string) (int, error)
	// Deactivate takes the agent's offers back and makes no more. Its tasks go on.
	Deactivate(ctx context.Context, agent string) error
	// Reactivate undoes Deactivate.
	Reactivate(ctx context.Context, agent string) error
	// Drain KILLS what runs on the agent and then marks it gone for good.
	Drain(ctx context.Context, agent string) error
}
