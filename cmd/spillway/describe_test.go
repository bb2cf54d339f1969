package main

import (
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func TestDescribe(t *testing.T) {
	for want, step := range map[string]httpapi.Step{
		"active, 2 succeeded, 1 running, 4 pending: needs 9 cpus": {
			Phase: "active", Tasks: 7, Succeeded: 2, Running: 1, Pending: 4, Waits: "needs 9 cpus",
		},
		"active, 1 to be tried again; task 3 failed on a1: cannot pull: stderr='no such host'": {
			Phase: "active", Tasks: 1, Retrying: 1, Why: "task 3 failed on a1: cannot pull: stderr='no such host'",
		},
		"failed; task 0 failed on a1: TASK_LOST REASON_AGENT_REMOVED": {
			Phase: "failed", Tasks: 1, Failed: 1,
			Why: "task 0 failed on a1: TASK_LOST REASON_AGENT_REMOVED",
		},
		"succeeded, 7 succeeded":      {Phase: "succeeded", Tasks: 7, Succeeded: 7},
		"succeeded":                   {Phase: "succeeded", Tasks: 1, Succeeded: 1},
		"skipped because work failed": {Phase: "skipped", Tasks: 2, Skipped: 2, Why: "skipped because work failed"},
		"skipped, 1 succeeded, 1 skipped; skipped because nothing failed before it": {
			Phase: "skipped", Tasks: 2, Succeeded: 1, Skipped: 1, Why: "skipped because nothing failed before it",
		},
	} {
		if got := describe(step); got != want {
			t.Errorf("a step is described as %q, want %q", got, want)
		}
	}
}
