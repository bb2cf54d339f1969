package cloudburst

import (
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// plan has the planner decide about what was seen.
func (a *Agent) plan(l *look) planner.Plan { return a.decide(a.situation(l)) }

// situation puts what was seen in the planner's words. If the scheduler or the master does not answer, nothing waits as far as
// the planner knows, no cloud can be reached, and no machine that may be of use is known, so that it makes nothing and takes
// nothing away for which it would have to know them.
func (a *Agent) situation(l *look) *planner.Situation {
	s := &planner.Situation{
		Now: l.now, VMs: slices.Clone(l.vms), Caps: a.cfg.Caps, Calendar: a.cfg.Calendar,
		Order: a.cfg.Order, WaitValue: a.cfg.WaitValue,
	}
	slices.SortFunc(s.VMs, func(x, y planner.VM) int { return strings.Compare(x.Intent, y.Intent) })
	blind := l.blind()
	if !blind {
		for i := range l.demand.Waiting {
			s.Demand = append(s.Demand, demandOf(&l.demand.Waiting[i], l.now))
		}
		for i := range l.demand.Agents {
			s.Agents = append(s.Agents, plannerAgent(&l.demand.Agents[i]))
		}
		s.Agents = append(s.Agents, a.unoffered(l)...)
	}
	for i := range s.VMs {
		v := &s.VMs[i]
		v.Expected = a.expected(&v.VM, l.now)
		v.Unknown = v.Unknown || blind && canHaveAgent(&v.VM)
	}
	for i := range a.cfg.Pools {
		s.Pools = append(s.Pools, a.learnt.pool(&a.cfg.Pools[i].Pool))
	}
	for i := range a.cfg.Clouds {
		s.Clouds = append(s.Clouds, a.plannerCloud(l, &a.cfg.Clouds[i], blind))
	}
	s.Spent = a.spent(l)
	return s
}

func (a *Agent) plannerCloud(l *look, cfg *CloudConfig, blind bool) planner.Cloud {
	look := l.clouds[cfg.Name]
	free := a.free(look.value.limits, l, cfg.Name)
	return planner.Cloud{
		Name: cfg.Name, Reachable: look.fresh && !blind && a.spentKnown(cfg), Caps: cfg.Caps, AtOnce: cfg.BootsAtOnce, Billing: cfg.Billing,
		FreeInstances: free.instances, FreeVCPUs: free.vcpus, FreeMemMiB: free.mem, FreePorts: free.ports, FreeVolumes: free.volumes,
		Backoffs: a.backoffsOf(cfg.Name, l.now, l.making),
	}
}

// room is what a cloud's quotas leave; -1: no limit is known.
type room struct{ instances, vcpus, mem, ports, volumes int }

// free takes from what the quotas leave what has been asked for since.
func (a *Agent) free(limits openstack.Limits, l *look, cloud string) room {
	r := room{
		left(limits.Instances, limits.InstancesUsed), left(limits.Cores, limits.CoresUsed), left(limits.MemMiB, limits.MemMiBUsed),
		left(limits.Ports, limits.PortsUsed), left(limits.Volumes, limits.VolumesUsed),
	}
	for i := range l.vms {
		v := &l.vms[i]
		if v.Cloud != cloud || v.Stage != vm.Requested {
			continue
		}
		if f := a.cfg.flavor(v.Pool, v.Cloud, v.Flavor); f != nil {
			r.take(f)
		}
	}
	return r
}

func left(limit, used int) int {
	if limit < 0 {
		return -1
	}
	return max(0, limit-max(0, used))
}

func (r *room) take(f *planner.Flavor) {
	less := func(n *int, m int) {
		if *n >= 0 {
			*n = max(0, *n-m)
		}
	}
	less(&r.instances, 1)
	less(&r.vcpus, f.VCPUs)
	less(&r.mem, f.MemMiB)
	less(&r.ports, max(1, f.Ports))
	less(&r.volumes, f.Volumes)
}

func demandOf(w *Waiting, now time.Time) planner.Demand {
	d := planner.Demand{
		Run: w.Run, Project: w.Project, Pipeline: w.Pipeline, Step: w.Step, Tasks: w.Tasks, Since: w.Since,
		RunTime: seconds(w.UsualSeconds), Why: w.Why,
		Shape: &placement.Shape{
			Need: w.Need.spec(), Spread: w.Spread, Avoid: w.Avoid,
			Burst: spec.Burst{Allow: w.Burst.Allow, After: seconds(w.Burst.AfterSeconds), Clouds: w.Burst.Clouds},
		},
	}
	if w.Burst.From != nil {
		d.Shape.Waited = now.Sub(*w.Burst.From) + d.Shape.Burst.After
	}
	if w.Deadline != nil {
		d.Deadline = *w.Deadline
	}
	if w.TimeoutSeconds > 0 {
		d.Shape.Until = now.Add(seconds(w.TimeoutSeconds))
	}
	d.Room = waitsForRoom(w.Reason)
	for _, c := range w.Where {
		constraint, err := spec.NewConstraint(c.Attribute, spec.Op(c.Op), c.Value)
		if err != nil {
			d.Room, d.Why = false, "its condition on "+c.Attribute+" is not understood here: "+err.Error()
			continue
		}
		d.Shape.Where = append(d.Shape.Where, constraint)
	}
	return d
}

// waitsForRoom says whether more agents would help: those with more room, with attributes that others lack, or any at all.
// Whether a machine of some flavor would be such an agent the planner finds out.
func waitsForRoom(reason string) bool {
	switch reason {
	case "resources", "too_large", "constraints", "reserved", "no_agents", "burst", "cordon":
		return true
	}
	return false
}

func plannerAgent(o *OfferingAgent) planner.Agent {
	agent := planner.Agent{Tasks: o.Tasks, Agent: placement.Agent{
		ID: o.ID, Hostname: o.Hostname, Attributes: o.Attributes,
		Free: o.Free.spec(), Used: o.Used.spec(), Capacity: o.Capacity.spec(),
	}}
	agent.VM, agent.Cloud = placement.CloudOf(o.Attributes)
	agent.Cordoned = o.Cordon != nil
	if o.Maintenance != nil {
		agent.UnavailableFrom = *o.Maintenance
	}
	if o.IdleSince != nil {
		agent.Idle = *o.IdleSince
	}
	for _, f := range o.Frees {
		agent.Frees = append(agent.Frees, planner.Freed{At: f.At, Resources: f.Resources.spec()})
	}
	return agent
}

func (r Resources) spec() spec.Resources {
	return spec.Resources{CPUs: int64(r.CPUs*1000 + 0.5), Mem: r.MemBytes >> 20, Disk: r.DiskBytes >> 20, GPUs: r.GPUs, Ports: r.Ports}
}

// unoffered are the agents of machines that have joined and that the scheduler has not had an offer of: it wants none while
// nothing waits. They are idle unless another framework has found work for them.
func (a *Agent) unoffered(l *look) []planner.Agent {
	var list []planner.Agent
	for i := range l.vms {
		v := &l.vms[i].VM
		if v.Stage != vm.Joined && v.Stage != vm.Serving || v.Agent == "" || l.offering[v.Agent] != nil {
			continue
		}
		m := agentOf(l.agentsOf[v.Intent])
		agent := planner.Agent{Idle: firstKnown(v.Joined, l.now), Agent: placement.Agent{
			ID: v.Agent, Hostname: v.Agent, VM: v.Intent, Cloud: v.Cloud, Attributes: l.agentsOf[v.Intent][0].Attributes,
		}}
		if m.Busy {
			agent.Tasks, agent.Idle = 1, time.Time{}
		} else if f := a.cfg.flavor(v.Pool, v.Cloud, v.Flavor); f != nil {
			agent.Free, agent.Capacity = f.Resources, f.Resources
		}
		list = append(list, agent)
	}
	return list
}

func firstKnown(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
