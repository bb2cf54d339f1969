package mesos

import "sync"

// queue holds calls until they are sent. Putting never waits.
type queue struct {
	mu     sync.Mutex
	filled *sync.Cond
	calls  []Call
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.filled = sync.NewCond(&q.mu)
	return q
}

// put appends a call; false if the queue is closed.
func (q *queue) put(c Call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.calls = append(q.calls, c)
	q.filled.Signal()
	return true
}

// get waits for a call; false if the queue is closed.
func (q *queue) get() (Call, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.calls) == 0 && !q.closed {
		q.filled.Wait()
	}
	if q.closed {
		return nil, false
	}
	c := q.calls[0]
	q.calls[0] = nil
	if q.calls = q.calls[1:]; len(q.calls) == 0 {
		q.calls = nil
	}
	return c, true
}

// close wakes all who wait, and gives back what nobody will get.
func (q *queue) close() []Call {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.calls
	q.calls, q.closed = nil, true
	q.filled.Broadcast()
	return left
}
