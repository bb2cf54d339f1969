package httpapi

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/access"
)

// TableRoute is a route as tests see it.
type TableRoute struct {
	Method, Pattern string
	Role            access.Role
	// Scope says whose project it is about: none, run, path, body or all.
	Scope   string
	Changes bool
	// Reports says that the audit log is not told of it unless it is refused.
	Reports bool
}

// Table returns all routes.
func (s *Server) Table() []TableRoute {
	scopes := map[scope]string{global: "none", ofRun: "run", ofPath: "path", ofBody: "body", ofAll: "all"}
	var table []TableRoute
	for _, rt := range s.routes() {
		table = append(table, TableRoute{rt.method, rt.pattern, rt.role, scopes[rt.scope], rt.changes(), rt.reports})
	}
	return table
}

// Document returns the OpenAPI document.
func (s *Server) Document() []byte { return s.document() }

// OpenStreams counts the answers that go on.
func (s *Server) OpenStreams() int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	n := 0
	for _, of := range s.streams.open {
		n += of
	}
	return n
}

// KeepEvents has the server keep no more than n events, from now on.
func (s *Server) KeepEvents(n int) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.ring = make([]event, n)
}

// Break makes a route that panics, for a test of what is answered then.
func (s *Server) Break(inHandler, begun bool) http.Handler {
	return s.recovered(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if begun {
			w.WriteHeader(http.StatusOK)
			w.Write([]byte("half"))
		}
		if inHandler {
			panic("a secret invariant")
		}
		_, err := look(req.Context(), s.cfg.Daemon, func(time.Time, *scheduler.Reactor) (int, error) { panic("a secret invariant") })
		s.fail(w, req, err)
	}))
}

// Cursor makes a cursor of any text.
func Cursor(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
