package state

import "testing"

// TestExitCode: only how the task's own command ended is its exit code.
func TestExitCode(t *testing.T) {
	for message, want := range map[string]int{
		"Command exited with status 3":               3,
		"Container exited with status 137":           137,
		"Container exited with status 255: and more": 255,
		"Container exited with status 256":           noExitCode,
		"Container exited with status":               noExitCode,
		"Command terminated with signal Terminated":  noExitCode,
		"Failed to launch container: Failed to run 'docker pull x:1': exited with status 1; stderr='no such host'": noExitCode,
	} {
		if got := exitCode(TaskFailed, message); got != want {
			t.Errorf("%s: %d, want %d", message, got, want)
		}
	}
	if got := exitCode(TaskFinished, ""); got != 0 {
		t.Errorf("of a task that has finished: %d", got)
	}
}
