package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Load returns what a scheduler starts from. A million attempts take some seconds and half a gigabyte.
func (s *SQLite) Load(ctx context.Context) (state.Snapshot, error) {
	var snap state.Snapshot
	err := s.read(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, selectFramework).Scan(&snap.FrameworkID); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, selectNext).Scan(&snap.NextSequence); err != nil {
			return err
		}
		var err error
		if snap.Runs, err = queryRuns(ctx, tx, selectOpen); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, countOpen).Scan(&n); err != nil {
			return err
		}
		snap.Attempts = make([]state.AttemptRecord, 0, n) // to let it grow would need twice the memory
		for i := range snap.Runs {
			if snap.Attempts, err = appendAttempts(ctx, tx, snap.Attempts, &snap.Runs[i]); err != nil {
				return err
			}
		}
		snap.Pipelines, err = appendRecords(ctx, tx, nil, pipelineColumns, state.PipelineRecord{}, selectNewest)
		return err
	})
	if err != nil {
		return state.Snapshot{}, explain("loading", s.path, err)
	}
	return snap, nil
}

// Run returns one run, finished or not, with all its attempts ordered by step, index and number.
func (s *SQLite) Run(ctx context.Context, id state.RunID) (run state.RunRecord, attempts []state.AttemptRecord, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		if run, err = queryRun(ctx, tx, selectRun, string(id)); err != nil {
			return err
		}
		attempts, err = appendAttempts(ctx, tx, nil, &run)
		return err
	})
	if err != nil {
		return state.RunRecord{}, nil, explain("reading run "+string(id)+" from", s.path, err)
	}
	return run, attempts, nil
}

// Record returns one run, finished or not.
func (s *SQLite) Record(ctx context.Context, id state.RunID) (run state.RunRecord, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		run, err = queryRun(ctx, tx, selectRun, string(id))
		return err
	})
	if err != nil {
		return state.RunRecord{}, explain("reading run "+string(id)+" from", s.path, err)
	}
	return run, nil
}

// RunByKey returns the run that was submitted to the project with the idempotency key.
func (s *SQLite) RunByKey(ctx context.Context, project, key string) (run state.RunRecord, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		run, err = queryRun(ctx, tx, selectByKey, project, key)
		return err
	})
	if err != nil {
		return state.RunRecord{}, explain(fmt.Sprintf("reading the run with key %q of project %s from", key, project), s.path, err)
	}
	return run, nil
}

// read calls f with a transaction that sees the store as it is between two commits.
func (s *SQLite) read(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		defer tx.Rollback()
		err = f(tx)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // of which err is a consequence
	}
	return err
}

func queryRun(ctx context.Context, tx *sql.Tx, query string, args ...any) (state.RunRecord, error) {
	runs, err := queryRuns(ctx, tx, query, args...)
	if err == nil && len(runs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return state.RunRecord{}, err
	}
	return runs[0], nil
}

func queryRuns(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]state.RunRecord, error) {
	return appendRecords(ctx, tx, nil, runColumns, state.RunRecord{}, query, args...)
}

// appendAttempts appends the attempts of the run, in order.
func appendAttempts(ctx context.Context, tx *sql.Tx, dst []state.AttemptRecord, run *state.RunRecord) ([]state.AttemptRecord, error) {
	of := state.AttemptRecord{ID: state.AttemptID{Run: run.ID}}
	return appendRecords(ctx, tx, dst, attemptColumns, of, selectAttempts+attemptOrder, run.Sequence)
}

// appendRecords appends the records that the query selects, each a copy of template with its columns set.
func appendRecords[R any](ctx context.Context, tx *sql.Tx, dst []R, columns []column[R], template R, query string, args ...any) ([]R, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	s := newScanner(columns)
	for rows.Next() {
		dst = append(dst, template)
		if err := s.scan(rows, &dst[len(dst)-1]); err != nil {
			return nil, err
		}
	}
	return dst, rows.Err()
}
