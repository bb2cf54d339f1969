package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Driver is the part of the framework driver that the daemon needs.
type Driver interface {
	// Run subscribes, again and again, until ctx ends, and hands over events in order.
	Run(ctx context.Context, frameworkID string, events func([]mesos.Event)) error
	// Send delivers calls in order; it does not block.
	Send(calls []mesos.Call)
}

// Daemon runs a reactor on the real clock.
type Daemon struct {
	cfg    Config
	store  store.Store
	driver Driver
	log    *slog.Logger
	// Watch, if not nil, is told what each batch changed, once it is durable. It must not block.
	Watch func(*state.Changes)
	// DemandMoved, if not nil, is told when what Reactor.Demand tells has changed. It must not block.
	DemandMoved func()
	// OnTheWay is the Reactor's.
	OnTheWay func(run state.RunID, step string) string
	// History, if not nil, is what usual run times are learnt from at the start.
	History store.Reader
	// Observer, if not nil, is told what the reactor does.
	Observer Observer

	inputs chan []Input
	done   chan struct{}
}

// maxBatch bounds a batch, so that answers are not kept waiting by a flood of events.
const maxBatch = 5000

// ErrStopped: the scheduler is stopping and takes nothing more.
var ErrStopped = errors.New("the scheduler is stopping")

// NewDaemon returns a daemon that does nothing until Run.
func NewDaemon(cfg Config, st store.Store, driver Driver, log *slog.Logger) *Daemon {
	return &Daemon{
		cfg: cfg, store: st, driver: driver, log: log,
		inputs: make(chan []Input, 64),
		done:   make(chan struct{}),
	}
}

// Run schedules until ctx ends, then returns nil; or until the state cannot be kept or the driver gives up, then
// returns why. Tasks go on without the scheduler; it finds them again when it is started again.
func (d *Daemon) Run(ctx context.Context) error {
	defer close(d.done)
	reactor, err := NewReactor(ctx, time.Now(), d.cfg, d.store, d.driver.Send, d.log)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	reactor.Watch, reactor.DemandMoved, reactor.OnTheWay = d.Watch, d.DemandMoved, d.OnTheWay
	if d.Observer != nil {
		reactor.observer = d.Observer
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var remembering sync.WaitGroup
	defer remembering.Wait()
	remembering.Go(func() { d.remember(ctx) })
	driverEnded := make(chan error, 1)
	go func() {
		driverEnded <- d.driver.Run(ctx, reactor.FrameworkID(), func(events []mesos.Event) { d.give(ctx, events) })
	}()
	err = d.loop(ctx, reactor, driverEnded)
	cancel()
	return err
}

// give hands the master's events to the loop, and holds the driver back while the loop is behind. At the daemon's end
// there are none any more but that the subscription has ended, which is what was wanted.
func (d *Daemon) give(ctx context.Context, events []mesos.Event) {
	if ctx.Err() != nil {
		return
	}
	batch := make([]Input, len(events))
	for i, e := range events {
		batch[i] = Event{e}
	}
	select {
	case d.inputs <- batch:
	case <-ctx.Done():
	}
}

// preparer is a command that reads what it needs of the store before it comes to the loop.
type preparer interface {
	prepare(ctx context.Context, st store.Store)
}

// Do hands a command to the loop.
func (d *Daemon) Do(ctx context.Context, in Input) error {
	if p, ok := in.(preparer); ok {
		p.prepare(ctx, d.store)
	}
	select {
	case d.inputs <- []Input{in}:
		return nil
	case <-d.done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done is closed when the daemon has ended: commands that were not answered by then never will be.
func (d *Daemon) Done() <-chan struct{} { return d.done }

func (d *Daemon) loop(ctx context.Context, reactor *Reactor, driverEnded <-chan error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var batch []Input
		select {
		case batch = <-d.inputs:
			batch = d.drain(batch)
		case <-timer.C:
		case err := <-driverEnded:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("the Mesos driver has stopped: %w", err)
		case <-ctx.Done():
			return nil
		}
		// A batch that is begun is brought to its end, whatever ends the daemon.
		if err := reactor.Step(context.WithoutCancel(ctx), time.Now(), batch); err != nil {
			return err
		}
		if at, any := reactor.Next(); any {
			timer.Reset(max(time.Until(at), 0))
		} else {
			timer.Stop()
		}
	}
}

// drain adds what else waits to a batch.
func (d *Daemon) drain(batch []Input) []Input {
	for len(batch) < maxBatch {
		select {
		case more := <-d.inputs:
			batch = append(batch, more...)
		default:
			return batch
		}
	}
	return batch
}
