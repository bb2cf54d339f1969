package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/tasklog"
)

// Logs opens what attempts have written.
type Logs interface {
	// Attempt returns an attempt by its number, or the newest one of a task (tasklog.Newest); tasklog.ErrNoAttempt if
	// there is none.
	Attempt(ctx context.Context, id state.AttemptID) (state.AttemptRecord, error)
	// Open opens a stream of an attempt. The error of one that is not there is a *tasklog.Missing, which says why.
	Open(ctx context.Context, attempt state.AttemptRecord, stream tasklog.Stream, o tasklog.Options) (*tasklog.Log, error)
	// Uncollected counts the attempts that have ended and whose logs are still to be collected, by the agent's id; all says
	// that there are no others.
	Uncollected() (byAgent map[string]int, all bool)
}

// What the answer says of a log, in headers, and after the last byte in a trailer.
const (
	// LogAttempt is the number of the attempt whose log it is.
	LogAttempt = "Spillway-Attempt"
	// LogOrigin is sandbox, or kept.
	LogOrigin = "Spillway-Log-Origin"
	// LogSize is how many bytes there were when it was opened; with what was not kept, without what is written later.
	LogSize = "Spillway-Log-Size"
	// LogStart is the offset in the log of the first byte sent.
	LogStart = "Spillway-Log-Start"
	// LogCut is there if bytes were not kept: FROM-TO, their offsets in the log, without the last.
	LogCut = "Spillway-Log-Cut"
	// LogEnd, the trailer, is LogComplete, or says in a sentence what is missing. Without it the answer was broken off.
	LogEnd      = "Spillway-Log-End"
	LogComplete = "complete"
)

func (s *Server) logRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/runs/{run}/steps/{step}/tasks/{index}/logs/{stream}",
			summary: "Send what an attempt has written to stdout or stderr; headers Spillway-Log-* say what was not kept, the trailer Spillway-Log-End whether all was sent.",
			role:    Viewer, scope: ofRun, writes: []string{"text/plain"}, handle: s.showLog,
			query: []param{
				{name: "attempt", kind: number, summary: "Its number, from 0; the newest one unless given."},
				{name: "tail", kind: number, summary: "How many lines from the end; all unless given."},
				{name: "offset", kind: number, summary: "The first byte wanted, counted from 0, where no tail is given."},
				{name: "follow", kind: truth, summary: "Go on with what is written later, until the attempt ends."},
			}},
	}
}

// showLog sends a stream of an attempt.
func (s *Server) showLog(w http.ResponseWriter, req *request) error {
	if s.cfg.Logs == nil {
		return newProblem(http.StatusServiceUnavailable, "this scheduler keeps no logs")
	}
	id, stream, err := logOf(req)
	if err != nil {
		return err
	}
	ctx, cancel := s.whileServing(req.Context())
	defer cancel()
	rec, err := s.cfg.Logs.Attempt(ctx, id)
	if errors.Is(err, tasklog.ErrNoAttempt) {
		return s.noAttempt(ctx, id)
	}
	if err != nil {
		return err
	}
	log, err := s.cfg.Logs.Open(ctx, rec, stream, tasklog.Options{
		Tail: req.query.number("tail", tasklog.All), Offset: int64(req.query.number("offset", 0)), Follow: req.query.flag("follow"),
	})
	var missing *tasklog.Missing
	if errors.As(err, &missing) {
		what := string(stream)
		if rec.Started.IsZero() && rec.ExitCode < 0 {
			what = "log" // neither of the streams
		}
		return newProblem(http.StatusNotFound, fmt.Sprintf("there is no %s of attempt %d of task %d of step %s: %s",
			what, rec.ID.Number, rec.ID.Index, rec.ID.Step, missing.Why))
	}
	if err != nil {
		return err
	}
	defer log.Close()
	out, done, err := s.stream(w, req, "text/plain; charset=utf-8")
	if err != nil {
		return err
	}
	defer done()
	logHeaders(w.Header(), rec, log)
	if req.Method == http.MethodHead {
		return nil
	}
	s.sendLog(out, log)
	return nil
}

// logOf reads which log is meant.
func logOf(req *request) (state.AttemptID, tasklog.Stream, error) {
	id := state.AttemptID{Run: state.RunID(req.PathValue("run")), Step: req.PathValue("step"), Number: req.query.number("attempt", tasklog.Newest)}
	index, err := strconv.Atoi(req.PathValue("index"))
	if err != nil || index < 0 {
		return id, "", newProblem(http.StatusBadRequest, fmt.Sprintf("task %q: give its index, a number from 0 on", req.PathValue("index")))
	}
	id.Index = index
	stream := tasklog.Stream(req.PathValue("stream"))
	if stream != tasklog.Stdout && stream != tasklog.Stderr {
		return id, "", newProblem(http.StatusNotFound, fmt.Sprintf("a task writes to stdout and stderr, not to %q", stream))
	}
	return id, stream, nil
}

// whileServing returns a context that ends with the scheduler too: nobody waits for the end of a log then.
func (s *Server) whileServing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-s.cfg.Daemon.Done():
			cancel(scheduler.ErrStopped)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// noAttempt says why there is no attempt whose log could be sent.
func (s *Server) noAttempt(ctx context.Context, id state.AttemptID) error {
	if id.Number != tasklog.Newest {
		return newProblem(http.StatusNotFound, fmt.Sprintf("task %d of step %s has no attempt %d", id.Index, id.Step, id.Number))
	}
	task, err := withRun(ctx, s, id.Run, func(now time.Time, run *state.Run, r *scheduler.Reactor) (foundTask, error) {
		st, err := taskOf(run, id.Step, id.Index)
		if err != nil {
			return foundTask{}, err
		}
		return explainTask(now, st, id.Index, r), nil
	})
	if err != nil {
		return err
	}
	why := became(task.view(nil))
	if task.why != nil {
		why = task.why()
	}
	return newProblem(http.StatusNotFound, fmt.Sprintf("task %d of step %s has not been attempted: %s", id.Index, id.Step, why))
}

func logHeaders(h http.Header, rec state.AttemptRecord, log *tasklog.Log) {
	h.Set("X-Content-Type-Options", "nosniff") // it may hold anything, and is never to be taken for a page
	h.Set(LogAttempt, strconv.Itoa(rec.ID.Number))
	h.Set(LogOrigin, string(log.Origin))
	h.Set(LogSize, strconv.FormatInt(log.Size, 10))
	h.Set(LogStart, strconv.FormatInt(log.Start, 10))
	if log.CutFrom < log.CutTo {
		h.Set(LogCut, fmt.Sprintf("%d-%d", log.CutFrom, log.CutTo))
	}
	h.Set("Trailer", LogEnd)
}

// sendLog sends a log as it comes.
func (s *Server) sendLog(out *stream, log *tasklog.Log) {
	buffer := make([]byte, mesos.MaxRead)
	if _, err := out.Write(nil); err != nil { // the headers, even if nothing follows for long
		return
	}
	for {
		n, err := log.Read(buffer)
		if n > 0 {
			if _, err := out.Write(buffer[:n]); err != nil {
				return // the client is gone, or does not read
			}
		}
		if err != nil {
			if end := s.endOf(log, err); end != "" {
				out.w.Header().Set(LogEnd, end)
			}
			return
		}
	}
}

// endOf says how a log has ended; empty if it is broken off: because the scheduler stops, or nobody listens.
func (s *Server) endOf(log *tasklog.Log, err error) string {
	switch {
	case errors.Is(err, io.EOF) && log.Note() == "":
		return LogComplete
	case errors.Is(err, io.EOF):
		return log.Note()
	case errors.Is(err, context.Canceled):
		return ""
	}
	var missing *tasklog.Missing
	if errors.As(err, &missing) {
		return missing.Why
	}
	s.log.Error("reading a log", "error", err)
	return "the scheduler could not read on"
}
