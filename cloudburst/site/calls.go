package site

import (
	"context"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// The calls of cloudburst.Cloud: those of the connection, which is made if there is none.

// Servers lists the cluster's servers.
func (c *Cloud) Servers(ctx context.Context, cluster string) ([]openstack.Server, error) {
	return answer(ctx, c, func(api *openstack.Cloud) ([]openstack.Server, error) { return api.Servers(ctx, cluster) })
}

// Limits tells how much the project may have, and has.
func (c *Cloud) Limits(ctx context.Context) (openstack.Limits, error) {
	return answer(ctx, c, func(api *openstack.Cloud) (openstack.Limits, error) { return api.Limits(ctx) })
}

// Boot makes a server.
func (c *Cloud) Boot(ctx context.Context, b openstack.Boot) (openstack.Server, error) {
	return answer(ctx, c, func(api *openstack.Cloud) (openstack.Server, error) { return api.Boot(ctx, b) })
}

// Start starts or unshelves a server.
func (c *Cloud) Start(ctx context.Context, id string) error {
	return c.call(ctx, func(api *openstack.Cloud) error { return api.Start(ctx, id) })
}

// Stop stops a server.
func (c *Cloud) Stop(ctx context.Context, id string) error {
	return c.call(ctx, func(api *openstack.Cloud) error { return api.Stop(ctx, id) })
}

// Shelve shelves a server.
func (c *Cloud) Shelve(ctx context.Context, id string) error {
	return c.call(ctx, func(api *openstack.Cloud) error { return api.Shelve(ctx, id) })
}

// SetMetadata changes some of a server's metadata.
func (c *Cloud) SetMetadata(ctx context.Context, id string, values map[string]string) error {
	return c.call(ctx, func(api *openstack.Cloud) error { return api.SetMetadata(ctx, id, values) })
}

// Delete removes a machine with all that belongs to it.
func (c *Cloud) Delete(ctx context.Context, cluster, intent, id string) error {
	return c.call(ctx, func(api *openstack.Cloud) error { return api.Delete(ctx, cluster, intent, id) })
}

// Usage tells what the cluster's servers have used.
func (c *Cloud) Usage(ctx context.Context, cluster string, from, to time.Time) ([]openstack.Usage, error) {
	return answer(ctx, c, func(api *openstack.Cloud) ([]openstack.Usage, error) { return api.Usage(ctx, cluster, from, to) })
}

// Leftovers lists what carries the cluster's tag.
func (c *Cloud) Leftovers(ctx context.Context, cluster string) ([]openstack.Leftover, error) {
	return answer(ctx, c, func(api *openstack.Cloud) ([]openstack.Leftover, error) { return api.Leftovers(ctx, cluster) })
}

// Remove removes one of them.
func (c *Cloud) Remove(ctx context.Context, l openstack.Leftover) error {
	return c.call(ctx, func(api *openstack.Cloud) error { return api.Remove(ctx, l) })
}

func answer[T any](ctx context.Context, c *Cloud, ask func(*openstack.Cloud) (T, error)) (T, error) {
	api, err := c.API(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return ask(api)
}

func (c *Cloud) call(ctx context.Context, do func(*openstack.Cloud) error) error {
	api, err := c.API(ctx)
	if err != nil {
		return err
	}
	return do(api)
}
