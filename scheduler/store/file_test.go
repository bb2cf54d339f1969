package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// TestDurability checks what a commit's durability rests on; no test can take the machine's power.
func TestDurability(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer s.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		if got := texts(t, s, "PRAGMA "+pragma)[0]; got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

// TestEmptyCommit checks that nothing is written for nothing.
func TestEmptyCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	defer s.Close()
	commitBatches(t, s, 1, 1)
	before := readFile(t, path+"-wal")
	for range 10 {
		if err := s.Commit(t.Context(), &state.Changes{}); err != nil {
			t.Fatal(err)
		}
	}
	if after := readFile(t, path+"-wal"); len(after) != len(before) {
		t.Errorf("the log grew from %d to %d bytes", len(before), len(after))
	}
}

// TestLoadUsesIndex checks that Load does not look at the finished runs, of which there are more and more.
func TestLoadUsesIndex(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer s.Close()
	rows, err := s.Writer().Query("EXPLAIN QUERY PLAN " + store.SelectOpen)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var a, b, c int
		var step string
		if err := rows.Scan(&a, &b, &c, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "INDEX runs_open") || strings.Contains(text, "TEMP B-TREE") {
		t.Errorf("Load's runs are found so:\n%s", text)
	}
}

func TestUnusualNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"with space", "a?b=c&d", "50%20", "hash#tag", "ünï☂", "'quoted'", ":memory:", "file:x"} {
		path := filepath.Join(dir, name)
		s := open(t, path)
		commitBatches(t, s, 1, 2)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := survivors(t, readFile(t, path), nil); got != 2 {
			t.Errorf("%d batches in %s, want 2", got, path)
		}
	}
}

func TestRelativeName(t *testing.T) {
	t.Chdir(t.TempDir())
	s := open(t, "store.db")
	commitBatches(t, s, 1, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("store.db"); err != nil {
		t.Error(err)
	}
}

func TestCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "no-such-directory", "store.db"): "make the directory first",
		dir: "it is a directory",
	} {
		if _, err := store.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v; want one with %s that says %q", err, path, want)
		}
	}
}

// TestReadOnly takes away the right to write: root's by mounting the file system anew, others' by the file's mode.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	forbid := func() error { return os.Chmod(filepath.Join(dir, "store.db"), 0o444) }
	if os.Geteuid() == 0 {
		dir = smallFileSystem(t, 1<<20)
		forbid = func() error { return syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "") }
	}
	path := filepath.Join(dir, "store.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := forbid(); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "must be able to write") {
		t.Errorf("error %v; want one with %s and what to do", err, path)
	}
}

// TestBackup makes the backup that the documentation recommends, through a connection of its own as another process
// has it, while batches are committed.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "store.db"), filepath.Join(dir, "backup.db")
	s := open(t, path)
	defer s.Close()
	commitBatches(t, s, 1, 30)

	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	done := make(chan error)
	go func() {
		_, err := other.ExecContext(context.Background(), "VACUUM INTO ?", backup)
		done <- err
	}()
	last := 30
	for finished := false; !finished; {
		last++
		commitBatches(t, s, last, last)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			finished = true
		default:
		}
	}
	if got := survivors(t, readFile(t, backup), nil); got < 30 || got > last {
		t.Errorf("the backup holds %d batches, want one of 30 to %d", got, last)
	}
	if got := wholeBatches(t, s); got != last {
		t.Errorf("the store holds %d batches, want %d", got, last)
	}
}

// TestContextEndsRead cancels while a long Load runs, and checks that the store goes on.
func TestContextEndsRead(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer s.Close()
	commitBatches(t, s, 1, 50)
	ctx, cancel := context.WithCancel(t.Context())
	loaded := make(chan error)
	go func() {
		for {
			if _, err := s.Load(ctx); err != nil {
				loaded <- err
				return
			}
		}
	}()
	commitBatches(t, s, 51, 52)
	cancel()
	if err := <-loaded; err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("Load's error is %v, want the context's", err)
	}
	if got := wholeBatches(t, s); got != 52 {
		t.Errorf("%d batches, want 52", got)
	}
}
