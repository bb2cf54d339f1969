package cloudburst

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// Metrics tells Prometheus how an agent fares. No label has values without bound: pools, clouds and flavors are what is
// configured.
type Metrics struct {
	vms        *prometheus.GaugeVec
	cost       *prometheus.GaugeVec
	quotaLimit *prometheus.GaugeVec
	quotaUsed  *prometheus.GaugeVec
	backoffs   *prometheus.GaugeVec
	reachable  *prometheus.GaugeVec

	stages      *prometheus.HistogramVec
	backlogBoot prometheus.Histogram
	operations  *prometheus.CounterVec
	calls       *prometheus.CounterVec
	callTime    *prometheus.HistogramVec
	drains      *prometheus.CounterVec
	usedHours   *prometheus.GaugeVec
	usedMoney   *prometheus.GaugeVec

	rounds        *prometheus.CounterVec
	roundDuration prometheus.Histogram
	lastRound     prometheus.Gauge
}

// roundOutcome is how a round ended.
type roundOutcome string

const (
	roundOK      roundOutcome = "ok"      // all that it needs has answered
	roundPartial roundOutcome = "partial" // a cloud has not: nothing is begun there
	roundBlind   roundOutcome = "blind"   // the scheduler or the master has not: no machine is asked for anywhere
	roundHeld    roundOutcome = "held"    // another agent works for the scheduler
)

// Buckets, in seconds.
var (
	stageBuckets = []float64{1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1800, 3600}
	workBuckets  = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}
)

// NewMetrics registers what is counted.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	f := promauto.With(registerer)
	m := &Metrics{}
	m.registerVMs(f)
	m.registerClouds(f)
	m.registerWork(f)
	return m
}

func (m *Metrics) registerVMs(f promauto.Factory) {
	m.vms = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_vms", Help: "Cloud machines by pool, cloud and stage: requested, building, active, joined, serving, draining, leaving, stopped, deleted or error.",
	}, []string{"pool", "cloud", "stage"})
	m.cost = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_price_per_hour",
		Help: "What an hour of the machines that exist costs by the configured prices, stopped and shelved ones not counted.",
	}, []string{"pool", "cloud"})
	m.usedHours = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_day_vcpu_hours", Help: "Hours of vcpus that the day (UTC) has used so far, as the cloud has recorded.",
	}, []string{"pool", "cloud"})
	m.usedMoney = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_day_cost", Help: "What the day (UTC) has cost so far by the configured prices, in their currency.",
	}, []string{"pool", "cloud"})
	m.stages = f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_cloud_stage_seconds", Buckets: stageBuckets,
		Help: "How long machines took: boot (from the request until the cloud said that they run), join (from then until the agent had registered, cloud-init included), first_task (from then until something ran), start (of a kept machine, until its agent had registered).",
	}, []string{"stage", "cloud", "flavor"})
	m.drains = f.NewCounterVec(prometheus.CounterOpts{
		Name: "spillway_cloud_drains_total",
		Help: "Drains that ended, by outcome: soft (no task was ended), killed (a limit to the wait was over) or resumed (the machine was wanted again).",
	}, []string{"outcome"})
	for _, outcome := range []string{drainSoft, drainKilled, drainResumed} {
		m.drains.WithLabelValues(outcome)
	}
}

func (m *Metrics) registerClouds(f promauto.Factory) {
	m.quotaLimit = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_quota_limit", Help: "How much the project may have; missing where there is no limit or none is known.",
	}, []string{"cloud", "resource"})
	m.quotaUsed = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_quota_used", Help: "How much of it the project has, by whomever it was made.",
	}, []string{"cloud", "resource"})
	m.backoffs = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_backoff_seconds",
		Help: "For how long a flavor in a zone is not asked for any more, by what the cloud said, or \"not joined\" if agents do not register there in time; an empty flavor means all.",
	}, []string{"cloud", "flavor", "zone", "kind"})
	m.reachable = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_cloud_up", Help: "1 if the cloud has answered lately, else 0; then no machines are made there.",
	}, []string{"cloud"})
}

func (m *Metrics) registerWork(f promauto.Factory) {
	m.backlogBoot = f.NewHistogram(prometheus.HistogramOpts{
		Name: "spillway_cloud_backlog_to_boot_seconds", Buckets: workBuckets,
		Help: "From the round that first saw tasks wait that may go to a cloud until the first machine was asked for.",
	})
	m.operations = f.NewCounterVec(prometheus.CounterOpts{
		Name: "spillway_cloud_operations_total",
		Help: "Operations on machines, each of several calls, by kind and outcome: ok, what the cloud said (such as quota or no capacity), timeout or failed.",
	}, []string{"cloud", "operation", "outcome"})
	m.calls = f.NewCounterVec(prometheus.CounterOpts{
		Name: "spillway_cloud_calls_total",
		Help: "Calls to the scheduler, the master or a cloud, by kind and outcome: ok, what the cloud said (such as quota or no capacity), timeout or failed.",
	}, []string{"target", "call", "outcome"})
	m.callTime = f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_cloud_call_seconds", Buckets: workBuckets,
		Help: "How long calls took; those of a cloud with all that they need, such as ports of a server that is made.",
	}, []string{"target", "call"})
	m.rounds = f.NewCounterVec(prometheus.CounterOpts{
		Name: "spillway_cloud_rounds_total",
		Help: "Rounds by outcome: ok, partial (a cloud did not answer), blind (the scheduler or the master did not: no machine is asked for), or held (another agent works for the scheduler).",
	}, []string{"outcome"})
	for _, o := range []roundOutcome{roundOK, roundPartial, roundBlind, roundHeld} {
		m.rounds.WithLabelValues(string(o))
	}
	m.roundDuration = f.NewHistogram(prometheus.HistogramOpts{
		Name: "spillway_cloud_round_seconds", Buckets: workBuckets, Help: "How long rounds took, without what they began.",
	})
	m.lastRound = f.NewGauge(prometheus.GaugeOpts{
		Name: "spillway_cloud_round_last_success_timestamp_seconds",
		Help: "When all that a round needs last answered, in Unix time; 0 if it never did.",
	})
}

// Outcomes of drains.
const (
	drainSoft    = "soft"
	drainKilled  = "killed"
	drainResumed = "resumed"
)

func (m *Metrics) round(o roundOutcome, took time.Duration, now time.Time) {
	m.rounds.WithLabelValues(string(o)).Inc()
	m.roundDuration.Observe(took.Seconds())
	if o == roundOK {
		m.lastRound.Set(float64(now.Unix()))
	}
}

// booting measures how long it took until a machine was asked for.
func (m *Metrics) booting(backlog, now time.Time) {
	if !backlog.IsZero() {
		m.backlogBoot.Observe(now.Sub(backlog).Seconds())
	}
}

func (m *Metrics) operation(verb, cloud string, err error) {
	m.operations.WithLabelValues(cloud, verb, outcomeOf(err)).Inc()
}

func (m *Metrics) called(target, kind string, err error, took time.Duration) {
	m.calls.WithLabelValues(target, kind, outcomeOf(err)).Inc()
	m.callTime.WithLabelValues(target, kind).Observe(took.Seconds())
}

func (m *Metrics) drained(outcome string) { m.drains.WithLabelValues(outcome).Inc() }

func outcomeOf(err error) string {
	var e *openstack.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return string(e.Kind)
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "failed"
}

// joined measures how a machine came to serve.
func (m *Metrics) joined(v *vm.VM) {
	observe := func(stage string, from, to time.Time) {
		if !from.IsZero() && !to.Before(from) {
			m.stages.WithLabelValues(stage, v.Cloud, v.Flavor).Observe(to.Sub(from).Seconds())
		}
	}
	if !v.Started.IsZero() {
		observe("start", v.Started, v.Joined)
		return
	}
	observe("boot", v.Created, v.Launched)
	observe("join", v.Launched, v.Joined)
}

// served measures how long a machine had nothing to do at first.
func (m *Metrics) served(v *vm.VM) {
	if !v.Joined.IsZero() && !v.Served.Before(v.Joined) {
		m.stages.WithLabelValues("first_task", v.Cloud, v.Flavor).Observe(v.Served.Sub(v.Joined).Seconds())
	}
}

// looked shows what a round has seen.
func (m *Metrics) looked(a *Agent, l *look) {
	m.showVMs(a, l)
	m.reachable.Reset()
	m.quotaLimit.Reset()
	m.quotaUsed.Reset()
	for name, c := range l.clouds {
		up := 0.0
		if c.fresh {
			up = 1
		}
		m.reachable.WithLabelValues(name).Set(up)
		m.showQuota(name, &c.value.limits)
	}
	m.showBackoffs(a, l.now)
	m.usedHours.Reset()
	m.usedMoney.Reset()
	for _, s := range a.spent(l) {
		m.usedHours.WithLabelValues(s.Pool, s.Cloud).Set(s.VCPUHours)
		m.usedMoney.WithLabelValues(s.Pool, s.Cloud).Set(s.Money)
	}
}

// showVMs shows a series for every stage of every pool that has flavors on a cloud, so that a stage that nobody is in is 0.
func (m *Metrics) showVMs(a *Agent, l *look) {
	m.vms.Reset()
	m.cost.Reset()
	for i := range a.cfg.Pools {
		p := &a.cfg.Pools[i]
		for _, f := range p.Flavors {
			for _, stage := range vm.Stages {
				m.vms.WithLabelValues(p.Name, f.Cloud, string(stage))
			}
			m.cost.WithLabelValues(p.Name, f.Cloud)
		}
	}
	for i := range l.vms {
		v := &l.vms[i]
		if a.cfg.pool(v.Pool) == nil {
			continue
		}
		m.vms.WithLabelValues(v.Pool, v.Cloud, string(v.Stage)).Inc()
		if f := a.cfg.flavor(v.Pool, v.Cloud, v.Flavor); f != nil && v.Stage != vm.Stopped {
			m.cost.WithLabelValues(v.Pool, v.Cloud).Add(f.Price)
		}
	}
}

func (m *Metrics) showQuota(cloud string, l *openstack.Limits) {
	show := func(resource string, limit, used int) {
		if limit >= 0 {
			m.quotaLimit.WithLabelValues(cloud, resource).Set(float64(limit))
		}
		m.quotaUsed.WithLabelValues(cloud, resource).Set(float64(max(0, used)))
	}
	show("instances", l.Instances, l.InstancesUsed)
	show("vcpus", l.Cores, l.CoresUsed)
	show("memory_mib", l.MemMiB, l.MemMiBUsed)
	show("ports", l.Ports, l.PortsUsed)
	show("volumes", l.Volumes, l.VolumesUsed)
}

func (m *Metrics) showBackoffs(a *Agent, now time.Time) {
	m.backoffs.Reset()
	a.mu.Lock()
	defer a.mu.Unlock()
	for l, b := range a.backoffs {
		if left := b.until.Sub(now); left > 0 {
			m.backoffs.WithLabelValues(l.cloud, l.flavor, l.zone, string(b.kind)).Set(left.Seconds())
		}
	}
}
