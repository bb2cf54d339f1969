package cloudtest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

func testDelete(t *testing.T, b *bench) {
	request, other := b.request(), b.request()
	first := b.boot(request)
	b.await("ACTIVE")
	stays := b.boot(other)
	must(t, b.cloud.Delete(b.context(), b.cluster, request.Intent, first.ID))
	if left := b.servers(); len(left) != 1 || left[0].ID != stays.ID {
		t.Errorf("left: %+v", left)
	}
	must(t, b.cloud.Delete(b.context(), b.cluster, request.Intent, first.ID))
	must(t, b.cloud.Delete(b.context(), b.cluster, request.Intent, ""))
	must(t, b.cloud.Delete(b.context(), b.cluster, other.Intent, stays.ID)) // while it is being built
	b.nothingLeft()
}

// testDeleteParts has parts without a server, as they are left when the agent is killed between the two.
func testDeleteParts(t *testing.T, b *bench) {
	request := b.request()
	back := newDirect(b, b.target.Config)
	const nothing = "00000000-0000-4000-8000-000000000000"
	tag := "spillway_cluster=" + b.cluster + " spillway_vm=" + request.Intent
	free, forgotten := back.portOf(b, tag, ""), back.portOf(b, tag, nothing) // Nova did not let go of the second
	other := back.portOf(b, tag+"x", "")
	must(t, b.cloud.Delete(b.context(), b.cluster, request.Intent, nothing))
	if back.hasPort(b, free) || back.hasPort(b, forgotten) || !back.hasPort(b, other) {
		t.Errorf("its ports are there: %v and %v, another's: %v", back.hasPort(b, free), back.hasPort(b, forgotten), back.hasPort(b, other))
	}
}

func testDeleteOther(t *testing.T, b *bench) {
	back := newDirect(b, b.target.Config)
	bystander := back.serverOf(b, "spillway-"+b.cluster+"-pool-aaaaaaaaaa", nil) // of our name, without our tag
	ours := b.boot(b.request())
	b.wantKind(b.cloud.Delete(b.context(), b.cluster, "pool-aaaaaaaaaa", bystander), openstack.Invalid, "metadata")
	b.wantKind(b.cloud.Delete(b.context(), b.cluster, "pool-bbbbbbbbbb", ours.ID), openstack.Invalid, "metadata")
	b.wantKind(b.cloud.Delete(b.context(), b.cluster+"x", ours.Metadata["spillway_vm"], ours.ID), openstack.Invalid, "metadata")
	must(t, b.cloud.Delete(b.context(), b.cluster, "pool-aaaaaaaaaa", ""))
	if !back.hasServer(b, bystander) || !back.hasServer(b, ours.ID) {
		t.Error("a server was deleted that was not meant")
	}
	for _, s := range b.servers() {
		if s.ID == bystander {
			t.Error("the bystander is listed")
		}
	}
}

func testRunStop(t *testing.T, b *bench) {
	b.boot(b.request())
	id := b.await("ACTIVE").ID
	for _, step := range []struct {
		name string
		do   func() error
		then []string
	}{
		{"start what runs", func() error { return b.cloud.Start(b.context(), id) }, []string{"ACTIVE"}},
		{"stop", func() error { return b.cloud.Stop(b.context(), id) }, []string{"SHUTOFF"}},
		{"stop again", func() error { return b.cloud.Stop(b.context(), id) }, []string{"SHUTOFF"}},
		{"start", func() error { return b.cloud.Start(b.context(), id) }, []string{"ACTIVE"}},
		{"shelve", func() error { return b.cloud.Shelve(b.context(), id) }, []string{"SHELVED_OFFLOADED", "SHELVED"}},
		{"shelve again", func() error { return b.cloud.Shelve(b.context(), id) }, []string{"SHELVED_OFFLOADED", "SHELVED"}},
		{"unshelve", func() error { return b.cloud.Start(b.context(), id) }, []string{"ACTIVE"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		b.await(step.then...)
	}
}

func testMetadata(t *testing.T, b *bench) {
	id := b.boot(b.request()).ID
	b.await("ACTIVE")
	before := b.servers()[0].Metadata
	set := func(values map[string]string) {
		t.Helper()
		must(t, b.cloud.SetMetadata(b.context(), id, values))
	}
	set(map[string]string{"spillway_lease": "2030-01-01T00:00:00Z", "spillway_drain_reason": strings.Repeat("é", 300), "spillway_nothing": ""})
	before["spillway_lease"], before["spillway_drain_reason"] = "2030-01-01T00:00:00Z", strings.Repeat("é", 254)+"…"
	if diff := cmp.Diff(before, b.servers()[0].Metadata); diff != "" {
		t.Error(diff)
	}
	set(map[string]string{"spillway_drain_reason": ""})
	delete(before, "spillway_drain_reason")
	if diff := cmp.Diff(before, b.servers()[0].Metadata); diff != "" {
		t.Error(diff)
	}
}

func testGone(_ *testing.T, b *bench) {
	const nothing = "00000000-0000-4000-8000-000000000000"
	b.wantKind(b.cloud.Start(b.context(), nothing), openstack.Gone, nothing)
	b.wantKind(b.cloud.Stop(b.context(), nothing), openstack.Gone, nothing)
	b.wantKind(b.cloud.Shelve(b.context(), nothing), openstack.Gone, nothing)
	b.wantKind(b.cloud.SetMetadata(b.context(), nothing, map[string]string{"a": "b"}), openstack.Gone, nothing)
	_, err := b.cloud.Console(b.context(), nothing, 1)
	b.wantKind(err, openstack.Gone, nothing)
}
