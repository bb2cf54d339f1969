package main

import (
	"fmt"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// describe says in one line how far a step is.
func describe(s httpapi.Step) string {
	parts := []string{s.Phase}
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Succeeded, "succeeded"}, {s.Running, "running"}, {s.Starting, "starting"}, {s.Lost, "unreachable"},
		{s.Retrying, "to be tried again"}, {s.Pending, "pending"}, {s.Failed, "failed"}, {s.Cancelled, "cancelled"},
	} {
		if c.n > 0 && s.Tasks > 1 || c.n > 0 && c.what != s.Phase && s.Phase == "active" {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	line := strings.Join(parts, ", ")
	if s.Waits != "" {
		line += ": " + s.Waits
	}
	if s.Failure != nil && s.Phase != string(state.StepSucceeded) {
		line += fmt.Sprintf("; task %d failed on %s: %s", s.Failure.Index, s.Failure.Hostname, failure(s.Failure))
	}
	return line
}

// failure says on one line why an attempt failed; Mesos' own messages may have several.
func failure(a *httpapi.Attempt) string {
	if message := strings.Fields(a.Message); len(message) > 0 {
		return strings.Join(message, " ")
	}
	return strings.TrimSpace(a.State + " " + a.Reason)
}
