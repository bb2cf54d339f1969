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

// notJoined is the kind of a back-off after a machine whose agent has not registered in time, however far the machine had come.
const notJoined openstack.Kind = "not joined"

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

// accept forgets the back-off of a lane in which a server that was made after the last failure runs. That one runs says nothing
// where agents do not register: one has to.
func (a *Agent) accept(l lane, created, joined time.Time) {
	for _, l := range []lane{l, {cloud: l.cloud}} {
		b := a.backoffs[l]
		if b == nil {
			continue
		}
		since := created
		if b.kind == notJoined {
			since = joined
		}
		if since.After(b.failed) {
			delete(a.backoffs, l)
		}
	}
}

// trying says whether a machine is in the making that is to show whether agents of a lane register again. Until it has, no
// other one is made there. a.mu is held.
func (a *Agent) trying(l lane, making map[lane]bool) bool {
	b := a.backoffs[l]
	return b != nil && b.kind == notJoined && making[l]
}

// tryFor is for how long the planner is told at a time that one machine is tried.
const tryFor = time.Minute

// backoffsOf are those that the planner has to know of a cloud, with lanes in which machines are in the making.
func (a *Agent) backoffsOf(cloud string, now time.Time, making map[lane]bool) []planner.Backoff {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []planner.Backoff
	for l, b := range a.backoffs {
		until, why := b.until, fmt.Sprintf("%s: %s", b.kind, b.why)
		if !until.After(now) && a.trying(l, making) {
			until, why = now.Add(tryFor), why+"; one machine is tried"
		}
		if l.cloud == cloud && until.After(now) {
			list = append(list, planner.Backoff{Flavor: l.flavor, Zone: l.zone, Until: until, Why: why})
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
