package minimesos

import (
	"sync"
	"time"
)

// loop is the one goroutine that owns the state of the master and of every
// agent. All that happens (requests, timers, ends of processes) comes to it
// as a function. When the functions that are waiting have run, settle runs
// once: the place for work that many events need only once.
type loop struct {
	mu      sync.Mutex
	waiting []func()
	wake    chan struct{}
	closed  bool
	done    chan struct{}

	// The rest belongs to the loop's goroutine.
	next   []func() // started by the loop itself, run before settle
	settle func()
}

func newLoop(settle func()) *loop {
	l := &loop{wake: make(chan struct{}, 1), done: make(chan struct{}), settle: settle}
	go l.run()
	return l
}

// post hands fn to the loop and does not wait. After close it does nothing.
func (l *loop) post(fn func()) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.waiting = append(l.waiting, fn)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// do runs fn in the loop and waits until it and the settling after it are
// done. It reports false, and fn has not run, when the loop is closed.
// It must not be called from within the loop.
func (l *loop) do(fn func()) bool {
	ran := make(chan struct{})
	l.post(func() {
		fn()
		close(ran)
	})
	select {
	case <-ran:
		return true
	case <-l.done:
		select {
		case <-ran:
			return true
		default:
			return false
		}
	}
}

// soon runs fn after the function that the loop is in. Only for the loop.
func (l *loop) soon(fn func()) { l.next = append(l.next, fn) }

// after posts fn in d from now, unless the timer is stopped before.
func (l *loop) after(d time.Duration, fn func()) *time.Timer {
	return time.AfterFunc(d, func() { l.post(fn) })
}

// close ends the loop; what is waiting is dropped.
func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	l.waiting = nil
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	<-l.done
}

func (l *loop) run() {
	defer close(l.done)
	var batch []func()
	for {
		l.mu.Lock()
		closed := l.closed
		batch, l.waiting = l.waiting, batch[:0]
		l.mu.Unlock()
		if closed {
			return
		}
		if len(batch) == 0 {
			<-l.wake
			continue
		}
		for i, fn := range batch {
			batch[i] = nil
			fn()
			l.runSoon()
		}
		l.settle()
		l.runSoon()
	}
}

func (l *loop) runSoon() {
	for i := 0; i < len(l.next); i++ {
		l.next[i]()
		l.next[i] = nil
	}
	l.next = l.next[:0]
}
