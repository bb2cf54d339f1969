package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is the type of a parameter's value.
type kind string

const (
	text     kind = "text"
	number   kind = "number"   // a whole one
	moment   kind = "time"     // RFC 3339
	truth    kind = "truth"    // true or false
	interval kind = "duration" // such as 30s or PT30S
)

// param is a parameter of a route's query, or a header.
type param struct {
	name    string
	kind    kind
	summary string // one sentence
	repeat  bool   // may be given more than once
	// required: the request means nothing without it
	required bool
	values   []string // the only ones allowed; nil: any
	least    int      // of a number
	most     int      // of a number, or seconds of a duration; 0: no limit
}

// query is what a request's query says, checked against the route's parameters.
type query map[string][]string

// readQuery checks a query. What is wrong with it is told for all parameters at once.
func readQuery(params []param, raw string) (query, error) {
	given, err := url.ParseQuery(raw)
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, "the query is not well-formed: write & and % in values as %26 and %25")
	}
	var wrong []SpecProblem
	for name, values := range given {
		i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		if i < 0 {
			wrong = append(wrong, SpecProblem{Field: name, Message: "there is no such parameter", Hint: "known here: " + paramNames(params)})
			continue
		}
		if problem := params[i].check(values); problem != "" {
			wrong = append(wrong, SpecProblem{Field: name, Message: problem})
		}
	}
	for _, p := range params {
		if p.required && len(given[p.name]) == 0 {
			wrong = append(wrong, SpecProblem{Field: p.name, Message: "is missing", Hint: p.summary})
		}
	}
	if wrong == nil {
		return query(given), nil
	}
	slices.SortFunc(wrong, func(a, b SpecProblem) int { return strings.Compare(a.Field, b.Field) })
	return nil, badRequest("the query is wrong: "+sentence(wrong), wrong...)
}

// sentence tells of problems that have no file on one line.
func sentence(problems []SpecProblem) string {
	parts := make([]string, len(problems))
	for i, p := range problems {
		parts[i] = p.Field + ": " + p.Message
		if p.Hint != "" {
			parts[i] += " (" + strings.TrimSuffix(p.Hint, ".") + ")"
		}
	}
	return strings.Join(parts, "; ")
}

func paramNames(params []param) string {
	if len(params) == 0 {
		return "none"
	}
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

// check says what is wrong with the values of a parameter, or nothing.
func (p param) check(values []string) string {
	if len(values) > 1 && !p.repeat {
		return "is given more than once"
	}
	for _, v := range values {
		switch p.kind {
		case number:
			n, err := strconv.Atoi(v)
			if err != nil || n < p.least || p.most > 0 && n > p.most {
				return fmt.Sprintf("%q is no number %s", v, p.span())
			}
		case moment:
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				return fmt.Sprintf("%q is no time like 2026-01-31T12:00:00Z", v)
			}
		case interval:
			if problem := p.checkInterval(v); problem != "" {
				return problem
			}
		case truth:
			if v != "true" && v != "false" {
				return fmt.Sprintf("%q is neither true nor false", v)
			}
		}
		if p.values != nil && !slices.Contains(p.values, v) {
			return fmt.Sprintf("%q is none of %s", v, strings.Join(p.values, ", "))
		}
	}
	return ""
}

func (p param) span() string {
	switch {
	case p.kind == interval:
		return fmt.Sprintf("up to %ds", p.most)
	case p.most > 0:
		return fmt.Sprintf("from %d to %d", p.least, p.most)
	}
	return fmt.Sprintf("from %d on", p.least)
}

func (q query) text(name string) string { return url.Values(q).Get(name) }

func (q query) all(name string) []string { return q[name] }

func (q query) flag(name string) bool { return q.text(name) == "true" }

// number gives a number, or what it is if it was not given.
func (q query) number(name string, otherwise int) int {
	if len(q[name]) == 0 {
		return otherwise
	}
	n, _ := strconv.Atoi(q.text(name))
	return n
}

// moment gives a time; zero if it was not given.
func (q query) moment(name string) time.Time {
	t, _ := time.Parse(time.RFC3339, q.text(name))
	return t
}
