package tasklog

import (
	"context"
	"errors"
	"slices"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// A commit takes what is there, up to these bounds.
const (
	batchEntries = 512
	batchBytes   = 16 << 20
)

// writeAll writes what was collected, batch after batch, until entries is closed. It is the only one who writes.
func (l *Logs) writeAll() {
	ctx := context.Background() // what is collected is written, whatever ends
	for {
		select {
		case c, ok := <-l.entries:
			l.lookAtFile(ctx)
			l.writeNotes(ctx)
			if !ok {
				return
			}
			l.write(ctx, l.more([]collected{c}))
		case <-l.wake:
			l.lookAtFile(ctx)
			l.writeNotes(ctx)
		case <-l.tidied:
			l.lookAtFile(ctx)
			l.writeNotes(ctx)
			l.tidy(ctx)
		}
	}
}

// lookAtFile goes on with another file when the one in which logs are kept was removed or replaced. What it held is gone,
// but agents have the younger sandboxes still: that is what the next start looks for.
func (l *Logs) lookAtFile(ctx context.Context) {
	if !errors.Is(l.archive.files.Check(), store.ErrMoved) {
		return
	}
	if err := l.archive.reopen(ctx); err != nil {
		l.cfg.Log.Error("the file in which logs are kept was removed or replaced, and none can be opened in its place: logs are not kept",
			"file", l.cfg.Path, "error", err)
		return
	}
	l.cfg.Log.Warn("the file in which logs are kept was removed or replaced: what it held is gone, and logs are kept in the one that is there now;"+
		" the next start of the scheduler collects again what agents still have", "file", l.cfg.Path)
	l.searched.Store(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.named = slices.Clone(l.names)
	slices.Reverse(l.named) // the latest is written last
}

// more adds to a batch what waits.
func (l *Logs) more(batch []collected) []collected {
	bytes := batch[0].entry.bytes()
	for len(batch) < batchEntries && bytes < batchBytes {
		select {
		case c, ok := <-l.entries:
			if !ok {
				return batch // writeAll sees it too
			}
			batch = append(batch, c)
			bytes += c.entry.bytes()
		default:
			return batch
		}
	}
	return batch
}

func (e *entry) bytes() (n int) {
	for i := range e.streams {
		for _, p := range e.streams[i].pieces {
			n += len(p.data)
		}
	}
	return n
}

// write keeps a batch, but for what belongs to runs that were deleted in the meantime.
func (l *Logs) write(ctx context.Context, batch []collected) {
	items := make([]item, len(batch))
	entries := make([]entry, 0, len(batch))
	for i := range batch {
		items[i] = batch[i].item
		if l.queue.wanted(items[i]) {
			entries = append(entries, batch[i].entry)
		}
	}
	if err := l.archive.put(ctx, entries); err != nil {
		l.cfg.Log.Error("logs of attempts are not kept; they are collected again", "attempts", len(entries), "error", err)
		runs := make([]state.RunID, len(entries))
		for i := range entries {
			runs[i] = entries[i].id.Run
		}
		l.queue.later(runs, tidyEvery)
	}
	l.queue.finish(items)
}

// writeNotes writes new ids of the framework, and deletes runs.
func (l *Logs) writeNotes(ctx context.Context) {
	l.mu.Lock()
	named, gone := l.named, l.gone
	l.named, l.gone = nil, nil
	l.mu.Unlock()
	for _, id := range named {
		if err := l.archive.addFramework(ctx, id); err != nil {
			l.cfg.Log.Error("the framework's id is not kept with the logs", "error", err)
		}
	}
	if len(gone) == 0 {
		return
	}
	if err := l.archive.forget(ctx, gone); err != nil { // the next start looks for them
		l.cfg.Log.Error("logs of deleted runs are not deleted", "runs", len(gone), "error", err)
	}
}

// tidy deletes logs that are too old or too many, and notes up to when all has been collected.
func (l *Logs) tidy(ctx context.Context) {
	now := l.cfg.Now()
	if l.searched.Load() && l.queue.idle() && len(l.entries) == 0 {
		if err := l.archive.settle(ctx, now.Add(-settleMargin)); err != nil {
			l.cfg.Log.Error("noting how far logs are collected", "error", err)
		}
	}
	deleted, err := l.archive.prune(ctx, now.Add(-l.cfg.Keep), l.cfg.MaxSize)
	if err != nil {
		l.cfg.Log.Error("deleting old logs", "error", err)
	}
	if deleted > 0 {
		l.cfg.Log.Info("old logs were deleted", "attempts", deleted)
	}
}
