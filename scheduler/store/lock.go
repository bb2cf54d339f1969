package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// lock makes the caller the only writer of the database at path until unlock is given the file that it returns.
//
// It is an flock of a file beside the database. The kernel takes it back when its holder dies, however it dies.
// SQLite's own exclusive mode would keep readers of other processes out too, and a lock on the database file
// itself would not do: to close that file a second time makes the process lose the locks that SQLite holds on it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer f.Close()
		return nil, fmt.Errorf("%w: %s is held by %s; stop that one, or give this one a store of its own",
			ErrLocked, path, holder(f))
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return f, nil
}

// unlock lets another writer in. To close the file would not do: a process that is being started by this one has it
// open too, until it becomes another program, and the lock would last as long.
func unlock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// signsOff stands beside the name of a holder that takes both away when it has folded the log. Without it, as in a lock of
// version 1 of the store, a name that is left says nothing of the log.
const signsOff = "signs off when it has closed the store"

// sign leaves word of who holds the lock, for the message above and for logLost. It may fail.
func sign(f *os.File) {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	if f.Truncate(0) == nil {
		f.WriteAt(fmt.Appendf(nil, "process %d on %s\n%s\n", os.Getpid(), host, signsOff), 0)
	}
}

// signOff leaves word, for good, that the log was folded into the database. If that fails, the next start may wonder where
// the log is (logLost), no more.
func signOff(f *os.File) {
	if f.Truncate(0) == nil {
		f.Sync()
	}
}

// logLost reports whether whoever held the lock before has not signed off, and yet there is no log.
func logLost(f *os.File, path string) bool {
	signed := make([]byte, 1024)
	n, _ := f.ReadAt(signed, 0)
	if !strings.Contains(string(signed[:n]), signsOff) {
		return false
	}
	_, err := os.Stat(path + "-wal")
	return errors.Is(err, fs.ErrNotExist)
}

func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 1024))
	if who, _, _ := strings.Cut(string(b), "\n"); err == nil && who != "" {
		return who
	}
	return "an unknown process"
}

// A FileLock keeps other schedulers away from a file that is not a store but belongs to one.
type FileLock struct{ file *os.File }

// LockFile locks the file at path, which need not be there, until Close; ErrLocked if another scheduler has it.
func LockFile(path string) (*FileLock, error) {
	f, err := lock(path)
	if err != nil {
		return nil, err
	}
	sign(f)
	return &FileLock{f}, nil
}

// Close lets another scheduler in.
func (l *FileLock) Close() error { return unlock(l.file) }
