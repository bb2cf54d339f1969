package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

const (
	// deletedAtOnce is how many runs are deleted in one batch: other work is not to wait for it.
	deletedAtOnce = 50
	// deletedAtMost is how many are deleted for one request, so that it ends in time.
	deletedAtMost = 10_000
)

func (s *Server) deleteRoutes() []route {
	return []route{
		{method: "DELETE", pattern: "/v1/runs", role: Operator, answer: Deleted{}, handle: inJSON(s.deleteRuns),
			summary: "Delete runs that ended before a time, with their attempts, ten thousand at most.",
			query: []param{
				{name: "ended_before", kind: moment, required: true, summary: "The time."},
				{name: "project", kind: text, repeat: true, summary: "Only of this project."},
			}},
		{method: "DELETE", pattern: "/v1/runs/{run}", role: Author, scope: ofRun, statuses: []int{204}, handle: inJSON(s.deleteRun),
			summary: "Delete a finished run with its attempts."},
	}
}

func (s *Server) deleteRun(req *request) (int, any, error) {
	_, err := await(req.Context(), s.cfg.Daemon, func(done func(struct{}, error)) scheduler.Input {
		return &scheduler.Forget{ID: req.run(), Done: func(err error) { done(struct{}{}, err) }}
	})
	return http.StatusNoContent, nil, missing(err, "run %s", req.run())
}

func (s *Server) deleteRuns(req *request) (int, any, error) {
	projects, err := s.visible(req.Context(), req.query.all("project"))
	if err != nil {
		return 0, nil, err
	}
	old := store.RunFilter{EndedBefore: req.query.moment("ended_before"), Projects: projects, Limit: deletedAtOnce}
	deleted := Deleted{More: true}
	for deleted.Deleted < deletedAtMost {
		runs, err := s.cfg.Store.Runs(req.Context(), old)
		if err != nil {
			return 0, nil, err
		}
		n, err := s.forget(req.Context(), runs)
		if err != nil {
			return 0, nil, err
		}
		deleted.Deleted += n
		if len(runs) < deletedAtOnce {
			deleted.More = false
			break
		}
		old.Before = runs[len(runs)-1].Sequence
	}
	return http.StatusOK, deleted, nil
}

// forget deletes runs in one batch, and tells how many. One that was retried or deleted meanwhile is not one of them.
func (s *Server) forget(ctx context.Context, runs []state.RunRecord) (int, error) {
	answers := make(chan error, len(runs))
	for _, r := range runs {
		if err := s.cfg.Daemon.Do(ctx, &scheduler.Forget{ID: r.ID, Done: func(err error) { answers <- err }}); err != nil {
			return 0, err
		}
	}
	deleted := 0
	for range runs {
		select {
		case err := <-answers:
			switch {
			case err == nil:
				deleted++
			case !errors.Is(err, state.ErrNotFinal) && !errors.Is(err, store.ErrNotFound):
				return deleted, err
			}
		case <-ctx.Done():
			return deleted, ctx.Err()
		case <-s.cfg.Daemon.Done():
			return deleted, scheduler.ErrStopped
		}
	}
	return deleted, nil
}
