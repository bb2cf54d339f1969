package openstack

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// attempts is how often Boot makes a port or a volume whose making ends without a clear answer.
const attempts = 3

// portTag is the description of a machine's ports: they have no metadata, and Neutron finds a description at once.
func portTag(cluster, intent string) string {
	return vm.KeyCluster + "=" + cluster + " " + vm.KeyIntent + "=" + intent
}

// readPortTag is the cluster and the intent of a description that says nothing else; both are empty if it is not of ours, the
// intent if only the cluster is named.
func readPortTag(description string) (cluster, intent string) {
	first, second, more := strings.Cut(description, " ")
	cluster, ours := strings.CutPrefix(first, vm.KeyCluster+"=")
	intent, named := strings.CutPrefix(second, vm.KeyIntent+"=")
	if !ours || more && !named || strings.Contains(intent, " ") {
		return "", ""
	}
	return cluster, intent
}

// portsOf are the ports of one machine, in the order of their names.
func (c *Cloud) portsOf(ctx context.Context, cluster, intent string) ([]ports.Port, error) {
	tag := portTag(cluster, intent)
	found, err := all(ctx, ports.List(c.network, ports.ListOpts{ProjectID: c.project, Description: tag}), ports.ExtractPorts)
	if err != nil {
		return nil, failure(look, "looking for the ports of "+name(cluster, intent), err)
	}
	found = slices.DeleteFunc(found, func(p ports.Port) bool { return p.Description != tag })
	slices.SortFunc(found, func(a, b ports.Port) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

// makePorts makes a port in each of the networks, or takes those that an earlier attempt has made.
func (c *Cloud) makePorts(ctx context.Context, b Boot) ([]string, error) {
	for n := 1; ; n++ {
		ids, err := c.tryPorts(ctx, b)
		if KindOf(err) != Unclear || n == attempts || !c.wait(ctx, n, err) {
			return ids, err
		}
	}
}

func (c *Cloud) tryPorts(ctx context.Context, b Boot) ([]string, error) {
	have, err := c.portsOf(ctx, b.Cluster, b.Intent)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(b.Machine.Networks))
	for i, network := range b.Machine.Networks {
		called := name(b.Cluster, b.Intent) + "-" + strconv.Itoa(i)
		usable := func(p ports.Port) bool { return p.Name == called && p.NetworkID == network && p.DeviceID == "" }
		if at := slices.IndexFunc(have, usable); at >= 0 {
			ids[i] = have[at].ID
			continue
		}
		request := ports.CreateOpts{NetworkID: network, Name: called, Description: portTag(b.Cluster, b.Intent)}
		if len(b.Machine.SecurityGroups) > 0 {
			request.SecurityGroups = &b.Machine.SecurityGroups
		}
		made, err := ports.Create(ctx, c.network, request).Extract()
		if err != nil {
			return nil, failure(create, "creating port "+called, err)
		}
		ids[i] = made.ID
	}
	return ids, nil
}

// removePorts removes a machine's ports until none is left but those that another server of the intent uses.
func (c *Cloud) removePorts(ctx context.Context, cluster, intent string) error {
	doing := "deleting the ports of " + name(cluster, intent)
	return c.until(ctx, doing, func() (bool, error) {
		found, err := c.portsOf(ctx, cluster, intent)
		finished := err == nil
		for _, p := range found {
			used, failed := c.exists(ctx, p.DeviceID)
			if failed == nil && !used {
				finished, failed = false, c.removePort(ctx, p.ID)
			}
			if failed != nil {
				finished, err = false, failed
			}
		}
		return finished, err
	})
}

// exists asks Nova whether a server still is, since parts may say for long that they belong to one that is gone.
func (c *Cloud) exists(ctx context.Context, server string) (bool, error) {
	if server == "" {
		return false, nil
	}
	_, err := c.get(ctx, server)
	if KindOf(err) == Gone {
		return false, nil
	}
	return err == nil, err
}

func (c *Cloud) removePort(ctx context.Context, id string) error {
	err := failure(change, "deleting port "+id, ports.Delete(ctx, c.network, id).ExtractErr())
	if KindOf(err) == Gone {
		return nil
	}
	return err
}
