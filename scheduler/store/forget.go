package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// sweepRows is how many attempts of forgotten runs a commit deletes at most: some milliseconds' worth. A run can have a
// million, and all of them at once would keep the batch waiting for seconds.
const sweepRows = 2000

// forget deletes runs, and some of the attempts of those that are deleted already. To readers the attempts go with the
// run, which is all that leads to them.
func (s *SQLite) forget(ctx context.Context, tx *sql.Tx, runs []state.RunID) error {
	for _, id := range runs {
		for _, statement := range []string{
			"UPDATE scheduler SET last_sequence = max(last_sequence, coalesce(" + runNumber + ", 0))",
			"INSERT INTO forgotten SELECT sequence FROM runs WHERE id = ?",
			"DELETE FROM specs WHERE run = " + runNumber,
			"DELETE FROM runs WHERE id = ?",
		} {
			if _, err := tx.ExecContext(ctx, statement, string(id)); err != nil {
				return fmt.Errorf("deleting run %s: %w", id, err)
			}
		}
	}
	s.sweeping = s.sweeping || len(runs) > 0
	return s.sweep(ctx, tx)
}

// sweep deletes attempts of forgotten runs, sweepRows at most.
func (s *SQLite) sweep(ctx context.Context, tx *sql.Tx) error {
	for left := int64(sweepRows); left > 0 && s.sweeping; {
		var run int64
		err := tx.QueryRowContext(ctx, "SELECT run FROM forgotten LIMIT 1").Scan(&run)
		if errors.Is(err, sql.ErrNoRows) {
			s.sweeping = false
			return nil
		}
		if err != nil {
			return err
		}
		n, err := sweepRun(ctx, tx, run, left)
		if err != nil {
			return fmt.Errorf("deleting the attempts of forgotten run number %d: %w", run, err)
		}
		left -= n
	}
	return nil
}

// sweepRun deletes at most limit attempts of a forgotten run and returns how many; fewer: there are no more.
func sweepRun(ctx context.Context, tx *sql.Tx, run, limit int64) (int64, error) {
	result, err := tx.ExecContext(ctx, "DELETE FROM attempts WHERE run = ?1 AND (step, task, number) IN"+
		" (SELECT step, task, number FROM attempts WHERE run = ?1 LIMIT ?2)", run, limit)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err == nil && n < limit {
		_, err = tx.ExecContext(ctx, "DELETE FROM forgotten WHERE run = ?", run)
	}
	return n, err
}
