package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Daemon is the part of the scheduler's daemon that a scrape needs.
type Daemon interface {
	// Do hands a command to the loop.
	Do(ctx context.Context, in scheduler.Input) error
	// Done is closed when no command is answered any more.
	Done() <-chan struct{}
}

// Collector asks the scheduler and its store, whenever somebody scrapes, for what is at that moment. What of it cannot be
// told in time is missing then.
type Collector struct {
	daemon Daemon
	store  store.Reader
	log    *slog.Logger
	// patience is how long each of them may take to answer; both together take less than Prometheus waits for a scrape,
	// 10 s unless told otherwise.
	patience time.Duration
	shown    shown // the projects

	up          *prometheus.Desc
	queueTasks  *prometheus.Desc
	queueOldest *prometheus.Desc
	pending     resourceDescs
	used        resourceDescs
	free        resourceDescs
	projectLive *prometheus.Desc
	tasks       *prometheus.Desc
	runs        *prometheus.Desc
	held        *prometheus.Desc
	reserved    *prometheus.Desc
	agents      *prometheus.Desc
	cordoned    *prometheus.Desc
	subscribed  *prometheus.Desc
	suppressed  *prometheus.Desc
	storeSize   *prometheus.Desc
}

// resourceDescs are the metrics of one quantity of resources.
type resourceDescs struct{ cpus, memory, gpus *prometheus.Desc }

// desc makes the description of a metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

func describeResources(prefix, help string, labels ...string) resourceDescs {
	return resourceDescs{
		cpus:   desc(prefix+"_cpus", fmt.Sprintf(help, "CPUs"), labels...),
		memory: desc(prefix+"_memory_bytes", fmt.Sprintf(help, "Memory"), labels...),
		gpus:   desc(prefix+"_gpus", fmt.Sprintf(help, "GPUs"), labels...),
	}
}

// NewCollector returns a collector that is to be registered.
func NewCollector(daemon Daemon, st store.Reader, log *slog.Logger) *Collector {
	const project = "project"
	return &Collector{
		daemon: daemon, store: st, log: log, patience: 4 * time.Second,
		up: desc("spillway_up", "1 if the scheduler's loop answered this scrape in time, else 0; then what it would have told is missing."),
		queueTasks: desc("spillway_queue_tasks",
			"Tasks whose turn has come and that wait, by project and by the reason that they wait for; tasks of steps that need other steps first are not counted.",
			project, "reason"),
		queueOldest: desc("spillway_queue_oldest_wait_seconds",
			"How long the longest-waiting step of the project has had no task launched though it may; 0 if none waits.", project),
		pending: describeResources("spillway_queue_pending",
			"%s that the project's waiting tasks need that could start if there were room.", project),
		used:        describeResources("spillway_used", "%s that the project's live tasks hold.", project),
		free:        describeResources("spillway_free", "%s that agents have free as far as their offers have told."),
		projectLive: desc("spillway_project_tasks", "Tasks of the project that live: launched and not ended.", project),
		tasks: desc("spillway_tasks",
			"Tasks of unfinished runs by state: pending (never launched), retrying (between two attempts), starting, running, or lost (on an unreachable agent).",
			"state"),
		runs:       desc("spillway_runs", "Runs in the store by phase: active, cancelling, succeeded, failed or cancelled.", "phase"),
		held:       desc("spillway_offers_held", "Offers that are neither accepted nor declined."),
		reserved:   desc("spillway_agents_kept_free", "Agents that are kept free for tasks that have waited long."),
		agents:     desc("spillway_agents", "Agents that have made offers and are not forgotten, by place: local, or cloud (on cloud machines).", "place"),
		cordoned:   desc("spillway_agents_cordoned", "Agents on which nothing is launched for now because somebody, such as the cloudburst agent, wants it so."),
		subscribed: desc("spillway_mesos_subscribed", "1 if there is a subscription with a master, else 0."),
		suppressed: desc("spillway_mesos_suppressed", "1 if the master makes no offers because none are wanted or there is no subscription, else 0."),
		storeSize:  desc("spillway_store_size_bytes", "What the store takes on the disk."),
	}
}

// Describe lists the metrics.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.up, c.queueTasks, c.queueOldest, c.projectLive, c.tasks, c.runs, c.held, c.reserved, c.agents, c.cordoned, c.subscribed, c.suppressed, c.storeSize,
	} {
		to <- d
	}
	for _, r := range []resourceDescs{c.pending, c.used, c.free} {
		to <- r.cpus
		to <- r.memory
		to <- r.gpus
	}
}

// Collect asks.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	out := sink{to}
	g, err := c.glance()
	if err != nil {
		c.log.Warn("no metrics of the scheduler's state", "error", err)
	} else {
		c.collectState(out, g)
	}
	out.is(c.up, truth(err == nil))
	c.collectStore(out)
}

// glance is what is read on the scheduler's loop; the rest is worked out from it elsewhere.
type glance struct {
	at         time.Time
	outlook    *scheduler.Outlook
	tasks      state.Counts
	held       int
	reserved   int
	subscribed bool
	suppressed bool
}

func (c *Collector) glance() (glance, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	answers := make(chan glance, 1)
	err := c.daemon.Do(ctx, &scheduler.Read{Look: func(now time.Time, r *scheduler.Reactor) {
		answers <- glance{
			at: now, outlook: r.Outlook(now), tasks: r.State().CountTasks(),
			held: r.OffersHeld(), reserved: len(r.Reservations()), subscribed: r.Connected(), suppressed: r.Suppressed(),
		}
	}})
	if err != nil {
		return glance{}, fmt.Errorf("asking the scheduler: %w", err)
	}
	select {
	case g := <-answers:
		return g, nil
	case <-c.daemon.Done():
		return glance{}, scheduler.ErrStopped
	case <-ctx.Done():
		return glance{}, fmt.Errorf("waiting for the scheduler: %w", ctx.Err())
	}
}

func (c *Collector) collectState(out sink, g glance) {
	for name, n := range map[string]int{
		"pending": g.tasks.Pending, "retrying": g.tasks.Retrying, "starting": g.tasks.Starting, "running": g.tasks.Running, "lost": g.tasks.Lost,
	} {
		out.is(c.tasks, float64(n), name)
	}
	for _, p := range c.shown.next(g.outlook.Explain().Projects, maxProjects) {
		c.collectProject(out, g.at, &p)
	}
	agents := g.outlook.Agents()
	out.is(c.agents, float64(agents.Local), "local")
	out.is(c.agents, float64(agents.Cloud), "cloud")
	out.is(c.cordoned, float64(agents.Cordoned))
	out.resources(c.free, agents.Free)
	out.is(c.held, float64(g.held))
	out.is(c.reserved, float64(g.reserved))
	out.is(c.subscribed, truth(g.subscribed))
	out.is(c.suppressed, truth(g.suppressed))
}

func (c *Collector) collectProject(out sink, at time.Time, p *scheduler.ProjectQueue) {
	for _, reason := range scheduler.WaitReasons {
		out.is(c.queueTasks, float64(p.Reasons[reason]), p.Project, string(reason))
	}
	oldest := 0.0
	if !p.Oldest.IsZero() {
		oldest = at.Sub(p.Oldest).Seconds()
	}
	out.is(c.queueOldest, oldest, p.Project)
	out.is(c.projectLive, float64(p.Running), p.Project)
	out.resources(c.pending, p.Pending, p.Project)
	out.resources(c.used, p.Used, p.Project)
}

func (c *Collector) collectStore(out sink) {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	if size, err := c.store.Size(ctx); err != nil {
		c.log.Warn("no metric of the store's size", "error", err)
	} else {
		out.is(c.storeSize, float64(size))
	}
	counts, err := c.store.CountRuns(ctx)
	if err != nil {
		c.log.Warn("no metrics of the runs", "error", err)
		return
	}
	for _, phase := range []state.RunPhase{state.RunActive, state.RunCancelling, state.RunSucceeded, state.RunFailed, state.RunCancelled} {
		out.is(c.runs, float64(counts[phase]), string(phase))
	}
}

// sink is where metrics go to.
type sink struct{ to chan<- prometheus.Metric }

func (s sink) is(d *prometheus.Desc, value float64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (s sink) resources(d resourceDescs, r spec.Resources, labels ...string) {
	s.is(d.cpus, float64(r.CPUs)/1000, labels...)
	s.is(d.memory, float64(r.Mem)*(1<<20), labels...)
	s.is(d.gpus, float64(r.GPUs), labels...)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
