package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// readyWait is how long the scheduler may take to say that it is ready.
const readyWait = 2 * time.Second

func (s *Server) serviceRoutes() []route {
	return []route{
		{method: "GET", pattern: "/healthz", handle: plain(s.healthz), writes: []string{"text/plain"},
			summary: "Answer if the process does."},
		{method: "GET", pattern: "/readyz", handle: plain(s.readyz), writes: []string{"text/plain"},
			summary: "Answer with 200 if the scheduler is subscribed to the master and its store answers, else with 503 and why not."},
		{method: "GET", pattern: "/metrics", role: Viewer, scope: ofAll, handle: s.metrics, writes: []string{"text/plain"},
			summary: "Show the metrics, for Prometheus."},
	}
}

// plain makes a handler of a function that finds something wrong or nothing. Probes ask every few seconds, so what is wrong
// is an answer like any other and no failure of which the log tells each time.
func plain(f func(context.Context) error) handler {
	return func(w http.ResponseWriter, req *request) error {
		if err := f(req.Context()); err != nil {
			writeProblem(w, problemOf(err))
			return nil
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Write([]byte("ok\n"))
		return nil
	}
}

func (s *Server) healthz(context.Context) error { return nil }

// readiness is what probes were last told.
type readiness struct {
	mu  sync.Mutex
	why string // it is not ready; "" if it is, or nobody asked yet
}

// tell logs that the scheduler has become ready, or is not any more or for another reason.
func (r *readiness) tell(log *slog.Logger, err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if why == r.why {
		return
	}
	if r.why = why; why != "" {
		log.Warn("not ready", "why", why)
	} else {
		log.Info("ready again")
	}
}

func (s *Server) readyz(ctx context.Context) error {
	err := s.unready(ctx)
	if ctx.Err() == nil { // else the prober has gone, which says nothing about the scheduler
		s.ready.tell(s.log, err)
	}
	return err
}

// unready says why the scheduler is not ready; nil if it is.
func (s *Server) unready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	connected, err := look(ctx, s.cfg.Daemon, func(_ time.Time, r *scheduler.Reactor) (bool, error) {
		return r.Connected(), nil
	})
	switch {
	case err != nil:
		return unavailable("the scheduler is starting, stopping or very busy")
	case !connected:
		return unavailable("there is no connection to the Mesos master")
	}
	if _, err := s.cfg.Store.Runs(ctx, store.RunFilter{Limit: 1}); err != nil {
		return unavailable("the store does not answer")
	}
	if _, err := s.cfg.Store.Size(ctx); err != nil { // its files are elsewhere, which reads do not notice
		return unavailable("the store's files are not where they were")
	}
	return nil
}

func (s *Server) metrics(w http.ResponseWriter, req *request) error {
	if s.cfg.Metrics == nil {
		return newProblem(http.StatusNotFound, "this scheduler keeps no metrics")
	}
	s.cfg.Metrics.ServeHTTP(w, req.Request)
	return nil
}
