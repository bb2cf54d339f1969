package httpapi

import (
	"strconv"
	"strings"
	"sync"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// feedLength is how many events are kept for clients that are behind, or come back: 10 seconds of a scheduler at its
// limit, hours of a usual one. An event is two pointers; what it points at are records of some hundred bytes.
const feedLength = 1 << 16

// event is what a batch made of a run or of an attempt, or what was told of the cloud; the other ones are nil.
type event struct {
	run     *state.RunRecord
	attempt *state.AttemptRecord
	cloud   *CloudEvent
}

// of returns the run that the event is about; "" for one about the cloud.
func (e event) of() state.RunID {
	switch {
	case e.run != nil:
		return e.run.ID
	case e.attempt != nil:
		return e.attempt.ID.Run
	}
	return ""
}

// feed keeps the latest events. Whoever reads has a position and no queue: a reader that is slow costs nothing, and
// one that is too slow has missed something.
type feed struct {
	// epoch tells the sequence numbers of this process from those of others.
	epoch string
	mu    sync.Mutex
	ring  []event
	next  int64 // sequence of the next event, from 0
	// more is closed when there is a next event.
	more chan struct{}
}

func newFeed(epoch string, length int) *feed {
	return &feed{epoch: epoch, ring: make([]event, length), more: make(chan struct{})}
}

// note adds what a batch changed. It is called on the daemon's loop and waits for nobody but readers that copy.
func (f *feed) note(c *state.Changes) {
	if len(c.Runs)+len(c.Attempts) == 0 {
		return
	}
	// Attempts are kept where the batch has them, which nobody changes any more. Runs are copied without their texts.
	runs := make([]state.RunRecord, len(c.Runs))
	for i, r := range c.Runs {
		r.Spec, r.Params = "", nil
		runs[i] = r
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// A run is told of before its attempts when it begins, and after them when it ends.
	for i := range runs {
		if !runs[i].Phase.Final() {
			f.add(event{run: &runs[i]})
		}
	}
	for i := range c.Attempts {
		f.add(event{attempt: &c.Attempts[i]})
	}
	for i := range runs {
		if runs[i].Phase.Final() {
			f.add(event{run: &runs[i]})
		}
	}
	f.tell()
}

// noteCloud adds what was told of the cloud.
func (f *feed) noteCloud(events []CloudEvent) {
	if len(events) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range events {
		f.add(event{cloud: &events[i]})
	}
	f.tell()
}

// tell wakes those who wait for more.
func (f *feed) tell() {
	close(f.more)
	f.more = make(chan struct{})
}

func (f *feed) add(e event) {
	f.ring[f.next%int64(len(f.ring))] = e
	f.next++
}

// read copies events from a position on into buf. If some of them are no longer kept, ok is false. more is closed
// when there are events after those.
func (f *feed) read(from int64, buf []event) (n int, ok bool, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if from > f.next || from < f.next-int64(len(f.ring)) {
		return 0, false, nil
	}
	for n < len(buf) && from+int64(n) < f.next {
		buf[n] = f.ring[(from+int64(n))%int64(len(f.ring))]
		n++
	}
	return n, true, f.more
}

// end is the position after the latest event.
func (f *feed) end() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// id names a position for clients.
func (f *feed) id(position int64) string { return f.epoch + "-" + strconv.FormatInt(position, 10) }

// position reads what id made; false if it is of another process, or foreign.
func (f *feed) position(id string) (int64, bool) {
	epoch, sequence, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(sequence, 10, 64)
	return n, err == nil && n >= 0 && epoch == f.epoch
}
