package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/access"
)

// The roles that routes ask for.
const (
	Nobody   access.Role = "" // the route is open
	Viewer               = access.Viewer
	Author               = access.Author
	Operator             = access.Operator
)

// scope says whose project a route touches.
type scope int

const (
	global scope = iota // none's: what it shows is the cluster's, or a list that the handler restricts (Server.projects)
	ofRun               // that of the run in the path
	ofPath              // that in the path
	ofBody              // that of the spec in the body: the handler asks Server.allow
	ofAll               // every project's at once
)

const jsonType = "application/json"

// route is one method of one path. The table of them is the one truth: the server, the guard, the OpenAPI document and
// docs/rest.md are made from it.
type route struct {
	method, pattern string
	summary         string // one sentence
	role            access.Role
	scope           scope
	query           []param
	headers         []param
	// body and answer are values of the types that are read and written in JSON; nil: none.
	body, answer any
	bodyOptional bool
	// reports says of a PUT that it comes every few seconds and changes nothing that anybody asked for: the audit log is
	// told of those that are refused only.
	reports bool
	// reads and writes are media types other than JSON.
	reads, writes []string
	// statuses are those of success, the usual one first; none: 200.
	statuses []int
	handle   handler
}

// request is what a handler is given, once the guard has let it pass and its query was read.
type request struct {
	*http.Request
	query query
}

// handler answers a request itself, or returns why it cannot; then it must not have begun to write.
type handler func(http.ResponseWriter, *request) error

// inJSON makes a handler of a function that returns a status and what to send, or an error.
func inJSON(f func(*request) (int, any, error)) handler {
	return func(w http.ResponseWriter, req *request) error {
		status, body, err := f(req)
		if err != nil {
			return err
		}
		if made, ok := body.(interface{ location() string }); ok && status == http.StatusCreated {
			w.Header().Set("Location", made.location())
		}
		return writeJSON(w, status, body)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
	return nil
}

// group is routes that are documented together.
type group struct {
	title  string
	routes []route
}

// routes is the table, without its headings.
func (s *Server) routes() []route {
	var all []route
	for _, g := range s.groups() {
		all = append(all, g.routes...)
	}
	return all
}

// groups is the table of routes, in the order in which the documentation shows them.
func (s *Server) groups() []group {
	return []group{
		{"Runs", slices.Concat(s.submitRoutes(), s.runRoutes(), s.deleteRoutes())},
		{"Tasks", s.taskRoutes()},
		{"Logs", s.logRoutes()},
		{"Pipelines", s.pipelineRoutes()},
		{"Cluster", slices.Concat(s.clusterRoutes(), s.demandRoutes(), s.cloudRoutes())},
		{"Events", s.eventRoutes()},
		{"Service", slices.Concat(s.serviceRoutes(), s.documentRoutes())},
	}
}

// mux serves the table; what is not in it gets a problem document as well.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for _, rt := range s.routes() {
		mux.Handle(rt.method+" "+rt.pattern, s.serve(rt))
		allowed[rt.pattern] = append(allowed[rt.pattern], rt.method)
		if rt.method == http.MethodGet {
			allowed[rt.pattern] = append(allowed[rt.pattern], http.MethodHead)
		}
	}
	for pattern, methods := range allowed {
		slices.Sort(methods)
		list := strings.Join(methods, ", ")
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Allow", list)
			writeProblem(w, newProblem(http.StatusMethodNotAllowed, fmt.Sprintf("%s takes %s, not %s", req.URL.Path, list, req.Method)))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		writeProblem(w, newProblem(http.StatusNotFound, fmt.Sprintf("there is no %s", req.URL.Path)))
	})
	return mux
}

// serve makes a route's handler one of net/http. The guard comes first: what is wrong with a request is told to those
// who may send it.
func (s *Server) serve(rt route) http.HandlerFunc {
	guarded := s.guard(rt, func(w http.ResponseWriter, req *request) (err error) {
		if req.query, err = readQuery(rt.query, req.URL.RawQuery); err == nil {
			err = rt.acceptable(req.Header.Values("Accept"))
		}
		if err != nil {
			return err
		}
		return rt.handle(w, req)
	})
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := guarded(w, &request{Request: r}); err != nil {
			s.fail(w, r, err)
		}
	}
}

// media are the types in which the route answers.
func (rt route) media() []string {
	if rt.answer != nil {
		return append([]string{jsonType}, rt.writes...)
	}
	return rt.writes
}

// acceptable reports whether a client reads what the route writes. How much it likes which type is not asked: there is
// but one.
func (rt route) acceptable(accept []string) error {
	have := rt.media()
	if len(accept) == 0 || len(have) == 0 {
		return nil
	}
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || params["q"] == "0" {
			continue
		}
		for _, h := range have {
			family, _, _ := strings.Cut(h, "/")
			if kind == h || kind == "*/*" || kind == family+"/*" {
				return nil
			}
		}
	}
	return newProblem(http.StatusNotAcceptable, fmt.Sprintf("the answer is %s, which the header Accept does not take", strings.Join(have, " or ")))
}

// fail answers with a problem document. That a client has gone away is nobody's failure, and nobody reads the answer.
func (s *Server) fail(w http.ResponseWriter, req *http.Request, err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && req.Context().Err() == nil && !errors.Is(err, scheduler.ErrStopped) {
		s.log.Error("request failed", "method", req.Method, "path", access.Redact(req.URL.Path), "error", err)
	}
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	writeProblem(w, p)
}
