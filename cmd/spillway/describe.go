package main

import (
	"fmt"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// describe says in one line how far a step is.
func describe(s httpapi.Step) string {
	if s.Phase == string(state.StepSkipped) && s.Skipped == s.Tasks {
		return s.Why
	}
	parts := []string{s.Phase}
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Succeeded, "succeeded"}, {s.Running, "running"}, {s.Starting, "starting"}, {s.Lost, "unreachable"},
		{s.Retrying, "to be tried again"}, {s.Pending, "pending"}, {s.Failed, "failed"}, {s.Cancelled, "cancelled"}, {s.Skipped, "skipped"},
	} {
		if c.n > 0 && s.Tasks > 1 || c.n > 0 && c.what != s.Phase && s.Phase == "active" {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	line := strings.Join(parts, ", ")
	if s.Waits != "" {
		line += ": " + s.Waits
	}
	if s.Why != "" {
		line += "; " + s.Why
	}
	return line
}
