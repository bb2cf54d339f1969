package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// daemon does what scheduler.Daemon does: it collects inputs, and hands them to the reactor as batches. It can end at
// any moment, and is then started again on what the store holds.
type daemon struct {
	w       *world
	store   *durable
	reactor *scheduler.Reactor // nil while the process is down
	inbox   []scheduler.Input
	// wake is when the reactor is stepped next, if waking.
	wake   time.Duration
	waking bool
	// fate is what ends the next step that commits something; none if it is nil.
	fate *fate
	// starts counts the processes.
	starts int
}

// fate is an end of the daemon in the midst of a step.
type fate struct {
	// beforeCommit: the process ends before the commit, of which nothing is kept.
	beforeCommit bool
	// refused: the store refuses the commit; kept: though it has kept it.
	refused, kept bool
	// calls is how many calls are still delivered before the process ends, if it does not end earlier; -1: all of
	// them, but no caller is answered.
	calls int
	down  time.Duration
}

// crash is the panic that ends the daemon's process.
type crash struct{}

// errStore is what the store says when it fails.
var errStore = errors.New("disk full")

func newDaemon(w *world) *daemon {
	var inner store.Store = store.NewMemory()
	if w.sc.Unchecked {
		inner = oblivion{}
	}
	d := &daemon{w: w}
	d.store = &durable{Store: inner, w: w}
	return d
}

// start begins a process.
func (d *daemon) start() {
	r, err := scheduler.NewReactor(context.Background(), d.w.time(), d.w.sc.Config, d.store, d.send, d.w.log)
	if err != nil {
		d.w.fail("the scheduler does not start: %v", err)
	}
	d.starts++
	d.w.tracef("the scheduler starts")
	d.reactor = r
	d.w.driver.start(r.FrameworkID())
	d.arm()
}

// end ends the process, wherever it is, and starts another after a while.
func (d *daemon) end(down time.Duration) {
	d.w.tracef("the scheduler ends; it comes back in %s", down)
	d.reactor, d.inbox, d.waking, d.fate = nil, nil, false, nil
	d.w.driver.stop()
	if d.w.audit != nil {
		d.w.audit.restarted()
	}
	d.w.people.hungUp()
	d.w.after(down, d.start)
}

// input gives the reactor something to do. What comes while the process is down is lost.
func (d *daemon) input(in scheduler.Input) {
	if d.reactor != nil {
		d.inbox = append(d.inbox, in)
		d.wakeAt(d.w.now + d.w.draw(d.w.sc.Timing.Batch))
	}
}

// wakeAt makes the reactor be stepped no later than at a time.
func (d *daemon) wakeAt(at time.Duration) {
	if at = max(at, d.w.now); d.waking && d.wake <= at {
		return
	}
	d.wake, d.waking = at, true
	d.w.at(at, func() {
		if d.waking && d.wake == at && d.reactor != nil {
			d.waking = false
			d.step()
		}
	})
}

// arm makes the reactor be stepped when it wants to be.
func (d *daemon) arm() {
	if at, any := d.reactor.Next(); any {
		d.wakeAt(at.Sub(epoch))
	}
}

// step is one step of the reactor, with all inputs that wait, in whose midst the process may end.
func (d *daemon) step() {
	batch := d.inbox
	d.inbox = nil
	w := d.w
	w.report.Steps++
	if slices.ContainsFunc(batch, isOffers) {
		w.report.Rounds++
	}
	w.traceBatch(batch)
	if w.audit != nil {
		w.audit.given(batch)
	}
	if d.fate == nil {
		d.fate = w.sc.noise.fate(w)
	}
	err, crashed := d.guarded(batch)
	switch f := d.fate; {
	case crashed:
		w.fault("crash of the scheduler", "the process has ended in the midst of a step")
		d.end(f.down)
		return
	case err != nil && f != nil && f.refused:
		w.fault("commit refused", "the store has refused a commit, so the scheduler stops: %v", err)
		d.end(f.down)
		return
	case err != nil:
		w.fail("the scheduler stops: %v", err)
	}
	if w.audit != nil {
		w.audit.stepped()
	}
	d.arm()
}

func isOffers(in scheduler.Input) bool {
	e, _ := in.(scheduler.Event)
	_, offers := e.Event.(mesos.Offers)
	return offers
}

// guarded steps the reactor and notices if its process has ended.
func (d *daemon) guarded(batch []scheduler.Input) (err error, crashed bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, crashed = r.(crash); !crashed {
				panic(r)
			}
		}
	}()
	return d.reactor.Step(context.Background(), d.w.time(), batch), false
}

// send takes the calls of a step, which is durable now.
func (d *daemon) send(calls []mesos.Call) {
	d.w.traceCalls(calls)
	if d.w.audit != nil {
		d.w.audit.calls(calls)
	}
	f := d.fate
	if f == nil || f.refused {
		d.w.driver.send(calls)
		return
	}
	n := f.calls
	if n < 0 || n > len(calls) {
		n = len(calls)
	}
	d.w.driver.send(calls[:n])
	panic(crash{})
}

// durable is the store with its faults. It tells the audit what was kept.
type durable struct {
	store.Store
	w *world
}

// Commit keeps the changes, unless the daemon's fate is otherwise.
func (s *durable) Commit(ctx context.Context, c *state.Changes) error {
	d := s.w.daemon
	f := d.fate
	if c.Empty() {
		return s.Store.Commit(ctx, c)
	}
	switch {
	case f == nil:
	case f.beforeCommit:
		s.w.tracef("  the process ends before the commit")
		panic(crash{})
	case f.refused && !f.kept:
		return errStore
	}
	s.w.traceChanges(c)
	if err := s.Store.Commit(ctx, c); err != nil {
		return err
	}
	s.w.meter.committed(c)
	if s.w.audit != nil {
		s.w.audit.committed(c)
	}
	if f != nil && f.refused {
		return errStore
	}
	return nil
}

// oblivion is a store that keeps nothing: for scenarios without crashes.
type oblivion struct{}

func (oblivion) Load(context.Context) (state.Snapshot, error) {
	return state.Snapshot{NextSequence: 1}, nil
}

func (oblivion) Commit(context.Context, *state.Changes) error { return nil }

func (oblivion) Run(context.Context, state.RunID) (state.RunRecord, []state.AttemptRecord, error) {
	return state.RunRecord{}, nil, store.ErrNotFound
}

func (oblivion) RunByKey(context.Context, string, string) (state.RunRecord, error) {
	return state.RunRecord{}, store.ErrNotFound
}

func (oblivion) Record(context.Context, state.RunID) (state.RunRecord, error) {
	return state.RunRecord{}, store.ErrNotFound
}

func (oblivion) EndedBefore(context.Context, time.Time, int) ([]state.RunID, error) { return nil, nil }

func (oblivion) Close() error { return nil }
