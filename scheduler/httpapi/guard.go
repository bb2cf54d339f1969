package httpapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/access"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// call is what is known of a request: who sent it and, once the guard has seen it, what it may do.
type call struct {
	who   access.Who
	token string // whose; "" if none was given, or none is asked for
	known bool

	route   route
	audited bool // the audit log holds that the change is allowed
	entry   access.Entry
}

type callKey struct{}

// callOf returns what identify has found out. A request that it has not seen is a bug.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// identify finds out who sends a request and keeps it in the request's context.
func (s *Server) identify(req *http.Request) *http.Request {
	c := &call{}
	if s.cfg.Tokens == nil {
		c.who, c.known = access.Anyone(), true
	} else if c.token = bearer(req); c.token != "" {
		c.who, c.known = s.cfg.Tokens.Who(c.token)
	}
	return req.WithContext(context.WithValue(req.Context(), callKey{}, c))
}

// bearer returns the token of a request (RFC 6750, section 2.1), or "".
func bearer(req *http.Request) string {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// guard lets a route's handler be called by those who may, and tells the audit log of changes. It is the one place where
// that is checked; for routes whose project is not known before their body is read, their handlers call allow.
func (s *Server) guard(rt route, next handler) handler {
	if rt.role == Nobody {
		return next
	}
	return func(w http.ResponseWriter, req *request) error {
		c := callOf(req.Context())
		c.begin(rt, req.Request)
		if err := s.admit(w, c, req); err != nil {
			return err
		}
		if c.token != "" {
			ctx, cancel := s.cfg.Tokens.Watch(req.Context(), c.token, c.who)
			defer cancel()
			req.Request = req.WithContext(ctx)
		}
		if !rt.changes() || rt.reports {
			return next(w, req)
		}
		return s.change(w, req, c, next)
	}
}

// changes reports whether a route changes anything.
func (rt route) changes() bool { return rt.method != http.MethodGet && rt.method != http.MethodHead }

// begin notes what the audit log is told of a call.
func (c *call) begin(rt route, req *http.Request) {
	what, _, _ := strings.Cut(strings.TrimSuffix(rt.summary, "."), ":") // in short
	c.route = rt
	c.entry = access.Entry{
		Call: strings.ToLower(rand.Text()), Who: c.who.Name, From: addressOf(req), Method: req.Method, Path: req.URL.Path,
		What: what, Needs: rt.role,
	}
}

// addressOf is the address that a request comes from, without its port.
func addressOf(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return req.RemoteAddr
	}
	return host
}

// admit asks who sends the request, and whether they may do what it asks for as far as that is known before its body is
// read; the error is the answer.
func (s *Server) admit(w http.ResponseWriter, c *call, req *request) error {
	if !c.known {
		return s.refuseUnknown(w, c)
	}
	if err := c.who.May(c.route.role, ""); err != nil { // first, so that no run is looked for in vain
		return s.deny(c, err)
	}
	switch c.route.scope {
	case ofBody:
		return nil
	case ofAll:
		return s.permit(c, access.AllProjects)
	case ofPath:
		return s.permit(c, req.PathValue("project"))
	case ofRun:
		if !c.route.changes() && c.who.Sees(access.AllProjects) {
			return nil
		}
		project, err := s.projectOf(req.Context(), state.RunID(req.PathValue("run")))
		if err != nil {
			return err
		}
		return s.permit(c, project)
	}
	return s.permit(c, "")
}

// permit checks the project, and tells the audit log of a change before it is made.
func (s *Server) permit(c *call, project string) error {
	c.entry.Project = project
	if err := c.who.May(c.route.role, project); err != nil {
		return s.deny(c, err)
	}
	if !c.route.changes() || c.route.reports || c.audited {
		return nil
	}
	if err := s.record(c, access.Allowed, 0); err != nil {
		return newProblem(http.StatusServiceUnavailable,
			"the change is not made, because it could not be written to the audit log; the scheduler's operator finds in its log why")
	}
	c.audited = true
	return nil
}

// refuseUnknown answers who gave no token, or one that nobody has.
func (s *Server) refuseUnknown(w http.ResponseWriter, c *call) error {
	if err := s.failures.take(c.entry.From); err != nil {
		return err
	}
	challenge, what := `Bearer realm="spillway"`, "this needs a token"
	if c.token != "" {
		challenge, what = challenge+`, error="invalid_token"`, "the token is not known here, or was revoked; this needs one"
	}
	w.Header().Set("WWW-Authenticate", challenge)
	if c.route.changes() {
		s.record(c, access.Refused, http.StatusUnauthorized)
	}
	return newProblem(http.StatusUnauthorized, fmt.Sprintf("%s of the role %s: send it as Authorization: Bearer TOKEN "+
		"(the command takes it from SPILLWAY_TOKEN or --token-file); operators make tokens with `spillway token new`", what, c.route.role))
}

// deny answers who is known but may not do this.
func (s *Server) deny(c *call, err error) error {
	if c.route.changes() {
		s.record(c, access.Refused, http.StatusForbidden)
	}
	return newProblem(http.StatusForbidden, err.Error()+c.otherProject())
}

// otherProject says how a spec is made one of a project that its sender's token is for, if that is what is wrong: who
// leaves the project out has asked for one that they may not have heard of.
func (c *call) otherProject() string {
	if c.route.scope != ofBody || !c.who.Role.Includes(c.route.role) || len(c.who.Projects) == 0 {
		return ""
	}
	return fmt.Sprintf("; write `project: %s` into the spec", strings.Join(c.who.Projects, "`, or `project: "))
}

// change calls the handler of a change and tells the audit log how it ended.
func (s *Server) change(w http.ResponseWriter, req *request, c *call, next handler) (err error) {
	seen := &statusWriter{ResponseWriter: w}
	status := http.StatusInternalServerError // of a handler that panics
	defer func() {
		if c.audited {
			c.entry.Made = w.Header().Get("Location")
			s.record(c, access.Answered, status)
		}
	}()
	if err = next(seen, req); err != nil {
		status = problemOf(err).Status
		return err
	}
	if status = seen.status(); !c.audited {
		panic(fmt.Sprintf("%s %s answered %d without having asked whether its caller may use the project", c.route.method, c.route.pattern, status))
	}
	return nil
}

// record writes a line of the audit log. What could not be written is in the scheduler's log.
func (s *Server) record(c *call, event access.Event, status int) error {
	if s.cfg.Audit == nil {
		return nil
	}
	e := c.entry
	e.Time, e.Event, e.Status = time.Now(), event, status
	err := s.cfg.Audit.Write(e)
	if err != nil {
		s.log.Error("not in the audit log", "error", err, "event", event, "call", e.Call, "who", e.Who, "from", e.From,
			"method", e.Method, "path", access.Redact(e.Path), "project", e.Project, "status", status)
	}
	return err
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	code int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(code int) {
	if w.code == 0 && code >= http.StatusOK {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}

// allow says whether who sent the request may use a project by the role of the request's route; the error is the answer.
// The handler of a change must ask before it makes the change.
func (s *Server) allow(ctx context.Context, project string) error {
	return s.permit(callOf(ctx), project)
}

// projects are those that who sent the request may see; nil: all.
func (s *Server) projects(ctx context.Context) []string { return callOf(ctx).who.Visible() }

// caller is the name under which changes by who sent the request are recorded; empty if nobody is asked who they are.
func (s *Server) caller(ctx context.Context) string { return callOf(ctx).who.Name }
