package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// people are those who submit, cancel and retry. They hold the scheduler to its answers, and ask again when they got
// none and may.
type people struct {
	w        *world
	requests []*request
	// pending are those whose answer is awaited, open the runs that are durable and have not ended, known all runs
	// that are durable, in order.
	pending map[*request]bool
	open    map[state.RunID]bool
	known   []state.RunID
	runs    int
	// watched is a run that somebody waits for to meddle with, cancels whether by cancelling it.
	watched state.RunID
	cancels bool
}

// request is a submission on its way.
type request struct {
	Submission
	run      state.RunID
	answered bool
	// unsure: no answer came, and without a key nobody may ask again.
	unsure bool
}

func newPeople(w *world) *people {
	return &people{w: w, pending: map[*request]bool{}, open: map[state.RunID]bool{}}
}

func (p *people) start() {
	for _, s := range p.w.sc.Submissions {
		r := &request{Submission: s}
		p.requests = append(p.requests, r)
		p.w.at(s.At, func() { p.submit(r) })
	}
}

// satisfied reports whether everything that was asked for has come to its end.
func (p *people) satisfied() bool {
	if len(p.open) > 0 || len(p.pending) > 0 {
		return false
	}
	for _, r := range p.requests {
		if !r.answered && !r.unsure {
			return false
		}
	}
	return true
}

// submit asks for a run, as the front end does: the spec is parsed and bound, and the run gets an id.
func (p *people) submit(r *request) {
	parsed, err := spec.Parse("spec", []byte(r.Spec))
	if err != nil {
		p.w.fail("the scenario has a spec that is not valid: %v\n%s", err, r.Spec)
	}
	pipeline, err := parsed.Bind(r.Params)
	if err != nil {
		p.w.fail("the scenario has parameters that are not valid: %v", err)
	}
	if p.w.daemon.reactor == nil {
		p.w.after(p.w.draw(Span{time.Second, 5 * time.Second}), func() { p.submit(r) })
		return
	}
	p.runs++
	p.pending[r] = true
	p.w.daemon.input(&scheduler.Submit{
		ID: state.RunID(fmt.Sprintf("r%d", p.runs)), Spec: r.Spec, Params: r.Params, Pipeline: pipeline, Images: r.Images, Key: r.Key,
		Done: func(s scheduler.Submitted, err error) { p.answered(r, s, err) },
	})
}

func (p *people) answered(r *request, s scheduler.Submitted, err error) {
	delete(p.pending, r)
	if errors.Is(err, scheduler.ErrKeyReused) {
		p.w.tracef("answer: %v", err)
		r.answered = true
		return
	}
	if err != nil {
		p.w.fail("a submission is refused: %v", err)
	}
	p.w.tracef("answer: run %s, existing %v", s.Run.ID, s.Existing)
	r.answered, r.run = true, s.Run.ID
	if p.w.audit != nil {
		p.w.audit.promised(r, s)
	}
}

// hungUp is the end of the scheduler's process: what was asked of it is not answered.
func (p *people) hungUp() {
	for _, r := range p.requests {
		switch {
		case !p.pending[r]:
		case r.Key == "":
			r.unsure = true
		default:
			p.w.after(p.w.draw(Span{time.Second, 5 * time.Second}), func() { p.submit(r) })
		}
	}
	clear(p.pending)
}

// cancel asks for a run's end.
func (p *people) cancel(id state.RunID) {
	p.w.daemon.input(&scheduler.Cancel{ID: id, Done: func(rec state.RunRecord, err error) {
		p.w.tracef("answer: cancel %s: %v", id, outcome(err))
		if err == nil && p.w.audit != nil {
			p.w.audit.cancelPromised(rec)
		}
		if err != nil && !errors.Is(err, state.ErrFinal) && !p.gone(id, err) {
			p.w.fail("cancelling run %s: %v", id, err)
		}
	}})
}

// retry asks for a finished run to be made active again.
func (p *people) retry(id state.RunID) {
	p.w.daemon.input(&scheduler.Retry{ID: id, Done: func(rec state.RunRecord, err error) {
		p.w.tracef("answer: retry %s: %v", id, outcome(err))
		if err != nil && !errors.Is(err, state.ErrNotRetryable) && !p.gone(id, err) {
			p.w.fail("retrying run %s: %v", id, err)
		}
	}})
}

func outcome(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// committed notes which runs are open.
func (p *people) committed(c *state.Changes) {
	for i := range c.Runs {
		r := &c.Runs[i]
		was := p.open[r.ID]
		switch {
		case r.Phase.Final():
			delete(p.open, r.ID)
		default:
			p.open[r.ID] = true
		}
		if !was && r.Generation == 0 && r.Cancelled.IsZero() {
			p.known = append(p.known, r.ID)
		}
	}
}

// somebody chooses one of the runs, more often a late one.
func (p *people) somebody() (state.RunID, bool) {
	if len(p.known) == 0 {
		return "", false
	}
	n := len(p.known)
	if p.w.chance(0.7) {
		n = min(n, 4)
	}
	return p.known[len(p.known)-1-p.w.rng.IntN(n)], true
}

// whenEnding meddles with a run in the same batch that brings an end of one of its tasks.
func (p *people) whenEnding(id state.RunID, cancel bool) {
	p.watched, p.cancels = id, cancel
}

// overheard is called with every update on its way to the scheduler.
func (p *people) overheard(st *state.Status) {
	if p.watched == "" || !st.State.Terminal() {
		return
	}
	attempt, err := state.ParseAttemptID(st.TaskID)
	if err != nil || attempt.Run != p.watched {
		return
	}
	if p.cancels {
		p.cancel(p.watched)
	} else {
		p.retry(p.watched)
	}
	if p.w.chance(0.2) {
		p.watched = ""
	}
}
