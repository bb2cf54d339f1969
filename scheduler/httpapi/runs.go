package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

func (s *Server) runRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/runs", role: Viewer, answer: Runs{}, handle: inJSON(s.listRuns),
			summary: "List runs, newest first.",
			query: slices.Concat([]param{
				{name: "project", kind: text, repeat: true, summary: "Only of this project."},
				{name: "name", kind: text, summary: "Only of pipelines of this name."},
				{name: "owner", kind: text, summary: "Only of this owner."},
				{name: "phase", kind: text, repeat: true, values: runPhases, summary: "Only in this phase."},
				{name: "since", kind: moment, summary: "Only submitted at or after this time."},
				{name: "until", kind: moment, summary: "Only submitted before this time."},
			}, pageParams)},
		{method: "GET", pattern: "/v1/runs/{run}", role: Viewer, scope: ofRun, answer: Run{}, handle: inJSON(s.showRun),
			summary: "Show a run with its steps."},
		{method: "GET", pattern: "/v1/runs/{run}/spec", role: Viewer, scope: ofRun, writes: []string{"application/yaml"}, handle: s.showSpec,
			summary: "Show the spec of a run as it was submitted."},
		{method: "GET", pattern: "/v1/runs/{run}/steps", role: Viewer, scope: ofRun, answer: Steps{}, handle: inJSON(s.listSteps),
			summary: "List the steps of a run, in the order of the spec."},
		{method: "GET", pattern: "/v1/runs/{run}/steps/{step}", role: Viewer, scope: ofRun, answer: Step{}, handle: inJSON(s.showStep),
			summary: "Show a step."},
		{method: "GET", pattern: "/v1/runs/{run}/why", role: Viewer, scope: ofRun, answer: Waiting{}, handle: inJSON(s.whyRun),
			summary: "Tell what a run does, or what became of it, and what its steps wait for."},
		{method: "POST", pattern: "/v1/runs/{run}/cancel", role: Author, scope: ofRun, answer: Run{}, statuses: []int{202}, handle: inJSON(s.cancel),
			summary: "End a run: nothing of it is launched any more, what lives is killed."},
		{method: "POST", pattern: "/v1/runs/{run}/retry", role: Author, scope: ofRun, answer: Run{}, statuses: []int{202}, handle: inJSON(s.retry),
			summary: "Attempt again what did not succeed of a finished run."},
	}
}

var runPhases = []string{
	string(state.RunActive), string(state.RunCancelling), string(state.RunSucceeded), string(state.RunFailed), string(state.RunCancelled),
}

func (s *Server) listRuns(req *request) (int, any, error) {
	q := req.query
	projects, err := s.visible(req.Context(), q.all("project"))
	if err != nil {
		return 0, nil, err
	}
	f := store.RunFilter{
		Limit: q.number("limit", pageLength) + 1, Projects: projects, Name: q.text("name"), Owner: q.text("owner"),
		Since: q.moment("since"), Until: q.moment("until"),
	}
	for _, p := range q.all("phase") {
		f.Phases = append(f.Phases, state.RunPhase(p))
	}
	at, err := cursorParts(q, runList, 1)
	if err != nil {
		return 0, nil, err
	}
	if at != nil {
		before, err := count(at[0])
		if err != nil {
			return 0, nil, err
		}
		f.Before = int64(before)
	}
	records, err := s.cfg.Store.Runs(req.Context(), f)
	if err != nil {
		return 0, nil, err
	}
	page := Runs{Runs: []Run{}}
	if len(records) == f.Limit {
		records = records[:f.Limit-1]
		page.Next = cursor(runList, strconv.FormatInt(records[len(records)-1].Sequence, 10))
	}
	for _, rec := range records {
		page.Runs = append(page.Runs, recordView(rec))
	}
	return http.StatusOK, page, nil
}

// visible returns the projects that a list is about: those asked for, or else all that may be seen (nil: any).
func (s *Server) visible(ctx context.Context, asked []string) ([]string, error) {
	if len(asked) == 0 {
		return s.projects(ctx), nil
	}
	for _, p := range asked {
		if err := s.allow(ctx, p); err != nil {
			return nil, err
		}
	}
	return asked, nil
}

func (req *request) run() state.RunID { return state.RunID(req.PathValue("run")) }

func (s *Server) showRun(req *request) (int, any, error) {
	view, err := s.runOf(req)
	return http.StatusOK, view, err
}

// runOf describes the run of the path.
func (s *Server) runOf(req *request) (Run, error) {
	type seen struct {
		run     Run
		explain func()
	}
	v, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, r *scheduler.Reactor) (v seen, err error) {
		v.run, v.explain = runView(now, run, r)
		return v, nil
	})
	if err == nil {
		v.explain()
	}
	return v.run, err
}

func (s *Server) showSpec(w http.ResponseWriter, req *request) error {
	rec, err := s.cfg.Store.Record(req.Context(), req.run())
	if err != nil {
		return missing(err, "run %s", req.run())
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Write([]byte(rec.Spec))
	return nil
}

func (s *Server) listSteps(req *request) (int, any, error) {
	run, err := s.runOf(req)
	return http.StatusOK, Steps{run.Steps}, err
}

func (s *Server) showStep(req *request) (int, any, error) {
	type seen struct {
		step Step
		why  func() string
	}
	v, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, r *scheduler.Reactor) (v seen, err error) {
		st, err := stepOf(run, req.PathValue("step"))
		if err == nil {
			v.step, v.why = stepView(now, st, r)
		}
		return v, err
	})
	if err == nil {
		v.step.Waits = v.why()
	}
	return http.StatusOK, v.step, err
}

func (s *Server) cancel(req *request) (int, any, error) {
	rec, err := await(req.Context(), s.cfg.Daemon, func(done func(state.RunRecord, error)) scheduler.Input {
		return &scheduler.Cancel{ID: req.run(), Done: done}
	})
	return http.StatusAccepted, recordView(rec), missing(err, "run %s", req.run())
}

func (s *Server) retry(req *request) (int, any, error) {
	rec, err := await(req.Context(), s.cfg.Daemon, func(done func(state.RunRecord, error)) scheduler.Input {
		return &scheduler.Retry{ID: req.run(), Done: done}
	})
	return http.StatusAccepted, recordView(rec), missing(err, "run %s", req.run())
}
