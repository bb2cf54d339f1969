package ministack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// patience is how long a test waits for what must come; nothing depends on it
// but how soon a broken test gives up.
const patience = 20 * time.Second

// start runs a cloud on a clock of its own for the length of a test.
func start(t testing.TB, opts Options) *Cloud {
	t.Helper()
	if opts.Clock == nil {
		opts.Clock = NewClock(time.Date(2035, 6, 1, 12, 0, 0, 0, time.UTC))
	}
	c, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("closing the cloud: %v", err)
		}
	})
	return c
}

// client is gophercloud, logged in as "burst".
type client struct {
	t        testing.TB
	ctx      context.Context
	cloud    *Cloud
	provider *gophercloud.ProviderClient
	compute  *gophercloud.ServiceClient
}

func logIn(t testing.TB, c *Cloud) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	provider, err := openstack.AuthenticatedClient(ctx, gophercloud.AuthOptions{IdentityEndpoint: c.AuthURL(), Username: "burst",
		Password: c.Credentials.Password, DomainName: "Default", TenantName: "lisa-dpc", AllowReauth: true})
	if err != nil {
		t.Fatal(err)
	}
	k := &client{t: t, ctx: ctx, cloud: c, provider: provider}
	k.compute, err = openstack.NewComputeV2(provider, gophercloud.EndpointOpts{Region: "RegionOne"})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *client) flavor(name string) string {
	for _, f := range k.cloud.flavors {
		if f.Name == name {
			return f.ID
		}
	}
	k.t.Fatalf("no flavor %q", name)
	return ""
}

// joins runs a minimesos that servers of the cloud can join.
func joins(t testing.TB) (*minimesos.Cluster, Options) {
	t.Helper()
	cluster, err := minimesos.Start(minimesos.Options{Runner: minimesos.Instant, WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Errorf("closing the cluster: %v", err)
		}
	})
	read := func(userData []byte) ([]string, map[string]string, error) {
		master, vm, ok := strings.Cut(string(userData), " ")
		if !ok {
			return nil, nil, errors.New("it names no master and vm")
		}
		return []string{master}, map[string]string{"spillway_vm": vm}, nil
	}
	return cluster, Options{Boot: JoinMinimesos(cluster, minimesos.Instant, read)}
}

func TestAServerBecomesAnAgent(t *testing.T) {
	cluster, opts := joins(t)
	opts.Clock = NewClock(time.Date(2035, 6, 1, 12, 0, 0, 0, time.UTC))
	c := start(t, opts)
	k := logIn(t, c)
	made, err := servers.Create(k.ctx, k.compute, servers.CreateOpts{Name: "one", FlavorRef: k.flavor("m1.small"), ImageRef: c.images[0].ID,
		UserData: []byte(cluster.URL() + " a-1")}, nil).Extract()
	if err != nil {
		t.Fatal(err)
	}
	status := func() string {
		s, err := servers.Get(k.ctx, k.compute, made.ID).Extract()
		if err != nil {
			t.Fatal(err)
		}
		return s.Status
	}
	standing := func(boot string) (got minimesos.AgentStanding) {
		cluster.Look(func(v minimesos.View) { got = v.Agent(made.ID + "-" + boot) })
		return got
	}
	if got := status(); got != "BUILD" {
		t.Errorf("at once: %s", got)
	}
	opts.Clock.Advance(3 * time.Second)
	if got := status(); got != "ACTIVE" {
		t.Errorf("after the build: %s", got)
	}
	if got := standing("1"); got != minimesos.Unknown {
		t.Errorf("before it joins: %s", got)
	}
	opts.Clock.Advance(2 * time.Second)
	if got := standing("1"); got != minimesos.Registered {
		t.Errorf("once it has joined: %s", got)
	}
	if err := servers.Delete(k.ctx, k.compute, made.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	opts.Clock.Advance(time.Second)
	if _, err := servers.Get(k.ctx, k.compute, made.ID).Extract(); !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("deleted: %v", err)
	}
	if got := standing("1"); got == minimesos.Registered {
		t.Errorf("its agent: %s", got)
	}
}
