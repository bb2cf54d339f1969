package cloudtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

func testLimits(t *testing.T, b *bench) {
	b.boot(b.request())
	b.await("ACTIVE") // Nova counts a server some time after it has taken the request
	limits, err := b.cloud.Limits(b.context())
	must(t, err)
	if limits.Instances < 3 || limits.Cores < 1 || limits.MemMiB < 192 || limits.ServerGroupMembers == 0 {
		t.Errorf("limits are %+v", limits)
	}
	if limits.InstancesUsed < 1 || limits.CoresUsed < 1 || limits.MemMiBUsed < 192 || limits.Ports > 0 && limits.PortsUsed < 1 {
		t.Errorf("used is %+v", limits)
	}
	without := slices.ContainsFunc(limits.Unknown, func(s string) bool { return strings.Contains(s, "Cinder") })
	if known := limits.Volumes >= 0 && limits.VolumesUsed >= 0 && limits.VolumeGiB > 0; known != b.target.Volumes || without == b.target.Volumes {
		t.Errorf("volumes: %+v", limits)
	}
}

func testUsage(t *testing.T, b *bench) {
	gone, stays := b.request(), b.request()
	b.boot(gone)
	b.await("ACTIVE")
	must(t, b.cloud.Delete(b.context(), b.cluster, gone.Intent, ""))
	b.boot(stays)
	b.await("ACTIVE")
	used := map[string]openstack.Usage{}
	b.until("the usage of both", func() bool {
		listed, err := b.cloud.Usage(b.context(), b.cluster, time.Now().Add(-time.Hour), time.Now().Add(time.Second))
		must(t, err)
		for _, u := range listed {
			used[u.Intent] = u
		}
		return len(used) == 2 && used[stays.Intent].Hours > 0
	})
	if u := used[gone.Intent]; u.Ended.IsZero() || u.Started.IsZero() || u.VCPUs != 1 || u.Flavor != "m1.nano" {
		t.Errorf("used by the deleted one: %+v", u)
	}
	if u := used[stays.Intent]; !u.Ended.IsZero() || u.VCPUs != 1 {
		t.Errorf("used by the other: %+v", u)
	}
}

func testLeftovers(t *testing.T, b *bench) {
	request := b.request()
	b.boot(request)
	b.await("ACTIVE")
	back := newDirect(b, b.target.Config)
	orphan := back.portOf(b, "spillway_cluster="+b.cluster+" spillway_vm=pool-zzzzzzzzzz", "")
	nobodys := map[string]bool{ // of the cluster, and of no machine
		back.portOf(b, "spillway_cluster="+b.cluster, ""):                                   true,
		back.serverOf(b, "of no machine", map[string]string{"spillway_cluster": b.cluster}): true,
	}
	for _, other := range []string{
		"spillway_cluster=" + b.cluster + "x spillway_vm=pool-zzzzzzzzzz", // another cluster's, whose name begins with this one's
		"spillway_cluster=" + b.cluster + "x",
		"spillway_cluster=" + b.cluster[:len(b.cluster)-1],
		"spillway_cluster=" + b.cluster + " is not to use this",
		"not of spillway_cluster=" + b.cluster,
	} {
		back.portOf(b, other, "")
	}
	found := b.leftovers()
	if kinds := b.kinds(); kinds["server"] != 2 || kinds["port"] != 3 || len(found) != 5 {
		t.Fatalf("found %+v", found)
	}
	for _, l := range found {
		if l.Created.IsZero() || l.Cluster != b.cluster || nobodys[l.ID] != (l.Intent == "") || l.Kind == "server" && l.Intent != "" && l.Intent != request.Intent {
			t.Errorf("found %+v", l)
		}
		switch {
		case l.ID == orphan || nobodys[l.ID]:
			must(t, b.cloud.Remove(b.context(), l))
			must(t, b.cloud.Remove(b.context(), l)) // gone already
		case l.Kind == "port":
			b.wantKind(b.cloud.Remove(b.context(), l), openstack.Conflict, "uses it")
		}
	}
	for _, kind := range []string{"server", "port"} { // the port is free once its server is gone
		for _, l := range found {
			if l.Kind == kind {
				must(t, b.cloud.Remove(b.context(), l))
			}
		}
	}
	b.nothingLeft()
}

func testUntagged(t *testing.T, b *bench) {
	back := newDirect(b, b.target.Config)
	port := back.portOf(b, "somebody's", "")
	others := back.portOf(b, "spillway_cluster="+b.cluster+"x", "")
	server := back.serverOf(b, "somebody's", map[string]string{"spillway_cluster": b.cluster + "x"})
	for _, l := range []openstack.Leftover{
		{Kind: "port", ID: port, Cluster: b.cluster, Intent: "pool-aaaaaaaaaa"},
		{Kind: "server", ID: server, Cluster: b.cluster, Intent: "pool-aaaaaaaaaa"},
		{Kind: "server", ID: server},
		{Kind: "port", ID: port, Cluster: b.cluster},
		{Kind: "port", ID: others, Cluster: b.cluster},
		{Kind: "server", ID: server, Cluster: b.cluster},
		{Kind: "network", ID: b.machine.Networks[0], Cluster: b.cluster, Intent: "pool-aaaaaaaaaa"},
	} {
		b.wantKind(b.cloud.Remove(b.context(), l), openstack.Invalid, l.ID)
	}
	if !back.hasPort(b, port) || !back.hasPort(b, others) || !back.hasServer(b, server) {
		t.Error("something was removed that was not meant")
	}
	b.nothingLeft()
}
