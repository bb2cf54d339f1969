package httpapi

import (
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Shape is what placement has to know of the tasks at a time, but for SpreadCounts and Until. The error says which
// constraint cannot be read.
func (d *Demanded) Shape(at time.Time) (*placement.Shape, error) {
	s := &placement.Shape{Need: d.Need.Spec(), Avoid: d.Avoid, Spread: d.Spread, Burst: d.Burst.Spec()}
	if d.Burst.From != nil {
		s.Waited = at.Sub(*d.Burst.From) + s.Burst.After
	}
	for _, w := range d.Where {
		c, err := spec.NewConstraint(w.Attribute, spec.Op(w.Op), w.Value)
		if err != nil {
			return nil, fmt.Errorf("step %s of run %s: where %s: %w", d.Step, d.Run, w.Attribute, err)
		}
		s.Where = append(s.Where, c)
	}
	return s, nil
}

// Spec is what a pipeline says.
func (b *Burst) Spec() spec.Burst {
	return spec.Burst{Allow: b.Allow, After: seconds(b.AfterSeconds), Clouds: b.Clouds}
}

// Usual is UsualSeconds as a duration, Timeout is TimeoutSeconds as one.
func (d *Demanded) Usual() time.Duration { return seconds(d.UsualSeconds) }

// Timeout is how long an attempt may run; 0: for ever.
func (d *Demanded) Timeout() time.Duration { return seconds(d.TimeoutSeconds) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Agent is the agent as placement sees it.
func (s *Supply) Agent() placement.Agent {
	a := placement.Agent{
		ID: s.ID, Hostname: s.Hostname, Attributes: s.Attributes,
		Free: s.Free.Spec(), Used: s.Used.Spec(), Capacity: s.Capacity.Spec(), Cordoned: s.Cordon != nil,
	}
	a.VM, a.Cloud = placement.CloudOf(s.Attributes)
	if s.Maintenance != nil {
		a.UnavailableFrom = *s.Maintenance
	}
	return a
}

// Spec are the resources in the units of specs.
func (r Resources) Spec() spec.Resources {
	return spec.Resources{
		CPUs: int64(r.CPUs*1000 + 0.5), Mem: r.MemBytes / mebibyte, Disk: r.DiskBytes / mebibyte, GPUs: r.GPUs, Ports: r.Ports,
	}
}
