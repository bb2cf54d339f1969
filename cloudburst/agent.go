package cloudburst

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// Agent is the loop. Run and Round are called by one goroutine at a time.
type Agent struct {
	cfg     Config
	metrics *Metrics
	// decide is planner.Make, but for tests of what is done with a plan.
	decide func(*planner.Situation) planner.Plan

	demand source[*Demand]
	agents source[[]master.Agent]
	clouds map[string]*cloud

	// missed is since when agents that had registered have not been known to the master.
	missed map[string]time.Time
	learnt learnt
	// complained are the failed machines whose failure has been told and counted.
	complained map[string]bool
	// backlog is since when something waits that machines are to be made for; zero: nothing does.
	backlog time.Time
	// answered: a machine was asked for since.
	answered bool
	// troubles are those of the round before.
	troubles map[string]string

	// wake is for what an operation has come to, grown for a demand that has changed: machines may be wanted at once.
	wake, grown chan struct{}
	// pools are those to work with from the next round on; nil: no others.
	pools    atomic.Pointer[[]Pool]
	airborne sync.WaitGroup

	mu       sync.Mutex
	tick     int // how many operations have begun or ended
	flights  map[string]*flight
	retries  map[string]int
	failing  complaints // by flight.subject
	backoffs map[lane]*backoff
	windows  map[lane]int
	events   []Event
}

// cloud is a cloud and what it has said.
type cloud struct {
	cfg        *CloudConfig
	view       source[view]
	usage      source[usage]
	asked      time.Time   // for the first time
	usageAsked time.Time   // when usage was asked for last
	silent     bool        // it was said that it does not answer
	news       atomic.Bool // an answer would be news: the last one is too old to act on, or there is none
	swept      time.Time
}

// view is what a cloud says of itself.
type view struct {
	servers []openstack.Server
	limits  openstack.Limits
}

// New makes an agent. It does nothing yet.
func New(cfg Config) *Agent {
	cfg.Clouds = slices.Clone(cfg.Clouds)
	cfg.complete()
	a := &Agent{
		cfg: cfg, metrics: cfg.Metrics, decide: planner.Make,
		clouds: map[string]*cloud{}, missed: map[string]time.Time{}, complained: map[string]bool{},
		learnt: learnt{}, wake: make(chan struct{}, 1), grown: make(chan struct{}, 1),
		flights: map[string]*flight{}, retries: map[string]int{}, failing: complaints{}, backoffs: map[lane]*backoff{}, windows: map[lane]int{},
	}
	a.demand = source[*Demand]{timeout: cfg.CallTimeout, ask: func(ctx context.Context) (*Demand, error) {
		return cfg.Scheduler.Demand(ctx, "", 0)
	}}
	a.agents = source[[]master.Agent]{timeout: cfg.CallTimeout, ask: cfg.Master.Agents}
	for i := range a.cfg.Clouds {
		a.addCloud(&a.cfg.Clouds[i])
	}
	return a
}

func (a *Agent) addCloud(c *CloudConfig) {
	a.clouds[c.Name] = &cloud{
		cfg: c,
		view: source[view]{timeout: c.CallTimeout, ask: func(ctx context.Context) (view, error) {
			return lookAt(ctx, c.API, a.cfg.Cluster)
		}},
		usage: source[usage]{timeout: c.CallTimeout, ask: a.askUsage(c)},
	}
}

// lookAt asks a cloud for servers and limits at the same time.
func lookAt(ctx context.Context, api Cloud, cluster string) (v view, err error) {
	var limitsErr error
	var both sync.WaitGroup
	both.Go(func() { v.limits, limitsErr = api.Limits(ctx) })
	v.servers, err = api.Servers(ctx, cluster)
	both.Wait()
	if err = errors.Join(err, limitsErr); err != nil {
		return view{}, err
	}
	return v, nil
}

// Use has the agent work with other pools from the next round on, such as when it is found out at last what flavors a cloud has.
// It may be called from any goroutine.
func (a *Agent) Use(pools []Pool) {
	a.pools.Store(&pools)
	a.wakeUp()
}

// Run makes rounds until ctx ends: when the demand changes, when an operation is over, and at least every Interval. What is
// under way when ctx ends is abandoned; whoever comes next finds what has come of it.
func (a *Agent) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	watching.Go(func() { a.watchDemand(ctx) })
	defer watching.Wait()
	ticker := time.NewTicker(a.cfg.Interval)
	defer ticker.Stop()
	patience := a.cfg.Patience
	for {
		if err := a.round(ctx, a.cfg.Now(), patience); ctx.Err() == nil {
			a.complain(err)
		}
		patience = a.cfg.Patience
		select {
		case <-ctx.Done():
			a.Settle()
			return ctx.Err()
		case <-a.grown:
			patience = min(patience, hurry)
		case <-a.wake:
		case <-ticker.C:
		}
	}
}

// hurry is how long a round waits for clouds that is made because tasks wait. What they said a moment ago will do: what was
// done since is known here.
const hurry = 100 * time.Millisecond

// watchDemand wakes the loop when the demand changes.
func (a *Agent) watchDemand(ctx context.Context) {
	const wait = 30 * time.Second
	seen := ""
	for ctx.Err() == nil {
		d, err := a.poll(ctx, seen, wait)
		if err != nil {
			pause(ctx, time.Second)
			continue
		}
		if seen != d.Version {
			seen = d.Version
			signal(a.grown)
		}
	}
}

func (a *Agent) poll(ctx context.Context, seen string, wait time.Duration) (*Demand, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+a.cfg.CallTimeout)
	defer cancel()
	return a.cfg.Scheduler.Demand(ctx, seen, wait)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// wakeUp asks for a round soon.
func (a *Agent) wakeUp() { signal(a.wake) }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Round looks, plans, tells and acts. What it begins goes on after it has returned, until ctx ends. The error says what kept it
// from doing all that a round does.
func (a *Agent) Round(ctx context.Context, now time.Time) error {
	return a.round(ctx, now, a.cfg.Patience)
}

func (a *Agent) round(ctx context.Context, now time.Time, patience time.Duration) error {
	began := time.Now()
	if pools := a.pools.Swap(nil); pools != nil {
		a.cfg.usePools(*pools)
	}
	l := a.look(ctx, now, patience)
	p := a.plan(l)
	err := a.tell(ctx, l, p)
	if errors.Is(err, ErrHeld) {
		a.metrics.round(roundHeld, time.Since(began), now)
		return err
	}
	if err != nil {
		l.trouble = append(l.trouble, fmt.Errorf("reporting to the scheduler: %w", err))
		l.demand = nil
	}
	if !a.cfg.DryRun {
		a.act(ctx, l, p)
	}
	err = errors.Join(l.trouble...)
	a.metrics.round(outcomeOfRound(l), time.Since(began), now)
	return err
}

func outcomeOfRound(l *look) roundOutcome {
	switch {
	case l.blind():
		return roundBlind
	case len(l.trouble) > 0:
		return roundPartial
	}
	return roundOK
}

// event notes something that is to be told with the next report.
func (a *Agent) event(e Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.note(slog.LevelInfo, e)
}

// eventOf is an event about a machine.
func eventOf(now time.Time, kind EventKind, v *vm.VM, format string, args ...any) Event {
	return Event{At: now, Kind: kind, VM: v.Intent, Pool: v.Pool, Cloud: v.Cloud, Message: fmt.Sprintf(format, args...)}
}
