package tasklog

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// shelf is an archive that is filled by hand, with a clock of its own.
func shelf(t *testing.T, now *time.Time, change ...func(*Config)) *world {
	return newWorld(t, append(change, func(c *Config) { c.Now = func() time.Time { return *now } })...)
}

// put keeps a log of so many bytes, all different.
func (w *world) put(rec state.AttemptRecord, size int) {
	w.t.Helper()
	text := pattern(2 * size)[size:]
	if err := w.logs.archive.put(w.t.Context(), []entry{{id: rec.ID, ended: rec.Ended, streams: [2]kept{
		{size: int64(size), pieces: []piece{newPiece(0, text)}}, {},
	}}}); err != nil {
		w.t.Fatal(err)
	}
}

// TestAge deletes logs when they are too old, and not before.
func TestAge(t *testing.T) {
	now := start
	w := shelf(t, &now, func(c *Config) { c.Keep = 10 * 24 * time.Hour })
	old := w.end(w.attempt("r1", 0))
	w.put(old, 1000)
	now = start.Add(time.Hour)
	young := w.end(w.attempt("r1", 1))
	w.put(young, 1000)
	for _, step := range []struct {
		at          time.Duration
		old, young  bool
		explanation string
	}{
		{10*24*time.Hour - 1, true, true, ""},
		{10*24*time.Hour + 1, false, true, "missing: it is not kept any more: the attempt ended at 2000-01-01T00:00:00Z, and logs are kept for 10 days (--log-keep)"},
		{11 * 24 * time.Hour, false, false, "missing: it is not kept any more: the attempt ended at 2000-01-01T00:00:00Z, and logs are kept for 10 days (--log-keep)"},
	} {
		now = start.Add(step.at)
		w.logs.tidy(t.Context())
		for rec, want := range map[*state.AttemptRecord]bool{&old: step.old, &young: step.young} {
			f, err := w.logs.archive.find(t.Context(), rec.ID, Stdout)
			if err != nil || (f != nil) != want {
				t.Errorf("after %s: log %d is there: %v, %v", step.at, rec.ID.Index, f != nil, err)
			}
		}
		if step.explanation != "" {
			w.says("deleted", old, Stdout, step.explanation)
		}
	}
}

// TestRoom makes room for new logs by deleting the oldest ones, says so, and gives the disk back.
func TestRoom(t *testing.T) {
	now := start
	const most = 40 << 20
	w := shelf(t, &now, func(c *Config) { c.MaxSize = most })
	var all []state.AttemptRecord
	for i := range 60 {
		now = start.Add(time.Duration((i*37)%60) * time.Minute) // not in the order of their ends
		rec := w.end(w.attempt("r1", i))
		w.put(rec, 2<<20)
		all = append(all, rec)
	}
	now = start.Add(2 * time.Hour)
	w.logs.tidy(t.Context())
	used, _, err := w.logs.archive.size(t.Context())
	if err != nil || used > most || used < most-crowdedBatch*(3<<20) {
		t.Errorf("%d MiB are in use of %d, %v", used>>20, most>>20, err)
	}
	kept, lost := 0, start
	for _, rec := range all {
		f, err := w.logs.archive.find(t.Context(), rec.ID, Stdout)
		if err != nil {
			t.Fatal(err)
		}
		if f != nil {
			kept++
		} else if rec.Ended.After(lost) {
			lost = rec.Ended
		}
	}
	for _, rec := range all {
		f, _ := w.logs.archive.find(t.Context(), rec.ID, Stdout)
		if f != nil && rec.Ended.Before(lost) {
			t.Errorf("a log is kept that is older than one that was deleted")
		}
		if f == nil {
			w.says("deleted", rec, Stdout, "missing: it is not kept any more: it was among the oldest, and all logs together had come to more than 40MiB (--log-max-size)")
		}
	}
	if kept < 10 || kept > 20 {
		t.Errorf("%d logs are kept", kept)
	}
	info, err := os.Stat(w.cfg.Path)
	if err != nil || info.Size() > most+slack {
		t.Errorf("the file has %d MiB, %v", info.Size()>>20, err)
	}
}

// TestNotFoundAgain: logs that were deleted for their age or for room are not collected again.
func TestNotFoundAgain(t *testing.T) {
	now := start
	w := shelf(t, &now)
	run := w.newRun()
	aged, crowdedOut, fresh := w.end(w.attempt(run.ID, 0)), w.attempt(run.ID, 1), w.attempt(run.ID, 2)
	now = start.Add(31 * 24 * time.Hour)
	crowdedOut = w.end(crowdedOut)
	w.put(crowdedOut, 10)
	if _, err := w.logs.archive.prune(t.Context(), time.Time{}.Add(1), 0); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	fresh = w.end(fresh)
	w.keep(state.Changes{Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{aged, crowdedOut, fresh}})
	if err := w.logs.searchRun(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	it, ok := w.logs.queue.take()
	if w.logs.queue.size != 1 || !ok || it.id != fresh.ID {
		t.Errorf("%d are collected again, %v", w.logs.queue.size, it.id)
	}
}

// TestOpenRefuses opens files that hold no logs.
func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	if _, err := Open(t.Context(), w.cfg); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a file that is in use: %v", err)
	}
	w.close()
	for what, change := range map[string]string{
		"another file than one with logs": "PRAGMA application_id = 7",
		"a newer Spillway":                fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 99", applicationID),
	} {
		db := open(w.cfg.Path, 1, url.Values{})
		if _, err := db.Exec(change); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), w.cfg); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", change, err)
		}
	}
	garbage := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := w.cfg
	for _, cfg.Path = range []string{garbage, t.TempDir(), filepath.Join(t.TempDir(), "no", "folder")} {
		if _, err := Open(t.Context(), cfg); err == nil {
			t.Errorf("%s can be opened", cfg.Path)
		}
	}
}
