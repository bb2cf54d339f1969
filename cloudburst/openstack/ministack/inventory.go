package ministack

import (
	"fmt"
	"maps"
	"time"
)

// This file is what can be seen of a cloud, and done to it, from outside.

// Server is a server that Nova shows.
type Server struct {
	ID, Name     string
	Status, Task string // as Nova has them
	Flavor, Zone string
	Metadata     map[string]string
	UserData     []byte
	Created      time.Time
	Boots        int // how often its machine has got power
	Bystander    bool
}

// Servers are the servers that are there, oldest first.
func (c *Cloud) Servers() []Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Server
	for _, s := range c.servers {
		userData, _ := decodeBase64(s.userData) // it was checked when it came
		out = append(out, Server{ID: s.id, Name: s.name, Status: s.status(), Task: s.task, Flavor: s.flavor.Name, Zone: s.zone,
			Metadata: maps.Clone(s.metadata), UserData: userData, Created: s.created, Boots: s.boots, Bystander: s.bystander})
	}
	return out
}

// Port is a port that Neutron shows.
type Port struct {
	ID, Name, Description string
	Device                string // id of the server that has it; "" for none
	Bystander             bool
}

// Ports are the ports that are there, oldest first.
func (c *Cloud) Ports() []Port {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Port
	for _, p := range c.ports {
		out = append(out, Port{ID: p.id, Name: p.name, Description: p.description, Device: p.device, Bystander: p.bystander})
	}
	return out
}

// Volume is a volume that Cinder shows.
type Volume struct {
	ID, Name, Status string
	Metadata         map[string]string
	Server           string // id of the server that has it; "" for none
	Bystander        bool
}

// Volumes are the volumes that are there, oldest first.
func (c *Cloud) Volumes() []Volume {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Volume
	for _, v := range c.volumes {
		out = append(out, Volume{ID: v.id, Name: v.name, Status: v.status, Metadata: maps.Clone(v.metadata), Server: v.server, Bystander: v.bystander})
	}
	return out
}

// onServer does something with a server that is there, by its id.
func (c *Cloud) onServer(id string, fn func(*server)) error {
	err := fmt.Errorf("ministack: there is no server %q", id)
	c.mu.Lock()
	for _, s := range c.servers {
		if s.id == id {
			fn(s)
			err = nil
		}
	}
	c.mu.Unlock()
	c.settle()
	return err
}

// PowerOff is what a machine does by itself, as a watchdog in it may: its
// agent ends, and Nova finds the server shut off.
func (c *Cloud) PowerOff(id string) error {
	return c.onServer(id, func(s *server) {
		if s.vm == vmActive && s.power == powerRunning {
			c.stop(s)
		}
	})
}

// FailServer lets the host of a running server fail: its machine ends, and the
// server is in ERROR with this fault.
func (c *Cloud) FailServer(id, fault string) error {
	return c.onServer(id, func(s *server) {
		c.powerOff(s)
		c.breakDown(s, fault)
	})
}

// ExpireTokens makes every token bad that is out.
func (c *Cloud) ExpireTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tokens)
}

// SetTimes changes how long servers that are made from now on are in BUILD, and
// how long machines that get their power from now on take to boot.
func (c *Cloud) SetTimes(build, join time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opts.BuildTime, c.opts.JoinTime = build, join
}

// SetZone changes how much room a zone has, or adds a zone. Servers that are
// there stay.
func (c *Cloud) SetZone(z Zone) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.zones {
		if c.zones[i].Name == z.Name {
			c.zones[i] = z
			return
		}
	}
	c.zones = append(c.zones, z)
}

// AddFlavor adds a flavor and returns its id.
func (c *Cloud) AddFlavor(f Flavor) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addFlavor(f)
}

func (c *Cloud) addFlavor(f Flavor) string {
	f.ExtraSpecs = maps.Clone(f.ExtraSpecs)
	if f.ID == "" {
		f.ID = c.newID()
	}
	c.flavors = append(c.flavors, &f)
	return f.ID
}

// CloudsYAML is a clouds.yaml with the clouds "burst", "burst-appcred" and
// "admin", as the project's real OpenStack for tests has one.
func (c *Cloud) CloudsYAML() []byte {
	const domains = "user_domain_name: Default, project_domain_name: Default"
	return fmt.Appendf(nil, `clouds:
  admin:
    auth: {auth_url: %[1]q, username: %[2]s, password: %[3]q, project_name: service, %[8]s}
    region_name: %[9]s
  burst:
    auth: {auth_url: %[1]q, username: %[4]s, password: %[5]q, project_name: %[6]s, %[8]s}
    region_name: %[9]s
  burst-appcred:
    auth_type: v3applicationcredential
    auth: {auth_url: %[1]q, application_credential_id: %[7]q, application_credential_secret: %[10]q}
    region_name: %[9]s
`, c.AuthURL(), adminName, c.Credentials.AdminPassword, userName, c.Credentials.Password, projectName,
		c.Credentials.ApplicationID, domains, c.opts.Region, c.Credentials.ApplicationSecret)
}
