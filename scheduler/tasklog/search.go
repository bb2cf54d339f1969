package tasklog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

const (
	// searchPage is how many records are read of the store at a time.
	searchPage = 1000
	// settleMargin is how much earlier than now the mark is set up to which all is collected: an attempt's end is
	// noted a little before it is told.
	settleMargin = time.Minute
	// sandboxLife is how long an agent keeps a sandbox unless told otherwise (--gc_delay).
	sandboxLife = 7 * 24 * time.Hour
)

// search looks for attempts that have ended and whose log was not collected: at the start those that ended while
// nobody listened, and later those for which there was no room in the queue.
func (l *Logs) search(ctx context.Context) {
	if err := l.searchRuns(ctx); err != nil && ctx.Err() == nil {
		l.cfg.Log.Error("looking for logs that were not collected", "error", err)
	}
	for {
		run, ok := l.queue.search()
		if !ok {
			return
		}
		if err := l.searchRun(ctx, run); err != nil && ctx.Err() == nil {
			l.cfg.Log.Error("looking for logs that were not collected", "run", run, "error", err)
		}
	}
}

// searchRuns looks through all runs that have not ended, or ended after all was last known to be collected. What is
// kept of runs that are no more is deleted.
func (l *Logs) searchRuns(ctx context.Context) error {
	marks, err := l.archive.marks(ctx)
	if err != nil {
		return err
	}
	since := marks[settled]
	if since.IsZero() {
		since = l.cfg.Now().Add(-sandboxLife)
	}
	kept, err := l.archive.runs(ctx)
	if err != nil {
		return err
	}
	there := map[state.RunID]bool{}
	for before := int64(0); ; {
		page, err := l.cfg.Records.Runs(ctx, store.RunFilter{Before: before, Limit: searchPage})
		if err != nil {
			return fmt.Errorf("reading runs: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			before = page[i].Sequence
			there[page[i].ID] = true
			if page[i].Ended.IsZero() || !page[i].Ended.Before(since) {
				if err := l.searchRun(ctx, page[i].ID); err != nil {
					return err
				}
			}
		}
	}
	l.searched.Store(true)
	l.dropOthers(kept, there)
	return nil
}

// dropOthers deletes what is kept of runs that are not there.
func (l *Logs) dropOthers(kept []state.RunID, there map[state.RunID]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, run := range kept {
		if !there[run] {
			l.gone = append(l.gone, run)
		}
	}
	l.rouse()
}

// searchRun looks through the attempts of a run.
func (l *Logs) searchRun(ctx context.Context, run state.RunID) error {
	var after state.AttemptID
	for l.queue.room() {
		page, err := l.cfg.Records.Attempts(ctx, run, store.AttemptFilter{Index: -1, After: after, Limit: searchPage})
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil // it was deleted
		case err != nil:
			return fmt.Errorf("reading attempts of run %s: %w", run, err)
		case len(page) == 0:
			return nil
		}
		after = page[len(page)-1].ID
		unknown, err := l.archive.unknown(ctx, run, page)
		if err != nil {
			return err
		}
		if unknown, err = l.notDeleted(ctx, unknown); err != nil {
			return err
		}
		l.queue.put(ended(unknown))
	}
	return nil
}

// notDeleted leaves out attempts whose log is not to be collected again: it is too old, or was deleted to make room.
func (l *Logs) notDeleted(ctx context.Context, attempts []state.AttemptRecord) ([]state.AttemptRecord, error) {
	marks, err := l.archive.marks(ctx)
	if err != nil {
		return nil, err
	}
	limit := l.cfg.Now().Add(-l.cfg.Keep)
	for _, m := range []mark{aged, crowded} {
		if marks[m].After(limit) {
			limit = marks[m]
		}
	}
	left := attempts[:0]
	for i := range attempts {
		if attempts[i].Ended.After(limit) {
			left = append(left, attempts[i])
		}
	}
	return left, nil
}
