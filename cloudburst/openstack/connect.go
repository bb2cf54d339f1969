package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// Config says which cloud, and how it is spoken to.
type Config struct {
	// Entry is the entry of clouds.yaml. If it is empty, OS_CLOUD names it; if that is empty too, the variables OS_* say all.
	Entry string
	// File is the clouds.yaml; empty: OS_CLIENT_CONFIG_FILE, the working folder, ~/.config/openstack or /etc/openstack.
	File string
	// Region, Interface (public, internal, admin) and CAFile (PEM) override what the credentials say.
	Region, Interface, CAFile string
	// UserAgent goes before gophercloud's, such as "spillway/1.0".
	UserAgent string
	// CallTimeout is how long one HTTP call may take, a renewal of the token on its way included. Default: 30 s.
	CallTimeout time.Duration
	// Poll is how long Boot and Delete wait at least before they look again; each time somewhat longer, up to eight times.
	// Default: 500 ms.
	Poll time.Duration
}

const (
	defaultCallTimeout = 30 * time.Second
	defaultPoll        = 500 * time.Millisecond
	// longestOperation bounds Boot and Delete for callers who do not.
	longestOperation = 10 * time.Minute
	// connections to a service that are kept; the default of two would make most of many calls at a time connect anew.
	connections = 64
)

// Cloud is a connection to one project on one OpenStack cloud. It may be used from many goroutines. It keeps nothing of
// what it makes: all of that is tagged with cluster and intent in the cloud itself.
type Cloud struct {
	config  Config
	project string
	compute, network,
	image *gophercloud.ServiceClient
	// volume is nil where there is no Cinder.
	volume *gophercloud.ServiceClient

	mu      sync.Mutex
	flavors map[string]string // names by id, as far as they were asked for
}

// Connect logs in. It fails with Denied if the credentials are not taken, with Invalid if they are not complete, and with
// Unclear if Keystone does not answer.
func Connect(ctx context.Context, config Config) (*Cloud, error) {
	if config.CallTimeout == 0 {
		config.CallTimeout = defaultCallTimeout
	}
	if config.Poll == 0 {
		config.Poll = defaultPoll
	}
	who, err := config.credentials()
	if err != nil {
		return nil, &Error{Kind: Invalid, Doing: "reading the cloud's credentials", Message: err.Error(), Err: err}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = who.tls
	transport.MaxIdleConnsPerHost = connections
	plain, err := config.login(ctx, who.auth, transport)
	if err != nil {
		return nil, err
	}
	cloud := &Cloud{config: config, flavors: map[string]string{}}
	if cloud.project, err = projectOf(plain); err != nil {
		return nil, err
	}
	if err = cloud.services(withRenewal(plain, who.auth, transport, config), who.endpoint); err != nil {
		return nil, err
	}
	return cloud, nil
}

// login gets the first token and the catalog of services.
func (c Config) login(ctx context.Context, who gophercloud.AuthOptions, transport http.RoundTripper) (*gophercloud.ProviderClient, error) {
	doing := "logging in at " + who.IdentityEndpoint
	client, err := openstack.NewClient(who.IdentityEndpoint)
	if err != nil {
		return nil, &Error{Kind: Invalid, Doing: doing, Message: err.Error(), Err: err}
	}
	client.HTTPClient = http.Client{Transport: transport, Timeout: c.CallTimeout}
	if c.UserAgent != "" {
		client.UserAgent.Prepend(c.UserAgent)
	}
	if err := openstack.Authenticate(ctx, client, who); err != nil {
		return nil, loginFailure(doing, err)
	}
	return client, nil
}

// loginFailure is the typed error of a login. Keystone answers 404 to a credential that has been deleted; what was never
// sent lacks something, such as a password.
func loginFailure(doing string, err error) error {
	var sent *url.Error
	var answer gophercloud.ErrUnexpectedResponseCode
	typed := failure(look, doing, err).(*Error)
	switch {
	case typed.Kind == NotFound, typed.Kind == Gone:
		typed.Kind = Denied
	case !errors.As(err, &sent) && !errors.As(err, &answer):
		typed.Kind = Invalid
	}
	return typed
}

// withRenewal is a client that renews its token by itself. Logins go by the first client, which has no token to renew.
func withRenewal(plain *gophercloud.ProviderClient, who gophercloud.AuthOptions, transport http.RoundTripper, config Config) *gophercloud.ProviderClient {
	identity := &gophercloud.ServiceClient{ProviderClient: plain, Endpoint: plain.IdentityBase + "v3/", Type: "identity"}
	login := func(ctx context.Context) (string, error) {
		options := who // Create may fill in its scope
		token, err := tokens.Create(ctx, identity, &options).ExtractTokenID()
		if err != nil {
			return "", loginFailure("renewing the token at "+plain.IdentityBase, err)
		}
		return token, nil
	}
	renewing := &tokensTransport{next: transport, login: login, limit: config.CallTimeout, hold: 2 * config.Poll, current: plain.Token()}
	client := &gophercloud.ProviderClient{
		IdentityBase:     plain.IdentityBase,
		IdentityEndpoint: plain.IdentityEndpoint,
		EndpointLocator:  plain.EndpointLocator,
		HTTPClient:       http.Client{Transport: renewing, Timeout: config.CallTimeout},
		UserAgent:        plain.UserAgent,
	}
	client.SetToken(plain.Token())
	return client
}

func projectOf(client *gophercloud.ProviderClient) (string, error) {
	const doing = "reading the token's project"
	answer, ok := client.GetAuthResult().(tokens.CreateResult)
	if !ok {
		return "", &Error{Kind: Invalid, Doing: doing, Message: "Keystone's version 3 is needed"}
	}
	project, err := answer.ExtractProject()
	if err != nil {
		return "", failure(look, doing, err)
	}
	if project == nil {
		return "", &Error{Kind: Invalid, Doing: doing, Message: "the credentials name no project"}
	}
	return project.ID, nil
}

// services finds the endpoints in the catalog.
func (c *Cloud) services(client *gophercloud.ProviderClient, where gophercloud.EndpointOpts) error {
	needed := []struct {
		name string
		find func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error)
		to   **gophercloud.ServiceClient
	}{
		{"Nova", openstack.NewComputeV2, &c.compute},
		{"Neutron", openstack.NewNetworkV2, &c.network},
		{"Glance", openstack.NewImageV2, &c.image},
	}
	for _, service := range needed {
		found, err := service.find(client, where)
		if err != nil {
			return failure(look, fmt.Sprintf("finding %s in region %q", service.name, where.Region), err)
		}
		*service.to = found
	}
	volume, err := openstack.NewBlockStorageV3(client, where)
	if err = failure(look, "finding Cinder", err); err == nil {
		c.volume = volume
	} else if KindOf(err) != NotFound {
		return err
	}
	return nil
}

// bounded gives an operation of many calls a deadline, if its caller does not.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, longestOperation)
}

// wait waits before the n-th look, n counting from 1, and at least as long as the error before asks for. It is false if the
// context ends first.
func (c *Cloud) wait(ctx context.Context, n int, before error) bool {
	pause := c.config.Poll * time.Duration(min(n, 8))
	if typed, ok := before.(*Error); ok {
		pause = max(pause, typed.After)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
