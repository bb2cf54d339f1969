package tasklog

import (
	"maps"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

const (
	// maxQueue is how many attempts wait in memory to be collected, unless a test says otherwise; others are found in the
	// store when there is room.
	maxQueue = 50_000
	// perAgent is how many attempts are collected from one agent at a time.
	perAgent = 2
	// restMin and restMax bound the pause before an agent that did not answer is asked again; it doubles.
	restMin = time.Second
	restMax = time.Minute
)

// item is an attempt that has ended and whose log is to be collected.
type item struct {
	id       state.AttemptID
	agent    string // where its API is
	agentID  string // the agent's id
	hostname string
	started  bool // it has run, so that an empty log is one
	message  string
	ended    time.Time
}

func newItem(rec *state.AttemptRecord) item {
	return item{id: rec.ID, agent: rec.AgentURL, agentID: rec.Agent, hostname: rec.Hostname, started: !rec.Started.IsZero() || rec.ExitCode >= 0, message: rec.Message, ended: rec.Ended}
}

// source is an agent with the attempts that are to be collected from it.
type source struct {
	url     string
	items   []item
	busy    int       // items that are being collected
	listed  bool      // in queue.ready
	resting bool      // it did not answer and is left alone for a while
	silent  time.Time // since when it has not answered; zero if it has
	pause   time.Duration
}

// queue hands out attempts to be collected, few of each agent at a time, all agents in turn.
type queue struct {
	limit  int // of size
	mu     sync.Mutex
	work   sync.Cond // ready has one more
	change sync.Cond // size is smaller, or skipped larger
	agents map[string]*source
	ready  []*source // that have items and may be asked
	size   int       // items that wait, are being collected or being written
	waits  map[state.RunID]int
	owed   map[string]int // size, by the agent's id
	// skipped are runs of which attempts did not fit in; searching: one of them is being looked through.
	skipped   map[state.RunID]bool
	searching bool
	delayed   int // timers that will add to skipped
	// gone are runs that were deleted while attempts of theirs were in the queue.
	gone   map[state.RunID]bool
	closed bool
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit, agents: map[string]*source{}, waits: map[state.RunID]int{}, owed: map[string]int{}, skipped: map[state.RunID]bool{}, gone: map[state.RunID]bool{}}
	q.work.L, q.change.L = &q.mu, &q.mu
	return q
}

// put adds attempts; those that do not fit in are noted by their run.
func (q *queue) put(items []item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range items {
		if q.size >= q.limit {
			q.skipped[it.id.Run] = true
			continue
		}
		q.add(it)
	}
	if len(q.skipped) > 0 {
		q.change.Broadcast()
	}
}

func (q *queue) add(it item) {
	s := q.agents[it.agent]
	if s == nil {
		s = &source{url: it.agent}
		q.agents[it.agent] = s
	}
	s.items = append(s.items, it)
	q.size++
	q.waits[it.id.Run]++
	q.owed[it.agentID]++
	q.list(s)
}

// list notes that an agent may be asked, if it may.
func (q *queue) list(s *source) {
	if !s.listed && !s.resting && len(s.items) > 0 && s.busy < perAgent {
		s.listed = true
		q.ready = append(q.ready, s)
		q.work.Signal()
	}
}

// take waits for an attempt to collect; false when the queue was closed. Every item taken is given to answered or
// to postpone, and in the end to finish.
func (q *queue) take() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed {
		if len(q.ready) == 0 {
			q.work.Wait()
			continue
		}
		s := q.ready[0]
		q.ready = q.ready[1:]
		s.listed = false
		if s.resting || len(s.items) == 0 {
			continue // it has become so since it was listed
		}
		it := s.items[0]
		s.items = s.items[1:]
		s.busy++
		q.list(s)
		return it, true
	}
	return item{}, false
}

// silent is how many agents have not answered when they were last asked, and are asked again.
func (q *queue) silent() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, s := range q.agents {
		if !s.silent.IsZero() {
			n++
		}
	}
	return n
}

// answered says that the agent has answered about an item.
func (q *queue) answered(it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.agents[it.agent]
	s.silent, s.pause = time.Time{}, 0
	s.busy--
	q.list(s)
	q.drop(s)
}

// drop forgets an agent of which nothing is wanted.
func (q *queue) drop(s *source) {
	if s.busy == 0 && len(s.items) == 0 && !s.resting && q.agents[s.url] == s {
		delete(q.agents, s.url)
	}
}

// finish takes items out of account: what was collected of them is written.
func (q *queue) finish(items []item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range items {
		q.size--
		if q.owed[items[i].agentID]--; q.owed[items[i].agentID] == 0 {
			delete(q.owed, items[i].agentID)
		}
		run := items[i].id.Run
		if q.waits[run]--; q.waits[run] == 0 {
			delete(q.waits, run)
			delete(q.gone, run)
		}
	}
	q.change.Broadcast()
}

// postpone says that the agent has not answered about an item. It is left alone for a while; those of its items that
// ended before a time are not waited for any more, and are returned, with since when it has been silent.
func (q *queue) postpone(it item, now, before time.Time) (lost []item, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.agents[it.agent]
	if s.silent.IsZero() {
		s.silent = now
	}
	s.items = append(s.items, it)
	s.busy--
	kept := s.items[:0]
	for _, i := range s.items {
		if i.ended.Before(before) {
			lost = append(lost, i)
		} else {
			kept = append(kept, i)
		}
	}
	s.items = kept
	q.rest(s)
	return lost, s.silent
}

// rest leaves an agent alone for a while, longer each time.
func (q *queue) rest(s *source) {
	if s.resting {
		return
	}
	s.resting = true
	s.pause = min(max(2*s.pause, restMin), restMax)
	time.AfterFunc(s.pause, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		s.resting = false
		q.list(s)
		q.drop(s)
	})
}

// forget notes that a run was deleted: its attempts that are in the queue are not wanted any more.
func (q *queue) forget(run state.RunID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.skipped, run)
	if q.waits[run] > 0 {
		q.gone[run] = true
	}
}

// wanted reports whether the run of an item that is not finished is still there.
func (q *queue) wanted(it item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.gone[it.id.Run]
}

// later notes runs in which to look for attempts when some time has passed; until then the queue is not idle.
func (q *queue) later(runs []state.RunID, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.delayed++
	time.AfterFunc(wait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.delayed--
		for _, run := range runs {
			q.skipped[run] = true
		}
		q.change.Broadcast()
	})
}

// search waits until there is room for attempts that did not fit in, and returns a run to look for them in; false
// when the queue was closed.
func (q *queue) search() (state.RunID, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.searching = false
	for !q.closed {
		if q.size <= q.limit/2 {
			for run := range q.skipped {
				delete(q.skipped, run)
				q.searching = true
				return run, true
			}
		}
		q.change.Wait()
	}
	return "", false
}

// room waits until the queue is less than half full; false when it was closed.
func (q *queue) room() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size > q.limit/2 && !q.closed {
		q.change.Wait()
	}
	return !q.closed
}

// owes tells how many attempts are in the queue, by the agent's id, and whether nothing was left out of it.
func (q *queue) owes() (byAgent map[string]int, all bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.owed), len(q.skipped) == 0 && !q.searching && q.delayed == 0
}

// idle reports whether nothing is in the queue, and nothing was left out of it.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size == 0 && len(q.skipped) == 0 && q.delayed == 0
}

// close ends all waiting.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.work.Broadcast()
	q.change.Broadcast()
}
