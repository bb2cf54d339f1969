// Package scheduler is the daemon: one loop, the reactor, owns the state and ties the rooms together. It takes
// all inputs that wait as one batch, applies them, matches waiting tasks to offers, makes what changed durable
// in one commit, and only then acts: calls to the master, acknowledgements, answers to callers.
package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/queue"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Reactor is the scheduler without clock, network and goroutines: Step takes the time and a batch of inputs.
// The daemon calls it with real ones, the simulator with simulated ones. It belongs to one goroutine.
type Reactor struct {
	cfg   Config
	log   *slog.Logger
	store store.Store
	send  func([]mesos.Call)

	state  *state.State
	agents agentTable
	asking asking
	recon  reconciler
	absent absent
	// cordons keep agents free of new tasks, by agent id.
	cordons cordons
	// moved counts what has changed what Demand tells, beside agents and arrivals; toldVersion is of when DemandMoved was
	// last told.
	moved, toldVersion int64
	ends               expectedEnds

	// Watch, if not nil, is told what each batch changed, once it is durable. It must not block.
	Watch func(*state.Changes)
	// DemandMoved, if not nil, is told of each batch after which Demand is another. It must not block.
	DemandMoved func()
	// OnTheWay, if not nil, says what comes for tasks of a step that wait for room, such as ", and 2 cloud VMs are expected
	// in about 2m", to be put after why they wait; "" for nothing. It is called on any goroutine.
	OnTheWay func(run state.RunID, step string) string
	// observer is never nil.
	observer Observer

	// reservations are the agents that are kept free, by the role of whose offers they are made.
	reservations map[string][]queue.Reservation
	rounds       uint64
	lookedAround time.Time // when a round last looked at all agents
	retained     time.Time // when it is next looked for runs to forget

	// explainer is what explanations are made with; nil until one is asked for, and when it is out of date.
	explainer *explainer

	// calls and answers are what the batch wants done once it is durable.
	calls   []mesos.Call
	answers []func()
	// postponed are inputs that need what the batch before them has made durable, since postponedAt.
	postponed   []Input
	postponedAt time.Time
}

// Input is something that a batch consists of: an Event of the master's, or a command of a caller's.
type Input interface {
	apply(r *Reactor, now time.Time)
}

// NewReactor starts from what the store holds. send must not block.
func NewReactor(ctx context.Context, now time.Time, cfg Config, st store.Store, send func([]mesos.Call), log *slog.Logger) (*Reactor, error) {
	snap, err := st.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading the state: %w", err)
	}
	restored, err := state.Load(now, cfg.limited(), snap)
	if err != nil {
		return nil, fmt.Errorf("restoring the state: %w", err)
	}
	return &Reactor{
		cfg: cfg, log: log, store: st, send: send,
		state:  restored,
		agents: newAgentTable(),
		absent: newAbsent(snap.Attempts),
		asking: asking{suppressed: true},

		cordons:      cordons{},
		observer:     unobserved{},
		reservations: map[string][]queue.Reservation{},
	}, nil
}

// FrameworkID returns the id to subscribe with; empty for a framework that the master does not know yet.
func (r *Reactor) FrameworkID() string { return r.state.FrameworkID() }

// Run returns an unfinished run, or nil.
func (r *Reactor) Run(id state.RunID) *state.Run { return r.state.Run(id) }

// Step takes in one batch. An error means that nothing of the batch has had or may have an effect: the
// scheduler must stop, and starts again from the store.
func (r *Reactor) Step(ctx context.Context, now time.Time, inputs []Input) error {
	postponed := r.postponed
	r.postponed = nil
	for _, in := range postponed {
		in.apply(r, now)
	}
	for _, in := range inputs {
		in.apply(r, now)
	}
	r.state.Expire(now)
	r.liftCordons(now)
	r.match(now)
	r.askForOffers(now)
	r.reconcile(now)
	r.retain(now)
	changes := r.state.TakeChanges()
	r.review(now, inputs, changes)
	r.noteEmptied(now, changes.Attempts)
	if len(changes.Runs)+len(changes.Attempts) > 0 {
		r.moved++
	}
	if err := r.commit(ctx, now, changes); err != nil {
		return err
	}
	r.tellLosses(changes.Attempts)
	r.act()
	if r.Watch != nil && !changes.Empty() {
		r.Watch(changes)
	}
	if v := r.DemandVersion(); r.DemandMoved != nil && v != r.toldVersion {
		r.toldVersion = v
		r.DemandMoved()
	}
	return nil
}

func (r *Reactor) commit(ctx context.Context, now time.Time, changes *state.Changes) error {
	ended := func() {}
	if !changes.Empty() {
		ended = r.observer.Committing()
	}
	if err := r.store.Commit(ctx, changes); err != nil {
		return fmt.Errorf("keeping the state: %w", err)
	}
	ended()
	r.observer.Committed(now, changes)
	return nil
}

// act does what the batch, which is durable now, has decided. Kills go last: what they name may have been launched
// by this very batch.
func (r *Reactor) act() {
	kills := r.state.TakeKills()
	calls := make([]mesos.Call, 0, len(kills)+len(r.calls))
	calls = append(calls, r.calls...)
	for _, k := range kills {
		calls = append(calls, mesos.Kill{TaskID: k.ID.String(), AgentID: k.Agent, Grace: r.cfg.Limits.KillGrace})
	}
	answers := r.answers
	r.calls, r.answers = nil, nil
	if len(calls) > 0 {
		r.observer.Asked(calls)
		r.send(calls)
	}
	for _, answer := range answers {
		answer()
	}
}

// Next returns when Step has something to do though there is no input; false if it never has.
func (r *Reactor) Next() (time.Time, bool) {
	if len(r.postponed) > 0 {
		return r.postponedAt, true
	}
	at, any := r.state.NextTimer()
	for _, t := range []time.Time{r.asking.next(), r.recon.next, r.retained, r.cordons.next()} {
		if !t.IsZero() && (!any || t.Before(at)) {
			at, any = t, true
		}
	}
	return at, any
}

// call adds a call to what the batch wants done.
func (r *Reactor) call(c mesos.Call) { r.calls = append(r.calls, c) }

// postpone leaves an input to the next batch, which comes at once.
func (r *Reactor) postpone(now time.Time, in Input) {
	r.postponed, r.postponedAt = append(r.postponed, in), now
}

// answer adds a caller's answer to what the batch wants done.
func (r *Reactor) answer(f func()) { r.answers = append(r.answers, f) }
