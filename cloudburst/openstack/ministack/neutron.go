package ministack

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// neutron is what Neutron knows.
type neutron struct {
	networks  []*netw
	groups    []*secGroup
	ports     []*port
	addresses map[string]bool // in use
	lastHost  int             // of the address that was given last
}

type netw struct {
	id, name, subnet string
	project          *project
	created          time.Time
}

type secGroup struct {
	id, name, description string
	project               *project
	created               time.Time
}

// cidr is that of the one subnet. (That of the real one has 253 addresses.)
const cidr = "10.77.0.0/16"

func neutronRoutes() []route {
	const base = "/networking/v2.0"
	return []route{
		{Discover, "GET", "/networking/{$}", network, (*Cloud).networkVersions, true},
		{Discover, "GET", base + "/{$}", network, (*Cloud).networkVersions, true},
		{ListNetworks, "GET", base + "/networks", network, (*Cloud).listNetworks, false},
		{ListNetworks, "GET", base + "/networks/{network}", network, (*Cloud).showNetwork, false},
		{ListNetworks, "GET", base + "/subnets", network, (*Cloud).listSubnets, false},
		{ListGroups, "GET", base + "/security-groups", network, (*Cloud).listGroups, false},
		{ListGroups, "GET", base + "/security-groups/{group}", network, (*Cloud).showGroup, false},
		{ShowLimits, "GET", base + "/quotas/{project}", network, (*Cloud).networkQuota, false},
		{ShowLimits, "GET", base + "/quotas/{project}/details.json", network, (*Cloud).networkQuotaDetails, false},
		{CreatePort, "POST", base + "/ports", network, (*Cloud).createPort, false},
		{ListPorts, "GET", base + "/ports", network, (*Cloud).listPorts, false},
		{ShowPort, "GET", base + "/ports/{port}", network, (*Cloud).showPort, false},
		{UpdatePort, "PUT", base + "/ports/{port}", network, (*Cloud).updatePort, false},
		{DeletePort, "DELETE", base + "/ports/{port}", network, (*Cloud).deletePort, false},
		{ShowPort, "GET", base + "/ports/{port}/tags", network, (*Cloud).showPortTags, false},
		{UpdatePort, "PUT", base + "/ports/{port}/tags", network, (*Cloud).replacePortTags, false},
		{UpdatePort, "DELETE", base + "/ports/{port}/tags", network, (*Cloud).deletePortTags, false},
		{UpdatePort, "PUT", base + "/ports/{port}/tags/{tag}", network, (*Cloud).addPortTag, false},
		{UpdatePort, "DELETE", base + "/ports/{port}/tags/{tag}", network, (*Cloud).deletePortTag, false},
	}
}

func (c *Cloud) networkVersions(*request) answer {
	return ok(object{"versions": []object{{"id": "v2.0", "status": "CURRENT",
		"links": []object{{"rel": "self", "href": c.url + "/networking/v2.0/"}}}}})
}

// Errors of Neutron.

func noNetwork(id string) answer {
	return network.refuse(http.StatusNotFound, "NetworkNotFound", "Network "+id+" could not be found.")
}

func invalidForNetwork(message string) answer {
	return network.refuse(http.StatusBadRequest, "HTTPBadRequest", message)
}

func notUUID(field, value string) answer {
	return invalidForNetwork("Invalid input for " + field + ". Reason: '" + value + "' is not a valid UUID.")
}

func isUUID(text string) bool {
	_, err := uuid.Parse(text)
	return err == nil
}

func (c *Cloud) networkOf(id string, p *project) *netw {
	for _, n := range c.networks {
		if n.id == id && n.project == p {
			return n
		}
	}
	return nil
}

func (c *Cloud) listNetworks(r *request) answer {
	var views []object
	for _, n := range c.networks {
		if n.project == r.token.project {
			views = append(views, viewNetwork(n))
		}
	}
	return r.filtered("networks", views)
}

func (c *Cloud) showNetwork(r *request) answer {
	n := c.networkOf(r.PathValue("network"), r.token.project)
	if n == nil {
		return noNetwork(r.PathValue("network"))
	}
	return ok(object{"network": viewNetwork(n)})
}

func viewNetwork(n *netw) object {
	return object{
		"id": n.id, "name": n.name, "tenant_id": n.project.id, "project_id": n.project.id, "admin_state_up": true, "mtu": 1500,
		"status": "ACTIVE", "subnets": []string{n.subnet}, "shared": false, "availability_zone_hints": []string{},
		"availability_zones": []string{}, "ipv4_address_scope": nil, "ipv6_address_scope": nil, "router:external": false,
		"description": "", "port_security_enabled": true, "tags": []string{}, "created_at": stamp(n.created),
		"updated_at": stamp(n.created), "revision_number": 2,
	}
}

func (c *Cloud) listSubnets(r *request) answer {
	var views []object
	for _, n := range c.networks {
		if n.project != r.token.project {
			continue
		}
		views = append(views, object{
			"id": n.subnet, "name": strings.TrimSuffix(n.name, "-net") + "-subnet", "tenant_id": n.project.id, "project_id": n.project.id,
			"network_id": n.id, "ip_version": 4, "subnetpool_id": nil, "enable_dhcp": false, "ipv6_ra_mode": nil, "ipv6_address_mode": nil,
			"gateway_ip": "10.77.0.1", "cidr": cidr, "allocation_pools": []object{{"start": "10.77.0.2", "end": "10.77.255.254"}},
			"host_routes": []object{}, "dns_nameservers": []string{}, "description": "", "service_types": []string{}, "tags": []string{},
			"created_at": stamp(n.created), "updated_at": stamp(n.created), "revision_number": 0,
		})
	}
	return r.filtered("subnets", views)
}

func (c *Cloud) listGroups(r *request) answer {
	var views []object
	for _, g := range c.groups {
		if g.project == r.token.project {
			views = append(views, viewGroup(g))
		}
	}
	return r.filtered("security_groups", views)
}

func (c *Cloud) showGroup(r *request) answer {
	for _, g := range c.groups {
		if g.project == r.token.project && g.id == r.PathValue("group") {
			return ok(object{"security_group": viewGroup(g)})
		}
	}
	return noGroup(r.PathValue("group"))
}

func noGroup(id string) answer {
	return network.refuse(http.StatusNotFound, "SecurityGroupNotFound", "Security group "+id+" does not exist")
}

func viewGroup(g *secGroup) object {
	return object{
		"id": g.id, "name": g.name, "description": g.description, "stateful": true, "shared": false, "tenant_id": g.project.id,
		"project_id": g.project.id, "security_group_rules": []object{}, "tags": []string{}, "created_at": stamp(g.created),
		"updated_at": stamp(g.created), "revision_number": 1,
	}
}

// groupOf finds a security group by id, or, as Nova takes it, by name.
func (c *Cloud) groupOf(ref string, byName bool, p *project) *secGroup {
	for _, g := range c.groups {
		if g.project == p && (g.id == ref || byName && g.name == ref) {
			return g
		}
	}
	return nil
}

// filtered is a list of Neutron: those of the views that the query asks for.
func (r *request) filtered(collection string, views []object) answer {
	query, fields := r.URL.Query(), r.URL.Query()["fields"]
	for key := range query {
		if unknown := len(views) > 0 && !listParameter(key) && !slices.Contains(keysOf(views[0]), key); unknown {
			return invalidForNetwork("['" + key + "'] is invalid attribute for filtering")
		}
	}
	out := []object{}
	for _, view := range views {
		if asksFor(query, view) {
			out = append(out, only(view, fields))
		}
	}
	return ok(object{collection: out})
}

// listParameter tells parameters of lists from attributes of what is listed.
func listParameter(key string) bool {
	return slices.Contains([]string{"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir", "tags", "tags-any", "not-tags", "not-tags-any"}, key)
}

func keysOf(view object) []string {
	var keys []string
	for key := range view {
		keys = append(keys, key)
	}
	return keys
}

// asksFor tells whether Neutron's filters hold for what is listed: of the
// values of one attribute one, of several attributes all.
func asksFor(query url.Values, view object) bool {
	tags, _ := view["tags"].([]string)
	has := func(tag string) bool { return slices.Contains(tags, tag) }
	for key, values := range query {
		asked := strings.Split(values[0], ",")
		holds := true
		switch key {
		case "tags":
			holds = !slices.ContainsFunc(asked, func(tag string) bool { return !has(tag) })
		case "tags-any":
			holds = slices.ContainsFunc(asked, has)
		case "not-tags":
			holds = slices.ContainsFunc(asked, func(tag string) bool { return !has(tag) })
		case "not-tags-any":
			holds = !slices.ContainsFunc(asked, has)
		default:
			holds = listParameter(key) || slices.ContainsFunc(values, func(value string) bool { return matchesValue(view[key], value) })
		}
		if !holds {
			return false
		}
	}
	return true
}

func matchesValue(have any, want string) bool {
	switch have := have.(type) {
	case []string:
		return slices.Contains(have, want)
	case bool:
		return strings.EqualFold(fmt.Sprint(have), want)
	}
	return textOf(have) == want
}

func only(view object, fields []string) object {
	if len(fields) == 0 {
		return view
	}
	out := object{}
	for _, field := range fields {
		if value, ok := view[field]; ok {
			out[field] = value
		}
	}
	return out
}

// textOf is a value as it stands in a query.
func textOf(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// otherQuotas are those quotas of Neutron that ministack does not hold anyone
// to.
var otherQuotas = map[string]int{"network": 100, "subnet": 100, "subnetpool": -1, "router": 10, "floatingip": 50, "rbac_policy": 10,
	"security_group": 10, "security_group_rule": 100}

func (c *Cloud) networkQuota(r *request) answer {
	out := object{"port": r.token.project.quota.Ports}
	for name, limit := range otherQuotas {
		out[name] = limit
	}
	return ok(object{"quota": out})
}

func (c *Cloud) networkQuotaDetails(r *request) answer {
	out := object{"port": object{"limit": r.token.project.quota.Ports, "used": c.portsOf(r.token.project), "reserved": 0}}
	for name, limit := range otherQuotas {
		out[name] = object{"limit": limit, "used": 0, "reserved": 0}
	}
	return ok(object{"quota": out})
}
