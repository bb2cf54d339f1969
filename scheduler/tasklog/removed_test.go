package tasklog

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// TestFileRemoved takes the file away from under logs that are being collected: another is begun, with a warning, and the
// next start collects again what agents still have.
func TestFileRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		w := newWorld(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&said, nil)) })
		w.run()
		w.commit(w.framework("f"))
		run := w.newRun()
		w.commit(state.Changes{Runs: []state.RunRecord{run}})
		finish := func(index int) state.AttemptRecord {
			rec := w.attempt(run.ID, index)
			w.wrote(rec, "out", "err")
			rec = w.end(rec)
			w.commit(state.Changes{Attempts: []state.AttemptRecord{rec}})
			synctest.Wait()
			return rec
		}
		before := finish(0)
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(w.cfg.Path + suffix); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second) // in the bubble's time
		after := finish(1)
		if n := strings.Count(said.String(), "was removed or replaced: what it held is gone"); n != 1 {
			t.Errorf("%d warnings: %s", n, said.String())
		}
		time.Sleep(3 * tidyEvery)
		w.restart()
		synctest.Wait()
		w.agents.answer(before.AgentURL, errRefused)
		w.says("kept before, and collected again", before, Stdout, "out")
		w.says("kept since", after, Stderr, "err")
		if names := w.logs.frameworks(); len(names) != 1 || names[0] != "f" {
			t.Errorf("frameworks %v", names)
		}
	})
}
