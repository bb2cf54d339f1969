package httpapi

import "net/http"

func (s *Server) clusterRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/version", summary: "Tell the scheduler's version.", role: Viewer, answer: Version{}, handle: inJSON(s.showVersion)},
	}
}

func (s *Server) showVersion(*request) (int, any, error) {
	return http.StatusOK, Version{Version: s.cfg.Version}, nil
}
