package ministack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// AddBystander adds what somebody else in the same project owns, and nobody
// who tests should touch: a running server with a port, another port, and a
// volume. The metadata is the server's and the volume's; the ports have it as
// words "key=value" in their descriptions. Bystanders use up quota.
func (c *Cloud) AddBystander(name string, metadata map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var words []string
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		words = append(words, key+"="+metadata[key])
	}
	now := c.Now()
	owner := &user{id: c.newHex(), name: "somebody else", project: c.project}
	s := &server{id: c.newID(), name: name, hostname: name, project: c.project, user: owner, flavor: *c.flavors[0], metadata: maps.Clone(metadata),
		zone: c.zones[0].Name, host: hostOf(c.zones[0]), created: now, updated: now, launched: now, vm: vmActive, power: powerRunning,
		bystander: true}
	c.servers = append(c.servers, s)
	for _, device := range []string{s.id, ""} {
		p, refused := c.newPort(c.networks[0])
		if p == nil {
			panic("ministack: no port for a bystander: " + string(refused.body))
		}
		p.name, p.description, p.device, p.bystander = name, strings.Join(words, " "), device, true
		if device != "" {
			p.owner, p.ofNova = "compute:nova", true
		}
	}
	v := c.newVolume(c.project, name, 1)
	v.metadata, v.status, v.bystander = maps.Clone(metadata), volumeAvailable, true
}

// Touched is which calls changed bystanders, or would have.
func (c *Cloud) Touched() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.history.touched)
}

func (c *Cloud) touch(bystander bool, r *request) {
	if bystander {
		c.history.touched = append(c.history.touched, fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, r.body))
	}
}
