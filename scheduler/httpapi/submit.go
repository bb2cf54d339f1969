package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// maxKey bounds an idempotency key, in bytes.
const maxKey = 255

var keyHeader = param{name: "Idempotency-Key", kind: text, summary: "Makes a submission that is sent twice one run; instead of key in the body."}

func (s *Server) submitRoutes() []route {
	return []route{
		{method: "POST", pattern: "/v1/runs", role: Author, scope: ofBody, body: Submission{}, reads: yamlTypes[:1],
			answer: Run{}, statuses: []int{201, 200}, handle: inJSON(s.submit), headers: []param{keyHeader},
			summary: "Submit a spec: 201 and its run, or 200 if the key was used for the same submission before, or for a dry run.",
			query: []param{
				{name: "param", kind: text, repeat: true, summary: "With a body in YAML: a parameter, as name=value."},
				{name: "file", kind: text, summary: "With a body in YAML: what its author calls it, for messages."},
				{name: "dry_run", kind: truth, summary: "With a body in YAML: check all that a submission checks, and keep nothing."},
			}},
	}
}

// submission is a request for a run, whose spec came with it or is kept.
type submission struct {
	Submission
	version int // of a kept pipeline; 0: the spec came with the request
}

func (s *Server) submit(req *request) (int, any, error) {
	var sub Submission
	var err error
	if isYAML(req) {
		sub, err = yamlSubmission(req)
	} else if err = readJSON(req, &sub); err == nil && len(req.query) > 0 {
		err = badRequest("param, file and dry_run stand in the body if that is JSON, not in the query")
	}
	if err != nil {
		return 0, nil, err
	}
	return s.accept(req, submission{Submission: sub})
}

// yamlSubmission reads a submission whose body is the spec itself.
func yamlSubmission(req *request) (Submission, error) {
	body, err := readBody(req)
	if err != nil {
		return Submission{}, err
	}
	sub := Submission{Spec: string(body), File: req.query.text("file"), DryRun: req.query.flag("dry_run"), Params: map[string]string{}}
	for _, p := range req.query.all("param") {
		name, value, found := strings.Cut(p, "=")
		if _, twice := sub.Params[name]; !found || name == "" || twice {
			return sub, badRequest(fmt.Sprintf("param: %q is not of the form name=value, or is given twice", p),
				SpecProblem{Field: "param", Message: fmt.Sprintf("%q is not of the form name=value, or is given twice", p)})
		}
		sub.Params[name] = value
	}
	return sub, nil
}

// accept checks a submission and hands it to the daemon.
func (s *Server) accept(req *request, sub submission) (int, any, error) {
	ctx := req.Context()
	if err := sub.takeKey(req.Header.Get(keyHeader.name)); err != nil {
		return 0, nil, err
	}
	if sub.File == "" {
		sub.File = "spec"
	}
	if err := refuseTokens(sub.File, sub.Spec, sub.Params, sub.Key); err != nil {
		return 0, nil, err
	}
	parsed, err := spec.Parse(sub.File, []byte(sub.Spec))
	if err != nil {
		return 0, nil, err
	}
	if err := s.allow(ctx, parsed.Project); err != nil {
		return 0, nil, err
	}
	pipeline, err := parsed.Bind(sub.Params)
	if err != nil {
		return 0, nil, err
	}
	known, err := s.knows(ctx, pipeline.Project, sub.Key)
	if err != nil {
		return 0, nil, err
	}
	var images map[string]string
	var warnings []string
	if !known {
		if images, warnings, err = s.pin(ctx, parsed, pipeline); err != nil {
			return 0, nil, err
		}
	}
	if sub.DryRun {
		return http.StatusOK, dryRun(sub, pipeline, images, warnings), nil
	}
	submitted, err := await(ctx, s.cfg.Daemon, func(done func(scheduler.Submitted, error)) scheduler.Input {
		return &scheduler.Submit{
			ID: newRunID(), Spec: sub.Spec, Params: sub.Params, Pipeline: pipeline, Key: sub.Key,
			By: s.caller(ctx), PipelineVersion: sub.version, Images: images, Done: done,
		}
	})
	if err != nil {
		return 0, nil, err
	}
	view := recordView(submitted.Run)
	if submitted.Existing {
		view.Warnings = []string{fmt.Sprintf("the idempotency key was used before: this is the run that was submitted with it at %s", view.Submitted.UTC().Format(time.RFC3339))}
		return http.StatusOK, view, nil
	}
	view.Warnings = warnings
	return http.StatusCreated, view, nil
}

// knows reports whether the key was used. What is sent a second time has its run, whatever has become of its images since.
func (s *Server) knows(ctx context.Context, project, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	return look(ctx, s.cfg.Daemon, func(_ time.Time, r *scheduler.Reactor) (bool, error) {
		_, err := r.RunByKey(project, key)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
}

// takeKey takes the key of the header if the body has none.
func (sub *submission) takeKey(header string) error {
	if sub.Key == "" {
		sub.Key = header
	}
	switch {
	case header != "" && header != sub.Key:
		return badRequest("the header Idempotency-Key and the key in the body differ; give one", SpecProblem{Field: "key", Message: "differs from the header"})
	case len(sub.Key) > maxKey || strings.ContainsFunc(sub.Key, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return badRequest(fmt.Sprintf("the idempotency key is not usable: it has at most %d bytes in one line", maxKey), SpecProblem{Field: "key", Message: fmt.Sprintf("has at most %d bytes in one line", maxKey)})
	}
	return nil
}

// dryRun tells what a submission would become. The run is made in a state of its own, which is forgotten.
func dryRun(sub submission, pipeline *spec.Pipeline, images map[string]string, warnings []string) Run {
	run := state.New(state.Config{}).Submit(time.Time{}, state.Submission{
		Pipeline: pipeline, Spec: sub.Spec, Params: sub.Params, PipelineVersion: sub.version, Images: images,
	})
	v, _ := runView(time.Time{}, run, nil)
	v.Phase, v.Warnings, v.Submitted = "", warnings, time.Time{}
	for i := range v.Steps {
		v.Steps[i].Phase = ""
	}
	return v
}

func newRunID() state.RunID { return state.RunID(strings.ToLower(ulid.Make().String())) }
