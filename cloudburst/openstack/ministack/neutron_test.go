package ministack

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/attachinterfaces"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

func (k *client) newPort(name, description string) *ports.Port {
	k.Helper()
	p, err := ports.Create(k.ctx, k.network, ports.CreateOpts{NetworkID: k.cloud.networks[0].id, Name: name, Description: description,
		SecurityGroups: &[]string{k.group("burst-sg")}}).Extract()
	must(k, err)
	return p
}

func (k *client) group(name string) string {
	k.Helper()
	page, err := groups.List(k.network, groups.ListOpts{Name: name}).AllPages(k.ctx)
	must(k, err)
	list, err := groups.ExtractGroups(page)
	must(k, err)
	if len(list) != 1 {
		k.Fatalf("%d security groups %s", len(list), name)
	}
	return list[0].ID
}

func (k *client) port(id string) *ports.Port {
	k.Helper()
	p, err := ports.Get(k.ctx, k.network, id).Extract()
	must(k, err)
	return p
}

func TestNetworks(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	for name, want := range map[string]int{"": 1, "burst-net": 1, "other": 0} {
		page, err := networks.List(k.network, networks.ListOpts{Name: name}).AllPages(k.ctx)
		must(t, err)
		if list, err := networks.ExtractNetworks(page); err != nil || len(list) != want {
			t.Errorf("%q: %v, %v", name, list, err)
		}
	}
	quota, err := quotas.GetDetail(k.ctx, k.network, c.project.id).Extract()
	must(t, err)
	if quota.Port.Limit != 500 || quota.Port.Used != 0 {
		t.Errorf("%+v", quota.Port)
	}
}

// A port of the user survives its server, and can be given to another one.
func TestPortsOfTheUser(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	p := k.newPort("spillway-lisa-peak-1-1", "spillway_cluster=lisa spillway_vm=peak-1")
	if p.Status != "DOWN" || p.DeviceID != "" || len(p.FixedIPs) != 1 || p.Description != "spillway_cluster=lisa spillway_vm=peak-1" ||
		!cmp.Equal(p.SecurityGroups, []string{k.group("burst-sg")}) {
		t.Errorf("%+v", p)
	}
	opts := k.opts("one")
	opts.Networks = []servers.Network{{Port: p.ID}}
	id := k.create(opts)
	k.pass(c.opts.BuildTime)
	if got := k.port(p.ID); got.DeviceID != id || got.Status != "ACTIVE" || got.DeviceOwner != "compute:nova" {
		t.Errorf("%+v", got)
	}
	if s := k.get(id); s.SecurityGroups[0]["name"] != "burst-sg" {
		t.Errorf("security groups %v", s.SecurityGroups)
	}
	_, err := servers.Create(k.ctx, k.compute, opts, nil).Extract()
	k.refused(err, 409, "Port "+p.ID+" is still in use.")
	page, err := attachinterfaces.List(k.compute, id).AllPages(k.ctx)
	must(t, err)
	if list, err := attachinterfaces.ExtractInterfaces(page); err != nil || len(list) != 1 || list[0].PortID != p.ID {
		t.Errorf("%v, %v", list, err)
	}
	k.remove(id)
	k.pass(c.opts.ActionTime)
	if got := k.port(p.ID); got.DeviceID != "" || got.Status != "DOWN" {
		t.Errorf("%+v", got)
	}
	again := k.create(opts)
	k.pass(c.opts.BuildTime)
	k.is(again, "ACTIVE")
}

func TestListsOfPorts(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	one := k.newPort("one", "of us")
	k.newPort("two", "of others")
	must(t, attributestags.Add(k.ctx, k.network, "ports", one.ID, "spillway").ExtractErr())
	_, err := attributestags.ReplaceAll(k.ctx, k.network, "ports", one.ID, attributestags.ReplaceAllOpts{Tags: []string{"spillway", "lisa"}}).Extract()
	must(t, err)
	for name, opts := range map[string]ports.ListOpts{
		"name":        {Name: "one"},
		"description": {Description: "of us"},
		"tags":        {Tags: "spillway,lisa"},
		"any tag":     {TagsAny: "x,lisa"},
		"group":       {Name: "one", SecurityGroups: []string{k.group("burst-sg")}},
		"network":     {Name: "one", NetworkID: c.networks[0].id, DeviceID: ""},
	} {
		page, err := ports.List(k.network, opts).AllPages(k.ctx)
		must(t, err)
		list, err := ports.ExtractPorts(page)
		must(t, err)
		if len(list) != 1 || list[0].ID != one.ID || !cmp.Equal(list[0].Tags, []string{"lisa", "spillway"}) {
			t.Errorf("by %s: %+v", name, list)
		}
	}
}

func TestPortQuota(t *testing.T) {
	quota := DefaultQuota()
	quota.Ports = 1
	c := start(t, Options{Quota: &quota})
	k := logIn(t, c)
	p := k.newPort("one", "")
	_, err := ports.Create(k.ctx, k.network, ports.CreateOpts{NetworkID: c.networks[0].id}).Extract()
	k.refused(err, 409, "Quota exceeded for resources: ['port'].")
	must(t, ports.Delete(k.ctx, k.network, p.ID).ExtractErr())
	id := k.create(k.opts("one")) // with a port that Nova makes
	other := k.create(k.opts("two"))
	k.pass(c.opts.BuildTime)
	k.is(id, "ACTIVE")
	k.is(other, "ERROR")
	if s := k.get(other); !strings.Contains(s.Fault.Message, "Failed to allocate the network(s)") {
		t.Errorf("fault %q", s.Fault.Message)
	}
}
