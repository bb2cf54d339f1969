// Package store keeps the scheduler's state so that a crash at any moment loses nothing that was acknowledged.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Store is the scheduler's side: it keeps runs, their attempts, and pipelines. One scheduler writes; any number of
// readers (Reader) read beside it, and each call sees the store as it is between two commits.
//
// Records come back as they were given: times to the nanosecond (between the years 1678 and 2262) and in UTC, texts
// byte for byte, whatever the bytes are, since some of them come from tasks.
type Store interface {
	// Load returns what a scheduler starts from: the runs that are not final, ordered by sequence, and their
	// attempts in the order of the runs, then ordered by step (by bytes), index and number.
	Load(ctx context.Context) (state.Snapshot, error)
	// Commit makes the changes of one batch durable, all or nothing. An error means that none of them may be
	// acted on; the scheduler must stop (ErrFull, ErrCorrupt say why).
	//
	// A record replaces the one of the same id; of two in one batch the later one counts. What says how a run was
	// submitted (sequence, which counts from 1, name, project, owner, who, pipeline, spec, params, images, key, time) is as the run's first
	// record has it and must not change. Refused is an attempt of a run that is neither in the store nor in the
	// batch, and a new run with the sequence, or in the same project with the key, of another. Maps in the records
	// must not change afterwards.
	Commit(ctx context.Context, changes *state.Changes) error
	// Run returns one run, finished or not, with all its attempts ordered by step, index and number. If there is
	// no such run, the error is ErrNotFound.
	Run(ctx context.Context, id state.RunID) (state.RunRecord, []state.AttemptRecord, error)
	// RunByKey returns the run that was submitted to the project with the idempotency key; ErrNotFound if none
	// was, or if the key is empty.
	RunByKey(ctx context.Context, project, key string) (state.RunRecord, error)
	// Record is Run without the attempts.
	Record(ctx context.Context, id state.RunID) (state.RunRecord, error)
	// EndedBefore returns runs that ended before the time, those first that ended first, at most limit of them.
	EndedBefore(ctx context.Context, t time.Time, limit int) ([]state.RunID, error)
	// Close ends the use of the store.
	Close() error
}

var (
	// ErrNotFound: there is no such run.
	ErrNotFound = errors.New("not found")
	// ErrFull: the disk is full; make room and start the scheduler again, nothing acknowledged is lost.
	ErrFull = errors.New("disk full")
	// ErrCorrupt: the store's file is damaged; restore it from a backup.
	ErrCorrupt = errors.New("store corrupt")
	// ErrMoved: the store's file was removed or replaced while a scheduler had it open. What was committed in the last
	// moments before may be lost.
	ErrMoved = errors.New("store removed or replaced")
	// ErrNewer: the store was written by a newer Spillway; run that version.
	ErrNewer = errors.New("store written by a newer version")
	// ErrLocked: another scheduler has the store open.
	ErrLocked = errors.New("store in use by another scheduler")
)

// Every implementation passes the suite of package storetest.
var (
	_ Store  = (*SQLite)(nil)
	_ Store  = (*Memory)(nil)
	_ Reader = (*SQLite)(nil)
	_ Reader = (*Memory)(nil)
)
