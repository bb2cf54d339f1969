package ministack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Nova's task_state, as far as it is seen here.
const (
	taskScheduling  = "scheduling"
	taskSpawning    = "spawning"
	taskPoweringOff = "powering-off"
	taskPoweringOn  = "powering-on"
	taskRebooting   = "rebooting_hard"
	taskShelving    = "shelving"
	taskUnshelving  = "unshelving"
	taskDeleting    = "deleting"
)

// used is what a project's servers take of its quota: all that are there,
// whatever their state.
func (c *Cloud) used(p *project) (instances, cores, ram int) {
	for _, s := range c.servers {
		if s.project == p {
			instances++
			cores += s.flavor.VCPUs
			ram += s.flavor.RAM
		}
	}
	return instances, cores, ram
}

// roomInQuota refuses servers that a project may not have.
func (c *Cloud) roomInQuota(s *server, count int) *answer {
	quota := s.project.quota
	instances, cores, ram := c.used(s.project)
	var overs, wants, has, may []string
	for _, of := range []struct {
		name              string
		want, used, limit int
	}{
		{"cores", count * s.flavor.VCPUs, cores, quota.Cores}, {"instances", count, instances, quota.Instances}, {"ram", count * s.flavor.RAM, ram, quota.RAM},
	} {
		if of.limit >= 0 && of.used+of.want > of.limit {
			overs, wants = append(overs, of.name), append(wants, strconv.Itoa(of.want))
			has, may = append(has, strconv.Itoa(of.used)), append(may, strconv.Itoa(of.limit))
		}
	}
	if overs == nil {
		return nil
	}
	list := func(texts []string) string { return strings.Join(texts, ", ") }
	refused := forbidden(fmt.Sprintf("Quota exceeded for %s: Requested %s, but already used %s of %s %s",
		list(overs), list(wants), list(has), list(may), list(overs)))
	return &refused
}

// launch makes servers of one pattern and returns the first.
func (c *Cloud) launch(r *request, pattern *server, count int) *server {
	now := c.Now()
	var first *server
	for i := range count {
		s := *pattern
		s.id, s.created, s.updated, s.metadata = c.newID(), now, now, merged(nil, pattern.metadata, true)
		if count > 1 {
			s.name = fmt.Sprintf("%s-%d", pattern.name, i+1)
		}
		if r.fault != nil {
			s.doom = r.fault
		}
		c.servers = append(c.servers, &s)
		c.build(&s)
		if first == nil {
			first = &s
		}
	}
	return first
}

// build takes a server through its build: soon a host is found for it, at the
// end of its build time it runs.
func (c *Cloud) build(s *server) {
	total := c.buildTime(s.flavor)
	c.after(total/10, func() {
		if s.vm != vmBuilding || s.task != taskScheduling {
			return // deleted
		}
		if !c.schedule(s) {
			return
		}
		c.after(total-total/10, func() { c.finishBuild(s) })
	})
}

func (c *Cloud) buildTime(f Flavor) time.Duration {
	seconds, err := strconv.ParseFloat(f.ExtraSpecs[specSeconds], 64)
	if err != nil {
		return c.opts.BuildTime
	}
	return time.Duration(seconds * float64(time.Second))
}

// schedule finds a server a host and gives it its ports and volumes there. If
// it cannot, the server is in error.
func (c *Cloud) schedule(s *server) bool {
	if !c.findHost(s) || s.doomed(NoHost) {
		c.leaveHost(s)
		message := "No valid host was found. "
		if s.doomed(NoHost) && s.doom.Text != "" {
			message = s.doom.Text
		}
		c.breakDown(s, message)
		s.buried = true
		return false
	}
	s.task, s.updated = taskSpawning, c.Now()
	for _, plan := range s.ports {
		if why := c.attachPort(s, plan); why != "" {
			c.abort(s, why)
			return false
		}
	}
	for _, plan := range s.disks {
		if why := c.attachVolume(s, plan); why != "" {
			c.abort(s, why)
			return false
		}
	}
	return true
}

func (s *server) doomed(to Effect) bool { return s.doom != nil && s.doom.Effect == to }

// findHost puts a server into the zone that was asked for, or the first one
// with room.
func (c *Cloud) findHost(s *server) bool {
	for _, z := range c.zones {
		if s.asked != "" && z.Name != s.asked {
			continue
		}
		for _, other := range c.servers {
			if other.host == hostOf(z) {
				z.VCPUs -= other.flavor.VCPUs
				z.RAM -= other.flavor.RAM
				z.Disk -= other.flavor.Disk
			}
		}
		if z.VCPUs >= s.flavor.VCPUs && z.RAM >= s.flavor.RAM && z.Disk >= s.flavor.Disk {
			s.zone, s.host = z.Name, hostOf(z)
			return true
		}
	}
	return false
}

// leaveHost takes a server off its host.
func (c *Cloud) leaveHost(s *server) { s.zone, s.host = "", "" }

// attachPort gives a server a port, and says why it cannot.
func (c *Cloud) attachPort(s *server, plan portPlan) string {
	var p *port
	if plan.port != "" {
		if p = c.portOf(plan.port, s.project); p == nil || p.device != "" {
			return "Port " + plan.port + " is not usable"
		}
	} else {
		made, refused := c.newPort(plan.on)
		if made == nil {
			return "Failed to allocate the network(s), not rescheduling: " + string(refused.body)
		}
		if made.ofNova = true; plan.groups != nil {
			made.groups = slices.Clone(plan.groups)
		}
		p = made
	}
	p.device, p.owner, p.updated = s.id, "compute:"+s.zone, c.Now()
	p.revision++
	return ""
}

// attachVolume gives a server a volume, and says why it cannot.
func (c *Cloud) attachVolume(s *server, plan diskPlan) string {
	v := c.volumeOf(plan.volume, s.project)
	switch {
	case plan.volume != "" && (v == nil || v.status != volumeAvailable):
		return "Volume " + plan.volume + " is not available"
	case plan.volume == "":
		if refused := c.roomForVolume(s.project, plan.size); refused != nil {
			return string(refused.body)
		}
		v = c.newVolume(s.project, "", plan.size)
		v.image = plan.image
	}
	v.status, v.server, v.attachment, v.withServer, v.updated = volumeInUse, s.id, c.newID(), plan.withServer, c.Now()
	return ""
}

// finishBuild ends a build, well or badly.
func (c *Cloud) finishBuild(s *server) {
	text := s.flavor.ExtraSpecs[specError]
	switch {
	case s.vm != vmBuilding || s.task != taskSpawning || s.doomed(BuildHangs):
		return
	case s.doomed(BuildFails):
		if text = s.doom.Text; text == "" {
			text = "the host failed"
		}
		fallthrough
	case text != "":
		c.abort(s, "Build of instance "+s.id+" aborted: "+text)
		return
	}
	now := c.Now()
	s.vm, s.task, s.launched, s.updated = vmActive, "", now, now
	c.powerOn(s)
}

// abort ends a build badly: what the server had on its host is given back.
func (c *Cloud) abort(s *server, why string) {
	c.release(s, nil)
	c.leaveHost(s)
	c.breakDown(s, why)
}

// breakDown puts a server into error.
func (c *Cloud) breakDown(s *server, why string) {
	now := c.Now()
	s.vm, s.task, s.updated = vmError, "", now
	s.fault = &serverFault{message: why, created: now}
}

// release takes a server's ports and volumes away: those that Nova made go,
// others are free again.
func (c *Cloud) release(s *server, fault *Fault) {
	for _, p := range c.portsAt(s) {
		if p.ofNova {
			if fault == nil || fault.Effect != PortStays {
				c.dropPort(p)
			}
			continue
		}
		p.device, p.owner, p.updated = "", "", c.Now()
		p.revision++
	}
	for _, v := range c.volumesAt(s) {
		if v.withServer {
			c.dropVolume(v)
			continue
		}
		v.status, v.server, v.attachment, v.updated = volumeAvailable, "", "", c.Now()
	}
}
