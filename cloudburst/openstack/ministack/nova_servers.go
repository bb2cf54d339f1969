package ministack

import (
	"net/http"
)

func (c *Cloud) listServers(r *request) answer {
	out := []object{}
	for _, s := range c.servers {
		if s.live() && s.project == r.token.project {
			out = append(out, object{"id": s.id, "name": s.name, "links": c.links("servers", s.id)})
		}
	}
	return ok(object{"servers": out})
}

func (c *Cloud) listServersDetail(r *request) answer {
	out := []object{}
	for _, s := range c.servers {
		if s.live() && s.project == r.token.project {
			out = append(out, c.viewServer(r, s))
		}
	}
	return ok(object{"servers": out})
}

func (c *Cloud) showServer(r *request) answer {
	s, refused := c.serverOf(r)
	if s == nil {
		return refused
	}
	return ok(object{"server": c.viewServer(r, s)})
}

func (c *Cloud) viewServer(_ *request, s *server) object {
	metadata := s.metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return object{"id": s.id, "name": s.name, "status": s.status(), "metadata": metadata, "created": stamp(s.created), "updated": stamp(s.updated),
		"tenant_id": s.project.id, "user_id": s.user.id, "links": c.links("servers", s.id)}
}

func (c *Cloud) deleteServer(r *request) answer {
	s, refused := c.serverOf(r)
	if s == nil {
		return refused
	}
	s.task, s.updated = "deleting", c.Now()
	c.after(c.opts.ActionTime, func() {
		c.powerOff(s)
		s.vm, s.task, s.terminated = vmDeleted, "", c.Now()
	})
	return empty(http.StatusNoContent)
}

func (c *Cloud) addressOf(*server) string { return "" }
