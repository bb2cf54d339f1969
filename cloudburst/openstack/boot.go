package openstack

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/keypairs"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

const (
	// looks is how often Boot looks for what an unclear answer leaves open. A create that a service is still busy with
	// becomes visible at its end, not at its beginning.
	looks = 5
	// tidying bounds the removal of what Boot has made in vain, which goes on after the caller's context has ended.
	tidying = 30 * time.Second
)

// Boot makes a server, or finds the one that an earlier Boot of the intent has made. It does not wait for it to be built.
//
// Its ports, and its volume if it has one, are made first, so that they carry our tag from their beginning; the server comes
// last. After an answer that leaves open what was done, the intent is looked for before anything is made again. If there are
// several servers of the intent, the oldest is kept and the others are deleted. If there is none in the end, Boot removes the
// ports and the volume again, as well as it can.
func (c *Cloud) Boot(ctx context.Context, b Boot) (Server, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if found, err := c.existing(ctx, b.Cluster, b.Intent); err != nil || found.ID != "" {
		return found, err
	}
	made, err := c.make(ctx, b)
	if err == nil {
		return made, nil
	}
	tidy, done := context.WithTimeout(context.WithoutCancel(ctx), tidying)
	defer done()
	if left := c.removeParts(tidy, b.Cluster, b.Intent); left != nil {
		err = fmt.Errorf("%w; removing what was made for it: %w", err, left)
	}
	return Server{}, err
}

// existing is the server of an intent; without an id if there is none. Of several it keeps the oldest.
func (c *Cloud) existing(ctx context.Context, cluster, intent string) (Server, error) {
	found, err := c.ofIntent(ctx, cluster, intent)
	found = slices.DeleteFunc(found, leaving)
	if err != nil || len(found) == 0 {
		return Server{}, err
	}
	for _, twin := range found[1:] {
		if err := c.deleteServer(ctx, cluster, intent, twin.ID); err != nil {
			return found[0], err
		}
	}
	return found[0], nil
}

// leaving says whether a server is on its way out, and so is no answer to Boot any more.
func leaving(s Server) bool {
	return s.Task == "deleting" || s.Status == "DELETED" || s.Status == "SOFT_DELETED"
}

func (c *Cloud) make(ctx context.Context, b Boot) (Server, error) {
	ports, err := c.makePorts(ctx, b)
	if err != nil {
		return Server{}, err
	}
	volume := ""
	if b.Machine.Volume != nil {
		if volume, err = c.makeVolume(ctx, b); err != nil {
			return Server{}, err
		}
	}
	request := request(b, ports, volume)
	options := keypairs.CreateOptsExt{CreateOptsBuilder: request, KeyName: b.Machine.KeyPair}
	hints := servers.SchedulerHintOpts{Group: b.Machine.ServerGroup}
	created, err := servers.Create(ctx, c.compute, options, hints).Extract()
	if err = failure(create, "creating server "+request.Name, err); err != nil {
		return c.find(ctx, b, err)
	}
	if found, err := c.existing(ctx, b.Cluster, b.Intent); err == nil && found.ID != "" {
		return found, nil
	}
	// It was made, and cannot be looked at now: the caller will see it later.
	return Server{ID: created.ID, Name: request.Name, Status: "BUILD", Zone: b.Zone, Metadata: request.Metadata}, nil
}

// find looks for a server whose creation has failed, unless the error says that it was not made. A port that is in use
// (Conflict) may be so by the server of a request that was thought to have failed.
func (c *Cloud) find(ctx context.Context, b Boot, failed error) (Server, error) {
	if kind := KindOf(failed); kind != Unclear && kind != Conflict {
		return Server{}, failed
	}
	for n := 1; n <= looks; n++ {
		found, err := c.existing(ctx, b.Cluster, b.Intent)
		if found.ID != "" {
			return found, nil
		}
		if !c.wait(ctx, n, err) {
			break
		}
	}
	return Server{}, failed
}

// request is what Nova is asked for.
func request(b Boot, ports []string, volume string) servers.CreateOpts {
	metadata := map[string]string{}
	maps.Copy(metadata, b.Metadata)
	metadata[vm.KeyCluster], metadata[vm.KeyIntent] = b.Cluster, b.Intent
	for key, value := range metadata {
		metadata[key] = cut(value)
	}
	request := servers.CreateOpts{
		Name:             name(b.Cluster, b.Intent),
		FlavorRef:        b.Machine.Flavor,
		ImageRef:         b.Machine.Image,
		AvailabilityZone: b.Zone,
		Metadata:         metadata,
		ConfigDrive:      &b.Machine.ConfigDrive,
	}
	if len(b.UserData) > 0 {
		// Encoded here: gophercloud takes what could be base64 for what is.
		request.UserData = []byte(base64.StdEncoding.EncodeToString(b.UserData))
	}
	networks := make([]servers.Network, len(ports))
	for i, port := range ports {
		networks[i].Port = port
	}
	request.Networks = networks
	if volume != "" {
		request.ImageRef = ""
		request.BlockDevice = []servers.BlockDevice{{
			UUID: volume, SourceType: servers.SourceVolume, DestinationType: servers.DestinationVolume, DeleteOnTermination: true,
		}}
	}
	return request
}
