package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func (s *Server) submit(req *request) (int, any, error) {
	var sub Submission
	if err := decode(req, &sub, "a submission"); err != nil {
		return 0, nil, err
	}
	file := sub.File
	if file == "" {
		file = "spec"
	}
	parsed, err := spec.Parse(file, []byte(sub.Spec))
	if err != nil {
		return 0, nil, err
	}
	if err := s.allow(req.Context(), parsed.Project); err != nil {
		return 0, nil, err
	}
	pipeline, err := parsed.Bind(sub.Params)
	if err != nil {
		return 0, nil, err
	}
	images, warnings, err := s.pin(req.Context(), parsed, pipeline)
	if err != nil {
		return 0, nil, err
	}
	submitted, err := await(req.Context(), s.cfg.Daemon, func(done func(scheduler.Submitted, error)) scheduler.Input {
		return &scheduler.Submit{
			ID: newRunID(), Spec: sub.Spec, Params: sub.Params, Pipeline: pipeline, Images: images, Key: sub.Key, Done: done,
		}
	})
	if err != nil {
		return 0, nil, err
	}
	run := recordView(submitted.Run)
	if submitted.Existing {
		return http.StatusOK, run, nil
	}
	run.Warnings = warnings
	return http.StatusCreated, run, nil
}

func newRunID() state.RunID { return state.RunID(strings.ToLower(ulid.Make().String())) }

// decode reads a body in JSON.
func decode(req *request, into any, what string) error {
	if kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, fmt.Sprintf("the body must be %s in JSON, with Content-Type: application/json", what))
	}
	dec := json.NewDecoder(req.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return newProblem(http.StatusBadRequest, fmt.Sprintf("the body is not %s in JSON: %v", what, err))
	}
	return nil
}
