package cloudtest

import (
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// direct is the cloud behind the back of what is tested.
type direct struct{ compute, network *gophercloud.ServiceClient }

func newDirect(b *bench, from openstack.Config) direct {
	b.Helper()
	who, where, tls, err := clouds.Parse(clouds.WithCloudName(from.Entry), clouds.WithLocations(from.File))
	must(b.T, err)
	client, err := config.NewProviderClient(b.context(), who, config.WithTLSConfig(tls))
	must(b.T, err)
	compute, err := cloud.NewComputeV2(client, where)
	must(b.T, err)
	network, err := cloud.NewNetworkV2(client, where)
	must(b.T, err)
	return direct{compute: compute, network: network}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serverOf makes a server without asking the connection.
func (d direct) serverOf(b *bench, name string, metadata map[string]string) string {
	b.Helper()
	made, err := servers.Create(b.context(), d.compute, servers.CreateOpts{
		Name: name, FlavorRef: b.machine.Flavor, ImageRef: b.machine.Image, Metadata: metadata,
		Networks: []servers.Network{{UUID: b.machine.Networks[0]}},
	}, nil).Extract()
	must(b.T, err)
	b.Cleanup(func() {
		if err := servers.Delete(b.context(), d.compute, made.ID).ExtractErr(); err != nil && !gophercloud.ResponseCodeIs(err, 404) {
			b.Error(err)
		}
	})
	return made.ID
}

// portOf makes a port without asking the connection; device is the server that it says it belongs to.
func (d direct) portOf(b *bench, description, device string) string {
	b.Helper()
	request := ports.CreateOpts{NetworkID: b.machine.Networks[0], Description: description, DeviceID: device}
	made, err := ports.Create(b.context(), d.network, request).Extract()
	must(b.T, err)
	b.Cleanup(func() {
		if err := ports.Delete(b.context(), d.network, made.ID).ExtractErr(); err != nil && !gophercloud.ResponseCodeIs(err, 404) {
			b.Error(err)
		}
	})
	return made.ID
}

func (d direct) server(b *bench, id string) *servers.Server {
	b.Helper()
	s, err := servers.Get(b.context(), d.compute, id).Extract()
	must(b.T, err)
	return s
}

func (d direct) hasServer(b *bench, id string) bool {
	_, err := servers.Get(b.context(), d.compute, id).Extract()
	return err == nil
}

func (d direct) hasPort(b *bench, id string) bool {
	_, err := ports.Get(b.context(), d.network, id).Extract()
	return err == nil
}

// portsOf are the ports that a server uses.
func (d direct) portsOf(b *bench, server string) []ports.Port {
	b.Helper()
	page, err := ports.List(d.network, ports.ListOpts{DeviceID: server}).AllPages(b.context())
	must(b.T, err)
	found, err := ports.ExtractPorts(page)
	must(b.T, err)
	return found
}
