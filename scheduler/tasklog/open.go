package tasklog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Origin says where a log is read from.
type Origin string

// The origins of a log.
const (
	FromSandbox Origin = "sandbox"
	FromArchive Origin = "kept"
)

// Log is a stream of an attempt that is being read. It is for one goroutine.
type Log struct {
	// Origin is where it is read from at first.
	Origin Origin
	// Start is the offset in the log of the first byte that Read gives.
	Start int64
	// Size is how many bytes the stream had when it was opened.
	Size int64
	// CutFrom and CutTo bound what was not kept between Start and the end; equal if nothing is missing.
	CutFrom, CutTo int64

	// next gives what comes next, io.EOF at the end.
	next func() ([]byte, error)
	rest []byte
	note string
}

// Read gives the log's bytes as they were written.
func (l *Log) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		data, err := l.next()
		if err != nil {
			return 0, err
		}
		l.rest = data
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// Close ends the reading.
func (l *Log) Close() error {
	l.next = func() ([]byte, error) { return nil, io.EOF }
	l.rest = nil
	return nil
}

// Note says after the end, in a sentence, what of the log was not given though it was not known at the beginning; empty
// if all was given.
func (l *Log) Note() string { return l.note }

// Open opens a stream of an attempt. If there is none the error is a *Missing that says why.
func (l *Logs) Open(ctx context.Context, rec state.AttemptRecord, stream Stream, o Options) (*Log, error) {
	f, err := l.archive.find(ctx, rec.ID, stream)
	switch {
	case err != nil:
		return nil, err
	case f != nil && f.why != "":
		return nil, &Missing{f.why}
	case f != nil && f.size == 0 && !newItem(&rec).started:
		return nil, &Missing{newItem(&rec).neverStarted()}
	case f != nil:
		return l.openKept(ctx, f, o)
	case rec.Outcome != "":
		if why, err := l.deleted(ctx, rec); err != nil || why != "" {
			return nil, errors.Join(err, missing(why))
		}
	}
	return l.openSandbox(ctx, rec, stream, o)
}

// missing is nil if there is no reason.
func missing(why string) error {
	if why == "" {
		return nil
	}
	return &Missing{why}
}

// deleted says why a log is not kept any more; empty if it was not deleted.
func (l *Logs) deleted(ctx context.Context, rec state.AttemptRecord) (string, error) {
	marks, err := l.archive.marks(ctx)
	if err != nil {
		return "", fmt.Errorf("looking for the log of %s: %w", rec.ID, err)
	}
	switch {
	case !rec.Ended.After(marks[aged]), rec.Ended.Before(l.cfg.Now().Add(-l.cfg.Keep)):
		return fmt.Sprintf("it is not kept any more: the attempt ended at %s, and logs are kept for %s (--log-keep)", clock(rec.Ended), days(l.cfg.Keep)), nil
	case !rec.Ended.After(marks[crowded]):
		return fmt.Sprintf("it is not kept any more: it was among the oldest, and all logs together had come to more than %s (--log-max-size)", bytesOf(l.cfg.MaxSize)), nil
	}
	return "", nil
}

// openKept opens a log that is kept.
func (l *Logs) openKept(ctx context.Context, f *found, o Options) (*Log, error) {
	log := &Log{Origin: FromArchive, Size: f.size}
	var err error
	if log.Start, err = l.keptStart(ctx, f, o); err != nil {
		return nil, err
	}
	log.CutFrom, log.CutTo = f.cut(log.Start)
	log.next = l.readKept(ctx, f, log.Start)
	return log, nil
}

// readKept gives what is kept of a log from an offset on.
func (l *Logs) readKept(ctx context.Context, f *found, at int64) func() ([]byte, error) {
	i := 0
	return func() ([]byte, error) {
		for ; i < len(f.spans); i++ {
			if f.spans[i].end() <= at {
				continue
			}
			text, err := l.archive.text(ctx, f, i)
			if err != nil {
				return nil, err
			}
			text = text[max(0, at-f.spans[i].At):]
			i++
			return text, nil
		}
		return nil, io.EOF
	}
}

// cut returns the gap in what is kept from an offset on; from and to are equal if there is none.
func (f *found) cut(at int64) (from, to int64) {
	end := at
	for _, s := range f.spans {
		if s.end() <= at {
			continue
		}
		if s.At > end {
			return end, s.At
		}
		end = s.end()
	}
	return f.size, max(f.size, end)
}

// openSandbox opens a log that is still with its agent.
func (l *Logs) openSandbox(ctx context.Context, rec state.AttemptRecord, stream Stream, o Options) (*Log, error) {
	s := &follower{logs: l, ctx: ctx, item: newItem(&rec), stream: stream, ended: rec.Outcome != "", log: &Log{Origin: FromSandbox}}
	size, err := s.locate()
	switch {
	case errors.Is(err, mesos.ErrNoFile) && o.Follow && !s.ended:
		s.log.next = s.follow
		return s.log, nil // it has not been made yet
	case err != nil:
		return nil, s.explain(err)
	}
	if size == 0 && !s.item.started && (s.ended || !o.Follow) {
		return nil, s.explain(mesos.ErrNoFile) // agents make the file before they prepare the container
	}
	s.log.Size = size
	if s.at, err = s.start(size, o); err != nil {
		return nil, s.explain(err)
	}
	s.log.Start = s.at
	s.log.CutFrom, s.log.CutTo = size, size
	s.log.next = s.upTo(size)
	if o.Follow {
		s.log.next = s.follow
	}
	return s.log, nil
}

func days(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
