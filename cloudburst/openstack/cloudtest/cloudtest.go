// Package cloudtest is what the connection to a cloud promises, as tests. The same tests run against the embedded OpenStack
// and against a real one.
package cloudtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// Target is a cloud under test. It has the flavors m1.nano (1 vCPU, 192 MiB, 1 GiB), m1.medium (2 vCPUs, 4096 MiB),
// m1.impossible, which no host has room for, and m1.faulty, whose builds fail; the active image "tiny", the network
// "burst-net", the security group "burst-sg", the key pair "burst-key" and the zone "nova". The project has room for three
// servers.
type Target struct {
	// Config is how one logs in as an ordinary user of the project.
	Config openstack.Config
	// Admin is how one logs in as who sees a server's user-data.
	Admin openstack.Config
	// Others are further entries of the same clouds.yaml that are to work, such as one with an application credential.
	Others []string
	// Full connects to a project that may have no server at all.
	Full func(*testing.T) *openstack.Cloud
	// Volumes says that there is a Cinder.
	Volumes bool
}

// Run tests a cloud.
func Run(t *testing.T, target Target) {
	tests := []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"logs in as the credentials say", testLogin},
		{"finds what names stand for", testResolve},
		{"finds what suits", testResolveBySize},
		{"says each thing that is wrong", testProblems},
		{"boots a server as it was asked for", testBoot},
		{"boots an intent once", testBootTwice},
		{"boots at the same time and keeps one", testBootAtOnce},
		{"says that no host has room", testNoCapacity},
		{"says that a build has failed", testBroken},
		{"says that the quota is used up, and leaves nothing behind", testQuota},
		{"leaves nothing behind of what cannot be made", testInvalid},
		{"deletes until all is gone, and again", testDelete},
		{"deletes what an ended deletion has left", testDeleteParts},
		{"refuses to delete what is not the machine", testDeleteOther},
		{"keeps one of several servers of an intent", testTwins},
		{"stops, starts, shelves and unshelves", testRunStop},
		{"sets metadata", testMetadata},
		{"says of a server that is gone that it is", testGone},
		{"reads limits", testLimits},
		{"reads usage, of deleted servers too", testUsage},
		{"finds leftovers and removes them", testLeftovers},
		{"removes nothing without the tag", testUntagged},
		{"boots from a volume, or says why not", testVolume},
		{"ends when its deadline comes", testDeadline},
	}
	cloud := connect(t, target.Config)
	for _, each := range tests {
		t.Run(each.name, func(t *testing.T) { each.test(t, newBench(t, target, cloud)) })
	}
}

// a bench is where one test works: with a cluster of its own, of which nothing is left in the end.
type bench struct {
	*testing.T
	target  Target
	cloud   *openstack.Cloud
	cluster string
	machine openstack.Machine
}

// patience is how long a test waits for the cloud.
const patience = 60 * time.Second

func newBench(t *testing.T, target Target, cloud *openstack.Cloud) *bench {
	b := &bench{T: t, target: target, cloud: cloud, cluster: "ct-" + strings.ToLower(rand.Text()[:8])}
	b.machine = b.resolve(openstack.Wanted{
		Flavors: []openstack.FlavorWish{{Name: "m1.nano"}}, Image: openstack.ImageWish{Name: "tiny"},
		Networks: []string{"burst-net"}, SecurityGroups: []string{"burst-sg"}, KeyPair: "burst-key",
	}).Machine
	t.Cleanup(b.tidy)
	return b
}

func connect(t *testing.T, config openstack.Config) *openstack.Cloud {
	t.Helper()
	cloud, err := openstack.Connect(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

// context is one that ends before the test would take too long.
func (b *bench) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	b.Cleanup(cancel)
	return ctx
}

// resolve is what the wanted stands for; its machine has the first flavor.
func (b *bench) resolve(wanted openstack.Wanted) openstack.Resolved {
	b.Helper()
	found, err := b.cloud.Resolve(b.context(), wanted)
	if err != nil || len(found.Problems) > 0 {
		b.Fatalf("resolving: %v, problems: %v", err, found.Problems)
	}
	found.Machine.Flavor = found.Flavors[0].ID
	return found
}

func (b *bench) flavor(name string) string {
	b.Helper()
	return b.resolve(openstack.Wanted{Flavors: []openstack.FlavorWish{{Name: name}}, Image: openstack.ImageWish{Name: "tiny"}, Networks: []string{"burst-net"}}).Machine.Flavor
}

// request is a Boot of a new intent.
func (b *bench) request() openstack.Boot {
	return openstack.Boot{
		Cluster: b.cluster, Intent: "pool-" + strings.ToLower(rand.Text()[:10]), Machine: b.machine,
		Metadata: map[string]string{"spillway_pool": "pool"}, UserData: []byte("#!/bin/sh\n# <user-data> & é\n"),
	}
}

func (b *bench) boot(request openstack.Boot) openstack.Server {
	b.Helper()
	server, err := b.cloud.Boot(b.context(), request)
	if err != nil {
		b.Fatal(err)
	}
	return server
}

func (b *bench) servers() []openstack.Server {
	b.Helper()
	servers, err := b.cloud.Servers(b.context(), b.cluster)
	if err != nil {
		b.Fatal(err)
	}
	return servers
}

// await waits until the only server of the cluster is in a status, and nothing is being done with it.
func (b *bench) await(status ...string) openstack.Server {
	b.Helper()
	var last []openstack.Server
	b.until("one server in status "+strings.Join(status, " or "), func() bool {
		last = b.servers()
		for _, wanted := range status {
			if len(last) == 1 && last[0].Status == wanted && last[0].Task == "" {
				return true
			}
		}
		return false
	})
	return last[0]
}

// fault is what Nova says of the only server of the cluster, which fails. It tells the status first, and why a moment later.
func (b *bench) fault() string {
	b.Helper()
	said := ""
	b.until("a server with a fault", func() bool {
		said = b.await("ERROR").Fault
		return said != ""
	})
	return said
}

// until asks the cloud over and over: what it does takes its time, and it tells nobody when it is done.
func (b *bench) until(what string, done func() bool) {
	b.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-deadline:
			b.Fatalf("waited for %v in vain: %s; there are: %+v", patience, what, b.leftovers())
		case <-again.C:
		}
	}
}

func (b *bench) leftovers() []openstack.Leftover {
	b.Helper()
	found, err := b.cloud.Leftovers(b.context(), b.cluster)
	if err != nil {
		b.Fatal(err)
	}
	return found
}

// kinds are how many leftovers of each kind there are.
func (b *bench) kinds() map[string]int {
	b.Helper()
	kinds := map[string]int{}
	for _, l := range b.leftovers() {
		kinds[l.Kind]++
	}
	return kinds
}

// nothingLeft fails the test if anything carries the cluster's tag.
func (b *bench) nothingLeft() {
	b.Helper()
	if left := b.leftovers(); len(left) > 0 {
		b.Errorf("left: %+v", left)
	}
}

// wantKind fails the test if an error is not of a kind.
func (b *bench) wantKind(err error, kind openstack.Kind, part string) {
	b.Helper()
	if openstack.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), part) {
		b.Errorf("error is %v (%q), want kind %q and %q in it", err, openstack.KindOf(err), kind, part)
	}
}

func (b *bench) tidy() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, err := b.cloud.Leftovers(ctx, b.cluster)
	if err != nil {
		b.Errorf("tidying up: %v", err)
	}
	for _, l := range found { // the server goes first, with its parts
		if err := b.cloud.Delete(ctx, l.Cluster, l.Intent, ""); err != nil {
			b.Errorf("tidying up: %v", err)
		}
	}
}
