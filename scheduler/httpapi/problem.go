package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Problem is an error answer, a problem document of RFC 9457.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Errors says what is wrong with a spec, its parameters or the query, one entry a place.
	Errors []SpecProblem `json:"errors,omitempty"`
}

// SpecProblem is one thing that is wrong with a spec, or with a parameter of a query.
type SpecProblem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// problemType is RFC 9457's type for problems that say no more than their status.
const problemType = "about:blank"

// Error is the problem's detail.
func (p *Problem) Error() string { return p.Detail }

func newProblem(status int, detail string) *Problem {
	return &Problem{Type: problemType, Title: http.StatusText(status), Status: status, Detail: detail}
}

func badRequest(detail string, errors ...SpecProblem) *Problem {
	p := newProblem(http.StatusBadRequest, detail)
	p.Errors = errors
	return p
}

// problemOf says with which status an error is answered.
func problemOf(err error) *Problem {
	var p *Problem
	var problems spec.Problems
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &problems):
		p = newProblem(http.StatusUnprocessableEntity, problems.Error())
		for _, sp := range problems {
			p.Errors = append(p.Errors, SpecProblem(sp))
		}
		return p
	case errors.As(err, &tooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, "the request is too large")
	case errors.Is(err, store.ErrNotFound):
		return newProblem(http.StatusNotFound, err.Error())
	case errors.Is(err, state.ErrFinal), errors.Is(err, state.ErrNotRetryable), errors.Is(err, scheduler.ErrKeyReused):
		return newProblem(http.StatusConflict, err.Error())
	case errors.Is(err, scheduler.ErrStopped):
		return newProblem(http.StatusServiceUnavailable, err.Error())
	}
	return newProblem(http.StatusInternalServerError, err.Error())
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p)
}
