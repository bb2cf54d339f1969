package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/store"
)

// TestPrivate checks that nobody but their owner can read the store's files.
func TestPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	defer s.Close()
	commitBatches(t, s, 1, 1)
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		file, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := file.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", file.Name(), mode)
		}
	}
}

// TestMovedAway takes the files away from under a store that is open.
func TestMovedAway(t *testing.T) {
	rename := func(from, to string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.Rename(path+from, path+to); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		do   func(t *testing.T, path string)
		want string
	}{
		"moved":       {rename("", ".old"), "store.db is not there any more"},
		"log removed": {rename("-wal", ".old"), "store.db-wal is not there any more"},
		"replaced": {func(t *testing.T, path string) {
			rename("", ".old")(t, path)
			writeFile(t, path, readFile(t, path+".old"))
		}, "another file has taken the place of"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			s := open(t, path)
			defer s.Close()
			commitBatches(t, s, 1, 1)
			c.do(t, path)
			if _, err := s.Size(t.Context()); !errors.Is(err, store.ErrMoved) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Size: error %v; want ErrMoved that says %q", err, c.want)
			}
			s.WatchNow()
			err := s.Commit(t.Context(), batch(2))
			if !errors.Is(err, store.ErrMoved) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "start the scheduler again") {
				t.Errorf("error %v; want ErrMoved that says %q", err, c.want)
			}
			if again := s.Commit(t.Context(), batch(3)); !errors.Is(again, store.ErrMoved) {
				t.Errorf("a later commit: error %v, want the same", again)
			}
		})
	}
}

// TestLogLost opens stores that were closed, that were not, and whose log is missing.
func TestLogLost(t *testing.T) {
	for name, c := range map[string]struct {
		closed  bool
		missing bool
		want    bool
	}{
		"closed":                       {closed: true},
		"crashed":                      {},
		"crashed, and the log is gone": {missing: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			s := open(t, path)
			commitBatches(t, s, 1, 3)
			// A copy of the files is what a crash at this moment leaves.
			crashed := filepath.Join(t.TempDir(), "store.db")
			suffixes := []string{"", "-wal", ".lock"}
			if c.missing {
				suffixes = []string{"", ".lock"}
			}
			for _, suffix := range suffixes {
				writeFile(t, crashed+suffix, readFile(t, path+suffix))
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if !c.closed {
				path = crashed
			}
			for _, want := range []bool{c.want, false} { // once more after a clean stop
				s = open(t, path)
				if got := s.LogLost(); got != want {
					t.Errorf("LogLost is %v, want %v", got, want)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestStopByItself closes stores after a commit that failed: all before it is in the file, and the next start must not
// wonder where the log is.
func TestStopByItself(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, s *store.SQLite, path string) (mend func() error){
		"disk full": func(t *testing.T, s *store.SQLite, path string) func() error {
			if _, err := s.Writer().Exec("PRAGMA max_page_count = 1"); err != nil {
				t.Fatal(err)
			}
			return func() error { return nil }
		},
		"write lock": func(t *testing.T, s *store.SQLite, path string) func() error {
			if _, err := s.Writer().Exec("PRAGMA busy_timeout = 0"); err != nil {
				t.Fatal(err)
			}
			shell, err := sql.Open("sqlite", path+"?_txlock=immediate")
			if err != nil {
				t.Fatal(err)
			}
			held, err := shell.Begin()
			if err != nil {
				t.Fatal(err)
			}
			return func() error { return errors.Join(held.Rollback(), shell.Close()) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			s := open(t, path)
			commitBatches(t, s, 1, 3)
			mend := spoil(t, s, path)
			if _, err := fillUp(t, s, 3); err == nil {
				t.Fatal("no commit has failed")
			} else {
				t.Log(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := mend(); err != nil {
				t.Fatal(err)
			}
			s = open(t, path)
			defer s.Close()
			if s.LogLost() {
				t.Error("the next start wonders where the log is")
			}
		})
	}
}

// TestLogOfVersionThatDidNotSignOff opens a closed store whose lock has the name of its last holder in it, as the first
// version left it.
func TestLogOfVersionThatDidNotSignOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path+".lock", []byte("process 1 on h\n"))
	s := open(t, path)
	defer s.Close()
	if s.LogLost() {
		t.Error("a log is missed that nobody has promised to take care of")
	}
}
