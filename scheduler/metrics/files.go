package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Files says how the files fare that a scheduler needs beside its store. What is nil is not there, and has no metric.
type Files struct {
	// CertificateEnd is when the certificate ends under which requests are answered.
	CertificateEnd func() time.Time
	// TokensUsable is whether the file of tokens can be read and makes sense.
	TokensUsable func() bool
	// AuditWritable is whether the last line for the audit log was written.
	AuditWritable func() bool
	// LogsSize is what the logs of tasks take on the disk, in bytes.
	LogsSize func() int64
	// SilentAgents is how many agents do not give the logs of their tasks.
	SilentAgents func() int
}

// Register adds the metrics, whose values are asked for at each scrape.
func (f Files) Register(registerer prometheus.Registerer) {
	to := promauto.With(registerer)
	ask(to, f.CertificateEnd, func(end time.Time) float64 { return float64(end.Unix()) }, "spillway_certificate_end_timestamp_seconds",
		"When the certificate ends under which requests are answered, in Unix time; missing without TLS.")
	ask(to, f.TokensUsable, truth, "spillway_tokens_usable",
		"1 if the file of tokens can be used, 0 if those that it held before still count; missing without tokens.")
	ask(to, f.AuditWritable, truth, "spillway_audit_log_writable",
		"1 if the last line for the audit log was written, else 0; while it is 0, changes are refused.")
	ask(to, f.LogsSize, func(bytes int64) float64 { return float64(bytes) }, "spillway_logs_size_bytes",
		"What the kept logs of tasks take on the disk.")
	ask(to, f.SilentAgents, func(agents int) float64 { return float64(agents) }, "spillway_logs_silent_agents",
		"Agents that do not give the logs of their tasks, which are asked again.")
}

// ask makes a gauge of what a function answers.
func ask[T any](f promauto.Factory, value func() T, number func(T) float64, name, help string) {
	if value != nil {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return number(value()) })
	}
}
