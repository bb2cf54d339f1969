package openstack

import (
	"cmp"
	"context"
	"slices"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// The kinds of leftovers.
const (
	kindServer = "server"
	kindPort   = "port"
	kindVolume = "volume"
)

// Leftovers are all servers, ports and volumes that carry the cluster's tag, oldest first, also those that say of no machine
// that they are its own. Whether they belong to a machine that is wanted is for the caller to know.
func (c *Cloud) Leftovers(ctx context.Context, cluster string) ([]Leftover, error) {
	var found []Leftover
	listed, err := c.servers(ctx, "listing servers", servers.ListOpts{}, map[string]string{vm.KeyCluster: cluster})
	if err != nil {
		return nil, err
	}
	for _, s := range listed {
		found = append(found, Leftover{Kind: kindServer, ID: s.ID, Name: s.Name, Cluster: cluster, Intent: s.Metadata[vm.KeyIntent], Created: s.Created, Status: s.Status})
	}
	parts, err := all(ctx, ports.List(c.network, ports.ListOpts{ProjectID: c.project}), ports.ExtractPorts)
	if err != nil {
		return nil, failure(look, "listing ports", err)
	}
	for _, p := range parts {
		if of, intent := readPortTag(p.Description); of == cluster {
			found = append(found, Leftover{Kind: kindPort, ID: p.ID, Name: p.Name, Cluster: cluster, Intent: intent, Created: p.CreatedAt, Status: p.Status})
		}
	}
	disks, err := c.allVolumes(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range disks {
		if v.Metadata[vm.KeyCluster] == cluster {
			found = append(found, Leftover{Kind: kindVolume, ID: v.ID, Name: v.Name, Cluster: cluster, Intent: v.Metadata[vm.KeyIntent], Created: v.CreatedAt, Status: v.Status})
		}
	}
	slices.SortStableFunc(found, func(a, b Leftover) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

func (c *Cloud) allVolumes(ctx context.Context) ([]volumes.Volume, error) {
	if c.volume == nil {
		return nil, nil
	}
	found, err := all(ctx, volumes.List(c.volume, volumes.ListOpts{}), volumes.ExtractVolumes)
	return found, failure(look, "listing volumes", err)
}

// Remove removes one leftover. It looks at it once more and refuses with Invalid what does not carry its cluster's tag and
// that of its intent, or has one where Intent is empty, and with Conflict a port or volume that a server uses. What is gone
// already is no error.
func (c *Cloud) Remove(ctx context.Context, l Leftover) error {
	if l.Cluster == "" || l.ID == "" {
		return &Error{Kind: Invalid, Doing: "removing " + l.Kind + " " + l.ID, Message: "it is not said what it is, and of which cluster"}
	}
	var err error
	switch l.Kind {
	case kindServer:
		ctx, cancel := bounded(ctx)
		defer cancel()
		err = c.deleteServer(ctx, l.Cluster, l.Intent, l.ID)
	case kindPort:
		err = c.removeLeftPort(ctx, l)
	case kindVolume:
		err = c.removeLeftVolume(ctx, l)
	default:
		err = &Error{Kind: Invalid, Doing: "removing " + l.ID, Message: "there are no leftovers of kind " + l.Kind}
	}
	if KindOf(err) == Gone {
		return nil
	}
	return err
}

func (c *Cloud) removeLeftPort(ctx context.Context, l Leftover) error {
	p, err := ports.Get(ctx, c.network, l.ID).Extract()
	if err != nil {
		return failure(change, "looking at port "+l.ID, err)
	}
	if of, intent := readPortTag(p.Description); of != l.Cluster || intent != l.Intent {
		return untagged(l)
	}
	if used, err := c.exists(ctx, p.DeviceID); err != nil {
		return err
	} else if used {
		return inUse(l, p.DeviceID)
	}
	return c.removePort(ctx, l.ID)
}

func (c *Cloud) removeLeftVolume(ctx context.Context, l Leftover) error {
	if c.volume == nil {
		return nil
	}
	v, err := volumes.Get(ctx, c.volume, l.ID).Extract()
	if err != nil {
		return failure(change, "looking at volume "+l.ID, err)
	}
	if !belongs(v.Metadata, l.Cluster, l.Intent) {
		return untagged(l)
	}
	if user, err := c.userOf(ctx, *v); err != nil {
		return err
	} else if user != "" {
		return inUse(l, user)
	}
	return c.removeVolume(ctx, *v)
}

func inUse(l Leftover, server string) error {
	return &Error{Kind: Conflict, Doing: "removing " + l.Kind + " " + l.ID, Message: "server " + server + " uses it"}
}

func untagged(l Leftover) error {
	return &Error{Kind: Invalid, Doing: "removing " + l.Kind + " " + l.ID, Message: "its tags are not those of " + machine(l.Cluster, l.Intent)}
}

// belongs says whether metadata are those of the cluster's machine intent; with an empty intent, of the cluster and no machine.
func belongs(metadata map[string]string, cluster, intent string) bool {
	return cluster != "" && metadata[vm.KeyCluster] == cluster && metadata[vm.KeyIntent] == intent
}

// machine is what messages call a machine.
func machine(cluster, intent string) string {
	if intent == "" {
		return "cluster " + cluster + " and no machine"
	}
	return intent + " of cluster " + cluster
}
