package site

import (
	"fmt"
	"strings"

	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// found is a flavor that a cloud has for a wish.
type found struct {
	openstack.Flavor
	wish *config.Flavor
}

// Ports that agents offer: as many as mesos-agent does by itself (src/slave/constants.hpp, DEFAULT_PORTS).
const firstPort, lastPort = 31000, 32000

// flavor is a flavor as the planner sees it.
func (s *Site) flavor(p *pool, c *Cloud, f found) planner.Flavor {
	m := s.config.MachineOf(p.config, c.Name)
	out := planner.Flavor{
		Cloud: c.Name, Name: f.Name, Zones: c.zonesOf(p.name), Resources: offered(p.config, &m, &f.Flavor),
		VCPUs: f.VCPUs, MemMiB: f.MemMiB, Price: c.price(f), Ports: max(1, len(m.Networks)),
	}
	if m.Volume != nil {
		out.Volumes = 1
	}
	return out
}

// price is what an hour of a flavor costs.
func (c *Cloud) price(f found) float64 {
	if f.wish.Price != nil {
		return *f.wish.Price
	}
	return float64(f.VCPUs)*c.config.VCPUPrice + float64(f.MemMiB)/1024*c.config.MemPrice
}

// offered is what the agent of a machine offers: what the machine has, less what is left to the system.
func offered(p *config.Pool, m *config.Machine, f *openstack.Flavor) spec.Resources {
	disk := int64(f.DiskGiB) << 10
	if m.Volume != nil {
		disk = int64(gib(int64(m.Volume.Size))) << 10
	}
	r := &p.Agent.Reserve
	return spec.Resources{
		CPUs: int64(f.VCPUs)*1000 - int64(r.CPUs), Mem: int64(f.MemMiB) - int64(r.Mem), Disk: disk - int64(r.Disk),
		Ports: lastPort - firstPort + 1,
	}.Positive()
}

// resources are what is offered, as mesos-agent's --resources takes it.
func resources(r spec.Resources) string {
	parts := []string{fmt.Sprintf("cpus:%g", float64(r.CPUs)/1000), fmt.Sprintf("mem:%d", r.Mem)}
	if r.Disk > 0 {
		parts = append(parts, fmt.Sprintf("disk:%d", r.Disk))
	}
	return strings.Join(append(parts, fmt.Sprintf("ports:[%d-%d]", firstPort, lastPort)), ";")
}
