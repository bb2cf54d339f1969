package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/store"
)

// wantLocked checks that the store cannot be opened, and that the error names who has it.
func wantLocked(t *testing.T, path string, holder int) {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("opening %s a second time: error %v, want ErrLocked", path, err)
	}
	for _, part := range []string{filepath.Base(path), fmt.Sprintf("process %d ", holder), "stop that one"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestLockedWithinProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	wantLocked(t, path, os.Getpid())
	commitBatches(t, s, 1, 1) // the refusal did not disturb the holder
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	if got := wholeBatches(t, s); got != 1 {
		t.Errorf("%d batches, want 1", got)
	}
}

// TestFileLock: who is refused a file that belongs to a store hears who has it.
func TestFileLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.db")
	l, err := store.LockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.LockFile(path); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d ", os.Getpid())) {
		t.Errorf("a second lock: error %v, want ErrLocked with the holder", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLockedThroughLinks(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.Mkdir(real, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(link, "store.db")) // not there yet
	defer s.Close()
	wantLocked(t, filepath.Join(real, "store.db"), os.Getpid())
	if err := os.Symlink(filepath.Join(real, "store.db"), filepath.Join(dir, "store.db")); err != nil {
		t.Fatal(err)
	}
	// The message names the file itself, whatever way leads to it.
	wantLocked(t, filepath.Join(dir, "store.db"), os.Getpid())
}

func TestLockOfAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	cmd, lines := child(t, path)
	if !lines.Scan() {
		cmd.Process.Kill()
		t.Fatalf("the child ended: %v: %s", cmd.Wait(), cmd.Stderr)
	}
	wantLocked(t, path, cmd.Process.Pid)
	cmd.Process.Kill()
	for lines.Scan() {
	}
	reap(t, cmd)
	s := open(t, path)
	defer s.Close()
	if wholeBatches(t, s) == 0 {
		t.Error("the child's batches are gone")
	}
}
