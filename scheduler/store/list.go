package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// conditions are those of a WHERE clause, and their arguments.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts = append(c.texts, text)
	c.args = append(c.args, args...)
}

// where is the clause; empty if there is no condition.
func (c *conditions) where() string {
	if len(c.texts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.texts, " AND ")
}

// oneOf adds that a column has one of the values.
func oneOf[S ~string](c *conditions, column string, values []S) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	c.add(column+" IN (?"+strings.Repeat(", ?", max(len(values)-1, 0))+")", args...)
}

// equal adds that a column has the value, unless that is empty.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// time adds that a column compares to the time in a way, unless that is zero.
func (c *conditions) time(comparison string, t time.Time) {
	if !t.IsZero() {
		c.add(comparison+" ?", t.UnixNano())
	}
}

func (f *RunFilter) conditions() *conditions {
	var c conditions
	if f.Before != 0 {
		c.add("sequence < ?", f.Before)
	}
	if f.Projects != nil {
		oneOf(&c, "project", f.Projects)
	}
	c.equal("name", f.Name)
	c.equal("owner", f.Owner)
	if f.Phases != nil {
		oneOf(&c, "phase", f.Phases)
	}
	c.time("submitted >=", f.Since)
	c.time("submitted <", f.Until)
	// NULL, of a run that has not ended, is less than nothing. The plus keeps SQLite from index runs_ended, which would
	// find the runs in an order of its own.
	c.time("+ended <", f.EndedBefore)
	return &c
}

// Runs returns runs, the newest first; see Reader.
func (s *SQLite) Runs(ctx context.Context, f RunFilter) (runs []state.RunRecord, err error) {
	if f.Limit <= 0 || f.Projects != nil && len(f.Projects) == 0 || f.Phases != nil && len(f.Phases) == 0 {
		return nil, ctx.Err()
	}
	c := f.conditions()
	query := selectListed + c.where() + " ORDER BY sequence DESC LIMIT ?"
	err = s.read(ctx, func(tx *sql.Tx) error {
		runs, err = appendRecords(ctx, tx, nil, runListed, state.RunRecord{}, query, append(c.args, f.Limit)...)
		return err
	})
	if err != nil {
		return nil, explain("reading runs from", s.path, err)
	}
	return runs, nil
}

// EndedBefore returns runs that ended before the time, those first that ended first.
func (s *SQLite) EndedBefore(ctx context.Context, t time.Time, limit int) (ids []state.RunID, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, selectEnded, t.UnixNano(), max(limit, 0))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, state.RunID(id))
		}
		return rows.Err()
	})
	if err != nil {
		return nil, explain("looking for old runs in", s.path, err)
	}
	return ids, nil
}

// Attempts returns attempts of one run; see Reader.
func (s *SQLite) Attempts(ctx context.Context, id state.RunID, f AttemptFilter) (attempts []state.AttemptRecord, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		var run int64
		err := tx.QueryRowContext(ctx, "SELECT sequence FROM runs WHERE id = ?", string(id)).Scan(&run)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil || f.Limit <= 0 {
			return err
		}
		query, args := f.query(run)
		of := state.AttemptRecord{ID: state.AttemptID{Run: id}}
		attempts, err = appendRecords(ctx, tx, nil, attemptColumns, of, query, args...)
		return err
	})
	if err != nil {
		return nil, explain(fmt.Sprintf("reading the attempts of run %s from", id), s.path, err)
	}
	return attempts, nil
}

// query selects the attempts of the run with the sequence.
func (f *AttemptFilter) query(run int64) (string, []any) {
	query, args := selectAttempts, []any{run}
	switch {
	case f.Step != "":
		query, args = query+" AND step = ?", append(args, f.Step)
	case f.Index >= 0: // step by step, or all of the run's attempts would be looked at
		query, args = query+" AND step IN "+stepsOfRun, append(args, run, run)
	}
	if f.Index >= 0 {
		query, args = query+" AND task = ?", append(args, f.Index)
	}
	switch after := f.After; {
	case after.Step == "", f.Step != "" && after.Step < f.Step:
	case after.Step == f.Step: // for SQLite does not find the place by the step twice
		query, args = query+" AND (task, number) > (?, ?)", append(args, after.Index, after.Number)
	case f.Step != "":
		query += " AND FALSE"
	default:
		query, args = query+" AND (step, task, number) > (?, ?, ?)", append(args, after.Step, after.Index, after.Number)
	}
	return query + attemptOrder + " LIMIT ?", append(args, f.Limit)
}

// Pipelines returns the versions of a pipeline, the newest first; see Reader.
func (s *SQLite) Pipelines(ctx context.Context, project, name string, before, limit int) (list []state.PipelineRecord, err error) {
	if before == 0 {
		before = math.MaxInt
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = appendRecords(ctx, tx, nil, pipelineListed, state.PipelineRecord{}, selectVersions,
			project, name, before, max(limit, 0))
		return err
	})
	if err != nil {
		return nil, explain(fmt.Sprintf("reading the versions of pipeline %s/%s from", project, name), s.path, err)
	}
	return list, nil
}

// Pipeline returns one version of a pipeline.
func (s *SQLite) Pipeline(ctx context.Context, project, name string, version int) (state.PipelineRecord, error) {
	var list []state.PipelineRecord
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		list, err = appendRecords(ctx, tx, nil, pipelineColumns, state.PipelineRecord{}, selectVersion, project, name, version)
		if err == nil && len(list) == 0 {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return state.PipelineRecord{}, explain(fmt.Sprintf("reading version %d of pipeline %s/%s from", version, project, name), s.path, err)
	}
	return list[0], nil
}

// CountRuns counts the runs by phase.
func (s *SQLite) CountRuns(ctx context.Context) (map[state.RunPhase]int, error) {
	counts := map[state.RunPhase]int{}
	err := s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, countPhases)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var phase string
			var n int
			if err := rows.Scan(&phase, &n); err != nil {
				return err
			}
			counts[state.RunPhase(phase)] = n
		}
		return rows.Err()
	})
	if err != nil {
		return nil, explain("counting the runs of", s.path, err)
	}
	return counts, nil
}

// Size is how many bytes the file takes, with its write-ahead log. It fails with ErrMoved if these are not the files any
// more that were opened.
func (s *SQLite) Size(ctx context.Context) (bytes int64, err error) {
	if err := s.files.moved(); err != nil {
		return 0, explain("looking at", s.path, err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		file, err := os.Stat(s.path + suffix)
		switch {
		case err == nil:
			bytes += file.Size()
		case suffix == "" || !errors.Is(err, fs.ErrNotExist):
			return 0, explain("looking at", s.path, err)
		}
	}
	return bytes, ctx.Err()
}
