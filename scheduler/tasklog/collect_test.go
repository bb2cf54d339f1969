package tasklog

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// content reads a stream of an attempt, or says why there is none.
func (w *world) content(rec state.AttemptRecord, stream Stream, o Options) string {
	w.t.Helper()
	log, err := w.logs.Open(w.t.Context(), rec, stream, o)
	var missing *Missing
	if errors.As(err, &missing) {
		return "missing: " + missing.Why
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	text, err := io.ReadAll(log)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text) + log.Note()
}

// all is what Open gives without options.
var all = Options{Tail: All}

// says checks what a stream of an attempt is.
func (w *world) says(what string, rec state.AttemptRecord, stream Stream, want string) {
	w.t.Helper()
	if got := w.content(rec, stream, all); got != want {
		w.t.Errorf("%s: %s is %q, want %q", what, stream, got, want)
	}
}

// TestCollected: what an attempt has written is there when its agent is gone.
func TestCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		run := w.newRun()
		rec := w.attempt(run.ID, 0)
		w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{rec}})
		w.wrote(rec, "out\xff\x00", "")
		w.says("it runs", rec, Stdout, "out\xff\x00")
		rec = w.end(rec)
		w.commit(state.Changes{Attempts: []state.AttemptRecord{rec}})
		synctest.Wait()
		w.agents.answer(rec.AgentURL, errRefused)
		w.says("the agent is gone", rec, Stdout, "out\xff\x00")
		w.says("it wrote nothing", rec, Stderr, "")
		w.restart()
		w.says("after a restart", rec, Stdout, "out\xff\x00")
		w.close()
	})
}

// TestAgentAway: an agent that does not answer is asked again, until it does or patience ends.
func TestAgentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		run := w.newRun()
		first, second := w.attempt(run.ID, 0), w.attempt(run.ID, 1)
		w.wrote(first, "first", "")
		w.wrote(second, "second", "")
		first = w.end(first)
		w.agents.answer(first.AgentURL, errRefused)
		w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{first}})
		synctest.Wait()
		w.says("meanwhile", first, Stdout, "missing: agent h1 does not answer: connection refused; it is asked again")

		time.Sleep(30 * time.Minute)
		w.agents.answer(first.AgentURL, nil)
		time.Sleep(restMax)
		synctest.Wait()
		w.agents.answer(first.AgentURL, fmt.Errorf("%w: it answered 401 Unauthorized", mesos.ErrAgentRefuses))
		w.says("the agent was back", first, Stdout, "first")

		second = w.end(second)
		w.commit(state.Changes{Attempts: []state.AttemptRecord{second}})
		time.Sleep(time.Hour + restMax)
		synctest.Wait()
		w.says("patience has ended", second, Stdout,
			"missing: agent h1 did not answer from 2000-01-01T00:31:00Z to 2000-01-01T01:31:03Z: it answered 401 Unauthorized")
		w.close()
	})
}

// TestMissing says for each log that is not there why.
func TestMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		run := w.newRun()
		never, empty, removed, lost, nowhere := w.attempt(run.ID, 0), w.attempt(run.ID, 4), w.attempt(run.ID, 1), w.attempt(run.ID, 2), w.attempt(run.ID, 3)
		never.Started, never.State = time.Time{}, state.TaskStaging
		empty.Started, empty.State = never.Started, never.State
		nowhere.AgentURL = ""
		w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{never, empty, removed, lost, nowhere}})
		w.says("it has not begun", never, Stdout, "missing: the attempt has not started yet")
		w.says("it runs without a file", removed, Stdout, "missing: agent h1 has no stdout of it any more: its sandbox was removed")
		w.says("nobody knows where", nowhere, Stdout, "missing: it is not known where agent h1 can be asked")

		w.wrote(empty, "", "")
		w.says("it is being prepared", empty, Stdout, "missing: the attempt has not started yet")
		following := w.follow(empty, Options{Tail: All})

		never, empty = w.end(never), w.end(empty)
		for _, rec := range []*state.AttemptRecord{&never, &empty} {
			rec.State, rec.Outcome, rec.ExitCode, rec.Message = state.TaskFailed, state.InfraFailed, -1, "no such image"
		}
		w.agents.set(file(lost, Stderr), "only this")
		ended := []state.AttemptRecord{never, w.end(removed), w.end(lost), w.end(nowhere), empty}
		for _, step := range []string{"ended, not collected", "collected"} {
			if step == "collected" {
				w.commit(state.Changes{Attempts: ended})
				synctest.Wait()
				if got := following.soFar() + following.log.Note(); got != "the attempt never started: no such image" {
					t.Errorf("following it says %q", got)
				}
			}
			w.says(step, ended[0], Stdout, "missing: the attempt never started: no such image")
			w.says(step, ended[1], Stderr, "missing: agent h1 has no stderr of it any more: its sandbox was removed")
			w.says(step, ended[2], Stdout, "missing: agent h1 has no stdout of it any more: its sandbox was removed")
			w.says(step, ended[2], Stderr, "only this")
			w.says(step, ended[3], Stdout, "missing: it is not known where agent h1 can be asked")
			w.says(step, ended[4], Stdout, "missing: the attempt never started: no such image")
		}
		w.close()
	})
}

// TestFrameworks: a sandbox is under the id that the scheduler had when the attempt was launched.
func TestFrameworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		run := w.newRun()
		rec := w.attempt(run.ID, 0)
		w.wrote(rec, "old", "")
		w.commit(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{rec}})
		w.commit(w.framework(""))
		w.commit(w.framework("g"))
		w.says("it runs", rec, Stdout, "old")
		w.restart()
		rec = w.end(rec)
		w.commit(state.Changes{Attempts: []state.AttemptRecord{rec}})
		synctest.Wait()
		w.agents.answer(rec.AgentURL, errRefused)
		w.says("it has ended", rec, Stdout, "old")
		w.close()
	})
}

// TestFoundAgain: what ended while nothing was collected is collected after the next start.
func TestFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		synctest.Wait()
		w.close()
		finished, active := w.newRun(), w.newRun()
		var ended []state.AttemptRecord
		for i := range 2500 { // more than a page
			rec := w.attempt(active.ID, i)
			w.wrote(rec, fmt.Sprint("out ", i), "err")
			if i%2 == 0 {
				rec = w.end(rec)
				ended = append(ended, rec)
			}
			w.keep(state.Changes{Runs: []state.RunRecord{active}, Attempts: []state.AttemptRecord{rec}})
		}
		rec := w.attempt(finished.ID, 0)
		w.wrote(rec, "of a finished run", "")
		rec = w.end(rec)
		finished.Phase, finished.Ended = state.RunSucceeded, w.now()
		w.keep(state.Changes{Runs: []state.RunRecord{finished}, Attempts: []state.AttemptRecord{rec}})
		w.open()
		w.run()
		time.Sleep(10 * time.Second) // as many are collected in a second as Rate says
		synctest.Wait()
		w.agents.answer(rec.AgentURL, errRefused)
		w.says("finished", rec, Stdout, "of a finished run")
		for _, rec := range ended {
			w.says("active", rec, Stdout, fmt.Sprint("out ", rec.ID.Index))
		}

		// Once all is settled, finished runs are not looked through again.
		time.Sleep(2*tidyEvery + settleMargin)
		synctest.Wait()
		w.agents.answer(rec.AgentURL, nil)
		before := w.agents.reads
		w.restart()
		synctest.Wait()
		if w.agents.reads != before {
			t.Errorf("%d reads after all was collected", w.agents.reads-before)
		}
		w.close()
	})
}

// TestOverflow: what does not fit into the queue is looked for when there is room.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.queue = 100 })
		w.commit(w.framework("f"))
		run := w.newRun()
		w.keep(state.Changes{Runs: []state.RunRecord{run}})
		full := make([]item, w.cfg.queue-1)
		for i := range full {
			full[i] = newItem(ptr(w.end(w.attempt("other", i))))
		}
		w.logs.queue.put(full)
		var ended []state.AttemptRecord
		for i := range 3 {
			rec := w.attempt(run.ID, i)
			w.wrote(rec, fmt.Sprint("out ", i), "")
			ended = append(ended, w.end(rec))
		}
		w.commit(state.Changes{Attempts: ended})
		if n := w.logs.queue.size; n != w.cfg.queue {
			t.Errorf("%d attempts wait", n)
		}
		if owed, all := w.logs.Uncollected(); owed[ended[0].Agent] != w.cfg.queue || all {
			t.Errorf("uncollected: %v, all of them: %t", owed, all)
		}
		w.run()
		time.Sleep(time.Second)
		synctest.Wait()
		if owed, all := w.logs.Uncollected(); len(owed) > 0 || !all {
			t.Errorf("uncollected in the end: %v, all of them: %t", owed, all)
		}
		w.agents.answer(ended[0].AgentURL, errRefused)
		for i, rec := range ended {
			w.says("after all", rec, Stdout, fmt.Sprint("out ", i))
		}
		w.close()
	})
}

func ptr[T any](v T) *T { return &v }

// TestForgotten: with a run its logs are deleted, also those that are being collected, and those of runs that were
// deleted while nobody listened.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCollectingWorld(t)
		runs := []state.RunRecord{w.newRun(), w.newRun(), w.newRun(), w.newRun()}
		var ended []state.AttemptRecord
		for i := range runs {
			rec := w.attempt(runs[i].ID, 0)
			w.wrote(rec, "secret", "secret")
			rec = w.end(rec)
			runs[i].Phase, runs[i].Ended = state.RunSucceeded, rec.Ended
			ended = append(ended, rec)
		}
		forget := func(i int) state.Changes { return state.Changes{Forgotten: []state.RunID{runs[i].ID}} }
		kept := func(rec state.AttemptRecord) bool {
			f, err := w.logs.archive.find(t.Context(), rec.ID, Stdout)
			if err != nil {
				t.Fatal(err)
			}
			return f != nil
		}
		w.commit(state.Changes{Runs: runs[:3], Attempts: ended[:3]})
		synctest.Wait()
		w.commit(forget(0))
		synctest.Wait()
		if kept(ended[0]) || !kept(ended[1]) || !kept(ended[2]) {
			t.Error("not the log of the deleted run is deleted")
		}
		w.agents.before = func(f mesos.SandboxFile, _ int64) {
			if strings.HasPrefix(f.Task, string(runs[3].ID)) && f.Name == "stderr" {
				w.agents.before = nil
				w.commit(forget(3))
			}
		}
		w.commit(state.Changes{Runs: runs[3:], Attempts: ended[3:]})
		synctest.Wait()
		if kept(ended[3]) {
			t.Error("the log of a run that was deleted meanwhile is kept")
		}
		w.keep(forget(1))
		w.restart()
		synctest.Wait()
		if kept(ended[1]) || !kept(ended[2]) {
			t.Error("after the restart not the log of the deleted run is deleted")
		}
		var pieces int
		if err := w.logs.archive.readers.Load().QueryRow("SELECT count(*) FROM pieces").Scan(&pieces); err != nil || pieces != 2 {
			t.Errorf("%d pieces are left, %v", pieces, err)
		}
		w.close()
	})
}
