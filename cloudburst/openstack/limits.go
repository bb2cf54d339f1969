package openstack

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	volumelimits "github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servergroups"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/usage"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

// Limits reads what the project may have and has. What the cloud does not tell this user is -1 and named in Unknown; that it
// does not answer is an error.
func (c *Cloud) Limits(ctx context.Context) (Limits, error) {
	const none = -1
	l := Limits{
		Instances: none, InstancesUsed: none, Cores: none, CoresUsed: none, MemMiB: none, MemMiBUsed: none,
		Ports: none, PortsUsed: none, Volumes: none, VolumesUsed: none, VolumeGiB: none, VolumeGiBUsed: none,
		ServerGroups: none, ServerGroupMembers: none,
	}
	for _, read := range []func(context.Context, *Limits) error{c.novaLimits, c.groupMembers, c.neutronLimits, c.cinderLimits} {
		err := read(ctx, &l)
		switch KindOf(err) {
		case "":
		case Denied, NotFound, Gone, Invalid:
			l.Unknown = append(l.Unknown, err.Error())
		default:
			return Limits{}, err
		}
	}
	return l, nil
}

func (c *Cloud) novaLimits(ctx context.Context, l *Limits) error {
	answer, err := limits.Get(ctx, c.compute, limits.GetOpts{}).Extract()
	if err != nil {
		return failure(look, "reading Nova's limits", err)
	}
	a := answer.Absolute
	l.Instances, l.InstancesUsed = a.MaxTotalInstances, a.TotalInstancesUsed
	l.Cores, l.CoresUsed = a.MaxTotalCores, a.TotalCoresUsed
	l.MemMiB, l.MemMiBUsed = a.MaxTotalRAMSize, a.TotalRAMUsed
	l.ServerGroups, l.ServerGroupMembers = a.MaxServerGroups, a.MaxServerGroupMembers
	return nil
}

func (c *Cloud) groupMembers(ctx context.Context, l *Limits) error {
	groups, err := c.serverGroups(ctx)
	if err != nil {
		return err
	}
	l.Members = map[string]int{}
	for _, group := range groups {
		l.Members[group.ID] = len(group.Members)
	}
	return nil
}

func (c *Cloud) serverGroups(ctx context.Context) ([]servergroups.ServerGroup, error) {
	groups, err := all(ctx, servergroups.List(c.compute, servergroups.ListOpts{}), servergroups.ExtractServerGroups)
	return groups, failure(look, "listing server groups", err)
}

func (c *Cloud) neutronLimits(ctx context.Context, l *Limits) error {
	detail, err := quotas.GetDetail(ctx, c.network, c.project).Extract()
	if err != nil {
		return failure(look, "reading Neutron's quota", err)
	}
	l.Ports, l.PortsUsed = detail.Port.Limit, detail.Port.Used+detail.Port.Reserved
	return nil
}

func (c *Cloud) cinderLimits(ctx context.Context, l *Limits) error {
	if c.volume == nil {
		l.Unknown = append(l.Unknown, "the cloud has no block storage (Cinder), so that there are no volumes to boot from")
		return nil
	}
	answer, err := volumelimits.Get(ctx, c.volume).Extract()
	if err != nil {
		return failure(look, "reading Cinder's limits", err)
	}
	a := answer.Absolute
	l.Volumes, l.VolumesUsed = a.MaxTotalVolumes, a.TotalVolumesUsed
	l.VolumeGiB, l.VolumeGiBUsed = a.MaxTotalVolumeGigabytes, a.TotalGigabytesUsed
	return nil
}

// intents are what names of machines end in: a pool, and ten characters of base 32.
var intents = regexp.MustCompile(`^[a-z0-9-]+-[a-z0-9]{10}$`)

// Usage is what the cluster's servers have used between two times, those included that do not exist any more. Nova remembers
// no metadata of those, so servers are told by their names: another cluster of the project, whose name begins with this
// one's and a dash, counts as well. A cloud that keeps this from its users answers Denied.
func (c *Cloud) Usage(ctx context.Context, cluster string, from, to time.Time) ([]Usage, error) {
	from, to = from.UTC(), to.UTC()
	options := usage.SingleTenantOpts{Start: &from, End: &to}
	listed, err := all(ctx, usage.SingleTenant(c.compute, c.project, options), func(page pagination.Page) ([]usage.ServerUsage, error) {
		of, err := usage.ExtractSingleTenant(page.(usage.SingleTenantPage))
		if err != nil || of == nil {
			return nil, err
		}
		return of.ServerUsages, nil
	})
	if err != nil {
		return nil, failure(look, "reading the project's usage", err)
	}
	var used []Usage
	for _, u := range listed {
		intent, ours := strings.CutPrefix(u.Name, name(cluster, ""))
		if !ours || !intents.MatchString(intent) {
			continue
		}
		used = append(used, Usage{
			Intent: intent, Name: u.Name, Flavor: u.Flavor, VCPUs: u.VCPUs, Hours: u.Hours, Started: u.StartedAt, Ended: u.EndedAt,
		})
	}
	slices.SortFunc(used, func(a, b Usage) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Name, b.Name)) })
	return used, nil
}
