package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// heartbeat is how often a stream of events says something when nothing happens, so that proxies keep it open and a
// client that has gone is noticed.
const heartbeat = 15 * time.Second

// eventPage is how many events are written at a time.
const eventPage = 256

func (s *Server) eventRoutes() []route {
	return []route{{
		method: "GET", pattern: "/v1/events", role: Viewer, handle: s.events, writes: []string{"text/event-stream"},
		summary: "Follow what happens, as server-sent events.",
		query: []param{
			{name: "project", kind: text, repeat: true, summary: "Only of this project."},
			{name: "run", kind: text, summary: "Only of this run."},
		},
		headers: []param{{name: "Last-Event-ID", kind: text, summary: "Go on after this event; without it, from now on."}},
	}}
}

// listener is one client of the events.
type listener struct {
	server   *Server
	out      *stream
	feed     *feed
	at       int64
	run      state.RunID
	projects []string // nil: all
	buf      bytes.Buffer
}

func (s *Server) events(w http.ResponseWriter, req *request) error {
	projects, err := s.visible(req.Context(), req.query.all("project"))
	if err != nil {
		return err
	}
	run := state.RunID(req.query.text("run"))
	if run != "" { // who waits for a run that is not there would wait for ever
		project, err := s.projectOf(req.Context(), run)
		if err == nil {
			err = s.allow(req.Context(), project)
		}
		if err != nil {
			return err
		}
	}
	out, done, err := s.stream(w, req, "text/event-stream")
	if err != nil {
		return err
	}
	defer done()
	if req.Method == http.MethodHead {
		return nil
	}
	l := &listener{server: s, out: out, feed: s.feed, run: run, projects: projects}
	l.begin(req.Header.Get("Last-Event-ID"))
	beat := time.NewTicker(cmp.Or(s.cfg.Heartbeat, heartbeat))
	defer beat.Stop()
	for {
		more, err := l.send(req.Context())
		if err != nil {
			return nil // the client is gone, or does not read
		}
		select {
		case <-more:
		case <-beat.C:
			fmt.Fprintf(&l.buf, ": nothing new\n")
			l.position()
		case <-req.Context().Done():
			return nil
		case <-s.cfg.Daemon.Done():
			return nil
		}
	}
}

// begin finds where a client goes on. It is told where it is even if nothing happens, so that it can come back.
func (l *listener) begin(lastID string) {
	fmt.Fprintf(&l.buf, "retry: 2000\n")
	at, known := l.feed.position(lastID)
	l.at = l.feed.end()
	switch {
	case lastID == "":
		l.position()
	case known && at <= l.at:
		l.at = at
		l.position()
	default:
		l.reset("the scheduler was restarted since")
	}
}

// position writes where the client is.
func (l *listener) position() { fmt.Fprintf(&l.buf, "id: %s\n\n", l.feed.id(l.at)) }

func (l *listener) reset(reason string) {
	l.at = l.feed.end()
	l.write(l.at, "reset", ResetEvent{Reason: reason})
}

func (l *listener) write(id int64, kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic("httpapi: writing an event: " + err.Error())
	}
	fmt.Fprintf(&l.buf, "id: %s\nevent: %s\ndata: %s\n\n", l.feed.id(id), kind, text)
}

// send writes all events up to the latest one. more is closed when there is another.
func (l *listener) send(ctx context.Context) (more <-chan struct{}, err error) {
	events := make([]event, eventPage)
	for {
		n, ok, more := l.feed.read(l.at, events)
		if !ok {
			l.reset("more happened than is kept")
			continue
		}
		for i, e := range events[:n] {
			wanted, err := l.wants(ctx, e)
			if err != nil {
				return nil, err
			}
			if wanted {
				l.tell(l.at+int64(i)+1, e)
			}
		}
		l.at += int64(n)
		if l.buf.Len() > 0 {
			if _, err := l.buf.WriteTo(l.out); err != nil {
				return nil, err
			}
		}
		if n < len(events) {
			return more, nil
		}
	}
}

// tell writes an event; id is the position after it.
func (l *listener) tell(id int64, e event) {
	switch {
	case e.run != nil:
		l.write(id, "run", recordView(*e.run))
		return
	case e.cloud != nil:
		l.write(id, "cloud", *e.cloud)
		return
	}
	l.write(id, "task", TaskEvent{
		Run: string(e.attempt.ID.Run), Step: e.attempt.ID.Step, Index: e.attempt.ID.Index,
		Phase: attemptPhase(e.attempt), Attempt: attemptView(e.attempt),
	})
}

func (l *listener) wants(ctx context.Context, e event) (bool, error) {
	if l.run != "" && e.of() != l.run {
		return false, nil
	}
	if l.projects == nil {
		return true, nil
	}
	if e.cloud != nil {
		return false, nil // it may tell of any project
	}
	if e.run != nil {
		return slices.Contains(l.projects, e.run.Project), nil
	}
	project, err := l.server.projectOf(ctx, e.of())
	return err == nil && slices.Contains(l.projects, project), ctx.Err()
}

// attemptPhase is the phase of a task by its newest attempt.
func attemptPhase(a *state.AttemptRecord) string {
	switch {
	case a.Outcome == state.Succeeded:
		return phaseSucceeded
	case a.Outcome == state.Cancelled:
		return phaseCancelled
	case a.Outcome != "" && a.RetryAt.IsZero():
		return phaseFailed
	case a.Outcome != "":
		return phaseRetrying
	case !a.Unreachable.IsZero():
		return phaseLost
	case a.State == state.TaskStaging || a.State == state.TaskStarting:
		return phaseStarting
	}
	return phaseRunning
}
