package openstack

import (
	"context"
	"errors"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
)

// Delete deletes a machine: the server, by its id, until Nova does not know it any more, and then its ports and volumes.
// Without an id it is all servers of the intent. It may be asked for again at any time; what is gone already is no error.
// A server whose metadata does not say that it is this machine is refused with Invalid.
func (c *Cloud) Delete(ctx context.Context, cluster, intent, id string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	ids := []string{id}
	if id == "" {
		var found []Server
		doing := "looking for server " + name(cluster, intent)
		if err := c.until(ctx, doing, func() (_ bool, err error) {
			found, err = c.ofIntent(ctx, cluster, intent)
			return err == nil, err
		}); err != nil {
			return err
		}
		ids = nil
		for _, s := range found {
			ids = append(ids, s.ID)
		}
	}
	for _, each := range ids {
		if err := c.deleteServer(ctx, cluster, intent, each); err != nil {
			return err
		}
	}
	return c.removeParts(ctx, cluster, intent)
}

// removeParts removes what a machine has had besides its server.
func (c *Cloud) removeParts(ctx context.Context, cluster, intent string) error {
	if err := c.removePorts(ctx, cluster, intent); err != nil {
		return err
	}
	return c.removeVolumes(ctx, cluster, intent)
}

// askAgain is after how many looks a server that is still there is asked to go once more: compute hosts forget requests.
const askAgain = 10

// deleteServer deletes a server and waits until Nova does not know it any more.
func (c *Cloud) deleteServer(ctx context.Context, cluster, intent, id string) error {
	asked := 0 // looks since it was asked; 0: it was not yet, or in vain
	return c.until(ctx, "deleting server "+name(cluster, intent), func() (bool, error) {
		s, err := c.get(ctx, id)
		switch {
		case KindOf(err) == Gone, err == nil && s.Status == "DELETED":
			return true, nil
		case err != nil:
			return false, err
		case !belongs(s.Metadata, cluster, intent):
			return false, &Error{Kind: Invalid, Doing: "deleting server " + id, Message: "its metadata does not say that it is of " + machine(cluster, intent)}
		}
		if asked > 0 && asked < askAgain {
			asked++
			return false, nil
		}
		asked = 0
		if err = c.ask(ctx, s); err == nil {
			asked = 1
		}
		return false, err
	})
}

// ask asks Nova to delete a server; by force if it only keeps it for a while (reclaim_instance_interval).
func (c *Cloud) ask(ctx context.Context, s *servers.Server) error {
	doing := "deleting server " + s.Name
	if s.Status == "SOFT_DELETED" {
		return failure(change, doing, servers.ForceDelete(ctx, c.compute, s.ID).ExtractErr())
	}
	return failure(change, doing, servers.Delete(ctx, c.compute, s.ID).ExtractErr())
}

// until does something over and over until it is done, an error says that it never will be, or the context ends.
func (c *Cloud) until(ctx context.Context, doing string, done func() (bool, error)) error {
	var last error
	for n := 1; ; n++ {
		finished, err := done()
		if finished {
			return nil
		}
		if err != nil {
			last = err
		}
		switch KindOf(err) {
		case "", Unclear, Conflict, RateLimit, Gone:
		default:
			return err
		}
		if !c.wait(ctx, n, err) {
			return timeout(ctx, doing, last)
		}
	}
}

// timeout is the error of an operation whose context has ended before it was done.
func timeout(ctx context.Context, doing string, last error) error {
	message := "not done in time"
	if errors.Is(ctx.Err(), context.Canceled) {
		message = "given up before it was done"
	}
	if last != nil {
		message += "; last: " + last.Error()
	}
	return &Error{Kind: Unclear, Doing: doing, Message: message, Err: errors.Join(ctx.Err(), last)}
}
