package state

import (
	"container/heap"
	"time"
)

// timer says when something of a task, a step or a run is due. Each of them has one, whose time follows from the records
// (State.due), so that timers need not be stored and none outlives what it is for.
type timer struct {
	at    time.Time
	order uint64 // equal times fire in the order in which they were set
	place int    // 1 + index in the heap; 0: not set
	task  *task
	step  *Step
	run   *Run
}

type timers struct {
	heap  timerHeap
	order uint64
}

// set makes t due at a time; the zero time takes it back.
func (ts *timers) set(t *timer, at time.Time) {
	if at.IsZero() {
		if t.place > 0 {
			heap.Remove(&ts.heap, t.place-1)
		}
		return
	}
	if t.place > 0 && t.at.Equal(at) {
		return
	}
	ts.order++
	t.at, t.order = at, ts.order
	if t.place > 0 {
		heap.Fix(&ts.heap, t.place-1)
		return
	}
	heap.Push(&ts.heap, t)
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, k int) bool {
	if !h[i].at.Equal(h[k].at) {
		return h[i].at.Before(h[k].at)
	}
	return h[i].order < h[k].order
}
func (h timerHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].place, h[k].place = i+1, k+1
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	*h = append(*h, t)
	t.place = len(*h)
}
func (h *timerHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	last.place = 0
	return last
}

// NextTimer returns when Expire has something to do next; false if it never has.
func (s *State) NextTimer() (time.Time, bool) {
	if len(s.timers.heap) == 0 {
		return time.Time{}, false
	}
	return s.timers.heap[0].at, true
}

// Expire does what is due at now: retries become launchable, steps may go to clouds, timeouts kill, unreachable attempts
// are replaced, kills are repeated, cancelled runs stop waiting.
func (s *State) Expire(now time.Time) {
	for len(s.timers.heap) > 0 && !s.timers.heap[0].at.After(now) {
		t := heap.Pop(&s.timers.heap).(*timer)
		switch {
		case t.task != nil:
			s.taskDue(now, t.task)
		case t.step != nil:
			s.arrivals++
		default:
			s.runDue(now, t.run)
		}
	}
}

// due returns when the task has something to do by itself; zero if never.
func (s *State) due(t *task) time.Time {
	cfg := &s.cfg
	a := t.live
	if a == nil {
		if t.ready {
			return time.Time{}
		}
		return t.readyAt
	}
	var at time.Time
	switch timeout := t.step.spec.Timeout; {
	case timeout == 0 || a.rec.Kill != "":
	case !a.rec.Started.IsZero():
		at = a.rec.Started.Add(timeout + cfg.TimeoutSlack)
	case !s.subscribed.IsZero():
		// Counted from the subscription: it may have started while nobody listened, and the news are on their way.
		at = later(a.rec.Launched, s.subscribed).Add(timeout + cfg.LaunchTimeout)
	}
	if s.away(a) {
		at = earlier(at, a.rec.Unreachable.Add(cfg.UnreachableWait))
	}
	if a.rec.Kill != "" {
		// Not earlier: Mesos' Docker executor begins the grace period anew with each KILL (docker/executor.cpp), so
		// that a task that does not heed the first signal would never see the last.
		at = earlier(at, a.askedAt.Add(cfg.KillGrace+cfg.KillRetry))
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func (s *State) rearm(t *task) { s.timers.set(&t.timer, s.due(t)) }

func (s *State) taskDue(now time.Time, t *task) {
	a := t.live
	switch {
	case a == nil:
		s.makeReady(t)
		return
	case s.away(a) && !a.rec.Unreachable.Add(s.cfg.UnreachableWait).After(now):
		s.replaceUnreachable(now, a)
		return
	case a.rec.Kill == "" && a.rec.Started.IsZero():
		s.kill(now, a, KillLaunch)
	case a.rec.Kill == "":
		s.kill(now, a, KillTimeout)
	default:
		s.askKill(now, a)
	}
	s.rearm(t)
}

// runDue ends the attempts of a cancelled run that did not end within CancelWait: the run's author is not made
// to wait for an agent that does not answer, and the attempt is killed if it is ever heard of again.
func (s *State) runDue(now time.Time, r *Run) {
	for _, st := range r.steps {
		for _, t := range st.sortedTasks() {
			if t.live != nil {
				s.endAttempt(now, t.live, Cancelled)
			}
		}
	}
}

// away reports whether the master of now says that the attempt's agent is unreachable: what an earlier subscription
// told may have changed meanwhile, and silence is no answer.
func (s *State) away(a *attempt) bool {
	return !a.rec.Unreachable.IsZero() && !s.subscribed.IsZero() && a.heard.After(s.subscribed)
}

// Listen says since when the master can be heard; the zero time: it cannot.
func (s *State) Listen(since time.Time) {
	s.subscribed = since
	s.eachLive(func(a *attempt) {
		if !a.rec.Unreachable.IsZero() || a.rec.Started.IsZero() {
			s.rearm(a.task)
		}
	})
}
