package httpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func (s *Server) pipelineRoutes() []route {
	const one = "/v1/pipelines/{project}/{name}"
	return []route{
		{method: "GET", pattern: "/v1/pipelines", role: Viewer, answer: Pipelines{}, handle: inJSON(s.listPipelines),
			summary: "List the pipelines that are kept, by project and name.",
			query:   slices.Concat([]param{{name: "project", kind: text, repeat: true, summary: "Only of this project."}}, pageParams)},
		{method: "PUT", pattern: one, role: Author, scope: ofPath, body: PipelineSpec{}, reads: yamlTypes[:1],
			answer: Pipeline{}, statuses: []int{200, 201}, handle: inJSON(s.putPipeline),
			summary: "Keep a spec: 201 if there was no such pipeline, else 200. An equal spec makes no new version.",
			query:   []param{{name: "file", kind: text, summary: "With a body in YAML: what its author calls it, for messages."}}},
		{method: "GET", pattern: one, role: Viewer, scope: ofPath, answer: Pipeline{}, handle: inJSON(s.showPipeline),
			summary: "Show a pipeline in its newest version."},
		{method: "DELETE", pattern: one, role: Author, scope: ofPath, statuses: []int{204}, handle: inJSON(s.deletePipeline),
			summary: "Delete a pipeline. Its history and its runs stay."},
		{method: "GET", pattern: one + "/history", role: Viewer, scope: ofPath, answer: Versions{}, handle: inJSON(s.listVersions),
			summary: "List the versions of a pipeline, newest first, deletions among them.", query: pageParams},
		{method: "GET", pattern: one + "/history/{version}", role: Viewer, scope: ofPath, answer: Pipeline{}, handle: inJSON(s.showVersionOf),
			summary: "Show one version of a pipeline."},
		{method: "POST", pattern: one + "/runs", role: Author, scope: ofPath, body: PipelineRun{}, bodyOptional: true, headers: []param{keyHeader},
			answer: Run{}, statuses: []int{201, 200}, handle: inJSON(s.runPipeline),
			summary: "Run the newest version of a pipeline; answers as a submission does. The body may be left out."},
	}
}

func pipelineView(rec state.PipelineRecord) Pipeline {
	return Pipeline{
		Project: rec.Project, Name: rec.Name, Version: rec.Version, By: rec.By, Put: rec.Put.UTC(),
		Deleted: rec.Deleted, Spec: rec.Spec,
	}
}

func (s *Server) listPipelines(req *request) (int, any, error) {
	projects, err := s.visible(req.Context(), req.query.all("project"))
	if err != nil {
		return 0, nil, err
	}
	at, err := cursorParts(req.query, pipelineList, 2)
	if err != nil {
		return 0, nil, err
	}
	all, err := look(req.Context(), s.cfg.Daemon, func(_ time.Time, r *scheduler.Reactor) ([]state.PipelineRecord, error) {
		return r.State().Pipelines(), nil
	})
	if err != nil {
		return 0, nil, err
	}
	page, limit := Pipelines{Pipelines: []Pipeline{}}, req.query.number("limit", pageLength)
	for _, rec := range all {
		if projects != nil && !slices.Contains(projects, rec.Project) {
			continue
		}
		if at != nil && cmp.Or(cmp.Compare(rec.Project, at[0]), cmp.Compare(rec.Name, at[1])) <= 0 {
			continue
		}
		if n := len(page.Pipelines); n == limit {
			last := page.Pipelines[n-1]
			page.Next = cursor(pipelineList, last.Project, last.Name)
			break
		}
		rec.Spec = ""
		page.Pipelines = append(page.Pipelines, pipelineView(rec))
	}
	return http.StatusOK, page, nil
}

func (s *Server) putPipeline(req *request) (int, any, error) {
	var put PipelineSpec
	if isYAML(req) {
		body, err := readBody(req)
		if err != nil {
			return 0, nil, err
		}
		put = PipelineSpec{Spec: string(body), File: req.query.text("file")}
	} else if err := readJSON(req, &put); err != nil {
		return 0, nil, err
	}
	file, project, name := cmp.Or(put.File, "spec"), req.PathValue("project"), req.PathValue("name")
	if err := refuseTokens(file, put.Spec, nil, ""); err != nil {
		return 0, nil, err
	}
	parsed, err := spec.Parse(file, []byte(put.Spec))
	if err != nil {
		return 0, nil, err
	}
	if err := sameName(parsed, file, project, name); err != nil {
		return 0, nil, err
	}
	type kept struct {
		rec     state.PipelineRecord
		created bool
	}
	k, err := await(req.Context(), s.cfg.Daemon, func(done func(kept, error)) scheduler.Input {
		return &scheduler.PutPipeline{
			Project: project, Name: name, Spec: put.Spec, By: s.caller(req.Context()),
			Done: func(rec state.PipelineRecord, created bool, err error) { done(kept{rec, created}, err) },
		}
	})
	if err != nil {
		return 0, nil, err
	}
	if k.created {
		return http.StatusCreated, pipelineView(k.rec), nil
	}
	return http.StatusOK, pipelineView(k.rec), nil
}

// sameName makes sure that a pipeline is kept under its own name: its runs carry that.
func sameName(parsed *spec.Spec, file, project, name string) error {
	var problems spec.Problems
	for _, c := range []struct{ field, spec, path string }{{"project", parsed.Project, project}, {"name", parsed.Name, name}} {
		if c.spec != c.path {
			problems = append(problems, spec.Problem{
				File: file, Field: c.field, Message: fmt.Sprintf("is %q in the spec and %q in the address", c.spec, c.path),
				Hint: fmt.Sprintf("put it to /v1/pipelines/%s/%s", parsed.Project, parsed.Name),
			})
		}
	}
	if problems == nil {
		return nil
	}
	return problems
}

// pipeline returns the newest version of the pipeline of the path.
func (s *Server) pipeline(req *request) (state.PipelineRecord, error) {
	project, name := req.PathValue("project"), req.PathValue("name")
	return look(req.Context(), s.cfg.Daemon, func(_ time.Time, r *scheduler.Reactor) (state.PipelineRecord, error) {
		rec, known := r.State().Pipeline(project, name)
		if !known {
			return rec, newProblem(http.StatusNotFound, fmt.Sprintf("there is no pipeline %q in project %q", name, project))
		}
		return rec, nil
	})
}

func (s *Server) showPipeline(req *request) (int, any, error) {
	rec, err := s.pipeline(req)
	return http.StatusOK, pipelineView(rec), err
}

func (s *Server) deletePipeline(req *request) (int, any, error) {
	project, name := req.PathValue("project"), req.PathValue("name")
	_, err := await(req.Context(), s.cfg.Daemon, func(done func(struct{}, error)) scheduler.Input {
		return &scheduler.DeletePipeline{
			Project: project, Name: name, By: s.caller(req.Context()), Done: func(err error) { done(struct{}{}, err) },
		}
	})
	return http.StatusNoContent, nil, missing(err, "pipeline %q in project %q", name, project)
}

func (s *Server) listVersions(req *request) (int, any, error) {
	project, name := req.PathValue("project"), req.PathValue("name")
	before, limit := 0, req.query.number("limit", pageLength)
	at, err := cursorParts(req.query, versionList, 1)
	if err == nil && at != nil {
		before, err = count(at[0])
	}
	if err != nil {
		return 0, nil, err
	}
	records, err := s.cfg.Store.Pipelines(req.Context(), project, name, before, limit+1)
	if err != nil {
		return 0, nil, err
	}
	if len(records) == 0 && at == nil {
		return 0, nil, newProblem(http.StatusNotFound, fmt.Sprintf("there never was a pipeline %q in project %q", name, project))
	}
	page := Versions{Versions: []Pipeline{}}
	if len(records) > limit {
		records = records[:limit]
		page.Next = cursor(versionList, strconv.Itoa(records[limit-1].Version))
	}
	for _, rec := range records {
		rec.Spec = ""
		page.Versions = append(page.Versions, pipelineView(rec))
	}
	return http.StatusOK, page, nil
}

func (s *Server) showVersionOf(req *request) (int, any, error) {
	project, name, version := req.PathValue("project"), req.PathValue("name"), req.PathValue("version")
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 {
		return 0, nil, badRequest(fmt.Sprintf("version %q: give a number from 1 on", version), SpecProblem{Field: "version", Message: "is no number from 1 on"})
	}
	rec, err := s.cfg.Store.Pipeline(req.Context(), project, name, n)
	return http.StatusOK, pipelineView(rec), missing(err, "version %d of a pipeline %q in project %q", n, name, project)
}

func (s *Server) runPipeline(req *request) (int, any, error) {
	var run PipelineRun
	if req.ContentLength != 0 || req.Header.Get("Content-Type") != "" {
		if err := readJSON(req, &run); err != nil {
			return 0, nil, err
		}
	}
	rec, err := s.pipeline(req)
	if err != nil {
		return 0, nil, err
	}
	return s.accept(req, submission{version: rec.Version, Submission: Submission{
		Spec: rec.Spec, File: fmt.Sprintf("%s/%s version %d", rec.Project, rec.Name, rec.Version),
		Params: run.Params, Key: run.Key, DryRun: run.DryRun,
	}})
}
