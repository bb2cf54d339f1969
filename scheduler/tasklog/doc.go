// Package tasklog gives people what attempts have written to stdout and stderr: while an attempt lives from its sandbox
// on the agent, and afterwards from a file of the scheduler's own, into which the logs of attempts that have ended are
// collected. That file is kept beside the store, not in it: a log that is lost is a pity, a run that is lost is not to
// be, so nothing here may hold the scheduler up.
//
// A log has no other form than bytes, and a place in it is an offset from its beginning, in the sandbox and in what is
// kept alike. What was cut out of a long log is a gap between two offsets.
package tasklog

import (
	"context"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Stream is one of the two that a task writes to. It is the name of the file in the sandbox too.
type Stream string

// The streams of a task.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// streams are all of them; what is kept of a stream is stored under its place here.
var streams = [...]Stream{Stdout, Stderr}

// number is the stream's place in streams.
func (s Stream) number() int {
	if s == Stderr {
		return 1
	}
	return 0
}

// All, as Options.Tail, stands for the whole log.
const All = -1

// Options say which part of a log is wanted.
type Options struct {
	// Tail is how many lines there shall be before the end; All: every one.
	Tail int
	// Offset is that of the first byte wanted, if Tail is All.
	Offset int64
	// Follow goes on with what is written later, until the attempt has ended.
	Follow bool
}

// Missing is the error of a log that is not there. It says why, in a sentence for people.
type Missing struct{ Why string }

func (m *Missing) Error() string { return m.Why }

// Sandbox reads files of tasks from their agents; *mesos.Sandboxes does.
type Sandbox interface {
	// Read returns at most length bytes of a file from offset on, none at its end, and the file's size.
	Read(ctx context.Context, f mesos.SandboxFile, offset int64, length int) ([]byte, int64, error)
}

// Records is the part of store.Reader that is needed to find the attempts whose logs are to be kept.
type Records interface {
	Runs(ctx context.Context, f store.RunFilter) ([]state.RunRecord, error)
	Attempts(ctx context.Context, id state.RunID, f store.AttemptFilter) ([]state.AttemptRecord, error)
}
