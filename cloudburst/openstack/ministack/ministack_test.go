package ministack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
)

// patience is how long a test waits for what must come; nothing depends on it
// but how soon a broken test gives up.
const patience = 20 * time.Second

// startOfTime is when the clocks of tests begin.
var startOfTime = time.Date(2035, 6, 1, 12, 0, 0, 0, time.UTC)

// start runs a cloud for the length of a test, on a clock of its own unless
// it is given one.
func start(t testing.TB, opts Options) *Cloud {
	t.Helper()
	if opts.Clock == nil {
		opts.Clock = NewClock(startOfTime)
	}
	c, err := Start(opts)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is gophercloud, logged in as "burst".
type client struct {
	testing.TB
	ctx      context.Context
	cloud    *Cloud
	provider *gophercloud.ProviderClient
	compute  *gophercloud.ServiceClient
	network  *gophercloud.ServiceClient
	image    *gophercloud.ServiceClient
	volume   *gophercloud.ServiceClient
}

func (c *Cloud) passwordLogIn() gophercloud.AuthOptions {
	return gophercloud.AuthOptions{IdentityEndpoint: c.AuthURL(), Username: userName, Password: c.Credentials.Password,
		DomainName: "Default", TenantName: projectName, AllowReauth: true}
}

func (c *Cloud) adminLogIn() gophercloud.AuthOptions {
	return gophercloud.AuthOptions{IdentityEndpoint: c.AuthURL(), Username: adminName, Password: c.Credentials.AdminPassword,
		DomainName: "Default", TenantName: "service"}
}

func logIn(t testing.TB, c *Cloud) *client { return logInBy(t, c, c.passwordLogIn()) }

func logInBy(t testing.TB, c *Cloud, by gophercloud.AuthOptions) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	provider, err := openstack.AuthenticatedClient(ctx, by)
	must(t, err)
	k := &client{TB: t, ctx: ctx, cloud: c, provider: provider}
	at := gophercloud.EndpointOpts{Region: "RegionOne"}
	k.compute, err = openstack.NewComputeV2(provider, at)
	must(t, err)
	k.network, err = openstack.NewNetworkV2(provider, at)
	must(t, err)
	k.image, err = openstack.NewImageV2(provider, at)
	must(t, err)
	k.volume, err = openstack.NewBlockStorageV3(provider, at)
	must(t, err)
	return k
}

// at is the client of Nova with a microversion.
func (k *client) at(micro string) *gophercloud.ServiceClient {
	c := *k.compute
	c.Microversion = micro
	return &c
}

func (k *client) flavor(name string) string {
	k.Helper()
	for _, f := range k.cloud.flavors {
		if f.Name == name {
			return f.ID
		}
	}
	k.Fatalf("there is no flavor %q", name)
	return ""
}

// opts are those of a server that is like most.
func (k *client) opts(name string) servers.CreateOpts {
	return servers.CreateOpts{Name: name, FlavorRef: k.flavor("m1.small"), ImageRef: k.cloud.images[0].ID}
}

func (k *client) create(opts servers.CreateOpts) string {
	k.Helper()
	made, err := servers.Create(k.ctx, k.compute, opts, nil).Extract()
	must(k, err)
	return made.ID
}

// active makes a server and waits for the end of its build.
func (k *client) active(name string) string {
	k.Helper()
	id := k.create(k.opts(name))
	k.pass(k.cloud.opts.BuildTime)
	k.is(id, "ACTIVE")
	return id
}

func (k *client) get(id string) *servers.Server {
	k.Helper()
	s, err := servers.Get(k.ctx, k.compute, id).Extract()
	must(k, err)
	return s
}

// is checks the status of a server, "" for one that is not there.
func (k *client) is(id, want string) {
	k.Helper()
	s, err := servers.Get(k.ctx, k.compute, id).Extract()
	if gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
		s = &servers.Server{}
	} else {
		must(k, err)
	}
	if s.Status != want {
		k.Errorf("server is %q, want %q; fault %q", s.Status, want, s.Fault.Message)
	}
}

func (k *client) remove(id string) {
	k.Helper()
	must(k, servers.Delete(k.ctx, k.compute, id).ExtractErr())
}

// pass lets time pass.
func (k *client) pass(d time.Duration) { k.cloud.opts.Clock.Advance(d) }

// refused checks the status code of a refusal and a part of its text.
func (k *client) refused(err error, code int, part string) {
	k.Helper()
	if !gophercloud.ResponseCodeIs(err, code) || !strings.Contains(err.Error(), part) {
		k.Errorf("got %v, want %d and %q", err, code, part)
	}
}

// raw makes a call without gophercloud. The path is Nova's if it begins with
// no service's name.
func (k *client) raw(method, path, body string) (int, string) {
	k.Helper()
	if !strings.HasPrefix(path, "/") {
		path = "/compute/v2.1/" + path
	}
	r, err := http.NewRequestWithContext(k.ctx, method, k.cloud.url+path, bytes.NewReader([]byte(body)))
	must(k, err)
	r.Header.Set("X-Auth-Token", k.provider.TokenID)
	answer, err := http.DefaultClient.Do(r)
	must(k, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(k, err)
	return answer.StatusCode, string(text)
}

// messageOf is the text of an error of Nova or Neutron.
func messageOf(body string) string {
	var in map[string]struct{ Message string }
	if json.Unmarshal([]byte(body), &in) != nil {
		return body
	}
	for _, e := range in {
		return e.Message
	}
	return ""
}
