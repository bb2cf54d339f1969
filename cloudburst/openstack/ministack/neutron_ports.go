package ministack

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// port is a server's place on a network, or one that waits for a server.
type port struct {
	id, name, description string
	network               *netw
	project               *project
	mac, address          string
	device, owner         string // device_id and device_owner
	tags, groups          []string
	up                    bool
	created, updated      time.Time
	revision              int
	ofNova                bool // Nova made it, and deletes it with its server
	bystander             bool
}

type portRequest struct {
	Port *struct {
		Name           *string   `json:"name"`
		Description    *string   `json:"description"`
		NetworkID      string    `json:"network_id"`
		DeviceID       *string   `json:"device_id"`
		DeviceOwner    *string   `json:"device_owner"`
		SecurityGroups *[]string `json:"security_groups"`
		AdminStateUp   *bool     `json:"admin_state_up"`
	} `json:"port"`
}

func (c *Cloud) portsOf(p *project) int {
	n := 0
	for _, port := range c.ports {
		if port.project == p {
			n++
		}
	}
	return n
}

func (c *Cloud) createPort(r *request) answer {
	var in portRequest
	if err := r.decode(&in); err != nil || in.Port == nil {
		return invalidForNetwork("Body contains invalid data")
	}
	switch id := in.Port.NetworkID; {
	case id == "":
		return invalidForNetwork("Failed to parse request. Required attribute 'network_id' not specified")
	case !isUUID(id):
		return notUUID("network_id", id)
	case c.networkOf(id, r.token.project) == nil:
		return noNetwork(id)
	}
	p, refused := c.newPort(c.networkOf(in.Port.NetworkID, r.token.project))
	if p == nil {
		return refused
	}
	if refused := c.changePort(p, in); refused != nil {
		c.dropPort(p)
		return *refused
	}
	return respond(http.StatusCreated, object{"port": viewPort(p)})
}

// newPort makes a port with an address of its own, or refuses.
func (c *Cloud) newPort(on *netw) (*port, answer) {
	quota := on.project.quota.Ports
	if quota >= 0 && c.portsOf(on.project) >= quota {
		return nil, overQuota(network)
	}
	host := c.lastHost
	for range 1<<16 - 3 { // the first addresses are the network's and the gateway's, the last is for broadcasts
		host = host%(1<<16-3) + 1
		address := fmt.Sprintf("10.77.%d.%d", (host+1)>>8, (host+1)&255)
		if c.addresses[address] {
			continue
		}
		c.lastHost, c.addresses[address] = host, true
		now := c.Now()
		p := &port{id: c.newID(), network: on, project: on.project, address: address, up: true, created: now, updated: now, revision: 1,
			mac: fmt.Sprintf("fa:16:3e:00:%02x:%02x", (host+1)>>8, (host+1)&255), groups: []string{c.groupOf("default", true, on.project).id}}
		c.ports = append(c.ports, p)
		return p, answer{}
	}
	return nil, network.refuse(http.StatusConflict, "IpAddressGenerationFailure", "No more IP addresses available on network "+on.id+".")
}

// changePort does what a request says, or refuses and changes nothing.
func (c *Cloud) changePort(p *port, in portRequest) *answer {
	asked := in.Port
	if asked.SecurityGroups != nil {
		for _, id := range *asked.SecurityGroups {
			refused := noGroup(id)
			if !isUUID(id) {
				refused = notUUID("security_groups", id)
			}
			if c.groupOf(id, false, p.project) == nil {
				return &refused
			}
		}
		p.groups = slices.Clone(*asked.SecurityGroups)
	}
	set(&p.name, asked.Name)
	set(&p.description, asked.Description)
	set(&p.device, asked.DeviceID)
	set(&p.owner, asked.DeviceOwner)
	if asked.AdminStateUp != nil {
		p.up = *asked.AdminStateUp
	}
	return nil
}

func set(to *string, from *string) {
	if from != nil {
		*to = *from
	}
}

// withPort does something with the port that a call names.
func (c *Cloud) withPort(r *request, fn func(*port) answer) answer {
	id := r.PathValue("port")
	for _, p := range c.ports {
		if p.id == id && (p.project == r.token.project || r.token.user.admin()) {
			return fn(p)
		}
	}
	return network.refuse(http.StatusNotFound, "PortNotFound", "Port "+id+" could not be found.")
}

// withChanged is withPort for calls that change the port.
func (c *Cloud) withChanged(r *request, fn func(*port) answer) answer {
	return c.withPort(r, func(p *port) answer {
		c.touch(p.bystander, r)
		p.updated = c.Now()
		p.revision++
		return fn(p)
	})
}

func (c *Cloud) listPorts(r *request) answer {
	var views []object
	for _, p := range c.ports {
		if p.project == r.token.project {
			views = append(views, viewPort(p))
		}
	}
	return r.filtered("ports", views)
}

func (c *Cloud) showPort(r *request) answer {
	return c.withPort(r, func(p *port) answer { return ok(object{"port": viewPort(p)}) })
}

func (c *Cloud) updatePort(r *request) answer {
	var in portRequest
	if err := r.decode(&in); err != nil || in.Port == nil {
		return invalidForNetwork("Body contains invalid data")
	}
	return c.withChanged(r, func(p *port) answer {
		if refused := c.changePort(p, in); refused != nil {
			return *refused
		}
		return ok(object{"port": viewPort(p)})
	})
}

func (c *Cloud) deletePort(r *request) answer {
	return c.withChanged(r, func(p *port) answer {
		if r.fault == nil || r.fault.Effect != Ignore {
			c.dropPort(p)
		}
		return empty(http.StatusNoContent)
	})
}

func (c *Cloud) dropPort(gone *port) {
	delete(c.addresses, gone.address)
	c.ports = slices.DeleteFunc(c.ports, func(p *port) bool { return p == gone })
}

func (c *Cloud) showPortTags(r *request) answer {
	return c.withPort(r, func(p *port) answer { return ok(object{"tags": append([]string{}, p.tags...)}) })
}

func (c *Cloud) replacePortTags(r *request) answer {
	var in struct{ Tags []string }
	if err := r.decode(&in); err != nil {
		return invalidForNetwork("Body contains invalid data")
	}
	return c.withChanged(r, func(p *port) answer {
		p.tags = slices.Compact(slices.Sorted(slices.Values(in.Tags)))
		return ok(object{"tags": append([]string{}, in.Tags...)})
	})
}

func (c *Cloud) deletePortTags(r *request) answer {
	return c.withChanged(r, func(p *port) answer {
		p.tags = nil
		return empty(http.StatusNoContent)
	})
}

func (c *Cloud) addPortTag(r *request) answer {
	return c.withChanged(r, func(p *port) answer {
		p.tags = slices.Compact(slices.Sorted(slices.Values(append(p.tags, r.PathValue("tag")))))
		return empty(http.StatusCreated)
	})
}

func (c *Cloud) deletePortTag(r *request) answer {
	return c.withChanged(r, func(p *port) answer {
		tag := r.PathValue("tag")
		if !slices.Contains(p.tags, tag) {
			return network.refuse(http.StatusNotFound, "TagNotFound", "Tag "+tag+" could not be found.")
		}
		p.tags = slices.DeleteFunc(p.tags, func(t string) bool { return t == tag })
		return empty(http.StatusNoContent)
	})
}

func viewPort(p *port) object {
	status := "DOWN"
	if p.device != "" {
		status = "ACTIVE"
	}
	return object{
		"id": p.id, "name": p.name, "description": p.description, "network_id": p.network.id, "tenant_id": p.project.id,
		"project_id": p.project.id, "mac_address": p.mac, "admin_state_up": p.up, "status": status, "device_id": p.device,
		"device_owner": p.owner, "fixed_ips": fixedIPs(p), "security_groups": append([]string{}, p.groups...),
		"tags": append([]string{}, p.tags...), "allowed_address_pairs": []object{}, "extra_dhcp_opts": []object{},
		"binding:vnic_type": "normal", "port_security_enabled": true, "created_at": stamp(p.created), "updated_at": stamp(p.updated),
		"revision_number": p.revision,
	}
}

func fixedIPs(p *port) []object {
	return []object{{"subnet_id": p.network.subnet, "ip_address": p.address}}
}
