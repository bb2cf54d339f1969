package cloudburst

import (
	"context"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// Cloud is a project on a cloud. Errors of its calls are *openstack.Error, whose kind says what to do next. Calls end when
// their context does.
type Cloud interface {
	// Servers lists the servers that carry the cluster's tag, in whatever state they are.
	Servers(ctx context.Context, cluster string) ([]openstack.Server, error)
	// Limits tells how much the project may have, and has.
	Limits(ctx context.Context) (openstack.Limits, error)
	// Usage tells what servers of the project have used between two times, those that are gone included.
	Usage(ctx context.Context, from, to time.Time) ([]openstack.Usage, error)
	// Boot makes a server and all that it needs; a server of the intent that exists already is the answer.
	Boot(ctx context.Context, b openstack.Boot) (openstack.Server, error)
	// Start starts or unshelves a server, whichever it needs.
	Start(ctx context.Context, server string) error
	// Keep stops or shelves a server; one that is so already is left alone.
	Keep(ctx context.Context, server string, how vm.Afterwards) error
	// Tag changes some of a server's metadata. An empty value takes a key away, or is as good as that.
	Tag(ctx context.Context, server string, metadata map[string]string) error
	// Delete removes the servers, ports and volumes of an intent, and returns when the cloud knows none of them any more.
	Delete(ctx context.Context, cluster, intent string) error
}

// Sweepable is a cloud on which what was left behind can be looked for.
type Sweepable interface {
	// Leftovers lists the servers, ports and volumes that carry the cluster's tag.
	Leftovers(ctx context.Context, cluster string) ([]openstack.Leftover, error)
	// Remove removes one of them, by its id, if it carries the tag still.
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
