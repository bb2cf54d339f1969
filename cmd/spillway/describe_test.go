package main

import (
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func TestDescribe(t *testing.T) {
	failure := &httpapi.Attempt{Index: 3, Hostname: "a1", State: "TASK_FAILED", Message: "cannot pull: stderr='no such host\n'"}
	for want, step := range map[string]httpapi.Step{
		"active, 2 succeeded, 1 running, 4 pending: needs 9 cpus": {
			Phase: "active", Tasks: 7, Succeeded: 2, Running: 1, Pending: 4, Waits: "needs 9 cpus",
		},
		"active, 1 to be tried again; task 3 failed on a1: cannot pull: stderr='no such host '": {
			Phase: "active", Tasks: 1, Retrying: 1, Failure: failure,
		},
		"failed; task 0 failed on a1: TASK_LOST REASON_AGENT_REMOVED": {
			Phase: "failed", Tasks: 1, Failed: 1,
			Failure: &httpapi.Attempt{Hostname: "a1", State: "TASK_LOST", Reason: "REASON_AGENT_REMOVED"},
		},
		"succeeded, 7 succeeded": {Phase: "succeeded", Tasks: 7, Succeeded: 7, Failure: failure},
		"succeeded":              {Phase: "succeeded", Tasks: 1, Succeeded: 1},
		"skipped, 2 pending":     {Phase: "skipped", Tasks: 2, Pending: 2},
	} {
		if got := describe(step); got != want {
			t.Errorf("a step is described as %q, want %q", got, want)
		}
	}
}
