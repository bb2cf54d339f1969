package openstack

import (
	"context"
	"slices"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// volumesOf are the volumes of one machine; none where there is no Cinder.
func (c *Cloud) volumesOf(ctx context.Context, cluster, intent string) ([]volumes.Volume, error) {
	if c.volume == nil {
		return nil, nil
	}
	options := volumes.ListOpts{Name: name(cluster, intent)}
	found, err := all(ctx, volumes.List(c.volume, options), volumes.ExtractVolumes)
	if err != nil {
		return nil, failure(look, "looking for the volume of "+name(cluster, intent), err)
	}
	tags := map[string]string{vm.KeyCluster: cluster, vm.KeyIntent: intent}
	return slices.DeleteFunc(found, func(v volumes.Volume) bool { return !tagged(v.Metadata, tags) }), nil
}

// makeVolume makes a volume of the image and waits until it can be used, or takes that which an earlier attempt has made.
func (c *Cloud) makeVolume(ctx context.Context, b Boot) (string, error) {
	doing := "creating volume " + name(b.Cluster, b.Intent)
	if c.volume == nil {
		return "", &Error{Kind: Invalid, Doing: doing, Message: "the cloud has no block storage (Cinder); boot from the image instead"}
	}
	made, id := 0, ""
	err := c.until(ctx, doing, func() (bool, error) {
		found, err := c.volumesOf(ctx, b.Cluster, b.Intent)
		if err != nil {
			return false, err
		}
		if len(found) > 0 {
			id = found[0].ID
			return c.usable(doing, found[0])
		}
		if made++; made > attempts {
			return false, &Error{Kind: Broken, Doing: doing, Message: "it is not there, though it was asked for several times"}
		}
		_, err = volumes.Create(ctx, c.volume, volumes.CreateOpts{
			Name: name(b.Cluster, b.Intent), Size: b.Machine.Volume.SizeGiB, VolumeType: b.Machine.Volume.Type, ImageID: b.Machine.Image,
			Metadata: map[string]string{vm.KeyCluster: b.Cluster, vm.KeyIntent: b.Intent},
		}, nil).Extract()
		return false, failure(create, doing, err)
	})
	return id, err
}

// usable says whether a volume can be booted from, or never will.
func (c *Cloud) usable(doing string, v volumes.Volume) (bool, error) {
	switch v.Status {
	case "available":
		return true, nil
	case "creating", "downloading":
		return false, nil
	}
	return false, &Error{Kind: Broken, Doing: doing, Message: "Cinder says that it is in status " + v.Status}
}

// removeVolumes removes a machine's volumes until none is left but those that another server of the intent uses.
func (c *Cloud) removeVolumes(ctx context.Context, cluster, intent string) error {
	doing := "deleting the volume of " + name(cluster, intent)
	return c.until(ctx, doing, func() (bool, error) {
		found, err := c.volumesOf(ctx, cluster, intent)
		finished := err == nil
		for _, v := range found {
			user, failed := c.userOf(ctx, v)
			if failed == nil && user == "" {
				finished, failed = false, c.removeVolume(ctx, v)
			}
			if failed != nil {
				finished, err = false, failed
			}
		}
		return finished, err
	})
}

// userOf is the server that a volume is attached to, if that server still is; otherwise empty.
func (c *Cloud) userOf(ctx context.Context, v volumes.Volume) (string, error) {
	for _, attachment := range v.Attachments {
		if used, err := c.exists(ctx, attachment.ServerID); used || err != nil {
			return attachment.ServerID, err
		}
	}
	return "", nil
}

// removeVolume asks for a volume's deletion, which takes a while.
func (c *Cloud) removeVolume(ctx context.Context, v volumes.Volume) error {
	if v.Status == "deleting" {
		return nil
	}
	err := failure(change, "deleting volume "+v.ID, volumes.Delete(ctx, c.volume, v.ID, volumes.DeleteOpts{}).ExtractErr())
	switch KindOf(err) {
	case Gone:
		return nil
	case Invalid: // still attached, or being made: Cinder's 400 "Volume status must be available or error …"
		err.(*Error).Kind = Conflict
	}
	return err
}
