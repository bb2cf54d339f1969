// Package httpapi is the scheduler's REST interface, JSON over HTTP under /v1. Errors are problem documents
// (RFC 9457).
package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// maxBody bounds a request: a spec of 1 MiB, quoted in JSON, and its parameters.
const maxBody = 4 << 20

// Server answers requests on behalf of a daemon.
type Server struct {
	daemon  *scheduler.Daemon
	store   store.Store
	version string
	log     *slog.Logger
}

// New returns the interface to a daemon and to the store that it writes.
func New(daemon *scheduler.Daemon, st store.Store, version string, log *slog.Logger) *Server {
	return &Server{daemon: daemon, store: st, version: version, log: log}
}

// Handler returns the routes. A browser may not use them on behalf of a page of another origin: whoever reaches a
// scheduler on their own machine would otherwise lend it to every page that they look at.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/runs", s.handle(s.submit))
	mux.HandleFunc("GET /v1/runs/{run}", s.handle(s.show))
	mux.HandleFunc("POST /v1/runs/{run}/cancel", s.handle(s.cancel))
	mux.HandleFunc("POST /v1/runs/{run}/retry", s.handle(s.retry))
	mux.HandleFunc("GET /v1/runs/{run}/steps/{step}/tasks/{index}/why", s.handle(s.why))
	mux.HandleFunc("GET /v1/version", s.handle(s.showVersion))
	mux.HandleFunc("/", s.handle(func(req *http.Request) (int, any, error) {
		return 0, nil, newProblem(http.StatusNotFound, fmt.Sprintf("there is no %s %s", req.Method, req.URL.Path))
	}))
	return http.NewCrossOriginProtection().Handler(mux)
}

// handle answers with what a function returns: a status and a body, or an error.
func (s *Server) handle(f func(*http.Request) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		status, body, err := f(req)
		if err != nil {
			p := problemOf(err)
			if p.Status >= http.StatusInternalServerError {
				s.log.Error("request failed", "method", req.Method, "path", req.URL.Path, "error", err)
			}
			writeProblem(w, p)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body)
	}
}

func (s *Server) submit(req *http.Request) (int, any, error) {
	var sub Submission
	if kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return 0, nil, newProblem(http.StatusUnsupportedMediaType, "the body must be a submission in JSON, with Content-Type: application/json")
	}
	dec := json.NewDecoder(req.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&sub); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return 0, nil, err
		}
		return 0, nil, newProblem(http.StatusBadRequest, fmt.Sprintf("the body is not a submission in JSON: %v", err))
	}
	file := sub.File
	if file == "" {
		file = "spec"
	}
	parsed, err := spec.Parse(file, []byte(sub.Spec))
	if err != nil {
		return 0, nil, err
	}
	pipeline, err := parsed.Bind(sub.Params)
	if err != nil {
		return 0, nil, err
	}
	submitted, err := await(req.Context(), s.daemon, func(done func(scheduler.Submitted, error)) scheduler.Input {
		return &scheduler.Submit{
			ID: newRunID(), Spec: sub.Spec, Params: sub.Params, Pipeline: pipeline, Key: sub.Key, Done: done,
		}
	})
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusCreated
	if submitted.Existing {
		status = http.StatusOK
	}
	return status, recordView(submitted.Run), nil
}

func newRunID() state.RunID { return state.RunID(strings.ToLower(ulid.Make().String())) }

// await hands a command to the daemon and waits for its answer.
func await[T any](ctx context.Context, d *scheduler.Daemon, command func(done func(T, error)) scheduler.Input) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	var none T
	if err := d.Do(ctx, command(func(v T, err error) { answers <- answer{v, err} })); err != nil {
		return none, err
	}
	select {
	case a := <-answers:
		return a.value, a.err
	case <-d.Done():
		return none, scheduler.ErrStopped
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func (s *Server) show(req *http.Request) (int, any, error) {
	id := state.RunID(req.PathValue("run"))
	view, err := await(req.Context(), s.daemon, func(done func(*Run, error)) scheduler.Input {
		return &scheduler.Read{Look: func(now time.Time, r *scheduler.Reactor) {
			run := r.Run(id)
			if run == nil {
				done(nil, nil)
				return
			}
			v := runView(now, run, r)
			done(&v, nil)
		}}
	})
	if err != nil || view != nil {
		return http.StatusOK, view, err
	}
	rec, attempts, err := s.store.Run(req.Context(), id)
	if err != nil {
		return 0, nil, fmt.Errorf("run %s: %w", id, err)
	}
	run, err := state.Inspect(rec, attempts)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, runView(rec.Ended, run, nil), nil
}

func (s *Server) cancel(req *http.Request) (int, any, error) {
	id := state.RunID(req.PathValue("run"))
	rec, err := await(req.Context(), s.daemon, func(done func(state.RunRecord, error)) scheduler.Input {
		return &scheduler.Cancel{ID: id, Done: done}
	})
	return http.StatusAccepted, recordView(rec), err
}

func (s *Server) retry(req *http.Request) (int, any, error) {
	id := state.RunID(req.PathValue("run"))
	rec, err := await(req.Context(), s.daemon, func(done func(state.RunRecord, error)) scheduler.Input {
		return &scheduler.Retry{ID: id, Done: done}
	})
	return http.StatusAccepted, recordView(rec), err
}

// why tells what one task of an unfinished run waits for.
func (s *Server) why(req *http.Request) (int, any, error) {
	id, step := state.RunID(req.PathValue("run")), req.PathValue("step")
	index, err := strconv.Atoi(req.PathValue("index"))
	if err != nil {
		return 0, nil, newProblem(http.StatusBadRequest, fmt.Sprintf("task %q: give its index, a number from 0 on", req.PathValue("index")))
	}
	why, err := await(req.Context(), s.daemon, func(done func(Why, error)) scheduler.Input {
		return &scheduler.Read{Look: func(now time.Time, r *scheduler.Reactor) {
			done(whyOf(now, r, id, step, index))
		}}
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

func (s *Server) showVersion(*http.Request) (int, any, error) {
	return http.StatusOK, map[string]string{"version": s.version}, nil
}
