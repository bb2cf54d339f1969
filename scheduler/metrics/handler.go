package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers scrapes of what is registered.
func Handler(registry *prometheus.Registry, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// Part of the answer is worth more than none.
		ErrorHandling: promhttp.ContinueOnError,
		// Each scrape costs the scheduler a look at all that waits.
		MaxRequestsInFlight: 4, Timeout: 30 * time.Second,
		EnableOpenMetrics: true,
	})
}
