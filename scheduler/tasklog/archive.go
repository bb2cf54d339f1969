package tasklog

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

//go:embed schema.sql
var schema string

const (
	// applicationID stands in the header of the file and says that it holds logs of Spillway's ("splg").
	applicationID = 0x73706c67
	// schemaVersion is that of schema.sql.
	schemaVersion = 1
	// maxPieces is how many pieces a stream may have, which bounds a kept log to 16 GiB.
	maxPieces = 1 << 16
)

// archive is the file in which logs are kept. A single goroutine writes, any number read.
type archive struct {
	path    string
	lock    *store.FileLock
	writer  *sql.DB // one connection
	readers atomic.Pointer[sql.DB]
	files   store.FileWatch
}

// openArchive opens the file at path, or makes it. It is locked: a scheduler deletes logs of runs that it does not know.
func openArchive(ctx context.Context, path string) (*archive, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	lock, err := store.LockFile(path)
	if err != nil {
		return nil, fmt.Errorf("opening the logs: %w", err)
	}
	a, err := openLocked(ctx, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the logs in %s: %w", path, err), lock.Close())
	}
	a.lock = lock
	return a, nil
}

func openLocked(ctx context.Context, path string) (*archive, error) {
	// What tasks write is shown to those who may see their project, and to no other user of this machine.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	a := &archive{path: path}
	// NORMAL: a power failure may take back the last commits. What they held is searched for at the next start.
	a.writer = open(path, 1, url.Values{"_synchronous": {"NORMAL"}, "_txlock": {"immediate"}, "_pragma": {"cache_size(-16384)"}})
	a.readers.Store(open(path, 4, url.Values{"_query_only": {"on"}}))
	if err := a.prepare(ctx); err != nil {
		return nil, errors.Join(err, a.disconnect())
	}
	a.files.Look(path)
	return a, nil
}

// reopen opens what is at the path now, or makes it, in place of a file that was removed or replaced. Only the goroutine
// that writes may call it. After an error the archive is closed until a later call succeeds.
func (a *archive) reopen(ctx context.Context) error {
	err := a.disconnect()
	if _, gone := os.Stat(a.path); errors.Is(gone, fs.ErrNotExist) {
		for _, suffix := range []string{"-wal", "-shm"} { // the new file must not be taken for theirs
			if err := os.Remove(a.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	now, openErr := openLocked(ctx, a.path)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	a.writer, a.files = now.writer, now.files
	a.readers.Store(now.readers.Load())
	return nil
}

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

func (a *archive) close() error { return errors.Join(a.disconnect(), a.lock.Close()) }

func (a *archive) disconnect() error { return errors.Join(a.readers.Load().Close(), a.writer.Close()) }

// prepare makes the tables of a new file. Pages that become free are given back to the file system bit by bit, which
// SQLite must be told before the first table is made.
func (a *archive) prepare(ctx context.Context) error {
	var version, application, tables int
	err := a.writer.QueryRowContext(ctx, "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"+
		" FROM pragma_user_version, pragma_application_id").Scan(&version, &application, &tables)
	switch {
	case err != nil:
		return err
	case tables == 0 && version == 0 && application == 0:
		if _, err := a.writer.ExecContext(ctx, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL"); err != nil {
			return err
		}
		return a.create(ctx)
	case application != applicationID:
		return errors.New("it is another file than one with logs of Spillway's; name another one (--logs)")
	case version > schemaVersion:
		return fmt.Errorf("a newer Spillway has written it (version %d); run that one, or remove the file and with it the logs", version)
	}
	return nil
}

func (a *archive) create(ctx context.Context) error {
	return a.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, schema+fmt.Sprintf("\nPRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion))
		return err
	})
}

func (a *archive) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := a.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// entry is what is kept of an attempt.
type entry struct {
	id      state.AttemptID
	ended   time.Time
	streams [len(streams)]kept
}

// put keeps entries; one of an attempt that is there already changes nothing.
func (a *archive) put(ctx context.Context, entries []entry) error {
	return a.write(ctx, func(tx *sql.Tx) error {
		w, err := newWriting(ctx, tx)
		if err != nil {
			return err
		}
		for i := range entries {
			if err := w.entry(&entries[i]); err != nil {
				return fmt.Errorf("keeping the log of %s: %w", entries[i].id, err)
			}
		}
		return nil
	})
}

// writing is a batch of entries on its way into a transaction, which closes its statements.
type writing struct {
	ctx             context.Context
	run, log, piece *sql.Stmt
	runs            map[state.RunID]int64 // their numbers
}

func newWriting(ctx context.Context, tx *sql.Tx) (*writing, error) {
	w := &writing{ctx: ctx, runs: map[state.RunID]int64{}}
	for query, stmt := range map[string]**sql.Stmt{
		"INSERT INTO runs (id) VALUES (?1) ON CONFLICT DO UPDATE SET id = ?1 RETURNING no": &w.run,
		"INSERT INTO logs (run, step, task, number, ended, stdout_size, stderr_size, stdout_why, stderr_why)" +
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING no": &w.log,
		"INSERT INTO pieces (no, at, size, data) VALUES (?, ?, ?, ?)": &w.piece,
	} {
		var err error
		if *stmt, err = tx.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *writing) entry(e *entry) error {
	run, known := w.runs[e.id.Run]
	if !known {
		if err := w.run.QueryRowContext(w.ctx, string(e.id.Run)).Scan(&run); err != nil {
			return err
		}
		w.runs[e.id.Run] = run
	}
	var no int64
	out, errs := &e.streams[0], &e.streams[1]
	row := w.log.QueryRowContext(w.ctx, run, e.id.Step, e.id.Index, e.id.Number, e.ended.UnixNano(), out.size, errs.size, out.why, errs.why)
	if err := row.Scan(&no); err != nil {
		if errors.Is(err, sql.ErrNoRows) { // it is there already
			return nil
		}
		return err
	}
	for stream := range e.streams {
		for i, p := range e.streams[stream].pieces[:min(len(e.streams[stream].pieces), maxPieces)] {
			if _, err := w.piece.ExecContext(w.ctx, pieceNumber(no, stream, i), p.At, p.Size, p.data); err != nil {
				return err
			}
		}
	}
	return nil
}

func pieceNumber(log int64, stream, i int) int64 {
	return (log*int64(len(streams))+int64(stream))*maxPieces + int64(i)
}

// forget deletes all that is kept of runs.
func (a *archive) forget(ctx context.Context, runs []state.RunID) error {
	return a.write(ctx, func(tx *sql.Tx) error {
		for _, id := range runs {
			if _, err := tx.ExecContext(ctx, "DELETE FROM pieces WHERE no IN (SELECT p.no FROM runs r JOIN logs l ON l.run = r.no"+
				" JOIN pieces p ON p.no BETWEEN l.no * ?2 AND l.no * ?2 + ?2 - 1 WHERE r.id = ?1)", string(id), pieceNumber(1, 0, 0)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM logs WHERE run = (SELECT no FROM runs WHERE id = ?)", string(id)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM runs WHERE id = ?", string(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// size is how many bytes of the disk are in use: pages that have become free are used again.
func (a *archive) size(ctx context.Context) (used, free int64, err error) {
	var page int64
	err = a.writer.QueryRowContext(ctx, "SELECT page_size, page_count - freelist_count, freelist_count"+
		" FROM pragma_page_size, pragma_page_count, pragma_freelist_count").Scan(&page, &used, &free)
	return used * page, free * page, err
}

// fileSize is what the file and its write-ahead log take on the disk.
func (a *archive) fileSize() int64 {
	var bytes int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(a.path + suffix); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}
