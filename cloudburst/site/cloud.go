package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// Cloud is a cloud that is connected when it is first needed. It is a cloudburst.Cloud.
type Cloud struct {
	// Name is its name in burst.yaml.
	Name   string
	config config.Cloud
	how    openstack.Config

	mu        sync.Mutex
	api       *openstack.Cloud
	connected chan struct{} // closed when the attempt to connect that is under way is over; nil: none is
	failed    error         // how the last attempt has failed
	resolved  map[string]resolution
}

// resolution is what the names of a pool stand for on a cloud.
type resolution struct {
	openstack.Resolved
	at  time.Time
	err error
}

func newCloud(name string, c config.Cloud, userAgent string) *Cloud {
	how := openstack.Config{
		File: c.File, Entry: c.Entry, Region: c.Region, Interface: c.Interface, CAFile: c.CAFile,
		UserAgent: userAgent, CallTimeout: c.CallTimeout,
	}
	if how.Entry == "" && c.Credentials == "file" {
		how.Entry = name
	}
	return &Cloud{Name: name, config: c, how: how, resolved: map[string]resolution{}}
}

// API is the connection. If there is none it is made, by one caller for all.
func (c *Cloud) API(ctx context.Context) (*openstack.Cloud, error) {
	c.mu.Lock()
	if c.api != nil {
		defer c.mu.Unlock()
		return c.api, nil
	}
	over := c.connected
	if over == nil {
		over = make(chan struct{})
		c.connected = over
		go c.connect(context.WithoutCancel(ctx), over)
	}
	c.mu.Unlock()
	select {
	case <-over:
	case <-ctx.Done():
		return nil, c.unconnected(ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.api == nil {
		return nil, c.failed
	}
	return c.api, nil
}

func (c *Cloud) connect(ctx context.Context, over chan struct{}) {
	const calls = 2 // to log in and to read of whom the token is
	ctx, cancel := context.WithTimeout(ctx, calls*c.config.CallTimeout)
	defer cancel()
	api, err := openstack.Connect(ctx, c.how)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.api, c.failed, c.connected = api, err, nil
	close(over)
}

func (c *Cloud) unconnected(err error) error {
	return &openstack.Error{Kind: openstack.Unclear, Doing: "connecting to cloud " + c.Name, Message: err.Error(), Err: err}
}

// resolve finds what the names of a pool stand for, unless that is known and fresh. It tells whether that has changed.
func (c *Cloud) resolve(ctx context.Context, pool string, wanted openstack.Wanted, now time.Time, fresh time.Duration) bool {
	before, known := c.resolution(pool)
	if known && before.err == nil && len(before.Problems) == 0 && now.Sub(before.at) < fresh {
		return false
	}
	after := resolution{at: now}
	api, err := c.API(ctx)
	if err == nil {
		after.Resolved, err = api.Resolve(ctx, wanted)
	}
	if after.err = err; err != nil && known && before.err == nil {
		return false // what was found is as good as ever
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resolved[pool] = after
	return !known || before.usable() != after.usable() || !slices.EqualFunc(before.Flavors, after.Flavors, func(a, b openstack.Flavor) bool { return a.ID == b.ID }) ||
		!slices.Equal(before.Zones, after.Zones)
}

func (c *Cloud) resolution(pool string) (resolution, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, known := c.resolved[pool]
	return r, known
}

// Trouble says what keeps a pool from being used here: what is not as it was wanted, and the error if it could not be found
// out.
func (c *Cloud) Trouble(pool string) ([]openstack.Problem, error) {
	r, _ := c.resolution(pool)
	return r.Problems, r.err
}

// Flavors are those that were found for a pool.
func (c *Cloud) Flavors(pool string) []openstack.Flavor {
	r, _ := c.resolution(pool)
	return slices.DeleteFunc(slices.Clone(r.Flavors), func(f openstack.Flavor) bool { return f.ID == "" })
}

// flavorsOf are the flavors that were found for the wishes of a pool, each once.
func (c *Cloud) flavorsOf(pool string, wishes []*config.Flavor) []found {
	r, _ := c.resolution(pool)
	var all []found
	if r.err != nil || !r.usable() {
		return nil
	}
	for i, f := range r.Flavors {
		if f.ID == "" || slices.ContainsFunc(all, func(x found) bool { return x.ID == f.ID }) {
			continue
		}
		all = append(all, found{f, wishes[i]})
	}
	return all
}

// usable tells whether machines can be made: a flavor that is not there is no hindrance while there are others.
func (r *resolution) usable() bool { return r.Image.ID != "" && len(r.Machine.Networks) > 0 }

func (c *Cloud) zonesOf(pool string) []string {
	r, _ := c.resolution(pool)
	return r.Zones
}

var errNotFound = errors.New("what its pool names was not found on the cloud; `spillway cloud check` says more")

// machine is what a machine of a flavor is made of.
func (c *Cloud) machine(pool, flavor string) (openstack.Machine, openstack.Flavor, error) {
	r, _ := c.resolution(pool)
	for _, f := range r.Flavors {
		if f.Name == flavor && r.usable() {
			m := r.Machine
			m.Flavor, m.Image = f.ID, r.Image.ID
			return m, f, nil
		}
	}
	return openstack.Machine{}, openstack.Flavor{}, fmt.Errorf("pool %s on cloud %s, flavor %s: %w", pool, c.Name, flavor, errNotFound)
}

// CallTimeout is how long one call may take.
func (c *Cloud) CallTimeout() time.Duration { return c.config.CallTimeout }
