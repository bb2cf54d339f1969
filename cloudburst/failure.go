package cloudburst

import (
	"errors"
	"fmt"
	"log/slog"
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
	e := Event{At: now, Kind: EventFailed, VM: f.intent, Pool: f.pool, Cloud: f.cloud, Message: fmt.Sprintf("%s: %v", f.verb, err)}
	if a.failing.begins(f.subject(), e.Message) {
		a.note(slog.LevelWarn, e)
	} else {
		a.keep(e)
	}
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
		a.note(slog.LevelWarn, backoffEvent(now, f.pool, l, b))
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
		k := a.laneOf(v)
		switch {
		case v.Stage == vm.Failed && !a.complained[v.Intent]:
			a.complained[v.Intent] = true
			a.note(slog.LevelWarn, eventOf(l.now, EventFailed, v, "%s", v.Fault))
			a.judgeFault(l, v, k)
		case v.Stage != vm.Failed && !v.Launched.IsZero():
			a.accept(k, v.Created, v.Joined)
		}
	}
	for intent := range a.complained {
		if l.servers[intent] == nil {
			delete(a.complained, intent)
		}
	}
}

// judgeFault puts the lane of a machine that has failed on back-off, unless that says more about the machine than about others.
// Where agents do not register, such as with an image that is not right, the next machine would do no better.
func (a *Agent) judgeFault(l *look, v *vm.VM, k lane) {
	kind, now := notJoined, l.now
	switch s := l.servers[v.Intent]; {
	case v.Launched.IsZero() && s.Status == "ERROR":
		kind = openstack.FaultKind(v.Fault)
	case !v.Joined.IsZero() || !v.Draining.IsZero() || s.Task == "deleting":
		return
	}
	a.windows[k] = 1
	if b, isNew := a.refuse(k, &openstack.Error{Kind: kind, Message: v.Fault}, now); isNew {
		a.note(slog.LevelWarn, backoffEvent(now, v.Pool, k, b))
	}
}
