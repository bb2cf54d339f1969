package ministack

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// serverGroup keeps servers together or apart. (Zones have one host each
// here, so that it changes nothing where they are built.)
type serverGroup struct {
	id, name, policy string
	project          *project
	user             *user
}

func (c *Cloud) serverGroupOf(id string, p *project) *serverGroup {
	for _, g := range c.serverGroups {
		if g.id == id && g.project == p {
			return g
		}
	}
	return nil
}

func (c *Cloud) viewServerGroup(r *request, g *serverGroup) object {
	members := []string{}
	for _, s := range c.servers {
		if s.group == g {
			members = append(members, s.id)
		}
	}
	view := object{"id": g.id, "name": g.name, "members": members}
	if r.micro >= 13 {
		view["project_id"], view["user_id"] = g.project.id, g.user.id
	}
	if r.micro >= 64 {
		view["policy"], view["rules"] = g.policy, object{}
	} else {
		view["policies"], view["metadata"] = []string{g.policy}, object{}
	}
	return view
}

func (c *Cloud) listServerGroups(r *request) answer {
	out := []object{}
	for _, g := range c.serverGroups {
		if g.project == r.token.project {
			out = append(out, c.viewServerGroup(r, g))
		}
	}
	return ok(object{"server_groups": out})
}

func noServerGroup(r *request) answer {
	return notFound("Instance group " + r.PathValue("group") + " could not be found.")
}

func (c *Cloud) showServerGroup(r *request) answer {
	g := c.serverGroupOf(r.PathValue("group"), r.token.project)
	if g == nil {
		return noServerGroup(r)
	}
	return ok(object{"server_group": c.viewServerGroup(r, g)})
}

func (c *Cloud) createServerGroup(r *request) answer {
	var in struct {
		Group *struct {
			Name, Policy string
			Policies     []string
		} `json:"server_group"`
	}
	if err := r.decode(&in); err != nil || in.Group == nil || in.Group.Name == "" {
		return badRequest("'server_group' is a required property")
	}
	policy := in.Group.Policy
	if r.micro < 64 && len(in.Group.Policies) == 1 {
		policy = in.Group.Policies[0]
	}
	known := []string{"anti-affinity", "affinity"}
	if r.micro >= 15 {
		known = append(known, "soft-anti-affinity", "soft-affinity")
	}
	if !slices.Contains(known, policy) {
		return invalidInput("0", policy, "'"+policy+"' is not one of ['"+strings.Join(known, "', '")+"']")
	}
	count := 0
	for _, g := range c.serverGroups {
		if g.project == r.token.project {
			count++
		}
	}
	if limit := r.token.project.quota.ServerGroups; limit >= 0 && count >= limit {
		return forbidden(fmt.Sprintf("Quota exceeded, too many server groups: %d of %d", count, limit))
	}
	g := &serverGroup{id: c.newID(), name: in.Group.Name, policy: policy, project: r.token.project, user: r.token.user}
	c.serverGroups = append(c.serverGroups, g)
	return ok(object{"server_group": c.viewServerGroup(r, g)})
}

func (c *Cloud) deleteServerGroup(r *request) answer {
	g := c.serverGroupOf(r.PathValue("group"), r.token.project)
	if g == nil {
		return noServerGroup(r)
	}
	c.serverGroups = slices.DeleteFunc(c.serverGroups, func(other *serverGroup) bool { return other == g })
	for _, s := range c.servers {
		if s.group == g {
			s.group = nil
		}
	}
	return empty(http.StatusNoContent)
}
