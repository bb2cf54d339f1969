package ministack

import (
	"slices"
	"time"
)

func (c *Cloud) showLimits(r *request) answer {
	p := r.token.project
	instances, cores, ram := c.used(p)
	groups := 0
	for _, g := range c.serverGroups {
		if g.project == p {
			groups++
		}
	}
	absolute := object{
		"maxTotalInstances": p.quota.Instances, "maxTotalCores": p.quota.Cores, "maxTotalRAMSize": p.quota.RAM, "maxServerMeta": maxMetadata,
		"maxTotalKeypairs": 100, "maxServerGroups": p.quota.ServerGroups, "maxServerGroupMembers": 10, "totalRAMUsed": ram, "totalCoresUsed": cores,
		"totalInstancesUsed": instances, "totalServerGroupsUsed": groups,
	}
	if r.micro < 36 {
		absolute["maxTotalFloatingIps"], absolute["totalFloatingIpsUsed"] = -1, 0
		absolute["maxSecurityGroups"], absolute["totalSecurityGroupsUsed"], absolute["maxSecurityGroupRules"] = -1, 0, -1
	}
	if r.micro < 39 {
		absolute["maxImageMeta"] = maxMetadata
	}
	if r.micro < 57 {
		absolute["maxPersonality"], absolute["maxPersonalitySize"] = 5, 10240
	}
	return ok(object{"limits": object{"rate": []object{}, "absolute": absolute}})
}

// quotaSet is Nova's quota and what is used of it, by name.
func (c *Cloud) quotaSet(p *project) map[string][2]int {
	instances, cores, ram := c.used(p)
	return map[string][2]int{"instances": {p.quota.Instances, instances}, "cores": {p.quota.Cores, cores}, "ram": {p.quota.RAM, ram},
		"server_groups": {p.quota.ServerGroups, 0}, "server_group_members": {10, 0}, "key_pairs": {100, 0}, "metadata_items": {maxMetadata, 0}}
}

func (c *Cloud) showQuota(r *request) answer {
	out := object{"id": r.PathValue("project")}
	for name, of := range c.quotaSet(r.token.project) {
		out[name] = of[0]
	}
	return ok(object{"quota_set": out})
}

func (c *Cloud) showQuotaDetail(r *request) answer {
	out := object{"id": r.PathValue("project")}
	for name, of := range c.quotaSet(r.token.project) {
		out[name] = object{"limit": of[0], "in_use": of[1], "reserved": 0}
	}
	return ok(object{"quota_set": out})
}

// SetQuota changes how much the project may have from now on.
func (c *Cloud) SetQuota(q Quota) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.project.quota = q
}

// usageTime reads a time as the usage report takes it; none is now.
func (c *Cloud) usageTime(text string) (time.Time, bool) {
	if text == "" {
		return c.Now(), true
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05"} { // Go reads fractions of a second as well
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// showUsage is what a project's servers have used between two times, those
// that are deleted too.
func (c *Cloud) showUsage(r *request) answer {
	query, now := r.URL.Query(), c.Now()
	start, ok1 := c.usageTime(query.Get("start"))
	stop, ok2 := c.usageTime(query.Get("end"))
	if !ok1 || !ok2 {
		return badRequest("Invalid input for query parameters start. It is not a date")
	}
	if stop.After(now) {
		stop = now
	}
	var found []*server
	for _, s := range slices.Concat(c.removed, c.servers) {
		if s.project == r.token.project && !s.launched.IsZero() && s.launched.Before(stop) && (s.vm != vmDeleted || !s.terminated.Before(start)) {
			found = append(found, s)
		}
	}
	var links []object
	if r.micro >= 40 {
		from, to, next, refused := c.page(r, len(found), func(i int) string { return found[i].id })
		if refused != nil {
			return *refused
		}
		found, links = found[from:to], next
	}
	if len(found) == 0 {
		return ok(object{"tenant_usage": object{}})
	}
	var hours, disk, cores, ram float64
	usages := []object{}
	for _, s := range found {
		used := s.hours(start, stop)
		hours += used
		disk += used * float64(s.flavor.Disk)
		cores += used * float64(s.flavor.VCPUs)
		ram += used * float64(s.flavor.RAM)
		usages = append(usages, s.viewUsage(used, now))
	}
	out := object{"tenant_id": r.token.project.id, "total_hours": hours, "total_local_gb_usage": disk, "total_vcpus_usage": cores,
		"total_memory_mb_usage": ram, "start": micros(start), "stop": micros(stop), "server_usages": usages}
	return ok(withLinks(object{"tenant_usage": out}, "tenant_usage_links", links))
}

// hours is how long a server existed between two times, since its last launch.
func (s *server) hours(start, stop time.Time) float64 {
	if s.launched.After(start) {
		start = s.launched
	}
	if s.vm == vmDeleted && s.terminated.Before(stop) {
		stop = s.terminated
	}
	return max(0, stop.Sub(start).Hours())
}

func (s *server) viewUsage(hours float64, now time.Time) object {
	state, until := s.vm, now
	if s.vm == vmDeleted {
		state, until = "terminated", s.terminated
	}
	return object{
		"hours": hours, "flavor": s.flavor.Name, "instance_id": s.id, "name": s.name, "tenant_id": s.project.id, "memory_mb": s.flavor.RAM,
		"local_gb": s.flavor.Disk, "vcpus": s.flavor.VCPUs, "started_at": micros(s.launched), "ended_at": micros(s.terminated), "state": state,
		"uptime": int(until.Sub(s.launched).Seconds()),
	}
}
