package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// sse is a server-sent event.
type sse struct{ id, kind, data, comment string }

// listening is a stream of events.
type listening struct {
	t     *testing.T
	lines *bufio.Scanner
	close context.CancelFunc
}

// listen opens a stream of events.
func (a api) listen(query, lastID string, headers ...string) *listening {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	a.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", a.url+"/v1/events?"+query, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" {
		a.t.Fatalf("%s, %s", resp.Status, kind)
	}
	l := &listening{t: a.t, lines: bufio.NewScanner(resp.Body), close: cancel}
	l.lines.Buffer(nil, 1<<20)
	return l
}

// next reads an event, as the WHATWG's standard says; ok is false at the end of the stream.
func (l *listening) next() (e sse, ok bool) {
	l.t.Helper()
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case ":", "":
			if l.lines.Text() == "" {
				return e, true
			}
			e.comment = value
		case "retry":
		default:
			l.t.Fatalf("a line %q", l.lines.Text())
		}
	}
	if err := l.lines.Err(); errors.Is(err, context.DeadlineExceeded) {
		l.t.Fatal("no event came")
	}
	return e, false
}

// said is an event in short: "run ID active", "task step/0 running".
func (l *listening) said(e sse) string {
	l.t.Helper()
	switch e.kind {
	case "run":
		r := decode[httpapi.RunEvent](l.t, []byte(e.data))
		if r.Steps != nil || r.Params != nil {
			l.t.Errorf("an event tells more than it should: %s", e.data)
		}
		return fmt.Sprintf("%s %s", r.Name, r.Phase)
	case "task":
		k := decode[httpapi.TaskEvent](l.t, []byte(e.data))
		return fmt.Sprintf("%s/%d %s", k.Step, k.Index, k.Phase)
	}
	return e.kind
}

// until reads events until one says last, and gives what they say and their ids.
func (l *listening) until(last string) (said, ids []string) {
	l.t.Helper()
	for {
		e, ok := l.next()
		if !ok {
			l.t.Fatalf("the stream ended before %q, after %q", last, said)
		}
		if e.kind == "" {
			continue
		}
		said, ids = append(said, l.said(e)), append(ids, e.id)
		if said[len(said)-1] == last {
			return said, ids
		}
	}
}

// TestEvents follows a run, and comes back at each of its events.
func TestEvents(t *testing.T) {
	a := newBusyAPI(t)
	l := a.listen("", "")
	first, _ := l.next()
	a.submit(workSpec("lpf", "p", "ann", "  a: {run: succeed}\n  b: {run: fail, needs: [a]}\n"), nil)
	said, ids := l.until("p failed")
	if said[0] != "p active" || said[1] != "a/0 starting" {
		t.Errorf("it begins with %q", said)
	}
	for _, must := range []string{"a/0 succeeded", "b/0 starting", "b/0 failed"} {
		if !strings.Contains(strings.Join(said, ", "), must) {
			t.Errorf("%q is not told in %q", must, said)
		}
	}
	for i, id := range append([]string{first.id}, ids...) {
		again, _ := a.listen("", id).until("p failed")
		if diff := cmp.Diff(said[i:], again); diff != "" {
			t.Fatalf("after event %d (-want +got):\n%s", i, diff)
		}
		if i == len(ids)-1 {
			break
		}
	}
}

// TestEventsAfterRestart: a client of another process, or with an id that is none, reads again and goes on.
func TestEventsAfterRestart(t *testing.T) {
	a := newAPI(t)
	first, _ := a.listen("", "").next()
	epoch, _, _ := strings.Cut(first.id, "-")
	for _, id := range []string{"01hxxxxxxxxxxxxxxxxxxxxxxx-7", epoch + "-99999", epoch + "--1", epoch, "?"} {
		l := a.listen("", id)
		e, _ := l.next()
		if e.kind != "reset" || decode[httpapi.ResetEvent](t, []byte(e.data)).Reason == "" {
			t.Errorf("with id %q: %+v", id, e)
		}
		run := a.submit(twoSteps, nil)
		if said, _ := l.until("two active"); len(said) != 1 {
			t.Errorf("after the reset: %q of %s", said, run.ID)
		}
	}
}

// TestEventsFarBehind: a client that has missed too much is told so, and goes on.
func TestEventsFarBehind(t *testing.T) {
	a := newAPI(t)
	a.server.KeepEvents(3)
	first, _ := a.listen("", "").next()
	for range 3 {
		a.submit(twoSteps, nil)
	}
	if said, _ := a.listen("", first.id).until("two active"); len(said) != 1 {
		t.Errorf("all are kept, but it gets %q", said)
	}
	a.submit(twoSteps, nil)
	l := a.listen("", first.id)
	if e, _ := l.next(); e.kind != "" {
		t.Errorf("first: %+v", e)
	}
	if e, _ := l.next(); e.kind != "reset" {
		t.Errorf("four were missed, three are kept, and it gets %+v", e)
	}
}

func TestEventFilters(t *testing.T) {
	a := newBusyAPI(t)
	begin, _ := a.listen("", "").next()
	submit := func(project, name string) string {
		id := a.submit(workSpec(project, name, "ann", "  "+name+": {run: succeed}\n"), nil).ID
		a.await(id, "succeeded")
		return id
	}
	submit("emri", "x")
	id := submit("lpf", "y")
	submit("emri", "z")
	for query, want := range map[string]string{
		"project=lpf": "y", "project=emri": "xz", "project=lpf&project=emri": "xyz", "run=" + id: "y", "run=" + id + "&project=lpf": "y",
		"project=emri&project=lpf&run=" + id: "y",
	} {
		said, _ := a.listen(query, begin.id).until(want[len(want)-1:] + " succeeded")
		seen := ""
		for _, s := range said {
			if name := s[:1]; !strings.HasSuffix(seen, name) {
				seen += name
			}
		}
		if seen != want {
			t.Errorf("%s: events of %s, want of %s", query, seen, want)
		}
	}
	if p := ask[httpapi.Problem](a, "GET", "/v1/events?run=none", nil, 404); p.Detail != "there is no run none" {
		t.Errorf("the events of a run that is not there: %+v", p)
	}
}

// TestEventsOfProjects: a token of one project hears of no other.
func TestEventsOfProjects(t *testing.T) {
	g := newGuarded(t)
	a := api{t: t, url: g.url}
	headers := func(token string) []string { return []string{"Authorization", "Bearer " + g.texts[token]} }
	l := a.listen("", "", headers("viewer-lpf")...)
	l.next()
	ids := map[string]string{}
	for _, project := range []string{"other", "lpf"} {
		text := workSpec(project, "of-"+project, "ann", "  a: {run: work}\n")
		got := a.send("POST", "/v1/runs", text, append(headers("author-all"), "Content-Type", "application/yaml")...)
		if got.status != 201 || !strings.HasPrefix(got.header.Get("Location"), "/v1/runs/") {
			t.Fatalf("%d %s", got.status, got.body)
		}
		ids[project] = decode[httpapi.Run](t, got.body).ID
	}
	if said, _ := l.until("of-lpf active"); len(said) != 1 {
		t.Errorf("it hears %q", said)
	}
	if got := a.send("GET", "/v1/events?project=other", "", headers("viewer-lpf")...); got.status != 403 {
		t.Errorf("the events of a project that is not its own: %d", got.status)
	}
	if got := a.send("GET", "/v1/events?run="+ids["other"], "", headers("viewer-lpf")...); got.status != 403 {
		t.Errorf("the events of a run of such a project: %d", got.status)
	}
}

func TestHeartbeat(t *testing.T) {
	st, master := store.NewMemory(), quietMaster{offered: make(chan struct{})}
	a := start(t, st, master, func(c *httpapi.Config, _ *http.Server) { c.Heartbeat = time.Millisecond })
	l := a.listen("run="+a.submit(twoSteps, nil).ID, "")
	first, _ := l.next()
	beat, ok := l.next()
	if !ok || beat.comment == "" || beat.id != first.id || beat.kind != "" {
		t.Errorf("when nothing happens it says %+v", beat)
	}
	// What is not told moves the position all the same.
	a.submit(twoSteps, nil)
	for beat.id == first.id {
		if beat, ok = l.next(); !ok {
			t.Fatal("the stream has ended")
		}
	}
}

// TestEventsEndWithTheDaemon: nobody waits for events of a scheduler that has stopped.
func TestEventsEndWithTheDaemon(t *testing.T) {
	st, master := store.NewMemory(), quietMaster{offered: make(chan struct{})}
	a := start(t, st, master, nil)
	l := a.listen("", "")
	l.next()
	a.stop()
	if e, ok := l.next(); ok {
		t.Errorf("it goes on with %+v", e)
	}
}

// TestTooManyStreams: the streams of one client are counted.
func TestTooManyStreams(t *testing.T) {
	a := newAPI(t)
	var all []*listening
	for range 64 {
		l := a.listen("", "")
		l.next()
		all = append(all, l)
	}
	got := a.send("GET", "/v1/events", "")
	if got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("the 65th stream: %d %v", got.status, got.header)
	}
	all[0].close()
	for end := time.Now().Add(patience); a.server.OpenStreams() == 64; {
		if time.Now().After(end) {
			t.Fatal("a stream whose client has gone stays open")
		}
	}
	a.listen("", "").next()
	if log := a.log.String(); strings.Contains(log, "ERROR") {
		t.Errorf("a client that goes away is an error in the log: %s", log)
	}
}

// TestWatchGoesOn: who watched the daemon before still does.
func TestWatchGoesOn(t *testing.T) {
	seen := make(chan *state.Changes, 10)
	st, master := store.NewMemory(), quietMaster{offered: make(chan struct{})}
	a := start(t, st, master, func(c *httpapi.Config, _ *http.Server) {
		c.Daemon.Watch = func(ch *state.Changes) { seen <- ch }
	})
	l := a.listen("", "")
	a.submit(twoSteps, nil)
	l.until("two active")
	if c := <-seen; c.FrameworkID == nil && len(c.Runs) == 0 {
		t.Errorf("who watched before sees %+v", c)
	}
}
