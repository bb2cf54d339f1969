package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	sqlite3 "modernc.org/sqlite/lib"
)

// explain says what a failure at the database at path means and what to do about it, and makes it one of the
// package's errors where it is one.
func explain(doing, path string, err error) error {
	kind, remedy := diagnose(err)
	if kind == nil || errors.Is(err, kind) {
		return fmt.Errorf("%s %s: %w%s", doing, path, err, remedy)
	}
	return fmt.Errorf("%s %s: %w: %w%s", doing, path, kind, err, remedy)
}

const (
	remedyFull    = "; make room on its file system and start the scheduler again, nothing acknowledged is lost"
	remedyCorrupt = "; restore it from a backup, without the -wal and -shm files that lie beside it"
	remedyMoved   = "; put the file and its -wal back if they were moved, or restore a backup, and start the scheduler again"
	remedyAccess  = "; the scheduler's user must be able to write the file and its directory"
	remedyMissing = "; make the directory first"
	remedyDisk    = "; the disk or its file system fails: see the kernel's log"
	remedyRefused = "; the scheduler and the file do not agree on what there is: check the file with PRAGMA integrity_check"
	remedyBusy    = "; another process holds the write lock for long: end what writes to the file (an sqlite3 shell?)"
)

// diagnose returns the package's error that err is a case of, if any, and what to do.
func diagnose(err error) (kind error, remedy string) {
	var coded interface{ Code() int } // *sqlite.Error
	switch {
	case errors.Is(err, ErrCorrupt):
		return ErrCorrupt, remedyCorrupt
	case errors.Is(err, ErrMoved):
		return ErrMoved, remedyMoved
	case errors.As(err, &coded):
		return diagnoseCode(coded.Code())
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull, remedyFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return nil, remedyAccess
	case errors.Is(err, fs.ErrNotExist):
		return nil, remedyMissing
	case errors.Is(err, syscall.EIO):
		return nil, remedyDisk
	}
	return nil, ""
}

// diagnoseCode is diagnose for SQLite's result codes, https://sqlite.org/rescode.html.
func diagnoseCode(code int) (kind error, remedy string) {
	// The shared memory of WAL mode is a file as well; that it cannot grow means that the disk is full, though
	// SQLite has no such code for it.
	if code == sqlite3.SQLITE_IOERR_SHMSIZE {
		return ErrFull, remedyFull
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull, remedyFull
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
		sqlite3.SQLITE_ERROR: // our statements do not change: when one does not fit the schema, the schema is damaged
		return ErrCorrupt, remedyCorrupt
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return nil, remedyAccess
	case sqlite3.SQLITE_IOERR:
		return nil, remedyDisk
	case sqlite3.SQLITE_BUSY:
		return nil, remedyBusy
	case sqlite3.SQLITE_CONSTRAINT:
		return nil, remedyRefused
	}
	return nil, ""
}
