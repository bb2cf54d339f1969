package store_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lisa-dpc/spillway/scheduler/store"
)

// resultCode is an error as the driver gives it. Failures that no test can cause stand in for themselves here.
type resultCode int

func (c resultCode) Error() string { return fmt.Sprintf("result code %d", int(c)) }
func (c resultCode) Code() int     { return int(c) }

func TestFaultsAreExplained(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind error // nil: none of the package's
		says string
	}{
		{resultCode(sqlite3.SQLITE_FULL), store.ErrFull, "make room"},
		{resultCode(sqlite3.SQLITE_IOERR_SHMSIZE), store.ErrFull, "make room"},
		{syscall.ENOSPC, store.ErrFull, "make room"},
		{&os.PathError{Op: "open", Path: "/x", Err: syscall.EDQUOT}, store.ErrFull, "make room"},
		{resultCode(sqlite3.SQLITE_CORRUPT_INDEX), store.ErrCorrupt, "restore it"},
		{resultCode(sqlite3.SQLITE_NOTADB), store.ErrCorrupt, "restore it"},
		{resultCode(sqlite3.SQLITE_IOERR_FSYNC), nil, "kernel's log"},
		{syscall.EIO, nil, "kernel's log"},
		{resultCode(sqlite3.SQLITE_READONLY_DBMOVED), nil, "able to write"},
		{resultCode(sqlite3.SQLITE_CANTOPEN), nil, "able to write"},
		{syscall.EROFS, nil, "able to write"},
		{resultCode(sqlite3.SQLITE_BUSY), nil, "sqlite3 shell"},
		{resultCode(sqlite3.SQLITE_CONSTRAINT_UNIQUE), nil, "integrity_check"},
		{errors.New("something else"), nil, "something else"},
	} {
		err := store.Explain("committing to", "/var/lib/spillway/store.db", fmt.Errorf("writing: %w", c.err))
		for _, kind := range []error{store.ErrFull, store.ErrCorrupt} {
			if errors.Is(err, kind) != (kind == c.kind) {
				t.Errorf("%v: is %q: %v", err, kind, kind != c.kind)
			}
		}
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) ||
			!strings.HasPrefix(err.Error(), "committing to /var/lib/spillway/store.db: ") {
			t.Errorf("%v: error %q does not say what failed where, and %q", c.err, err, c.says)
		}
	}
}
