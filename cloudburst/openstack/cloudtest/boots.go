package cloudtest

import (
	"context"
	"encoding/base64"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

func testBoot(t *testing.T, b *bench) {
	request := b.request()
	request.Zone, request.Machine.ConfigDrive = "nova", true
	asked := b.boot(request)
	built := b.await("ACTIVE")
	if built.ID != asked.ID || built.Name != "spillway-"+b.cluster+"-"+request.Intent || built.Flavor != "m1.nano" || built.Zone != "nova" {
		t.Errorf("asked %+v, built %+v", asked, built)
	}
	if built.Created.IsZero() || built.Launched.IsZero() || built.Fault != "" || len(built.Addresses) != 1 {
		t.Errorf("built %+v", built)
	}
	metadata := map[string]string{"spillway_cluster": b.cluster, "spillway_vm": request.Intent, "spillway_pool": "pool"}
	if diff := cmp.Diff(metadata, built.Metadata); diff != "" {
		t.Error(diff)
	}
	used := newDirect(b, b.target.Config).portsOf(b, built.ID)
	if len(used) != 1 || !slices.Equal(used[0].SecurityGroups, b.machine.SecurityGroups) || used[0].Description != "spillway_cluster="+b.cluster+" spillway_vm="+request.Intent {
		t.Errorf("ports are %+v", used)
	}
	admin := newDirect(b, b.target.Admin)
	admin.compute.Microversion = "2.3" // the first that shows user-data
	seen := admin.server(b, built.ID)
	if seen.Userdata == nil || *seen.Userdata != base64.StdEncoding.EncodeToString(request.UserData) || !seen.ConfigDrive || seen.KeyName != "burst-key" {
		t.Errorf("user-data %v, config drive %v, key %q", seen.Userdata, seen.ConfigDrive, seen.KeyName)
	}
	if text, err := b.cloud.Console(b.context(), built.ID, 5); err != nil {
		t.Errorf("console %q: %v", text, err)
	}
}

func testBootTwice(t *testing.T, b *bench) {
	request := b.request()
	first, second := b.boot(request), b.boot(request)
	if first.ID != second.ID || len(b.servers()) != 1 {
		t.Errorf("booted %s, then %s", first.ID, second.ID)
	}
	if kinds := b.kinds(); kinds["port"] != 1 {
		t.Errorf("there are %v", kinds)
	}
}

func testBootAtOnce(t *testing.T, b *bench) {
	request := b.request()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			// One of them may fail, as they take the same ports.
			if _, err := b.cloud.Boot(b.context(), request); err != nil {
				t.Logf("booting it at the same time: %v", err)
			}
		})
	}
	both.Wait()
	kept := b.boot(request)
	b.until("one server", func() bool { s := b.servers(); return len(s) == 1 && s[0].ID == kept.ID })
}

func testNoCapacity(t *testing.T, b *bench) {
	request := b.request()
	request.Machine.Flavor = b.flavor("m1.impossible")
	b.boot(request)
	if s := b.fault(); openstack.FaultKind(s) != openstack.NoCapacity {
		t.Errorf("fault is %q", s)
	}
	must(t, b.cloud.Delete(b.context(), b.cluster, request.Intent, ""))
	b.nothingLeft()
}

func testBroken(t *testing.T, b *bench) {
	request := b.request()
	request.Machine.Flavor = b.flavor("m1.faulty")
	b.boot(request)
	if s := b.fault(); openstack.FaultKind(s) != openstack.Broken {
		t.Errorf("fault is %q", s)
	}
}

func testQuota(t *testing.T, b *bench) {
	full := *b
	full.cloud = b.target.Full(t)
	request := full.request()
	// Neither key pairs nor security groups are shared between projects.
	request.Machine = full.resolve(openstack.Wanted{
		Flavors: []openstack.FlavorWish{{Name: "m1.nano"}}, Image: openstack.ImageWish{Name: "tiny"}, Networks: []string{"burst-net"},
	}).Machine
	_, err := full.cloud.Boot(b.context(), request)
	b.wantKind(err, openstack.Quota, "Quota exceeded")
	full.nothingLeft()
}

func testInvalid(t *testing.T, b *bench) {
	const nothing = "00000000-0000-4000-8000-000000000000"
	for _, each := range []struct {
		name  string
		spoil func(*openstack.Boot)
		kind  openstack.Kind
	}{
		{"image", func(r *openstack.Boot) { r.Machine.Image = nothing }, openstack.NotFound},
		{"flavor", func(r *openstack.Boot) { r.Machine.Flavor = nothing }, openstack.NotFound},
		{"network", func(r *openstack.Boot) { r.Machine.Networks = []string{b.machine.Networks[0], nothing} }, openstack.NotFound},
		{"key pair", func(r *openstack.Boot) { r.Machine.KeyPair = "key-x" }, openstack.NotFound},
		{"zone", func(r *openstack.Boot) { r.Zone = "mars" }, openstack.Invalid},
	} {
		request := b.request()
		each.spoil(&request)
		_, err := b.cloud.Boot(b.context(), request)
		if openstack.KindOf(err) != each.kind {
			t.Errorf("%s: error is %v (%q), want %q", each.name, err, openstack.KindOf(err), each.kind)
		}
	}
	b.nothingLeft()
}

// testTwins has two servers of one intent, as a proxy makes them that asks twice.
func testTwins(t *testing.T, b *bench) {
	request := b.request()
	first := b.boot(request)
	b.await("ACTIVE")
	metadata := map[string]string{"spillway_cluster": b.cluster, "spillway_vm": request.Intent}
	back := newDirect(b, b.target.Config)
	// Created at the same second they would be told apart by id only.
	b.until("the next second", func() bool { return back.server(b, first.ID).Created.Before(time.Now().Truncate(time.Second)) })
	twin := back.serverOf(b, first.Name, metadata)
	if kept := b.boot(request); kept.ID != first.ID {
		t.Errorf("kept %s, not the oldest, %s", kept.ID, first.ID)
	}
	if back.hasServer(b, twin) || !back.hasServer(b, first.ID) || len(back.portsOf(b, first.ID)) != 1 {
		t.Errorf("twin %v, first %v, its ports %v", back.hasServer(b, twin), back.hasServer(b, first.ID), back.portsOf(b, first.ID))
	}
}

func testVolume(t *testing.T, b *bench) {
	request := b.request()
	request.Machine.Volume = &openstack.Volume{SizeGiB: 1}
	if !b.target.Volumes {
		_, err := b.cloud.Boot(b.context(), request)
		b.wantKind(err, openstack.Invalid, "Cinder")
		b.nothingLeft()
		return
	}
	b.boot(request)
	b.await("ACTIVE")
	if kinds := b.kinds(); kinds["volume"] != 1 {
		t.Errorf("there are %v", kinds)
	}
	if s := newDirect(b, b.target.Config).server(b, b.servers()[0].ID); len(s.AttachedVolumes) != 1 || s.Image != nil {
		t.Errorf("volumes %v, image %v", s.AttachedVolumes, s.Image)
	}
	for _, l := range b.leftovers() {
		if l.Kind == "volume" {
			b.wantKind(b.cloud.Remove(b.context(), l), openstack.Conflict, "uses it")
		}
	}
	must(t, b.cloud.Delete(b.context(), b.cluster, request.Intent, ""))
	b.nothingLeft()
}

func testDeadline(t *testing.T, b *bench) {
	request := b.request()
	ended, end := context.WithCancel(context.Background())
	end()
	_, err := b.cloud.Boot(ended, request)
	b.wantKind(err, openstack.Unclear, "given up")
	b.wantKind(b.cloud.Delete(ended, b.cluster, request.Intent, ""), openstack.Unclear, "given up")
	b.nothingLeft()
}
