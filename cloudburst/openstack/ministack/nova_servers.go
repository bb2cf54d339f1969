package ministack

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

func (c *Cloud) listServers(r *request) answer {
	return c.serverPage(r, func(s *server) object {
		return object{"id": s.id, "name": s.name, "links": c.links("servers", s.id)}
	})
}

func (c *Cloud) listServersDetail(r *request) answer {
	return c.serverPage(r, func(s *server) object {
		view := c.viewServer(r, s)
		if s.buried {
			delete(view, "fault") // lists leave out the faults of cell 0
		}
		return view
	})
}

// serverPage lists servers, the newest first.
func (c *Cloud) serverPage(r *request, view func(*server) object) answer {
	query := r.URL.Query()
	all := query.Get("all_tenants") != "" && query.Get("all_tenants") != "0"
	if all && !r.token.user.admin() {
		return forbidden("Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.")
	}
	name, err := regexp.Compile("(?i)" + query.Get("name")) // MySQL does not mind the case
	if err != nil {
		return badRequest("Invalid input for query parameters name. Value: " + query.Get("name") + ". '" + query.Get("name") + "' is not a 'regex'")
	}
	var found []*server
	candidates := c.servers
	if query.Has("changes-since") {
		since := query.Get("changes-since")
		if _, err := time.Parse(time.RFC3339, since); err != nil {
			return badRequest("Invalid input for query parameters changes-since. Value: " + since + ". '" + since + "' is not a 'date-time'")
		}
		candidates = slices.Concat(c.removed, c.servers)
	}
	for _, s := range slices.Backward(candidates) {
		if (all || s.project == r.token.project) && name.MatchString(s.name) && s.matches(query) {
			found = append(found, s)
		}
	}
	from, to, links, refused := c.page(r, len(found), func(i int) string { return found[i].id })
	if refused != nil {
		return *refused
	}
	views := []object{}
	for _, s := range found[from:to] {
		views = append(views, view(s))
	}
	return ok(withLinks(object{"servers": views}, "servers_links", links))
}

// matches tells whether a server is among those that a list asks for. Lists
// of what has changed show what was deleted, too.
func (s *server) matches(query url.Values) bool {
	if since, err := time.Parse(time.RFC3339, query.Get("changes-since")); err == nil && s.updated.Before(since) {
		return false
	}
	for key, have := range map[string]string{"status": s.status(), "flavor": s.flavor.ID, "image": s.image, "uuid": s.id, "key_name": s.key} {
		if query.Has(key) && !slices.Contains(query[key], have) {
			return false
		}
	}
	return true
}

func (c *Cloud) showServer(r *request) answer {
	return c.withServer(r, func(s *server) answer { return ok(object{"server": c.viewServer(r, s)}) })
}

func (c *Cloud) updateServer(r *request) answer {
	var in struct {
		Server *struct{ Name, Description *string }
	}
	if err := r.decode(&in); err != nil || in.Server == nil {
		return badRequest("'server' is a required property")
	}
	return c.withServer(r, func(s *server) answer {
		c.touch(s.bystander, r)
		set(&s.name, in.Server.Name)
		set(&s.description, in.Server.Description)
		s.updated = c.Now()
		return ok(object{"server": c.viewServer(r, s)})
	})
}

func (c *Cloud) viewServer(r *request, s *server) object {
	view := object{
		"id": s.id, "name": s.name, "status": s.status(), "tenant_id": s.project.id, "user_id": s.user.id,
		"metadata": merged(s.metadata, nil, false), "hostId": s.hostID(), "image": "", "flavor": c.bookmark("flavors", s.flavor.ID),
		"created": stamp(s.created), "updated": stamp(s.updated), "addresses": c.viewAddresses(s), "accessIPv4": "", "accessIPv6": "",
		"links": c.links("servers", s.id), "OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": s.zone, "config_drive": "",
		"key_name": orNull(s.key), "OS-SRV-USG:launched_at": micros(s.launched), "OS-SRV-USG:terminated_at": micros(s.terminated),
		"OS-EXT-STS:task_state": orNull(s.task), "OS-EXT-STS:vm_state": s.vm, "OS-EXT-STS:power_state": s.power,
		"os-extended-volumes:volumes_attached": c.viewAttached(s),
	}
	if s.image != "" {
		view["image"] = c.bookmark("images", s.image)
	}
	if s.configDrive {
		view["config_drive"] = "True"
	}
	if groups := c.viewGroups(s); groups != nil {
		view["security_groups"] = groups
	}
	switch s.vm {
	case vmActive, vmBuilding:
		view["progress"] = 0
	case vmError, vmDeleted:
		if s.fault != nil {
			view["fault"] = object{"code": 500, "created": stamp(s.fault.created), "message": s.fault.message}
		}
	}
	if r.token.user.admin() {
		view["OS-EXT-SRV-ATTR:host"], view["OS-EXT-SRV-ATTR:hypervisor_hostname"] = orNull(s.host), orNull(s.host)
		view["OS-EXT-SRV-ATTR:instance_name"] = "instance-" + s.id[:8]
		if r.micro >= 3 {
			view["OS-EXT-SRV-ATTR:user_data"] = orNull(s.userData)
		}
	}
	addSince(view, r.micro, s)
	return view
}

// addSince adds what later microversions show of a server.
func addSince(view object, micro int, s *server) {
	if micro >= 9 {
		view["locked"] = false
	}
	if micro >= 19 {
		view["description"] = orNull(s.description)
	}
	if micro >= 26 {
		view["tags"] = append([]string{}, s.tags...)
	}
	if micro >= 47 {
		view["flavor"] = object{"vcpus": s.flavor.VCPUs, "ram": s.flavor.RAM, "disk": s.flavor.Disk, "ephemeral": 0, "swap": 0,
			"original_name": s.flavor.Name, "extra_specs": merged(s.flavor.ExtraSpecs, nil, false)}
	}
	if micro >= 63 {
		view["trusted_image_certificates"] = nil
	}
	if micro >= 71 {
		groups := []string{}
		if s.group != nil {
			groups = append(groups, s.group.id)
		}
		view["server_groups"] = groups
	}
	if micro >= 73 {
		view["locked_reason"] = nil
	}
	if micro >= 90 {
		view["OS-EXT-SRV-ATTR:hostname"] = s.hostname
	}
}

// portsAt are the ports that a server has.
func (c *Cloud) portsAt(s *server) []*port {
	var out []*port
	for _, p := range c.ports {
		if p.device == s.id {
			out = append(out, p)
		}
	}
	return out
}

// viewAddresses is where a server can be reached; Nova hides it during the
// build.
func (c *Cloud) viewAddresses(s *server) object {
	out := object{}
	if s.vm == vmBuilding {
		return out
	}
	for _, p := range c.portsAt(s) {
		of, _ := out[p.network.name].([]object)
		out[p.network.name] = append(of, object{"version": 4, "addr": p.address, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": p.mac})
	}
	return out
}

func (c *Cloud) addressOf(s *server) string {
	for _, p := range c.portsAt(s) {
		return p.address
	}
	return ""
}

// viewGroups are the names of the security groups of a server's ports; nil if
// it has none.
func (c *Cloud) viewGroups(s *server) []object {
	var out []object
	var seen []string
	for _, p := range c.portsAt(s) {
		for _, id := range p.groups {
			if g := c.groupOf(id, false, s.project); g != nil && !slices.Contains(seen, id) {
				seen = append(seen, id)
				out = append(out, object{"name": g.name})
			}
		}
	}
	return out
}

func (c *Cloud) listInterfaces(r *request) answer {
	return c.withServer(r, func(s *server) answer {
		out := []object{}
		for _, p := range c.portsAt(s) {
			out = append(out, object{"net_id": p.network.id, "port_id": p.id, "mac_addr": p.mac, "port_state": "ACTIVE", "fixed_ips": fixedIPs(p)})
		}
		return ok(object{"interfaceAttachments": out})
	})
}

// volumesAt are the volumes that are attached to a server.
func (c *Cloud) volumesAt(s *server) []*cinderVolume {
	var out []*cinderVolume
	for _, v := range c.volumes {
		if v.server == s.id {
			out = append(out, v)
		}
	}
	return out
}

func (c *Cloud) viewAttached(s *server) []object {
	out := []object{}
	for _, v := range c.volumesAt(s) {
		out = append(out, object{"id": v.id})
	}
	return out
}

func (c *Cloud) listAttachments(r *request) answer {
	return c.withServer(r, func(s *server) answer {
		out := []object{}
		for _, v := range c.volumesAt(s) {
			out = append(out, object{"id": v.id, "volumeId": v.id, "serverId": s.id, "device": "/dev/vda"})
		}
		return ok(object{"volumeAttachments": out})
	})
}

// maxMetadata is how many pairs a server's metadata has at most (Nova's quota
// of metadata_items).
const maxMetadata = 128

func (c *Cloud) showMetadata(r *request) answer {
	return c.withServer(r, func(s *server) answer { return ok(object{"metadata": merged(s.metadata, nil, false)}) })
}

func (c *Cloud) showMetadatum(r *request) answer {
	return c.withServer(r, func(s *server) answer {
		key := r.PathValue("key")
		value, there := s.metadata[key]
		if !there {
			return notFound("Metadata item was not found")
		}
		return ok(object{"meta": object{key: value}})
	})
}

// changeMetadata does something to a server's metadata in those states in
// which Nova allows it: not while it is built, in error or shelved.
func (c *Cloud) changeMetadata(r *request, action string, fn func(*server) answer) answer {
	return c.withServer(r, func(s *server) answer {
		c.touch(s.bystander, r)
		if s.vm != vmActive && s.vm != vmStopped {
			return s.wrongState(action, "vm_state", s.vm)
		}
		s.updated = c.Now()
		return fn(s)
	})
}

const updateMetadata = "update metadata"

func (c *Cloud) setMetadata(r *request) answer {
	var in struct{ Metadata map[string]string }
	if err := r.decode(&in); err != nil || in.Metadata == nil {
		return badRequest("'metadata' is a required property")
	}
	if refused := checkMetadata(in.Metadata); refused != nil {
		return *refused
	}
	return c.changeMetadata(r, updateMetadata, func(s *server) answer {
		set := merged(s.metadata, in.Metadata, r.Method == http.MethodPut)
		if len(set) > maxMetadata {
			return forbidden("Maximum number of metadata items exceeds 128")
		}
		s.metadata = set
		return ok(object{"metadata": set})
	})
}

func (c *Cloud) setMetadatum(r *request) answer {
	var in struct{ Meta map[string]string }
	key := r.PathValue("key")
	if err := r.decode(&in); err != nil || in.Meta == nil {
		return badRequest("'meta' is a required property")
	}
	if _, ok := in.Meta[key]; !ok {
		return badRequest("Request body and URI mismatch")
	}
	return c.changeMetadata(r, updateMetadata, func(s *server) answer {
		s.metadata = merged(s.metadata, in.Meta, false)
		return ok(object{"meta": in.Meta})
	})
}

func (c *Cloud) deleteMetadatum(r *request) answer {
	key := r.PathValue("key")
	missing := false
	found := c.withServer(r, func(s *server) answer {
		_, there := s.metadata[key]
		missing = !there
		return answer{}
	})
	if found.status != 0 {
		return found
	}
	if missing {
		return notFound("Metadata item was not found")
	}
	return c.changeMetadata(r, "delete metadata", func(s *server) answer {
		s.metadata = merged(s.metadata, nil, false)
		delete(s.metadata, key)
		return empty(http.StatusNoContent)
	})
}

// checkMetadata holds keys and values to their 255 characters.
func checkMetadata(metadata map[string]string) *answer {
	for key, value := range metadata {
		var refused answer
		switch {
		case utf8.RuneCountInString(key) > 255 || key == "":
			refused = invalidInput("metadata", key, "Additional properties are not allowed ('"+key+"' was unexpected)")
		case utf8.RuneCountInString(value) > 255:
			refused = invalidInput(key, value, "'"+value+"' is too long")
		default:
			continue
		}
		return &refused
	}
	return nil
}
