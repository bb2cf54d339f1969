package httpapi

import "github.com/lisa-dpc/spillway/scheduler/access"

// TableRoute is a route as tests see it.
type TableRoute struct {
	Method, Pattern string
	Role            access.Role
	// Scope says whose project it is about: none, run, path, body or all.
	Scope   string
	Changes bool
}

// Table returns all routes.
func (s *Server) Table() []TableRoute {
	scopes := map[scope]string{global: "none", ofRun: "run", ofPath: "path", ofBody: "body", ofAll: "all"}
	var table []TableRoute
	for _, rt := range s.routes() {
		table = append(table, TableRoute{rt.method, rt.pattern, rt.role, scopes[rt.scope], rt.changes()})
	}
	return table
}

// Document returns the OpenAPI document.
func (s *Server) Document() []byte { return s.document() }
