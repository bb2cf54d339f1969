package cloudburst

import (
	"context"
	"sync"
	"time"
)

// A source is something that is asked again and again. Each question runs in a goroutine of its own with a deadline of its
// own, so that who waits for an answer can stop waiting and make do with the last one.
type source[T any] struct {
	ask     func(context.Context) (T, error)
	timeout time.Duration

	mu    sync.Mutex
	under chan struct{} // closed when the question that is under way is over; nil: none is
	last  answer[T]     // the last good one
	err   error         // how the last question failed; nil: it did not
}

// An answer is what a source has said.
type answer[T any] struct {
	value T
	// at is when it was asked, by the round's clock, and tick how many operations had begun or ended by then: what ended later
	// the answer may not show. known: there is one.
	at    time.Time
	tick  int
	known bool
}

// refresh asks unless a question is under way, and returns what is closed when there is an answer.
func (s *source[T]) refresh(ctx context.Context, now time.Time, tick int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under != nil {
		return s.under
	}
	s.under = make(chan struct{})
	go s.question(ctx, now, tick, s.under)
	return s.under
}

func (s *source[T]) question(ctx context.Context, now time.Time, tick int, over chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	value, err := s.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	if err == nil {
		s.last = answer[T]{value: value, at: now, tick: tick, known: true}
	}
	s.under = nil
	close(over)
}

// latest gives the last good answer, and how the question after it failed, if it did.
func (s *source[T]) latest() (answer[T], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.err
}
