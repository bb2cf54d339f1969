package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// SQLite is a Store in one file of the local disk.
type SQLite struct {
	path    string
	lock    *os.File
	writer  *sql.DB // one connection
	readers *sql.DB
	files   FileWatch
	logLost bool

	mu  sync.Mutex
	put statements
	// sweeping: there may be attempts of forgotten runs to delete.
	sweeping bool
	failed   error // of the first Commit that failed; every later one gets it too
}

// Open opens the store at path, makes it if there is no such file, and brings it to the newest version of the
// schema. Until Close no other scheduler can open it (ErrLocked).
//
// Opening reads the header, the schema and the write-ahead log, not the whole file, which may be large; a damaged
// page is found when it is read (ErrCorrupt), and Load reads all that a scheduler starts from. SQLite keeps no
// checksums in the file itself: damage that leaves a page well-formed is found only by comparison with a backup.
func Open(ctx context.Context, path string) (*SQLite, error) {
	c, err := Reserve(path)
	if err != nil {
		return nil, err
	}
	s, err := c.Open(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return s, nil
}

// Claim is a store that no other scheduler can open, and that is as it was: not made, and not migrated.
type Claim struct {
	path, resolved string
	lock           *os.File
}

// Reserve claims the store at path, so that what else a scheduler needs can be looked at before the store is changed.
// The error is ErrLocked if another scheduler has it.
func Reserve(path string) (*Claim, error) {
	resolved, err := resolve(path)
	if err != nil {
		return nil, explain("opening the store", path, err)
	}
	l, err := lock(resolved)
	if errors.Is(err, ErrLocked) {
		return nil, err // says all
	}
	if err != nil {
		return nil, explain("locking the store", path, err)
	}
	return &Claim{path, resolved, l}, nil
}

// Open opens the store, as the function Open does. The claim is the store's then; after an error it still wants Close.
func (c *Claim) Open(ctx context.Context) (*SQLite, error) {
	lost := logLost(c.lock, c.resolved)
	s, err := openLocked(ctx, c.resolved)
	if err != nil {
		return nil, explain("opening the store", c.path, err)
	}
	s.lock, s.logLost = c.lock, lost
	c.lock = nil
	sign(s.lock)
	s.files.Look(c.resolved)
	return s, nil
}

// Close gives up a claim of which no store was opened; else it does nothing.
func (c *Claim) Close() error {
	if c.lock == nil {
		return nil
	}
	return unlock(c.lock)
}

// LogLost reports whether the store, when it was opened, had not been closed by the one who used it last, and its
// write-ahead log was missing. Either another program (an sqlite3 shell) has folded the log into the file, and all is
// well; or the log was lost, and with it what was committed after it was last folded.
func (s *SQLite) LogLost() bool { return s.logLost }

// Close ends the use of the store and lets another scheduler open it.
func (s *SQLite) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// That the log is folded is noted while it is still there, so that a crash in between raises no false alarm. It may be
	// folded after a Commit that failed as well, unless the files are not those any more that the next start finds.
	if !errors.Is(s.failed, ErrMoved) && s.folded() {
		signOff(s.lock)
	}
	return errors.Join(s.disconnect(), unlock(s.lock))
}

// folded writes what it can of the write-ahead log into the file, without waiting for readers of other processes, and
// reports whether that is all of it.
func (s *SQLite) folded() bool {
	var busy, frames, folded int
	err := s.writer.QueryRow("PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &frames, &folded)
	return err == nil && busy == 0 && frames == folded
}

// disconnect is Close but for the lock.
func (s *SQLite) disconnect() error {
	// The writer goes last: whoever closes the last connection folds the write-ahead log into the file.
	return errors.Join(s.readers.Close(), s.put.close(), s.writer.Close())
}

// resolve makes one path of all that lead to a file through links, so that they have one lock.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return resolved, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

func openLocked(ctx context.Context, path string) (*SQLite, error) {
	file, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(ctx, path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case file.IsDir():
		return nil, errors.New("it is a directory; name a file in it")
	case file.Size() == 0:
		// To SQLite it would be a new database, and what the write-ahead log holds would be thrown away.
		return nil, fmt.Errorf("%w: the file is empty (if it never held a store, remove it)", ErrCorrupt)
	}
	// SQLite would open it all the same and fail in the first Commit.
	if err := syscall.Access(path, accessWrite); err != nil {
		return nil, err
	}
	return connect(ctx, path)
}

// create makes an empty store. It is there whole or not at all: a crash leaves nothing under the store's own
// name, so that an empty file is always a damaged one.
func create(ctx context.Context, path string) error {
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return fmt.Errorf("%w: its write-ahead log %s is there, the file itself is not", ErrCorrupt, path+"-wal")
	}
	unborn := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(unborn + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// SQLite gives the log and its index the mode of the file. What authors submit is nobody else's business.
	f, err := os.OpenFile(unborn, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	s, err := connect(ctx, unborn)
	if err != nil {
		return err
	}
	if err := errors.Join(s.foldLog(ctx), s.disconnect()); err != nil {
		return err
	}
	if err := os.Rename(unborn, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// foldLog writes all of the write-ahead log into the file. The last connection does so too when it is closed, but
// does not say when it could not.
func (s *SQLite) foldLog(ctx context.Context) error {
	var busy, frames, folded int
	err := s.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &folded)
	if err == nil && busy != 0 {
		err = errors.New("another process reads the file while it is made")
	}
	return err
}

// syncDir makes a rename in the directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// accessWrite is W_OK of access(2).
const accessWrite = 2

// connect opens the database at path for one writer and several readers.
func connect(ctx context.Context, path string) (*SQLite, error) {
	s := &SQLite{path: path, sweeping: true}
	// FULL: SQLite calls fsync before COMMIT returns. NORMAL, which many use with WAL, leaves the last commits to
	// the page cache, so a power failure would take back what Mesos has been told already.
	s.writer = open(path, 1, url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_txlock": {"immediate"},
		"_pragma": {"cache_size(-16384)", "cell_size_check(on)"}, // KiB; finds damage a little earlier
	})
	s.readers = open(path, 4, url.Values{"_query_only": {"on"}, "_pragma": {"cell_size_check(on)"}})
	err := s.start(ctx)
	if err != nil {
		return nil, errors.Join(err, s.disconnect())
	}
	return s, nil
}

func (s *SQLite) start(ctx context.Context) error {
	var mode string
	if err := s.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system does not bear a write-ahead log (mode %s); use a local disk", mode)
	}
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	var err error
	s.put, err = prepare(ctx, s.writer)
	return err
}

// open returns a pool of connections; none is made before it is used.
func open(path string, connections int, options url.Values) *sql.DB {
	options.Set("_busy_timeout", "10000") // ms; only other processes can make us wait
	options.Set("_error_rc", "true")      // no left-over of an earlier error in messages
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		panic(err) // only a driver of another name gives one
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}
