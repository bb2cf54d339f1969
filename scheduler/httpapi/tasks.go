package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func (s *Server) taskRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/runs/{run}/steps/{step}/tasks/{index}/why", summary: "Tell what a task waits for, or does.",
			role: Viewer, scope: ofRun, answer: Why{}, handle: inJSON(s.whyTask)},
	}
}

// whyTask tells what one task of an unfinished run waits for.
func (s *Server) whyTask(req *request) (int, any, error) {
	id, step := state.RunID(req.PathValue("run")), req.PathValue("step")
	index, err := strconv.Atoi(req.PathValue("index"))
	if err != nil {
		return 0, nil, newProblem(http.StatusBadRequest, fmt.Sprintf("task %q: give its index, a number from 0 on", req.PathValue("index")))
	}
	why, err := look(req.Context(), s.cfg.Daemon, func(now time.Time, r *scheduler.Reactor) (Why, error) {
		return whyOf(now, r, id, step, index)
	})
	return http.StatusOK, why, err
}

func whyOf(now time.Time, r *scheduler.Reactor, id state.RunID, step string, index int) (Why, error) {
	run := r.Run(id)
	if run == nil {
		return Why{}, newProblem(http.StatusNotFound, fmt.Sprintf("there is no unfinished run %s", id))
	}
	st := run.Step(step)
	if st == nil || index < 0 || index >= st.Spec().Tasks {
		return Why{}, newProblem(http.StatusNotFound, fmt.Sprintf("run %s has no task %d in a step %q", id, index, step))
	}
	return Why{Why: r.Why(now, st, index)}, nil
}
