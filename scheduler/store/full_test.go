package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// wantFull checks that a full disk is reported as one, with the file's name and what to do.
func wantFull(t *testing.T, err error, path string) {
	t.Helper()
	if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("error %q; want ErrFull with %s and what to do", err, path)
	}
}

// TestFullDatabase has SQLite refuse to let the file grow, which goes the way of a full disk and needs none.
func TestFullDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	if _, err := s.Writer().Exec("PRAGMA max_page_count = 100"); err != nil {
		t.Fatal(err)
	}
	last, err := fillUp(t, s, 0)
	wantFull(t, err, path)
	if last == 0 {
		t.Fatal("not even one batch fitted")
	}
	if got := wholeBatches(t, s); got != last {
		t.Errorf("readers see %d batches, %d were acknowledged", got, last)
	}
	// A later batch that would fit builds on the refused one.
	id := "framework"
	wantFull(t, s.Commit(t.Context(), &state.Changes{FrameworkID: &id}), path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	defer s.Close()
	if got := wholeBatches(t, s); got != last {
		t.Errorf("%d batches after reopening, %d were acknowledged", got, last)
	}
	commitBatches(t, s, last+1, last+1)
}

func TestFullFileSystem(t *testing.T) {
	dir := smallFileSystem(t, 8<<20)
	// How much room is free when the scheduler starts decides what fails: the log, the shared memory or the file.
	for _, kib := range []int{40, 120, 250, 600, 1500, 5000} {
		t.Run(fmt.Sprint(kib, " KiB free"), func(t *testing.T) { testFullFileSystem(t, dir, kib) })
	}
}

func testFullFileSystem(t *testing.T, dir string, kib int) {
	path := filepath.Join(dir, fmt.Sprintf("store-%d.db", kib))
	ballast := filepath.Join(dir, "ballast")
	s := open(t, path)
	commitBatches(t, s, 1, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	takeRoom(t, ballast, int64(kib)<<10)

	last := 3
	s, err := store.Open(t.Context(), path)
	if err == nil {
		last, err = fillUp(t, s, last)
		if got := wholeBatches(t, s); got != last {
			t.Errorf("readers see %d batches, %d were acknowledged", got, last)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantFull(t, err, path)

	// Starting again without room changes nothing for the worse.
	if s, err := store.Open(t.Context(), path); err != nil {
		wantFull(t, err, path)
	} else if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if s.LogLost() {
		t.Error("the start after a full disk wonders where the log is")
	}
	if got := wholeBatches(t, s); got != last {
		t.Errorf("%d batches after making room, %d were acknowledged", got, last)
	}
	commitBatches(t, s, last+1, last+1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestFullFromTheStart makes a store where there is no room for it, and again once there is.
func TestFullFromTheStart(t *testing.T) {
	dir := smallFileSystem(t, 1<<20)
	path, ballast := filepath.Join(dir, "store.db"), filepath.Join(dir, "ballast")
	for kib := 0; ; kib += 4 {
		takeRoom(t, ballast, int64(kib)<<10)
		s, err := store.Open(t.Context(), path)
		if err == nil {
			s.Close()
			if kib == 0 {
				t.Error("a store was made without room")
			}
			break
		}
		wantFull(t, err, path)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer s.Close()
	commitBatches(t, s, 1, 1)
	if got := wholeBatches(t, s); got != 1 {
		t.Errorf("%d batches, want 1", got)
	}
}

// smallFileSystem mounts a file system of the size in bytes for the test.
func smallFileSystem(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("this test needs to mount a small file system (be root with CAP_SYS_ADMIN): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil { // a failed test may have left files open
			t.Error(err)
		}
	})
	return dir
}

// takeRoom fills the file system with the file but for the free bytes.
func takeRoom(t *testing.T, file string, free int64) {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(file), &fs); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, max(int64(fs.Bavail)*fs.Bsize-free, 1)); err != nil {
		t.Fatal(err)
	}
}
