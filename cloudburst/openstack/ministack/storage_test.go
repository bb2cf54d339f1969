package ministack

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
)

func (k *client) volumeIs(id, want string) *volumes.Volume {
	k.Helper()
	v, err := volumes.Get(k.ctx, k.volume, id).Extract()
	must(k, err)
	if v.Status != want {
		k.Errorf("volume is %s, want %s", v.Status, want)
	}
	return v
}

func (k *client) newVolume(name string) string {
	k.Helper()
	v, err := volumes.Create(k.ctx, k.volume, volumes.CreateOpts{Size: 10, Name: name, ImageID: k.cloud.images[0].ID,
		Metadata: map[string]string{"spillway_vm": name}}, nil).Extract()
	must(k, err)
	return v.ID
}

func TestVolumes(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	id := k.newVolume("peak-1")
	k.volumeIs(id, "creating")
	k.refused(volumes.Delete(k.ctx, k.volume, id, nil).ExtractErr(), 400, "Invalid volume: Volume status must be available or error")
	k.pass(c.opts.ActionTime)
	v := k.volumeIs(id, "available")
	if v.Size != 10 || v.Name != "peak-1" || v.Bootable != "true" || v.Metadata["spillway_vm"] != "peak-1" || !v.CreatedAt.Equal(startOfTime) {
		t.Errorf("%+v", v)
	}
	page, err := volumes.List(k.volume, volumes.ListOpts{Name: "peak-1"}).AllPages(k.ctx)
	must(t, err)
	if list, err := volumes.ExtractVolumes(page); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	must(t, volumes.Delete(k.ctx, k.volume, id, nil).ExtractErr())
	k.volumeIs(id, "deleting")
	k.pass(c.opts.ActionTime)
	_, err = volumes.Get(k.ctx, k.volume, id).Extract()
	k.refused(err, 404, "Volume "+id+" could not be found.")
}

func TestVolumeQuota(t *testing.T) {
	quota := DefaultQuota()
	quota.Volumes, quota.Gigabytes = 3, 25
	c := start(t, Options{Quota: &quota})
	k := logIn(t, c)
	k.newVolume("one")
	k.newVolume("two")
	_, err := volumes.Create(k.ctx, k.volume, volumes.CreateOpts{Size: 6}, nil).Extract()
	k.refused(err, 413, "Requested 6G, quota is 25G and 20G has been consumed.")
	_, err = volumes.Create(k.ctx, k.volume, volumes.CreateOpts{Size: 5}, nil).Extract()
	must(t, err)
	_, err = volumes.Create(k.ctx, k.volume, volumes.CreateOpts{Size: 5}, nil).Extract()
	k.refused(err, 413, "Maximum number of volumes allowed (3) exceeded for quota 'volumes'.")
	got, err := limits.Get(k.ctx, k.volume).Extract()
	must(t, err)
	if got.Absolute.TotalVolumesUsed != 3 || got.Absolute.MaxTotalVolumes != 3 || got.Absolute.TotalGigabytesUsed != 25 {
		t.Errorf("%+v", got.Absolute)
	}
}

// A server boots from a volume that is there, or one that Nova makes of an
// image; what becomes of it with the server is said at its creation.
func TestBootFromVolume(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	mine := k.newVolume("peak-1")
	k.pass(c.opts.ActionTime)
	boot := func(name string, device servers.BlockDevice) string {
		opts := k.opts(name)
		opts.ImageRef, opts.BlockDevice = "", []servers.BlockDevice{device}
		id := k.create(opts)
		k.pass(c.opts.BuildTime)
		k.is(id, "ACTIVE")
		if s := k.get(id); len(s.AttachedVolumes) != 1 || s.Image != nil {
			t.Errorf("%s: volumes %v, image %v", name, s.AttachedVolumes, s.Image)
		}
		return id
	}
	first := boot("first", servers.BlockDevice{SourceType: servers.SourceVolume, DestinationType: servers.DestinationVolume, UUID: mine})
	v := k.volumeIs(mine, "in-use")
	if len(v.Attachments) != 1 || v.Attachments[0].ServerID != first {
		t.Errorf("attachments %+v", v.Attachments)
	}
	page, err := volumeattach.List(k.compute, first).AllPages(k.ctx)
	must(t, err)
	if list, err := volumeattach.ExtractVolumeAttachments(page); err != nil || len(list) != 1 || list[0].VolumeID != mine {
		t.Errorf("%v, %v", list, err)
	}
	k.refused(volumes.Delete(k.ctx, k.volume, mine, nil).ExtractErr(), 400, "Volume status must be available")
	second := boot("second", servers.BlockDevice{SourceType: servers.SourceImage, DestinationType: servers.DestinationVolume,
		UUID: c.images[0].ID, VolumeSize: 20, DeleteOnTermination: true})
	if got := c.Volumes(); len(got) != 2 || got[1].Server != second || got[1].Name != "" {
		t.Errorf("volumes %+v", got)
	}
	k.remove(first)
	k.remove(second)
	k.pass(c.opts.ActionTime)
	if got := c.Volumes(); len(got) != 1 || got[0].ID != mine || got[0].Status != "available" {
		t.Errorf("volumes left %+v", got)
	}
}

func TestImages(t *testing.T) {
	c := start(t, Options{Images: []Image{
		{Name: "debian-12", Created: startOfTime.Add(-3 * time.Hour), Properties: map[string]string{"os_distro": "debian"}, Tags: []string{"agent"}},
		{Name: "debian-13", Created: startOfTime.Add(-time.Hour), Properties: map[string]string{"os_distro": "debian"}},
		{Name: "ubuntu", Created: startOfTime.Add(-2 * time.Hour), Properties: map[string]string{"os_distro": "ubuntu"}, Tags: []string{"agent", "new"}},
		{Name: "not yet", Status: "queued"},
	}})
	k := logIn(t, c)
	names := func(opts images.ListOpts) (names []string) {
		page, err := images.List(k.image, opts).AllPages(k.ctx)
		must(t, err)
		list, err := images.ExtractImages(page)
		must(t, err)
		for _, image := range list {
			names = append(names, image.Name)
		}
		return names
	}
	for _, test := range []struct {
		opts images.ListOpts
		want []string
	}{
		{images.ListOpts{Status: images.ImageStatusActive}, []string{"debian-13", "ubuntu", "debian-12"}},
		{images.ListOpts{Name: "ubuntu"}, []string{"ubuntu"}},
		{images.ListOpts{Tags: []string{"agent"}}, []string{"ubuntu", "debian-12"}},
		{images.ListOpts{Tags: []string{"agent", "new"}}, []string{"ubuntu"}},
		{images.ListOpts{Status: images.ImageStatusActive, Sort: "created_at:asc"}, []string{"debian-12", "ubuntu", "debian-13"}},
		{images.ListOpts{Visibility: images.ImageVisibilityPrivate}, nil},
	} {
		if diff := cmp.Diff(test.want, names(test.opts)); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", test.opts, diff)
		}
	}
	image, err := images.Get(k.ctx, k.image, c.images[0].ID).Extract()
	must(t, err)
	if image.Name != "debian-12" || image.Properties["os_distro"] != "debian" {
		t.Errorf("%+v", image)
	}
	if code, _ := k.raw("GET", "/image/v2/images?os_distro=debian&limit=1", ""); code != 200 {
		t.Errorf("by a property: %d", code)
	}
}

// Glance shows 25 images at a time if it is not told otherwise.
func TestPagesOfImages(t *testing.T) {
	var many []Image
	for i := range 60 {
		many = append(many, Image{Name: fmt.Sprint(i)})
	}
	c := start(t, Options{Images: many})
	k := logIn(t, c)
	page, err := images.List(k.image, images.ListOpts{}).AllPages(k.ctx)
	must(t, err)
	list, err := images.ExtractImages(page)
	must(t, err)
	if len(list) != 60 || c.Count(ListImages) != 3 {
		t.Errorf("%d images in %d calls, want 60 in 3", len(list), c.Count(ListImages))
	}
}

// The image that a server is shelved to lives as long as that; one that is
// begun when the server is deleted is forgotten, as it is by the real one.
func TestShelvedImages(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	id := k.active("one")
	must(t, servers.Shelve(k.ctx, k.compute, id).ExtractErr())
	k.pass(c.opts.ActionTime)
	if len(c.images) != 2 || c.images[1].Name != "one-shelved" {
		t.Errorf("%d images", len(c.images))
	}
	k.remove(id)
	if len(c.images) != 1 {
		t.Errorf("%d images after the deletion", len(c.images))
	}
	id = k.active("two")
	must(t, servers.Shelve(k.ctx, k.compute, id).ExtractErr())
	k.remove(id)
	k.pass(c.opts.ActionTime)
	if len(c.images) != 2 {
		t.Errorf("%d images after the deletion of one that was being shelved", len(c.images))
	}
	must(t, images.Delete(k.ctx, k.image, c.images[1].ID).ExtractErr())
}
