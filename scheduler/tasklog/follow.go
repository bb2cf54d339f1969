package tasklog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/go-units"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// follower reads a log from its sandbox, and from what is kept of it once the sandbox is gone.
type follower struct {
	logs      *Logs
	ctx       context.Context
	item      item
	stream    Stream
	framework string // under which the agent has the sandbox; empty while it was not found
	at        int64  // offset of what comes next
	ended     bool   // nothing is written any more
	pause     time.Duration
	log       *Log
}

// read reads from the sandbox.
func (s *follower) read(at int64, length int) ([]byte, int64, error) {
	if s.item.agent == "" {
		return nil, 0, &Missing{s.item.nowhere()}
	}
	if s.framework != "" {
		return s.logs.cfg.Sandbox.Read(s.ctx, s.item.file(s.framework, s.stream), at, length)
	}
	err := error(mesos.ErrNoFile)
	for _, framework := range s.logs.frameworks() {
		var data []byte
		var size int64
		data, size, err = s.logs.cfg.Sandbox.Read(s.ctx, s.item.file(framework, s.stream), at, length)
		if err == nil {
			s.framework = framework
			return data, size, nil
		}
		if !errors.Is(err, mesos.ErrNoFile) {
			break
		}
	}
	return nil, 0, err
}

// locate finds the file and its size.
func (s *follower) locate() (int64, error) {
	_, size, err := s.read(0, 0)
	return size, err
}

// start is the offset at which what is wanted begins.
func (s *follower) start(size int64, o Options) (int64, error) {
	if o.Tail < 0 {
		return min(o.Offset, size), nil
	}
	t := tail{lines: o.Tail}
	for at := size; at > 0; {
		n := min(at, mesos.MaxRead)
		block, _, err := s.read(at-n, int(n))
		if err != nil {
			return 0, err
		}
		if start, found := t.scan(at-n, block); found {
			return start, nil
		}
		at -= n
	}
	return t.begin(size), nil
}

// upTo gives what the file held when it was opened.
func (s *follower) upTo(size int64) func() ([]byte, error) {
	return func() ([]byte, error) {
		if s.at >= size {
			return nil, io.EOF
		}
		data, now, err := s.read(s.at, int(min(mesos.MaxRead, size-s.at)))
		switch {
		case err != nil:
			return s.change(err)
		case len(data) == 0:
			s.log.note = fmt.Sprintf("the file was cut short while it was read: it had %d bytes and has %d", size, now)
			return nil, io.EOF
		}
		s.at += int64(len(data))
		return data, nil
	}
}

// follow gives what the file holds, waits for more, and ends when the attempt has ended and all was given.
func (s *follower) follow() ([]byte, error) {
	for {
		data, size, err := s.read(s.at, mesos.MaxRead)
		switch {
		case err != nil && s.ctx.Err() != nil:
			return nil, s.ctx.Err()
		case err != nil && (s.ended || !errors.Is(err, mesos.ErrNoFile) && !errors.Is(err, mesos.ErrAgentAway)):
			return s.change(err)
		case err == nil && len(data) > 0:
			s.at += int64(len(data))
			s.pause = 0
			return data, nil
		case err == nil && size < s.at:
			s.log.note = "the file was cut short while it was followed, and given again from its beginning on"
			s.at = 0
			continue
		case s.ended: // and all was read after that was known
			if s.at == 0 && !s.item.started {
				s.log.note = s.item.neverStarted()
			}
			return nil, io.EOF
		}
		if err := s.wait(); err != nil {
			return nil, err
		}
	}
}

// wait lets some time pass, unless the attempt has ended.
func (s *follower) wait() error {
	rec, err := s.logs.Attempt(s.ctx, s.item.id)
	if errors.Is(err, ErrNoAttempt) { // its run was deleted
		s.ended = true
		return nil
	}
	if err != nil {
		return err
	}
	s.item, s.ended = newItem(&rec), rec.Outcome != ""
	if s.ended {
		return nil
	}
	s.pause = min(max(2*s.pause, s.logs.cfg.pollMin), s.logs.cfg.pollMax)
	timer := time.NewTimer(s.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// change goes on with what is kept of the log when the sandbox cannot be read any more.
func (s *follower) change(cause error) ([]byte, error) {
	if s.ctx.Err() != nil {
		return nil, s.ctx.Err()
	}
	f, err := s.logs.archive.find(s.ctx, s.item.id, s.stream)
	switch {
	case err != nil:
		return nil, err
	case f == nil:
		s.log.note = s.explain(cause).Error()
	case f.why != "":
		s.log.note = f.why
	case f.size == 0 && !s.item.started:
		s.log.note = s.item.neverStarted()
	default:
		if from, to := f.cut(s.at); from < to {
			s.log.note = fmt.Sprintf("%s from byte %d to %d were not kept", bytesOf(to-from), from, to)
		}
		s.log.next = s.logs.readKept(s.ctx, f, s.at)
		return s.log.next()
	}
	return nil, io.EOF
}

// explain says for people why the sandbox cannot be read.
func (s *follower) explain(err error) error {
	var m *Missing
	switch {
	case s.ctx.Err() != nil, errors.As(err, &m):
		return err
	case errors.Is(err, mesos.ErrNoFile) && !s.ended && !s.item.started:
		return &Missing{"the attempt has not started yet"}
	case errors.Is(err, mesos.ErrNoFile):
		return &Missing{s.item.noFile(s.stream)}
	case errors.Is(err, mesos.ErrAgentAway):
		return &Missing{fmt.Sprintf("agent %s does not answer: %s; it is asked again", s.item.hostname, causeOf(err))}
	case errors.Is(err, mesos.ErrAgentRefuses):
		return &Missing{fmt.Sprintf("agent %s refuses to show its files: %s (the scheduler's --principal and --secret-file must be known to it)", s.item.hostname, causeOf(err))}
	}
	return err
}

// bytesOf writes a size for people.
func bytesOf(n int64) string { return units.BytesSize(float64(n)) }
