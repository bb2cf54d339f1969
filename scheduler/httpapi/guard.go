package httpapi

import (
	"context"
	"net/http"
)

// identify finds out who sends a request and keeps it in the request's context. Its error is the answer.
func (s *Server) identify(req *http.Request) (*http.Request, error) { return req, nil }

// guard lets a route's handler be called by those who may. It is the one place where that is checked, but for routes
// whose project is not known before their body is read: these call allow.
func (s *Server) guard(rt route, next handler) handler { return next }

// allow says whether who sent the request may use a project by the role of the request's route; the error is the answer.
func (s *Server) allow(ctx context.Context, project string) error { return nil }

// projects are those that who sent the request may see; nil: all.
func (s *Server) projects(ctx context.Context) []string { return nil }

// caller is the name under which changes by who sent the request are recorded; empty if nobody is asked who they are.
func (s *Server) caller(ctx context.Context) string { return "" }
