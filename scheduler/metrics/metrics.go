package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Metrics counts what happens in one scheduler. It is a scheduler.Observer, and Observe is for the driver's
// configuration.
type Metrics struct {
	taskLaunches prometheus.Counter
	taskStarts   prometheus.Counter
	taskEnds     *prometheus.CounterVec
	taskWait     prometheus.Histogram
	taskRun      *prometheus.HistogramVec

	runSubmissions prometheus.Counter
	runEnds        *prometheus.CounterVec

	offersReceived  prometheus.Counter
	offersAccepted  prometheus.Counter
	offersDeclined  prometheus.Counter
	offersRescinded prometheus.Counter

	subscriptions prometheus.Counter
	disconnects   prometheus.Counter
	heartbeat     prometheus.Gauge
	calls         *prometheus.CounterVec
	callDuration  *prometheus.HistogramVec
	records       *prometheus.CounterVec

	matchDuration  prometheus.Histogram
	lastMatch      prometheus.Gauge
	commitDuration prometheus.Histogram
	lastCommit     prometheus.Gauge
}

// Buckets, in seconds. What tasks take spans milliseconds to days; the scheduler's own work should take milliseconds.
var (
	taskBuckets = []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600}
	workBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}
)

// New registers what is counted, and what the process and the Go runtime tell of themselves.
func New(registerer prometheus.Registerer, version string) *Metrics {
	f := promauto.With(registerer)
	m := &Metrics{}
	m.registerTasks(f)
	m.registerMesos(f)
	m.registerWork(f)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spillway_build_info", Help: "Always 1; the labels tell the version of the scheduler and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
	registerer.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func counter(f promauto.Factory, name, help string) prometheus.Counter {
	return f.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func gauge(f promauto.Factory, name, help string) prometheus.Gauge {
	return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

// counters makes a counter with one label and shows it for each of the label's values from the start, so that the first
// event of a kind is seen as a rise from 0.
func counters[V ~string](f promauto.Factory, name, help, label string, values ...V) *prometheus.CounterVec {
	v := f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	for _, value := range values {
		v.WithLabelValues(string(value))
	}
	return v
}

func (m *Metrics) registerTasks(f promauto.Factory) {
	outcomes := []state.Outcome{state.Succeeded, state.AuthorFailed, state.InfraFailed, state.Cancelled}
	m.taskLaunches = counter(f, "spillway_task_launches_total", "Attempts that were launched.")
	m.taskStarts = counter(f, "spillway_task_starts_total", "Attempts that were seen running.")
	m.taskEnds = counters(f, "spillway_task_ends_total",
		"Attempts that ended, by outcome: succeeded, author_failed (by the task's own fault), infra_failed (by the cluster's) or cancelled.",
		"outcome", outcomes...)
	m.taskWait = f.NewHistogram(prometheus.HistogramOpts{
		Name: "spillway_task_wait_seconds", Buckets: taskBuckets,
		Help: "How long a task could have been launched before it was; pauses after failures and the step's max_parallel do not count.",
	})
	m.taskRun = f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_task_run_seconds", Buckets: taskBuckets,
		Help: "How long attempts ran that have ended, by outcome; those that never ran do not count.",
	}, []string{"outcome"})
	for _, o := range outcomes {
		m.taskRun.WithLabelValues(string(o))
	}
	m.runSubmissions = counter(f, "spillway_run_submissions_total", "Runs that were accepted.")
	m.runEnds = counters(f, "spillway_run_ends_total", "Runs that ended, by how: succeeded, failed or cancelled.",
		"phase", state.RunSucceeded, state.RunFailed, state.RunCancelled)
}

func (m *Metrics) registerMesos(f promauto.Factory) {
	m.offersReceived = counter(f, "spillway_offers_received_total", "Offers that the master made.")
	m.offersAccepted = counter(f, "spillway_offers_accepted_total", "Offers on which tasks were launched.")
	m.offersDeclined = counter(f, "spillway_offers_declined_total", "Offers that were given back.")
	m.offersRescinded = counter(f, "spillway_offers_rescinded_total", "Offers that the master took back.")
	m.subscriptions = counter(f, "spillway_mesos_subscriptions_total", "Subscriptions that began, the first included.")
	m.disconnects = counter(f, "spillway_mesos_disconnects_total", "Subscriptions that ended.")
	m.heartbeat = gauge(f, "spillway_mesos_last_heartbeat_timestamp_seconds",
		"When the master was last heard, heartbeats included, in Unix time; 0 if it never was.")
	m.calls = f.NewCounterVec(prometheus.CounterOpts{
		Name: "spillway_mesos_calls_total",
		Help: "Calls to the master, such as REVIVE and SUPPRESS, by type and outcome: ok, refused (the master will not), failed (no answer) or dropped (there was no subscription).",
	}, []string{"type", "outcome"})
	m.callDuration = f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_mesos_call_duration_seconds", Buckets: workBuckets,
		Help: "How long the master took to answer calls, repetitions included.",
	}, []string{"type"})
	for call := range callTypes {
		for _, o := range []mesos.Outcome{mesos.OutcomeOK, mesos.OutcomeRefused, mesos.OutcomeFailed, mesos.OutcomeDropped} {
			m.calls.WithLabelValues(call, string(o))
		}
	}
	m.records = f.NewCounterVec(prometheus.CounterOpts{
		Name: "spillway_mesos_records_total",
		Help: "Records of the master's event stream, by type and outcome: ok, or failed (it could not be decoded).",
	}, []string{"type", "outcome"})
}

func (m *Metrics) registerWork(f promauto.Factory) {
	m.matchDuration = f.NewHistogram(prometheus.HistogramOpts{
		Name: "spillway_match_duration_seconds", Buckets: workBuckets,
		Help: "How long rounds took that match waiting tasks to offers.",
	})
	m.lastMatch = gauge(f, "spillway_match_last_success_timestamp_seconds",
		"When a round last came to its end, in Unix time; there are rounds only while offers are held. 0 if there was none yet.")
	m.commitDuration = f.NewHistogram(prometheus.HistogramOpts{
		Name: "spillway_commit_duration_seconds", Buckets: workBuckets,
		Help: "How long it took to make the changes of a batch durable.",
	})
	m.lastCommit = gauge(f, "spillway_commit_last_success_timestamp_seconds",
		"When changes were last made durable, in Unix time; 0 if they never were.")
}
