package cloudburst

import (
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
)

// lane is a flavor in a zone of a cloud: what is refused together. An empty flavor means all of them.
type lane struct{ cloud, flavor, zone string }

// backoff keeps a lane from being asked for.
type backoff struct {
	kind   openstack.Kind
	pause  time.Duration // the last
	failed time.Time     // when it failed last
	until  time.Time
	why    string
}

// Pauses double from the first to the last.
const (
	firstRefused, lastRefused = time.Minute, 30 * time.Minute     // what is not there will not be in a second
	firstUnclear, lastUnclear = 10 * time.Second, 5 * time.Minute // the cloud has trouble of its own
)

// refuse puts a lane on back-off. It says whether that is new: a second refusal during the pause tells nothing more.
func (a *Agent) refuse(l lane, err *openstack.Error, now time.Time) (b *backoff, isNew bool) {
	first, last := firstRefused, lastRefused
	switch err.Kind {
	case openstack.RateLimit, openstack.Denied:
		l.flavor, l.zone = "", ""
	}
	switch err.Kind {
	case openstack.Unclear, openstack.RateLimit, openstack.Conflict, openstack.Broken:
		first, last = firstUnclear, lastUnclear
	}
	b = a.backoffs[l]
	if b == nil {
		b = &backoff{}
		a.backoffs[l] = b
	}
	b.failed = now
	if b.until.After(now) {
		return b, false
	}
	b.pause = min(max(first, 2*b.pause, err.After), max(last, err.After))
	b.kind, b.until, b.why = err.Kind, now.Add(b.pause), err.Message
	return b, true
}

// accept forgets the back-off of a lane in which a server that was made after the last failure runs.
func (a *Agent) accept(l lane, created time.Time) {
	for _, l := range []lane{l, {cloud: l.cloud}} {
		if b := a.backoffs[l]; b != nil && created.After(b.failed) {
			delete(a.backoffs, l)
		}
	}
}

// backoffsOf are those that the planner has to know of a cloud.
func (a *Agent) backoffsOf(cloud string, now time.Time) []planner.Backoff {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []planner.Backoff
	for l, b := range a.backoffs {
		if l.cloud == cloud && b.until.After(now) {
			list = append(list, planner.Backoff{Flavor: l.flavor, Zone: l.zone, Until: b.until, Why: fmt.Sprintf("%s: %s", b.kind, b.why)})
		}
	}
	return list
}

// typed is err as the cloud's adapter has it. What is not typed leaves open what has happened.
func typed(err error) *openstack.Error {
	var e *openstack.Error
	if errors.As(err, &e) {
		return e
	}
	return &openstack.Error{Kind: openstack.Unclear, Doing: "asking the cloud", Message: err.Error(), Err: err}
}
