package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/access"
)

// TestForgetfulHandler: a handler that makes a change without having asked whose project it is about is a bug that must
// not pass unseen. One that fails before it knows the project is none.
func TestForgetfulHandler(t *testing.T) {
	s := New(Config{Daemon: &scheduler.Daemon{}})
	rt := route{method: "POST", pattern: "/v1/things", role: Author, scope: ofBody}
	ask := func(h handler) (panicked bool) {
		defer func() { panicked = recover() != nil }()
		ctx := context.WithValue(t.Context(), callKey{}, &call{who: access.Anyone(), known: true})
		s.guard(rt, h)(httptest.NewRecorder(), &request{Request: httptest.NewRequestWithContext(ctx, "POST", "/v1/things", nil)})
		return false
	}
	for name, c := range map[string]struct {
		handler  handler
		panicked bool
	}{
		"forgets": {func(w http.ResponseWriter, _ *request) error {
			w.WriteHeader(http.StatusCreated)
			return nil
		}, true},
		"forgets, and says nothing": {func(http.ResponseWriter, *request) error { return nil }, true},
		"asks":                      {func(_ http.ResponseWriter, req *request) error { return s.allow(req.Context(), "p") }, false},
		"fails":                     {func(http.ResponseWriter, *request) error { return newProblem(422, "no spec") }, false},
	} {
		if got := ask(c.handler); got != c.panicked {
			t.Errorf("%s: panicked: %v, want %v", name, got, c.panicked)
		}
	}
}
