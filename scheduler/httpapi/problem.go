package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/access"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Problem is an error answer, a problem document of RFC 9457.
type Problem struct {
	// Type is about:blank: the problem is what the status says.
	Type string `json:"type"`
	// Title is the status in words.
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong and what to do.
	Detail string `json:"detail"`
	// Errors says what is wrong with a spec, its parameters, the body or the query, one entry a place.
	Errors []SpecProblem `json:"errors,omitempty"`

	retryAfter int // seconds; 0: not told
}

// SpecProblem is one thing that is wrong with a spec, or with another part of a request.
type SpecProblem struct {
	// File is what its author calls the spec; empty if another part of the request is meant.
	File string `json:"file,omitempty"`
	// Line and Column count from 1, columns in characters; absent if the problem is in no line.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Field is the path of what is meant, such as steps.psd.retries.limit, or the name of a parameter of the query.
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	// Hint says what to do about it.
	Hint string `json:"hint,omitempty"`
}

// problemType is RFC 9457's type for problems that say no more than their status.
const problemType = "about:blank"

// problemMedia is the media type of problem documents.
const problemMedia = "application/problem+json"

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

// unavailable is the answer of a scheduler that cannot yet, or no longer; asking again may help.
func unavailable(detail string) *Problem {
	p := newProblem(http.StatusServiceUnavailable, detail)
	p.retryAfter = 1
	return p
}

// internalProblem tells a caller no more than that it is not their fault: what happened is in the log, and may name
// what is not for everybody.
func internalProblem() *Problem {
	return newProblem(http.StatusInternalServerError, "the scheduler could not answer; its log says why")
}

// missing makes a problem of what a store says of something that is not there.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrNotFound) {
		return newProblem(http.StatusNotFound, "there is no "+fmt.Sprintf(format, args...))
	}
	return err
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
		return newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit))
	case errors.Is(err, store.ErrNotFound):
		return newProblem(http.StatusNotFound, "there is nothing of that name")
	case errors.Is(err, state.ErrFinal), errors.Is(err, state.ErrNotFinal), errors.Is(err, state.ErrNotRetryable), errors.Is(err, scheduler.ErrKeyReused):
		return newProblem(http.StatusConflict, err.Error())
	case errors.Is(err, scheduler.ErrStopped):
		return unavailable(err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unavailable("the scheduler did not answer in time")
	}
	return internalProblem()
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	text, err := json.Marshal(p)
	if err != nil {
		panic("httpapi: writing a problem: " + err.Error())
	}
	w.Header().Set("Content-Type", problemMedia)
	w.Header().Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(p.Status)
	// Somebody may have put a token where an id or a name belongs, which the problem repeats.
	w.Write([]byte(access.Redact(string(text)) + "\n"))
}
