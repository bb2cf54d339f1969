package ministack

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

func TestLogIn(t *testing.T) {
	c := start(t, Options{})
	secret := c.Credentials
	for name, test := range map[string]struct {
		by   gophercloud.AuthOptions
		code int // 0: it is let in
	}{
		"password":         {c.passwordLogIn(), 0},
		"admin":            {c.adminLogIn(), 0},
		"without a scope":  {gophercloud.AuthOptions{Username: userName, Password: secret.Password, DomainID: "default"}, 0},
		"wrong password":   {gophercloud.AuthOptions{Username: userName, Password: "x", DomainName: "Default"}, 401},
		"wrong domain":     {gophercloud.AuthOptions{Username: userName, Password: secret.Password, DomainName: "other"}, 401},
		"nobody":           {gophercloud.AuthOptions{Username: "nobody", Password: "x", DomainName: "Default"}, 401},
		"wrong project":    {gophercloud.AuthOptions{Username: userName, Password: secret.Password, DomainName: "Default", TenantName: "other"}, 401},
		"credential":       {gophercloud.AuthOptions{ApplicationCredentialID: secret.ApplicationID, ApplicationCredentialSecret: secret.ApplicationSecret}, 0},
		"credential, name": {gophercloud.AuthOptions{ApplicationCredentialName: "burst-appcred", Username: userName, DomainName: "Default", ApplicationCredentialSecret: secret.ApplicationSecret}, 0},
		"wrong secret":     {gophercloud.AuthOptions{ApplicationCredentialID: secret.ApplicationID, ApplicationCredentialSecret: "x"}, 401},
		"no credential":    {gophercloud.AuthOptions{ApplicationCredentialID: "x", ApplicationCredentialSecret: "x"}, 404},
	} {
		test.by.IdentityEndpoint = c.AuthURL()
		_, err := openstack.AuthenticatedClient(t.Context(), test.by)
		if test.code == 0 && err != nil || test.code != 0 && !gophercloud.ResponseCodeIs(err, test.code) {
			t.Errorf("%s: %v, want %d", name, err, test.code)
		}
	}
}

// The versions can be asked for where no version is in the URL.
func TestDiscovery(t *testing.T) {
	c := start(t, Options{})
	by := c.passwordLogIn()
	by.IdentityEndpoint = c.url + "/identity"
	logInBy(t, c, by)
}

func TestTokensExpire(t *testing.T) {
	c := start(t, Options{TokenTTL: time.Minute})
	k := logIn(t, c)
	id := k.active("one")
	k.pass(time.Minute - c.opts.BuildTime - time.Second)
	k.is(id, "ACTIVE")
	if got := c.Count(CreateToken); got != 1 {
		t.Errorf("%d tokens before the first has expired, want 1", got)
	}
	k.pass(time.Second)
	k.is(id, "ACTIVE") // gophercloud logs in again
	if got := c.Count(CreateToken); got != 2 {
		t.Errorf("%d tokens after the first has expired, want 2", got)
	}
	by := c.passwordLogIn()
	by.AllowReauth = false
	once := logInBy(t, c, by)
	c.ExpireTokens()
	_, err := servers.Get(once.ctx, once.compute, id).Extract()
	once.refused(err, 401, needsAuthentication)
}

// Many calls at a time with a token that has expired are one log-in.
func TestOneLogInForManyCalls(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	id := k.active("one")
	for round := range 3 {
		c.ExpireTokens()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := servers.Get(k.ctx, k.compute, id).Extract(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := c.Count(CreateToken); got != round+2 {
			t.Errorf("%d tokens after round %d, want %d", got, round, round+2)
		}
	}
}

func TestTokensAreShownAndRevoked(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	identity, err := openstack.NewIdentityV3(k.provider, gophercloud.EndpointOpts{})
	must(t, err)
	shown := tokens.Get(k.ctx, identity, k.provider.TokenID)
	if project, err := shown.ExtractProject(); err != nil || project.Name != projectName {
		t.Errorf("project %v, %v", project, err)
	}
	must(t, tokens.Revoke(k.ctx, identity, k.provider.TokenID).Err)
	if code, body := k.raw(http.MethodGet, "servers", ""); code != 401 {
		t.Errorf("a revoked token: %d %s", code, body)
	}
}
