package tasklog

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// lastLines is the plain way to tell what a tail is.
func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// TestTail: the last lines, and what stands from an offset on, are the same from a sandbox and from what is kept.
func TestTail(t *testing.T) {
	w := newWorld(t)
	w.commit(w.framework("f"))
	w.logs.Framework("f")
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		line := rapid.OneOf(rapid.Just(""), rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 1, 5, -1), rapid.Just(strings.Repeat("x", 40_000)))
		text := strings.Join(rapid.SliceOfN(line, 0, 12).Draw(rt, "lines"), "\n") + rapid.SampledFrom([]string{"", "\n", "\n\n"}).Draw(rt, "end")
		o := Options{Tail: rapid.IntRange(All, 14).Draw(rt, "tail"), Offset: int64(rapid.IntRange(0, len(text)).Draw(rt, "offset"))}
		want := text[o.Offset:]
		if o.Tail >= 0 {
			want = lastLines(text, o.Tail)
		}
		live := w.attempt("r1", n)
		w.wrote(live, text, "")
		ended := w.end(w.attempt("r2", n))
		w.wrote(ended, text, "")
		e, err := w.logs.collect(t.Context(), newItem(&ended))
		if err == nil {
			err = w.logs.archive.put(t.Context(), []entry{e})
		}
		if err != nil {
			rt.Fatal(err)
		}
		for _, rec := range []state.AttemptRecord{live, ended} {
			if got := w.content(rec, Stdout, o); got != want {
				rt.Errorf("%+v of %s: %.100q, want %.100q", o, rec.ID, got, want)
			}
		}
	})
}

// TestTailIsCheap reads the end of a large log only.
func TestTailIsCheap(t *testing.T) {
	w := newWorld(t)
	w.logs.Framework("f")
	rec := w.attempt("r1", 0)
	w.wrote(rec, strings.Repeat("a line\n", 100<<20/7), "")
	if got := w.content(rec, Stdout, Options{Tail: 2}); got != "a line\na line\n" || w.agents.reads > 4 {
		t.Errorf("%.50q after %d reads", got, w.agents.reads)
	}
}

// TestCut: what was cut out of a long log is told, and is between its beginning and its end.
func TestCut(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Cap = 1 << 20 })
	w.logs.Framework("f")
	rec := w.end(w.attempt("r1", 0))
	text := string(pattern(3 << 20))
	w.wrote(rec, text, "")
	e, err := w.logs.collect(t.Context(), newItem(&rec))
	if err == nil {
		err = w.logs.archive.put(t.Context(), []entry{e})
	}
	if err != nil {
		t.Fatal(err)
	}
	const from, to = 1 << 18, 3<<20 - 3<<18
	for _, c := range []struct {
		o        Options
		want     string
		start    int64
		cut, end int64
	}{
		{all, text[:from] + text[to:], 0, from, to},
		{Options{Tail: All, Offset: from - 5}, text[from-5:from] + text[to:], from - 5, from, to},
		{Options{Tail: All, Offset: from}, text[to:], from, from, to},
		{Options{Tail: All, Offset: from + 1}, text[to:], from + 1, from + 1, to},
		{Options{Tail: All, Offset: to + 1}, text[to+1:], to + 1, 3 << 20, 3 << 20},
		{Options{Tail: All, Offset: 9 << 20}, "", 3 << 20, 3 << 20, 3 << 20},
	} {
		log, err := w.logs.Open(t.Context(), rec, Stdout, c.o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(log)
		if err != nil || string(got) != c.want || log.Start != c.start || log.CutFrom != c.cut || log.CutTo != c.end || log.Size != 3<<20 || log.Origin != FromArchive {
			t.Errorf("%+v: %d bytes, %v, %+v", c.o, len(got), err, *log)
		}
	}
}

// following reads a log in the background and keeps what it was given.
type following struct {
	log  *Log
	text chan string // what was read at a time
	end  chan error
}

func (w *world) follow(rec state.AttemptRecord, o Options) *following {
	w.t.Helper()
	o.Follow = true
	log, err := w.logs.Open(w.t.Context(), rec, Stdout, o)
	if err != nil {
		w.t.Fatal(err)
	}
	f := &following{log: log, text: make(chan string, 1000), end: make(chan error, 1)}
	go func() {
		buffer := make([]byte, 1<<20)
		for {
			n, err := log.Read(buffer)
			if n > 0 {
				f.text <- string(buffer[:n])
			}
			if err != nil {
				f.end <- err
				close(f.text)
				return
			}
		}
	}()
	return f
}

// so far is what has been read; it waits until there is no more.
func (f *following) soFar() string {
	<-time.After(10 * time.Second) // of the bubble's clock, which goes on when all is done
	synctest.Wait()
	var all strings.Builder
	for {
		select {
		case text, ok := <-f.text:
			if !ok {
				return all.String()
			}
			all.WriteString(text)
		default:
			return all.String()
		}
	}
}

// TestFollow follows a log from before its first byte to after its agent has gone.
func TestFollow(t *testing.T) {
	for _, fate := range []string{"stays", "goes at the end", "goes before the end", "goes for a while", "is forgotten"} {
		t.Run("the agent "+fate, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCollectingWorld(t)
				run := w.newRun()
				rec := w.attempt(run.ID, 0)
				begun := rec
				begun.Started, begun.State = time.Time{}, state.TaskStaging
				w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{begun}})
				f := w.follow(begun, all)
				expect := func(want string) {
					t.Helper()
					if got := f.soFar(); got != want {
						t.Errorf("%q, want %q", got, want)
					}
				}
				expect("")
				w.wrote(rec, "one\n", "")
				w.commit(state.Changes{Attempts: []state.AttemptRecord{rec}})
				expect("one\n")
				w.agents.add(file(rec, Stdout), "two\n")
				expect("two\n")
				note := ""
				switch fate {
				case "goes for a while", "goes before the end":
					w.agents.answer(rec.AgentURL, errRefused)
					expect("")
					w.agents.add(file(rec, Stdout), "three\n")
				default:
					w.agents.add(file(rec, Stdout), "three\n")
				}
				switch fate {
				case "goes for a while":
					w.agents.answer(rec.AgentURL, nil)
				case "is forgotten":
					w.agents.remove(file(rec, Stdout))
					note = "agent h1 has no stdout of it any more: its sandbox was removed"
				case "goes before the end":
					note = "agent h1 does not answer: connection refused; it is asked again"
				}
				w.commit(state.Changes{Attempts: []state.AttemptRecord{w.end(rec)}})
				if fate == "goes at the end" {
					synctest.Wait() // it is collected, and who follows has not looked yet
					w.agents.answer(rec.AgentURL, errRefused)
				}
				want := "three\n"
				if note != "" {
					want = ""
				}
				expect(want)
				if err := <-f.end; !errors.Is(err, io.EOF) || f.log.Note() != note {
					t.Errorf("%v, %q", err, f.log.Note())
				}
				w.close()
			})
		})
	}
}

// TestFollowIntoArchive: when the sandbox is gone in the middle, what is kept goes on where it ended.
func TestFollowIntoArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		run := w.newRun()
		rec := w.attempt(run.ID, 0)
		text := string(pattern(3 * mesos.MaxRead))
		w.wrote(rec, text, "")
		w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{rec}})
		log, err := w.logs.Open(t.Context(), rec, Stdout, Options{Tail: All, Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1000)
		if _, err := io.ReadFull(log, got); err != nil {
			t.Fatal(err)
		}
		w.commit(state.Changes{Attempts: []state.AttemptRecord{w.end(rec)}})
		synctest.Wait()
		w.agents.remove(file(rec, Stdout))
		rest, err := io.ReadAll(log)
		if err != nil || string(got)+string(rest) != text || log.Note() != "" {
			t.Errorf("%d and %d bytes, %v, %q", len(got), len(rest), err, log.Note())
		}
		w.close()
	})
}

// TestFollowTruncated: a file that is cut short, or replaced by a shorter one, is given again from its beginning.
func TestFollowTruncated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		run := w.newRun()
		rec := w.attempt(run.ID, 0)
		w.wrote(rec, "a long beginning\n", "")
		w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{rec}})
		f := w.follow(rec, Options{Tail: 0})
		if got := f.soFar(); got != "" {
			t.Errorf("with no line wanted: %q", got)
		}
		w.wrote(rec, "anew\n", "")
		if got := f.soFar(); got != "anew\n" {
			t.Errorf("%q", got)
		}
		w.commit(state.Changes{Attempts: []state.AttemptRecord{w.end(rec)}})
		if got := f.soFar(); got != "" || !strings.Contains(f.log.Note(), "cut short") {
			t.Errorf("%q, %q", got, f.log.Note())
		}
		w.close()
	})
}

// TestFollowEnds with the context of who follows, and with the run.
func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		run := w.newRun()
		rec := w.attempt(run.ID, 0)
		w.wrote(rec, "x", "")
		w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{rec}})
		f := w.follow(rec, all)
		if got := f.soFar(); got != "x" {
			t.Errorf("%q", got)
		}
		run.Phase, run.Ended = state.RunCancelled, w.now()
		w.keep(state.Changes{Runs: []state.RunRecord{run}})
		w.commit(state.Changes{Forgotten: []state.RunID{run.ID}})
		if got := f.soFar(); got != "" {
			t.Errorf("%q", got)
		}
		if err := <-f.end; !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		w.close()
	})
}

// TestAttempt finds attempts by number, and the newest one.
func TestAttempt(t *testing.T) {
	w := newWorld(t)
	run := w.newRun()
	var attempts []state.AttemptRecord
	for n := range searchPage + 3 {
		rec := w.attempt(run.ID, 7)
		rec.ID.Number = n
		attempts = append(attempts, w.end(rec))
	}
	w.keep(state.Changes{Runs: []state.RunRecord{run}, Attempts: attempts})
	for _, c := range []struct {
		run           state.RunID
		index, number int
		want          int // -1: none
	}{
		{run.ID, 7, Newest, searchPage + 2}, {run.ID, 7, 0, 0}, {run.ID, 7, 5, 5}, {run.ID, 7, searchPage + 3, -1},
		{run.ID, 6, Newest, -1}, {run.ID, 6, 0, -1}, {"nobody", 7, Newest, -1},
	} {
		id := state.AttemptID{Run: c.run, Step: "s", Index: c.index, Number: c.number}
		got, err := w.logs.Attempt(t.Context(), id)
		if c.want < 0 && !errors.Is(err, ErrNoAttempt) || c.want >= 0 && (err != nil || got.ID.Number != c.want) {
			t.Errorf("%v: %v, %v", id, got.ID, err)
		}
	}
}

// TestSizes of a log that comes from a sandbox.
func TestSizes(t *testing.T) {
	w := newWorld(t)
	w.logs.Framework("f")
	rec := w.attempt("r1", 0)
	w.wrote(rec, "12345\n678", "")
	log, err := w.logs.Open(t.Context(), rec, Stdout, Options{Tail: 1})
	if got := fmt.Sprintf("%v %+v %d %d %d", err, log.Origin, log.Start, log.Size, log.CutTo-log.CutFrom); got != "<nil> sandbox 6 9 0" {
		t.Error(got)
	}
}
