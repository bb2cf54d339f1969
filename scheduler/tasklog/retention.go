package tasklog

import (
	"context"
	"database/sql"
	"math"
	"time"
)

// How many logs are deleted in one transaction; collecting goes on between two. To make room no more are deleted than
// needed, give or take a batch.
const (
	agedBatch    = 500
	crowdedBatch = 16
)

// prune deletes logs of attempts that ended before a time, and then the oldest ones until the file holds no more than
// most bytes.
func (a *archive) prune(ctx context.Context, before time.Time, most int64) (deleted int, err error) {
	for ctx.Err() == nil {
		n, err := a.deleteOldest(ctx, aged, before, agedBatch)
		deleted += n
		if err != nil || n == 0 {
			break
		}
	}
	for ctx.Err() == nil && err == nil {
		used, _, err := a.size(ctx)
		if err != nil || used <= most {
			break
		}
		n, err := a.deleteOldest(ctx, crowded, time.Unix(0, math.MaxInt64), crowdedBatch)
		deleted += n
		if err != nil || n == 0 {
			break
		}
	}
	if err == nil {
		err = a.shrink(ctx)
	}
	return deleted, err
}

// deleteOldest deletes up to a batch of the oldest logs that ended before a time, and notes in a mark up to when.
func (a *archive) deleteOldest(ctx context.Context, why mark, before time.Time, batch int) (deleted int, err error) {
	err = a.write(ctx, func(tx *sql.Tx) error {
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT count(*), max(ended) FROM"+
			" (SELECT ended FROM logs WHERE ended < ? ORDER BY ended LIMIT ?)", before.UnixNano(), batch).Scan(&deleted, &last); err != nil || deleted == 0 {
			return err
		}
		// All that ended at the very time of the last one go too: the mark says that they have.
		if _, err := tx.ExecContext(ctx, "DELETE FROM pieces WHERE no IN (SELECT p.no FROM logs l"+
			" JOIN pieces p ON p.no BETWEEN l.no * ?2 AND l.no * ?2 + ?2 - 1 WHERE l.ended <= ?1)", last.Int64, pieceNumber(1, 0, 0)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM logs WHERE ended <= ?", last.Int64); err != nil {
			return err
		}
		return moveMark(ctx, tx, why, time.Unix(0, last.Int64))
	})
	return deleted, err
}

// slack is how many bytes may be free in the file: new logs take their place.
const slack = 64 << 20

// shrink gives free pages back to the file system if they are many.
func (a *archive) shrink(ctx context.Context) error {
	_, free, err := a.size(ctx)
	if err != nil || free <= slack {
		return err
	}
	_, err = a.writer.ExecContext(ctx, "PRAGMA incremental_vacuum")
	return err
}
