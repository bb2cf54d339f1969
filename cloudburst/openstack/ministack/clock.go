package ministack

import (
	"slices"
	"sync"
	"time"
)

// Clock is a time that passes only when Advance is called. Clouds that share
// one live through the same events in the same order.
type Clock struct {
	advancing sync.Mutex // one Advance at a time

	mu     sync.Mutex
	now    time.Time
	events []event // in the order in which they happen
}

type event struct {
	at time.Time
	fn func()
}

// NewClock returns a clock that shows start.
func NewClock(start time.Time) *Clock { return &Clock{now: start} }

// Now is the time that the clock shows.
func (k *Clock) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// Advance lets d pass. What becomes due happens one after the other, each at
// its own time, and has happened when Advance returns.
func (k *Clock) Advance(d time.Duration) {
	k.advancing.Lock()
	defer k.advancing.Unlock()
	until := k.Now().Add(d)
	for {
		fn := k.next(until)
		if fn == nil {
			return
		}
		fn()
	}
}

// next moves the clock to the first event that is due by until, and takes it
// off; without one, it moves the clock to until.
func (k *Clock) next(until time.Time) func() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.events) == 0 || k.events[0].at.After(until) {
		k.now = until
		return nil
	}
	first := k.events[0]
	k.events = slices.Delete(k.events, 0, 1)
	if first.at.After(k.now) {
		k.now = first.at
	}
	return first.fn
}

// after makes fn happen in d from now, after all that is due at the same time
// already.
func (k *Clock) after(d time.Duration, fn func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := k.now.Add(d)
	i := len(k.events)
	for i > 0 && k.events[i-1].at.After(at) {
		i--
	}
	k.events = slices.Insert(k.events, i, event{at, fn})
}
