package httpapi

import "net/http"

func (s *Server) serviceRoutes() []route {
	return []route{
		{method: "GET", pattern: "/healthz", summary: "Answer if the process does.", handle: s.healthz, writes: []string{"text/plain"}},
		{method: "GET", pattern: "/metrics", summary: "Show the metrics, for Prometheus.", role: Viewer, scope: ofAll, handle: s.metrics, writes: []string{"text/plain"}},
	}
}

func (s *Server) healthz(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
	return nil
}

func (s *Server) metrics(w http.ResponseWriter, req *request) error {
	if s.cfg.Metrics == nil {
		return newProblem(http.StatusNotFound, "this scheduler keeps no metrics")
	}
	s.cfg.Metrics.ServeHTTP(w, req.Request)
	return nil
}
