package tasklog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// found is one stream of an attempt as the archive has it.
type found struct {
	log    int64 // its number
	stream Stream
	size   int64
	why    string
	spans  []span // of its pieces, in order
}

// find looks for a stream of an attempt; nil if the archive knows nothing of the attempt.
func (a *archive) find(ctx context.Context, id state.AttemptID, stream Stream) (*found, error) {
	f := &found{stream: stream}
	row := a.readers.Load().QueryRowContext(ctx, fmt.Sprintf("SELECT no, %s_size, %s_why FROM logs"+
		" WHERE run = (SELECT no FROM runs WHERE id = ?) AND step = ? AND task = ? AND number = ?", stream, stream),
		string(id.Run), id.Step, id.Index, id.Number)
	switch err := row.Scan(&f.log, &f.size, &f.why); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking for the log of %s: %w", id, err)
	}
	rows, err := a.readers.Load().QueryContext(ctx, "SELECT at, size FROM pieces WHERE no BETWEEN ? AND ? ORDER BY no",
		pieceNumber(f.log, stream.number(), 0), pieceNumber(f.log, stream.number(), maxPieces-1))
	if err != nil {
		return nil, fmt.Errorf("looking for the log of %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s span
		if err := rows.Scan(&s.At, &s.Size); err != nil {
			return nil, err
		}
		f.spans = append(f.spans, s)
	}
	return f, rows.Err()
}

// text reads a piece of a log that was found.
func (a *archive) text(ctx context.Context, f *found, i int) ([]byte, error) {
	p := piece{span: f.spans[i]}
	row := a.readers.Load().QueryRowContext(ctx, "SELECT data FROM pieces WHERE no = ?", pieceNumber(f.log, f.stream.number(), i))
	if err := row.Scan(&p.data); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil, &Missing{"the log was deleted while it was read"}
		}
		return nil, fmt.Errorf("reading a kept log: %w", err)
	}
	return p.text()
}

// unknown returns those of a run's attempts, which are in order, of which the archive knows nothing.
func (a *archive) unknown(ctx context.Context, run state.RunID, attempts []state.AttemptRecord) ([]state.AttemptRecord, error) {
	if len(attempts) == 0 {
		return nil, nil
	}
	first, last := attempts[0].ID, attempts[len(attempts)-1].ID
	rows, err := a.readers.Load().QueryContext(ctx, "SELECT step, task, number FROM logs WHERE run = (SELECT no FROM runs WHERE id = ?)"+
		" AND (step, task, number) >= (?, ?, ?) AND (step, task, number) <= (?, ?, ?)",
		string(run), first.Step, first.Index, first.Number, last.Step, last.Index, last.Number)
	if err != nil {
		return nil, fmt.Errorf("looking for the logs of %s: %w", run, err)
	}
	defer rows.Close()
	known := map[state.AttemptID]bool{}
	for rows.Next() {
		id := state.AttemptID{Run: run}
		if err := rows.Scan(&id.Step, &id.Index, &id.Number); err != nil {
			return nil, err
		}
		known[id] = true
	}
	var unknown []state.AttemptRecord
	for i := range attempts {
		if !known[attempts[i].ID] {
			unknown = append(unknown, attempts[i])
		}
	}
	return unknown, rows.Err()
}

// runs are those of which logs are kept.
func (a *archive) runs(ctx context.Context) ([]state.RunID, error) {
	return words[state.RunID](ctx, a.readers.Load(), "SELECT id FROM runs")
}

// frameworks are the ids under which the scheduler was known, the latest first.
func (a *archive) frameworks(ctx context.Context) ([]string, error) {
	return words[string](ctx, a.readers.Load(), "SELECT id FROM frameworks ORDER BY no DESC")
}

func words[T ~string](ctx context.Context, db *sql.DB, query string) ([]T, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var w string
		if err := rows.Scan(&w); err != nil {
			return nil, err
		}
		all = append(all, T(w))
	}
	return all, rows.Err()
}

// addFramework notes an id under which the scheduler is known from now on.
func (a *archive) addFramework(ctx context.Context, id string) error {
	return a.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO frameworks (id) VALUES (?) ON CONFLICT DO NOTHING", id)
		return err
	})
}

// mark is the name of a time that is kept.
type mark string

const (
	settled mark = "settled" // no attempt that ended before it waits to be collected
	aged    mark = "aged"    // logs of attempts that ended until then were deleted for their age
	crowded mark = "crowded" // the same, to make room
)

// marks are the times that are kept.
func (a *archive) marks(ctx context.Context) (map[mark]time.Time, error) {
	rows, err := a.readers.Load().QueryContext(ctx, "SELECT name, at FROM marks")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[mark]time.Time{}
	for rows.Next() {
		var m mark
		var at int64
		if err := rows.Scan(&m, &at); err != nil {
			return nil, err
		}
		all[m] = time.Unix(0, at).UTC()
	}
	return all, rows.Err()
}

// moveMark moves a mark forward.
func moveMark(ctx context.Context, tx *sql.Tx, m mark, at time.Time) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO marks (name, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = max(at, ?2)", string(m), at.UnixNano())
	return err
}

// settle says that nothing that ended before waits to be collected.
func (a *archive) settle(ctx context.Context, before time.Time) error {
	return a.write(ctx, func(tx *sql.Tx) error { return moveMark(ctx, tx, settled, before) })
}
