package main

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/metrics"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// meter keeps the metrics of one scheduler.
type meter struct {
	registry *prometheus.Registry
	metrics  *metrics.Metrics
}

func newMeter() meter {
	registry := prometheus.NewRegistry()
	return meter{registry: registry, metrics: metrics.New(registry, version)}
}

// files adds what the files tell that the scheduler needs beside its store.
func (m meter) files(g *guard, logs *logKeeper) {
	files := metrics.Files{AuditWritable: g.audit.Writable, LogsSize: logs.Size, SilentAgents: logs.SilentAgents}
	if g.tokens != nil {
		files.TokensUsable = g.tokens.Usable
	}
	if g.certificate != nil {
		files.CertificateEnd = g.certificate.End
	}
	files.Register(m.registry)
}

// handler answers scrapes, asking the daemon and the store for what is at that moment.
func (m meter) handler(daemon *scheduler.Daemon, st store.Reader, log *slog.Logger) http.Handler {
	m.registry.MustRegister(metrics.NewCollector(daemon, st, log))
	return metrics.Handler(m.registry, log)
}
