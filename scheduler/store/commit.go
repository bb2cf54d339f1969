package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Commit makes the changes of one batch durable, all or nothing. It is one transaction and one fsync, whatever the
// batch's size. A context that ends after the transaction has begun does not stop it.
//
// When a Commit has failed, every later one fails with the same error: it would build on what was not kept. If the
// disk failed at the very end (an I/O error), the batch may be there, whole, when the store is opened again; after
// any other error it is not.
func (s *SQLite) Commit(ctx context.Context, changes *state.Changes) error {
	if changes.Empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	err := s.files.Check()
	if err == nil {
		err = s.commit(context.WithoutCancel(ctx), changes)
	}
	if err != nil {
		s.failed = explain("committing to", s.path, err)
		return s.failed
	}
	return nil
}

func (s *SQLite) commit(ctx context.Context, changes *state.Changes) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	w := writing{ctx: ctx, tx: tx, put: &s.put}
	for i := range changes.Runs {
		if err := w.run(&changes.Runs[i]); err != nil {
			return fmt.Errorf("writing run %s: %w", changes.Runs[i].ID, err)
		}
	}
	if err := w.attempts(changes.Attempts); err != nil {
		return err
	}
	for i := range changes.Pipelines {
		if err := w.pipeline(&changes.Pipelines[i]); err != nil {
			return err
		}
	}
	if err := s.forget(ctx, tx, changes.Forgotten); err != nil {
		return err
	}
	if id := changes.FrameworkID; id != nil {
		if _, err := tx.StmtContext(ctx, s.put.framework).ExecContext(ctx, *id); err != nil {
			return fmt.Errorf("writing the framework id: %w", err)
		}
	}
	return tx.Commit()
}

// statements are the prepared statements of the writer. To prepare them checks the schema too.
type statements struct {
	updateRun, insertRun, insertSpec, attempt, framework, pipeline *sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB) (statements, error) {
	var p statements
	for query, target := range map[string]**sql.Stmt{
		updateRun: &p.updateRun, insertRun: &p.insertRun, insertSpec: &p.insertSpec,
		putAttempt: &p.attempt, putFramework: &p.framework, putPipeline: &p.pipeline,
	} {
		stmt, err := db.PrepareContext(ctx, query)
		if err != nil {
			return p, errors.Join(err, p.close())
		}
		*target = stmt
	}
	return p, nil
}

func (p *statements) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{p.updateRun, p.insertRun, p.insertSpec, p.attempt, p.framework, p.pipeline} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// writing is a batch on its way into a transaction.
type writing struct {
	ctx  context.Context
	tx   *sql.Tx
	put  *statements
	args []any
}

// run updates the run, or inserts it with its texts if it is new. Few runs are new and none changes often, so that
// the statements need not be kept for the next run.
func (w *writing) run(r *state.RunRecord) error {
	w.args = append(values(w.args[:0], runChanging, r), string(r.ID))
	result, err := w.exec(w.put.updateRun)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	w.args = values(values(w.args[:0], runFixed, r), runChanging, r)
	if _, err := w.exec(w.put.insertRun); err != nil {
		return err
	}
	w.args = values(append(w.args[:0], r.Sequence), runTexts, r)
	_, err = w.exec(w.put.insertSpec)
	return err
}

func (w *writing) pipeline(p *state.PipelineRecord) error {
	w.args = values(w.args[:0], pipelineColumns, p)
	if _, err := w.exec(w.put.pipeline); err != nil {
		return fmt.Errorf("writing version %d of pipeline %s/%s: %w", p.Version, p.Project, p.Name, err)
	}
	return nil
}

func (w *writing) exec(stmt *sql.Stmt) (sql.Result, error) {
	return w.tx.StmtContext(w.ctx, stmt).ExecContext(w.ctx, w.args...)
}

func (w *writing) attempts(attempts []state.AttemptRecord) error {
	stmt := w.tx.StmtContext(w.ctx, w.put.attempt)
	for i := range attempts {
		a := &attempts[i]
		w.args = values(append(w.args[:0], string(a.ID.Run)), attemptColumns, a)
		if _, err := stmt.ExecContext(w.ctx, w.args...); err != nil {
			return fmt.Errorf("writing attempt %s: %w", a.ID, err)
		}
	}
	return nil
}
