package vm

import (
	"cmp"
	"fmt"
	"time"
)

// Observe works out what a machine is from what Nova and the master say.
func Observe(f Facts, now time.Time, d Deadlines) VM {
	v := identify(f)
	switch {
	case f.Server == nil && f.Agent == nil:
		v.Stage = Requested
	case f.Server == nil:
		v.Stage = Deleted
	default:
		v.settle(f, now, d)
	}
	return v
}

// identify reads what is written on the machine.
func identify(f Facts) VM {
	v := VM{Intent: f.Intent}
	if a := f.Agent; a != nil {
		v.Agent, v.Deactivated = a.ID, a.Deactivated
	}
	s := f.Server
	if s == nil {
		return v
	}
	m := s.Metadata
	v.Intent = cmp.Or(m[KeyIntent], f.Intent)
	v.Cluster, v.Pool, v.Cloud, v.Flavor, v.Zone = m[KeyCluster], m[KeyPool], m[KeyCloud], m[KeyFlavor], s.Zone
	v.Server, v.Addresses, v.Fault = s.ID, s.Addresses, s.Fault
	v.Created, v.Launched, v.Lease = s.Created, s.Launched, moment(m, KeyLease)
	v.Joined, v.Served, v.Started = moment(m, KeyJoined), moment(m, KeyServed), moment(m, KeyStarted)
	v.Draining, v.DrainReason, v.Then = moment(m, KeyDrain), m[KeyDrainReason], Afterwards(m[KeyThen])
	v.Held = m[KeyHeld] != ""
	return v
}

// settle finds the stage of a machine that has a server. What the master says goes before what Nova says: while an agent is
// there, tasks may be, whatever state Nova takes the server to be in.
func (v *VM) settle(f Facts, now time.Time, d Deadlines) {
	s := f.Server
	switch {
	case s.Status == "DELETED" || s.Status == "SOFT_DELETED":
		v.become(Deleted, s.Updated)
	case f.Agent != nil && isRunning(s):
		v.settleAgent(f.Agent, now)
	case s.Status == "ERROR":
		v.fail(cmp.Or(s.Fault, "the cloud says that the server is in error and does not say why"), s.Updated)
	case s.Task == "deleting" || !v.Draining.IsZero() && !v.isKept(s):
		v.settleLeaving(s, now, d)
	case isStopped(s):
		v.settleStopped(s, now, d)
	case isBuilding(s):
		v.settleBuilding(now, d)
	default:
		v.settleActive(f, now, d)
	}
}

func (v *VM) become(stage Stage, since time.Time) { v.Stage, v.Since = stage, since }

func (v *VM) fail(why string, since time.Time) {
	v.become(Failed, since)
	v.Fault = why
}

// isRunning says whether an agent can be alive on a server. One in error may well run: an operation on it has failed.
func isRunning(s *Server) bool { return !isStopped(s) && !(s.Status == "BUILD" && s.Launched.IsZero()) }

func isStopped(s *Server) bool {
	switch s.Status {
	case "SHUTOFF", "SHELVED", "SHELVED_OFFLOADED":
		return !isBuilding(s)
	}
	return false
}

func isBuilding(s *Server) bool {
	switch s.Task {
	case "powering-on", "unshelving", "scheduling", "networking", "block_device_mapping", "spawning":
		return true
	}
	return s.Status == "BUILD"
}

// isKept says whether a server is in the state in which its drain was to leave it.
func (v *VM) isKept(s *Server) bool { return isStopped(s) && (v.Then == Stop || v.Then == Shelve) }

func (v *VM) settleAgent(a *Agent, now time.Time) {
	switch {
	case !v.Draining.IsZero():
		v.become(Draining, v.Draining)
	case a.Busy || !v.Served.IsZero():
		v.become(Serving, firstOf(v.Served, now))
	default:
		v.become(Joined, firstOf(v.Joined, now))
	}
}

// settleLeaving is about a machine that has been drained and whose agent is gone.
func (v *VM) settleLeaving(s *Server, now time.Time, d Deadlines) {
	if s.Task != "" && over(s.Updated, d.Leaving, now) {
		v.fail(fmt.Sprintf("the cloud has been %s it for more than %v", s.Task, d.Leaving), s.Updated)
		return
	}
	v.become(Leaving, firstOf(s.Updated, v.Draining))
}

// settleStopped is about a machine that is shut off or shelved. One that has never joined since it was made, or for long
// since it was started, has switched itself off because it could not reach the master.
func (v *VM) settleStopped(s *Server, now time.Time, d Deadlines) {
	const off = "it is switched off and its agent has not registered"
	switch {
	case !v.Joined.IsZero() || s.Task != "":
		v.become(Stopped, s.Updated)
	case v.Started.IsZero():
		v.fail(off, s.Updated)
	case over(v.Started, d.Building+d.Active, now):
		v.fail(off+" since it was started", s.Updated)
	default:
		v.become(Stopped, s.Updated)
	}
}

func (v *VM) settleBuilding(now time.Time, d Deadlines) {
	since := lastOf(v.Created, v.Started)
	if over(since, d.Building, now) {
		v.fail(fmt.Sprintf("the cloud has not built it in %v", d.Building), since)
		return
	}
	v.become(Building, since)
}

func (v *VM) settleActive(f Facts, now time.Time, d Deadlines) {
	since := lastOf(v.Created, v.Launched, v.Started)
	why := "its agent has not registered within %v of the server's start"
	if !v.Joined.IsZero() {
		since, why = firstOf(f.Missed, now), "its agent has been away for more than %v"
	}
	if over(since, d.Active, now) {
		v.fail(fmt.Sprintf(why, d.Active), since)
		return
	}
	v.become(Active, since)
}

func over(since time.Time, limit time.Duration, now time.Time) bool {
	return limit > 0 && !since.IsZero() && now.Sub(since) > limit
}

// firstOf is t, or other if t is not known.
func firstOf(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

func lastOf(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
