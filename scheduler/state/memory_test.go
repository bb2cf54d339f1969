package state

import (
	"testing"
	"time"
)

// TestKilledByNobody: of a task that was killed though nobody asked for it, the likely cause is told.
func TestKilledByNobody(t *testing.T) {
	for _, c := range []struct {
		message string
		reason  Reason
		timeout bool
		want    string
	}{
		{"Container exited with status 137", "", false, "Container exited with status 137: killed, probably out of memory (its step has 64MiB); its step has no retries"},
		{"Command terminated with signal Killed", "", false, "Command terminated with signal Killed: killed, probably out of memory (its step has 64MiB); its step has no retries"},
		{"Container exited with status 1", "", false, "Container exited with status 1; its step has no retries"},
		{"Memory limit exceeded: Requested: 64MB", ReasonContainerLimitationMemory, false, "Memory limit exceeded: Requested: 64MB; its step has no retries"},
		{"Container exited with status 137", "", true, "ran longer than its timeout of 2s; its step has no retries"},
	} {
		w := newWorld(t)
		id := w.submit("name: p\nsteps: {s: {image: b, run: x, timeout: 2s, resources: {cpus: 1, mem: 64MiB}}, other: {image: b, run: x, resources: {cpus: 1, mem: 64MiB}}}\n")
		a := w.launch(2)[0]
		if c.timeout {
			w.update(a.ID, TaskRunning, "", SourceExecutor, "")
			w.pass(time.Minute)
		}
		w.update(a.ID, TaskFailed, c.reason, SourceExecutor, c.message)
		w.settle()
		if got := w.attemptsOf(id)[1].Message; a.ID.Step != "s" || got != c.want {
			t.Errorf("%s: %s of %s, want %s", c.message, got, a.ID, c.want)
		}
	}
}
