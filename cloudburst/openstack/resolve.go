package openstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/availabilityzones"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/keypairs"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servergroups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
)

// Wanted is what machines are to be made of, by names as people give them.
type Wanted struct {
	Flavors []FlavorWish
	Image   ImageWish
	// Networks, SecurityGroups and ServerGroup are names or ids. Without a network, the only one that there is.
	Networks, SecurityGroups []string
	ServerGroup              string
	KeyPair                  string
	// Zones are availability zones.
	Zones       []string
	ConfigDrive bool
	Volume      *Volume
}

// FlavorWish is a flavor by its name or id, or the smallest that has at least so much.
type FlavorWish struct {
	Name                   string
	VCPUs, MemMiB, DiskGiB int
}

// ImageWish is an image by exactly one of: its name or id; a tag; the prefix of its name. Of several it is the newest.
type ImageWish struct{ Name, Tag, Family string }

// Resolved is what the names stand for.
type Resolved struct {
	// Flavors has one for each wish, in the same order; one without an id was not found.
	Flavors []Flavor
	Image   Image
	// Machine is all but the flavor.
	Machine Machine
	// Zones are those of the wanted ones that there are.
	Zones []string
	// Problems are what is wrong, each by itself. Without any, a Boot of this can be tried.
	Problems []Problem
}

// Problem is one thing that is not as it was wanted.
type Problem struct {
	// What was wanted, such as "flavor m1.small".
	What string
	// Kind is NotFound or Invalid, or why it could not be found out.
	Kind    Kind
	Message string
}

func (p Problem) String() string { return p.What + ": " + p.Message }

// a resolving collects what is found and what is wrong.
type resolving struct {
	*Cloud
	wanted Wanted
	Resolved
	failed error // the first call that the cloud did not answer as it should
}

// Resolve finds what the names stand for. It goes on after a problem, so that it tells all of them. The error is that of the
// first call that could not be made; without one, all that is wrong is in Problems.
func (c *Cloud) Resolve(ctx context.Context, wanted Wanted) (Resolved, error) {
	r := &resolving{Cloud: c, wanted: wanted}
	r.Machine.ConfigDrive, r.Machine.Volume = wanted.ConfigDrive, wanted.Volume
	r.findImage(ctx)
	r.findFlavors(ctx)
	r.findNetworks(ctx)
	r.findSecurityGroups(ctx)
	r.findKeyPair(ctx)
	r.findZones(ctx)
	r.findServerGroup(ctx)
	if wanted.Volume != nil && c.volume == nil {
		r.problem("volume", Invalid, "the cloud has no block storage (Cinder); leave `volume` out to boot from the hypervisor's disk")
	}
	return r.Resolved, r.failed
}

func (r *resolving) problem(what string, kind Kind, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{What: what, Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// unanswered notes an error; what the cloud does not have is a problem only.
func (r *resolving) unanswered(what string, err error) {
	var typed *Error
	if !errors.As(err, &typed) {
		return
	}
	r.problem(what, typed.Kind, "%s", typed.Doing+": "+typed.Message)
	if r.failed == nil && typed.Kind != NotFound && typed.Kind != Gone && typed.Kind != Invalid {
		r.failed = err
	}
}

// among is the end of a sentence that says what there is instead.
func among(names []string) string {
	const shown = 12
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case len(names) == 0:
		return "there are none"
	case len(names) > shown:
		return fmt.Sprintf("there are: %s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return "there are: " + strings.Join(names, ", ")
}

// named are the ids of what has this id or, if nothing has, this name.
func named[T any](things []T, wanted string, id, name func(T) string) []string {
	var ids []string
	for _, thing := range things {
		if id(thing) == wanted {
			return []string{wanted}
		}
		if name(thing) == wanted {
			ids = append(ids, id(thing))
		}
	}
	return ids
}

// pick is the only one of the things that is called so; otherwise it notes a problem.
func pick[T any](r *resolving, what, wanted string, things []T, id, name func(T) string) string {
	ids := named(things, wanted, id, name)
	switch len(ids) {
	case 1:
		return ids[0]
	case 0:
		names := make([]string, len(things))
		for i, thing := range things {
			names[i] = name(thing)
		}
		r.problem(what+" "+wanted, NotFound, "there is none of that name or id; %s", among(names))
	default:
		r.problem(what+" "+wanted, Invalid, "there are several of that name; give one's id: %s", strings.Join(ids, ", "))
	}
	return ""
}

func (r *resolving) findNetworks(ctx context.Context) {
	listed, err := all(ctx, networks.List(r.network, networks.ListOpts{}), networks.ExtractNetworks)
	if err != nil {
		r.unanswered("networks", failure(look, "listing networks", err))
		return
	}
	id, name := func(n networks.Network) string { return n.ID }, func(n networks.Network) string { return n.Name }
	wanted := r.wanted.Networks
	if len(wanted) == 0 {
		if len(listed) != 1 {
			names := []string{}
			for _, n := range listed {
				names = append(names, n.Name)
			}
			r.problem("networks", Invalid, "none is given, and there is not just one; %s", among(names))
			return
		}
		wanted = []string{listed[0].ID}
	}
	for _, each := range wanted {
		found := pick(r, "network", each, listed, id, name)
		if found == "" {
			continue
		}
		r.Machine.Networks = append(r.Machine.Networks, found)
		if n := listed[slices.IndexFunc(listed, func(n networks.Network) bool { return n.ID == found })]; len(n.Subnets) == 0 {
			r.problem("network "+each, Invalid, "it has no subnet, so that ports get no address")
		}
	}
}

func (r *resolving) findSecurityGroups(ctx context.Context) {
	if len(r.wanted.SecurityGroups) == 0 {
		return
	}
	listed, err := all(ctx, groups.List(r.network, groups.ListOpts{ProjectID: r.project}), groups.ExtractGroups)
	if err != nil {
		r.unanswered("security groups", failure(look, "listing security groups", err))
		return
	}
	id, name := func(g groups.SecGroup) string { return g.ID }, func(g groups.SecGroup) string { return g.Name }
	for _, each := range r.wanted.SecurityGroups {
		if found := pick(r, "security group", each, listed, id, name); found != "" {
			r.Machine.SecurityGroups = append(r.Machine.SecurityGroups, found)
		}
	}
}

func (r *resolving) findKeyPair(ctx context.Context) {
	if r.wanted.KeyPair == "" {
		return
	}
	listed, err := all(ctx, keypairs.List(r.compute, keypairs.ListOpts{}), keypairs.ExtractKeyPairs)
	if err != nil {
		r.unanswered("key pair "+r.wanted.KeyPair, failure(look, "listing key pairs", err))
		return
	}
	name := func(k keypairs.KeyPair) string { return k.Name }
	r.Machine.KeyPair = pick(r, "key pair", r.wanted.KeyPair, listed, name, name)
}

func (r *resolving) findZones(ctx context.Context) {
	if len(r.wanted.Zones) == 0 {
		return
	}
	// It is one page always, and of a form that cannot be walked through page by page.
	page, err := availabilityzones.List(r.compute).AllPages(ctx)
	var listed []availabilityzones.AvailabilityZone
	if err == nil {
		listed, err = availabilityzones.ExtractAvailabilityZones(page)
	}
	if err != nil {
		r.unanswered("availability zones", failure(look, "listing availability zones", err))
		return
	}
	name := func(z availabilityzones.AvailabilityZone) string { return z.ZoneName }
	for _, each := range r.wanted.Zones {
		found := pick(r, "availability zone", each, listed, name, name)
		if found == "" {
			continue
		}
		r.Zones = append(r.Zones, found)
		at := slices.IndexFunc(listed, func(z availabilityzones.AvailabilityZone) bool { return z.ZoneName == found })
		if !listed[at].ZoneState.Available {
			r.problem("availability zone "+each, Invalid, "Nova says that it is not available now")
		}
	}
}

func (r *resolving) findServerGroup(ctx context.Context) {
	if r.wanted.ServerGroup == "" {
		return
	}
	listed, err := r.serverGroups(ctx)
	if err != nil {
		r.unanswered("server group "+r.wanted.ServerGroup, err)
		return
	}
	id, name := func(g servergroups.ServerGroup) string { return g.ID }, func(g servergroups.ServerGroup) string { return g.Name }
	r.Machine.ServerGroup = pick(r, "server group", r.wanted.ServerGroup, listed, id, name)
}
