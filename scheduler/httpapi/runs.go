package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func (s *Server) runRoutes() []route {
	return []route{
		{method: "POST", pattern: "/v1/runs", summary: "Submit a spec.", role: Author, scope: ofBody,
			body: Submission{}, answer: Run{}, statuses: []int{201, 200}, handle: inJSON(s.submit)},
		{method: "GET", pattern: "/v1/runs/{run}", summary: "Show a run with its steps.", role: Viewer, scope: ofRun,
			answer: Run{}, handle: inJSON(s.show)},
		{method: "POST", pattern: "/v1/runs/{run}/cancel", summary: "End a run: nothing of it is launched any more, what lives is killed.",
			role: Author, scope: ofRun, answer: Run{}, statuses: []int{202}, handle: inJSON(s.cancel)},
		{method: "POST", pattern: "/v1/runs/{run}/retry", summary: "Attempt again what did not succeed of a finished run.",
			role: Author, scope: ofRun, answer: Run{}, statuses: []int{202}, handle: inJSON(s.retry)},
	}
}

func (s *Server) show(req *request) (int, any, error) {
	id := state.RunID(req.PathValue("run"))
	view, err := look(req.Context(), s.cfg.Daemon, func(now time.Time, r *scheduler.Reactor) (*Run, error) {
		run := r.Run(id)
		if run == nil {
			return nil, nil
		}
		v := runView(now, run, r)
		return &v, nil
	})
	if err != nil || view != nil {
		return http.StatusOK, view, err
	}
	rec, attempts, err := s.cfg.Store.Run(req.Context(), id)
	if err != nil {
		return 0, nil, fmt.Errorf("run %s: %w", id, err)
	}
	run, err := state.Inspect(rec, attempts)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, runView(rec.Ended, run, nil), nil
}

func (s *Server) cancel(req *request) (int, any, error) {
	id := state.RunID(req.PathValue("run"))
	rec, err := await(req.Context(), s.cfg.Daemon, func(done func(state.RunRecord, error)) scheduler.Input {
		return &scheduler.Cancel{ID: id, Done: done}
	})
	return http.StatusAccepted, recordView(rec), err
}

func (s *Server) retry(req *request) (int, any, error) {
	id := state.RunID(req.PathValue("run"))
	rec, err := await(req.Context(), s.cfg.Daemon, func(done func(state.RunRecord, error)) scheduler.Input {
		return &scheduler.Retry{ID: id, Done: done}
	})
	return http.StatusAccepted, recordView(rec), err
}
