package tasklog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// collected is what became of an item.
type collected struct {
	item
	entry entry
}

// work collects one attempt after another until the queue is closed.
func (l *Logs) work(ctx context.Context) {
	for {
		it, ok := l.queue.take()
		if !ok {
			return
		}
		if l.pace.Wait(ctx) != nil {
			return
		}
		e, err := l.collect(ctx, it)
		switch {
		case ctx.Err() != nil:
			return // it is found again at the next start
		case err != nil:
			l.postpone(it, err)
		default:
			l.entries <- collected{it, e}
			l.queue.answered(it)
		}
	}
}

// postpone leaves an agent that does not answer alone for a while, and gives those attempts up that have waited for
// it for long enough.
func (l *Logs) postpone(it item, err error) {
	now := l.cfg.Now()
	lost, since := l.queue.postpone(it, now, now.Add(-l.cfg.Patience))
	if since.Equal(now) {
		l.cfg.Log.Warn("an agent does not give the logs of its tasks; it is asked again", "agent", it.hostname, "error", err)
	}
	for _, it := range lost {
		l.entries <- collected{it, missingEntry(it, fmt.Sprintf("agent %s did not answer from %s to %s: %s",
			it.hostname, clock(since), clock(now), causeOf(err)))}
	}
}

// clock writes a time for people.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// causeOf is what an error of the sandbox adds to its kind.
func causeOf(err error) string {
	for _, kind := range []error{mesos.ErrAgentAway, mesos.ErrAgentRefuses} {
		if errors.Is(err, kind) {
			if text := err.Error(); len(text) > len(kind.Error())+2 {
				return text[len(kind.Error())+2:]
			}
		}
	}
	return err.Error()
}

func missingEntry(it item, why string) entry {
	e := entry{id: it.id, ended: it.ended}
	for i := range e.streams {
		e.streams[i].why = why
	}
	return e
}

// collect reads what is to be kept of an attempt. An error means that the agent may be asked again.
func (l *Logs) collect(ctx context.Context, it item) (entry, error) {
	if it.agent == "" {
		return missingEntry(it, it.nowhere()), nil
	}
	e := entry{id: it.id, ended: it.ended}
	for i, stream := range streams {
		k, err := l.fetch(ctx, it, stream)
		if errors.Is(err, mesos.ErrNoFile) {
			k, err = kept{why: it.noFile(stream)}, nil
		}
		if err != nil {
			return e, err
		}
		e.streams[i] = k
	}
	return e, nil
}

// fetch reads a stream from the sandbox, which the agent has under the id that the scheduler had at its time.
func (l *Logs) fetch(ctx context.Context, it item, stream Stream) (kept, error) {
	err := error(mesos.ErrNoFile)
	for _, framework := range l.frameworks() {
		var k kept
		k, err = fetch(ctx, l.cfg.Sandbox, it.file(framework, stream), l.cfg.Cap)
		if !errors.Is(err, mesos.ErrNoFile) {
			return k, err
		}
	}
	return kept{}, err
}

func (it item) file(framework string, stream Stream) mesos.SandboxFile {
	return mesos.SandboxFile{Agent: it.agent, Framework: framework, Task: it.id.String(), Name: string(stream)}
}

// nowhere says why there is no agent to ask.
func (it item) nowhere() string {
	return "it is not known where agent " + it.hostname + " can be asked"
}

// noFile says why an agent that answers has no such file.
func (it item) noFile(stream Stream) string {
	if it.started {
		return fmt.Sprintf("agent %s has no %s of it any more: its sandbox was removed", it.hostname, stream)
	}
	return it.neverStarted()
}

// neverStarted says why an attempt that has ended without having run has no log.
func (it item) neverStarted() string {
	why := "the attempt never started"
	if it.message != "" {
		why += ": " + it.message
	}
	return why
}

// ended returns what of a batch's attempts has ended.
func ended(attempts []state.AttemptRecord) []item {
	var items []item
	for i := range attempts {
		if attempts[i].Outcome != "" {
			items = append(items, newItem(&attempts[i]))
		}
	}
	return items
}
