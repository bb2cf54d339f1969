// Package store keeps the scheduler's state so that a crash at any moment loses nothing that was acknowledged.
package store

import (
	"context"
	"errors"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Store keeps runs and attempts. One scheduler writes; any number of readers read beside it.
type Store interface {
	// Load returns what a scheduler starts from.
	Load(ctx context.Context) (state.Snapshot, error)
	// Commit makes the changes of one batch durable, all or nothing. An error means that none of them may be
	// acted on; the scheduler must stop (ErrFull, ErrCorrupt say why).
	Commit(ctx context.Context, changes *state.Changes) error
	// Run returns one run, finished or not, with all its attempts ordered by step, index and number.
	Run(ctx context.Context, id state.RunID) (state.RunRecord, []state.AttemptRecord, error)
	// RunByKey returns the run that was submitted to the project with the idempotency key.
	RunByKey(ctx context.Context, project, key string) (state.RunRecord, error)
	// Runs returns runs in the order of their submission, newest first, at most limit of them, from the one
	// before the given sequence on (0: from the newest on).
	Runs(ctx context.Context, before int64, limit int) ([]state.RunRecord, error)
	Close() error
}

var (
	// ErrNotFound: there is no such run.
	ErrNotFound = errors.New("not found")
	// ErrFull: the disk is full; make room and start the scheduler again, nothing acknowledged is lost.
	ErrFull = errors.New("disk full")
	// ErrCorrupt: the store's file is damaged; restore it from a backup.
	ErrCorrupt = errors.New("store corrupt")
	// ErrNewer: the store was written by a newer Spillway; run that version.
	ErrNewer = errors.New("store written by a newer version")
	// ErrLocked: another scheduler has the store open.
	ErrLocked = errors.New("store in use by another scheduler")
)
