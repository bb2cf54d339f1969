package tasklog

import (
	"context"
	"errors"
	"fmt"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Newest, as an attempt's number, stands for the last one that a task has.
const Newest = -1

// ErrNoAttempt: the task has no such attempt, or there is no such task.
var ErrNoAttempt = errors.New("there is no such attempt")

// Attempt returns an attempt of a task by its number, or the newest one; ErrNoAttempt if there is none.
func (l *Logs) Attempt(ctx context.Context, id state.AttemptID) (state.AttemptRecord, error) {
	filter := store.AttemptFilter{Step: id.Step, Index: id.Index, Limit: searchPage}
	if id.Number != Newest {
		filter.After, filter.Limit = id, 1
		filter.After.Number--
	}
	var last *state.AttemptRecord
	for {
		page, err := l.cfg.Records.Attempts(ctx, id.Run, filter)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return state.AttemptRecord{}, fmt.Errorf("looking for attempt %s: %w", id, err)
		}
		if len(page) > 0 {
			last = &page[len(page)-1]
			filter.After = last.ID
		}
		if len(page) < searchPage {
			break
		}
	}
	if last == nil || id.Number != Newest && last.ID != id {
		return state.AttemptRecord{}, ErrNoAttempt
	}
	return *last, nil
}
