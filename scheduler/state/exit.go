package state

import (
	"strconv"
	"strings"
)

// killed is the exit status that shells and Docker give to a command that was ended by SIGKILL: 128 and its number.
const killed = 137

// wasKilled tells whether a command was ended by SIGKILL, which nobody has asked for as far as the status tells. It is what
// the kernel does to a container that takes more memory than it may; that it was the kernel is not always told.
func wasKilled(st Status) bool {
	return st.Reason == "" && (exitCode(st.State, st.Message) == killed || strings.Contains(st.Message, "terminated with signal Killed"))
}

// noExitCode marks an exit code that is not known.
const noExitCode = -1

// exitCode reads a command's exit code from the message of a status. Mesos tells it nowhere else: its executors
// write "Command exited with status N" and "Container exited with status N" (launcher/executor.cpp,
// docker/executor.cpp).
func exitCode(state TaskState, message string) int {
	if state == TaskFinished {
		return 0
	}
	what, rest, found := strings.Cut(message, " exited with status ")
	if !found || !strings.HasSuffix(what, "Command") && !strings.HasSuffix(what, "Container") {
		return noExitCode // or it is that of a command of the agent's own, such as docker pull
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(rest[:end])
	if err != nil || n > 255 {
		return noExitCode
	}
	return n
}
