package cloudburst

import (
	"context"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// Cloud is a project on a cloud. Errors of its calls are *openstack.Error, whose kind says what to do next. Calls end when
// their context does, and may be made again whatever has become of the one before.
type Cloud interface {
	Machines
	Accounts
	Leftovers
}

// Machines are the cluster's servers on a cloud.
type Machines interface {
	// Servers lists them, in whatever state they are.
	Servers(ctx context.Context, cluster string) ([]openstack.Server, error)
	// Limits tells how much the project may have, and has.
	Limits(ctx context.Context) (openstack.Limits, error)
	// Boot makes a server and all that it needs; a server of the intent that exists already is the answer.
	Boot(ctx context.Context, b openstack.Boot) (openstack.Server, error)
	// Start starts or unshelves a server, whichever it needs. Stop and Shelve end that.
	Start(ctx context.Context, id string) error
	Stop(ctx context.Context, id string) error
	Shelve(ctx context.Context, id string) error
	// SetMetadata changes some of a server's metadata. An empty value removes its key.
	SetMetadata(ctx context.Context, id string, values map[string]string) error
	// Delete removes a server, or, without an id, all that there are of the intent, with ports and volumes. It returns when
	// the cloud knows none of them any more.
	Delete(ctx context.Context, cluster, intent, id string) error
}

// Accounts tell what was used.
type Accounts interface {
	// Usage tells what the cluster's servers have used between two times, those that are gone included.
	Usage(ctx context.Context, cluster string, from, to time.Time) ([]openstack.Usage, error)
}

// Leftovers are what carries the cluster's tag, whether it belongs to a machine or not.
type Leftovers interface {
	// Leftovers lists servers, ports and volumes.
	Leftovers(ctx context.Context, cluster string) ([]openstack.Leftover, error)
	// Remove removes one of them, if it carries the tag still and nothing uses it.
	Remove(ctx context.Context, l openstack.Leftover) error
}

// Order is a machine that is to be made.
type Order struct {
	Cluster, Intent, Pool, Cloud, Flavor, Zone string
	// Lease is until when it may exist.
	Lease time.Time
}

// Prepare turns an order into what a cloud is asked for: names resolved, user-data rendered. Metadata of its own (the keys
// of package vm) is added by the agent.
type Prepare func(ctx context.Context, o Order) (openstack.Boot, error)
