package cloudburst

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

type fakeCloud struct {
	w       *world
	name    string
	servers map[string]*openstack.Server
	// builds is how long a server takes to run, joins how long its agent takes then.
	builds, joins time.Duration
	quota         int // instances; -1: none
	hideQuota     bool
	creates       int
	refusals      int
	// stuck are how many of the next servers stay in BUILD, noHost how many go to ERROR.
	stuck, noHost int
	// fault decides what goes wrong with a call; nil: nothing does.
	fault func(kind string) fault
	made  map[string]int // servers by intent
	usage []openstack.Usage
	// leftovers are ports, volumes and odd servers.
	leftovers []openstack.Leftover
	// joined are the servers whose agents have registered since they were started last.
	joined   map[string]bool
	usageErr error
	// chooses is the zone of servers that were asked for in none; switchesOff: they go off as soon as they run.
	chooses     string
	switchesOff bool
}

// fault is how a call goes wrong.
type fault int

const (
	noFault   fault = iota
	refused         // 503, nothing done
	afterDone       // 503 though it was done
)

// cloudClient is a cloud as one agent process sees it.
type cloudClient struct {
	c  *fakeCloud
	me int
}

// do makes a call that may go wrong.
func (c *cloudClient) do(kind string, work func() error) error {
	w := c.c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	after, err := w.call(c.me, c.c.name, kind)
	if err != nil {
		return &openstack.Error{Kind: openstack.Unclear, Doing: kind, Message: err.Error(), Err: err}
	}
	goesWrong := noFault
	if c.c.fault != nil {
		goesWrong = c.c.fault(kind)
	}
	if goesWrong != refused {
		if err := work(); err != nil {
			return err
		}
	}
	if goesWrong != noFault {
		return &openstack.Error{Kind: openstack.Unclear, Doing: kind, Message: "503 Service Unavailable"}
	}
	return after()
}

func (c *cloudClient) Servers(_ context.Context, cluster string) (list []openstack.Server, err error) {
	err = c.do("servers", func() error {
		for _, id := range slices.Sorted(maps.Keys(c.c.servers)) {
			s := *c.c.servers[id]
			s.Metadata = maps.Clone(s.Metadata)
			if s.Metadata[vm.KeyCluster] == cluster {
				list = append(list, s)
			}
		}
		return nil
	})
	return list, err
}

func (c *cloudClient) Limits(context.Context) (l openstack.Limits, err error) {
	err = c.do("limits", func() error {
		l = openstack.Limits{Instances: c.c.quota, InstancesUsed: len(c.c.servers), Cores: -1, MemMiB: -1, Ports: -1, Volumes: -1}
		if c.c.hideQuota {
			l.Instances = -1
		}
		return nil
	})
	return l, err
}

func (c *cloudClient) Usage(context.Context, string, time.Time, time.Time) ([]openstack.Usage, error) {
	c.c.w.mu.Lock()
	defer c.c.w.mu.Unlock()
	return c.c.usage, c.c.usageErr
}

func (c *cloudClient) Leftovers(context.Context, string) (list []openstack.Leftover, err error) {
	err = c.do("leftovers", func() error { list = slices.Clone(c.c.leftovers); return nil })
	return list, err
}

func (c *cloudClient) Remove(_ context.Context, l openstack.Leftover) error {
	return c.do("remove", func() error {
		c.c.leftovers = slices.DeleteFunc(c.c.leftovers, func(o openstack.Leftover) bool { return o.ID == l.ID })
		delete(c.c.servers, l.ID)
		return nil
	})
}

func (c *cloudClient) Boot(_ context.Context, b openstack.Boot) (s openstack.Server, err error) {
	err = c.do("boot", func() error { s, err = c.c.boot(b); return err })
	return s, err
}

func (c *fakeCloud) boot(b openstack.Boot) (openstack.Server, error) {
	c.creates++
	for _, s := range c.servers {
		if s.Metadata[vm.KeyIntent] == b.Intent {
			return *s, nil
		}
	}
	if c.quota >= 0 && len(c.servers) >= c.quota {
		c.refusals++
		return openstack.Server{}, &openstack.Error{Kind: openstack.Quota, Doing: "creating server", Message: "Quota exceeded for instances"}
	}
	c.w.nextID++
	s := &openstack.Server{
		ID: fmt.Sprintf("srv-%03d", c.w.nextID), Name: "spillway-" + b.Cluster + "-" + b.Intent, Status: "BUILD", Created: c.w.now,
		Updated: c.w.now, Metadata: maps.Clone(b.Metadata), Zone: b.Zone, Flavor: "m4",
	}
	s.Zone = cmp.Or(s.Zone, c.chooses)
	switch {
	case c.noHost > 0:
		c.noHost--
		s.Status, s.Fault = "ERROR", "No valid host was found. There are not enough hosts available."
	case c.stuck > 0:
		c.stuck--
		s.Task = "stuck"
	}
	c.servers[s.ID] = s
	c.made[b.Intent]++
	return *s, nil
}

func (c *cloudClient) change(id, kind string, do func(*openstack.Server)) error {
	return c.do(kind, func() error {
		s := c.c.servers[id]
		if s == nil {
			return &openstack.Error{Kind: openstack.Gone, Doing: kind, Message: "404"}
		}
		do(s)
		return nil
	})
}

func (c *cloudClient) Start(_ context.Context, id string) error {
	return c.change(id, "start", func(s *openstack.Server) { s.Status, s.Task, s.Updated = "SHUTOFF", "powering-on", c.c.w.now })
}

func (c *cloudClient) Stop(_ context.Context, id string) error {
	return c.change(id, "stop", func(s *openstack.Server) {
		c.c.w.kill(s)
		s.Status, s.Task, s.Updated = "SHUTOFF", "", c.c.w.now
	})
}

func (c *cloudClient) Shelve(_ context.Context, id string) error {
	return c.change(id, "shelve", func(s *openstack.Server) {
		c.c.w.kill(s)
		s.Status, s.Task, s.Updated = "SHELVED_OFFLOADED", "", c.c.w.now
	})
}

func (c *cloudClient) SetMetadata(_ context.Context, id string, values map[string]string) error {
	return c.change(id, "tag", func(s *openstack.Server) {
		maps.Copy(s.Metadata, values)
		maps.DeleteFunc(s.Metadata, func(_, value string) bool { return value == "" })
	})
}

func (c *cloudClient) Delete(_ context.Context, _, intent, _ string) error {
	return c.do("delete", func() error {
		for id, s := range c.c.servers {
			if s.Metadata[vm.KeyIntent] == intent {
				c.c.w.kill(s)
				delete(c.c.servers, id)
			}
		}
		return nil
	})
}

func (c *fakeCloud) step(s *openstack.Server) {
	w := c.w
	switch {
	case s.Task == "stuck":
	case s.Task == "powering-on" && w.now.Sub(s.Updated) >= c.builds/2,
		s.Status == "BUILD" && w.now.Sub(s.Created) >= c.builds:
		s.Status, s.Task, s.Updated = "ACTIVE", "", w.now
		c.joined[s.ID] = false
		if s.Launched.IsZero() {
			s.Launched = w.now
		}
		if c.switchesOff {
			s.Status = "SHUTOFF"
		}
	case s.Status == "ACTIVE" && !c.joined[s.ID] && w.now.Sub(s.Updated) >= c.joins:
		w.nextID++
		id := fmt.Sprintf("agent-%03d", w.nextID)
		w.agents[id] = &fakeAgent{capacity: cores, idle: w.now, Agent: master.Agent{
			ID: id, Hostname: s.Name, Active: true, Registered: w.now, Attributes: map[string]string{
				vm.KeyIntent: s.Metadata[vm.KeyIntent], vm.KeyPool: s.Metadata[vm.KeyPool], vm.KeyCloud: s.Metadata[vm.KeyCloud],
			},
		}}
		c.joined[s.ID] = true
	}
}
