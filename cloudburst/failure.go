package cloudburst

import (
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// failed notes that an operation has failed, and when it may be tried again. a.mu is held.
func (a *Agent) failed(f *flight, err error) {
	now := a.cfg.Now()
	if errors.Is(err, errJoinedLate) {
		return
	}
	a.events = append(a.events, Event{
		At: now, Kind: EventFailed, VM: f.intent, Pool: f.pool, Cloud: f.cloud, Message: fmt.Sprintf("%s: %v", f.verb, err),
	})
	a.cfg.Log.Warn("an operation has failed", "verb", f.verb, "vm", f.intent, "cloud", f.cloud, "error", err)
	if f.verb == string(planner.Boot) {
		a.failedBoot(f, typed(err), now)
		return
	}
	a.retries[f.intent]++
	f.until = now.Add(retryPause(a.retries[f.intent]))
}

// retryPause grows from 1 s to 2 min.
func retryPause(times int) time.Duration {
	return min(time.Second<<min(times-1, 10), 2*time.Minute)
}

func (a *Agent) failedBoot(f *flight, err *openstack.Error, now time.Time) {
	if err.Kind == openstack.Unclear || err.Kind == openstack.Conflict {
		f.until = now.Add(a.cfg.Unclear)
	}
	l := f.lane()
	a.windows[l] = 1
	if b, isNew := a.refuse(l, err, now); isNew {
		a.events = append(a.events, backoffEvent(now, f.pool, l, b))
	}
}

func backoffEvent(now time.Time, pool string, l lane, b *backoff) Event {
	where := l.cloud
	if l.zone != "" {
		where += "/" + l.zone
	}
	return Event{At: now, Kind: EventBackoff, Pool: pool, Cloud: l.cloud, Message: fmt.Sprintf(
		"%s on %s is not asked for for %v (%s: %s)", l.flavor, where, b.pause, b.kind, b.why)}
}

// judge looks at machines that have failed: whether that says something about others of their kind is counted once.
func (a *Agent) judge(l *look) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range l.vms {
		v := &l.vms[i].VM
		k := lane{v.Cloud, v.Flavor, v.Zone}
		switch {
		case v.Stage == vm.Failed && !a.complained[v.Intent]:
			a.complained[v.Intent] = true
			a.events = append(a.events, eventOf(l.now, EventFailed, v, "%s", v.Fault))
			a.judgeFault(l.now, v, k)
		case v.Stage != vm.Failed && !v.Launched.IsZero():
			a.accept(k, v.Created)
		}
	}
	for intent := range a.complained {
		if l.servers[intent] == nil {
			delete(a.complained, intent)
		}
	}
}

func (a *Agent) judgeFault(now time.Time, v *vm.VM, k lane) {
	if !v.Launched.IsZero() {
		return // it says more about the machine than about the cloud
	}
	kind := openstack.FaultKind(v.Fault)
	a.windows[k] = 1
	if b, isNew := a.refuse(k, &openstack.Error{Kind: kind, Message: v.Fault}, now); isNew {
		a.events = append(a.events, backoffEvent(now, v.Pool, k, b))
	}
}
