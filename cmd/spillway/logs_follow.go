package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// maxFollowed is how many tasks are followed at a time: the scheduler lets a client have some 60 streams.
const maxFollowed = 30

// follow prints the logs of tasks as they are written, attempt after attempt, until the tasks have ended.
func (r *logReader) follow(ctx context.Context, tasks []taskRef) error {
	if len(tasks) > maxFollowed {
		return fmt.Errorf("-f follows up to %d tasks, and there are %d: name one as STEP/INDEX, such as %s", maxFollowed, len(tasks), tasks[0])
	}
	errs := make([]error, len(tasks))
	var wg sync.WaitGroup
	for i, t := range tasks {
		own := *r
		var out, err lineWriter
		if len(tasks) > 1 {
			out, err = lineWriter{out: r.out, prefix: prefix(t, tasks)}, lineWriter{out: r.errs, prefix: prefix(t, tasks)}
			own.out, own.errs = &out, &err
		}
		wg.Go(func() {
			errs[i] = errors.Join(own.followTask(ctx, t), out.flush(), err.flush())
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return exitError(exitInterrupted)
	}
	return errors.Join(errs...)
}

// prefix stands before the lines of a task, as wide as that of any other.
func prefix(t taskRef, tasks []taskRef) string {
	width := 0
	for _, other := range tasks {
		width = max(width, len(other.String()))
	}
	return fmt.Sprintf("%-*s | ", width, t)
}

// lineWriter writes whole lines, each behind a prefix. The zero value writes nothing.
type lineWriter struct {
	out    io.Writer
	prefix string
	rest   []byte
}

// longestLine is how much of a line without end is waited for.
const longestLine = 64 << 10

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	var text []byte
	for {
		end := bytes.IndexByte(w.rest, '\n') + 1
		if end == 0 && len(w.rest) < longestLine {
			break
		}
		if end == 0 {
			end = len(w.rest)
		}
		text = append(append(text, w.prefix...), w.rest[:end]...)
		w.rest = w.rest[end:]
	}
	_, err := w.out.Write(text)
	return len(p), err
}

// flush writes a last line that has no end.
func (w *lineWriter) flush() error {
	if len(w.rest) == 0 {
		return nil
	}
	_, err := w.Write([]byte("\n"))
	return err
}

// ended are the phases of tasks of which no attempt is made any more.
var ended = map[string]bool{"succeeded": true, "failed": true, "cancelled": true, "skipped": true}

func (r *logReader) followTask(ctx context.Context, t taskRef) error {
	said, last := "", -1 // the last attempt that was followed
	for first := true; ; first = false {
		var task httpapi.Task
		if err := r.insist(ctx, func() error { return r.client.do(ctx, "GET", t.path(), nil, &task) }); err != nil {
			return err
		}
		newest := -1
		if task.Attempt != nil {
			newest = task.Attempt.Number
		}
		switch {
		case r.attempt >= 0:
			return r.followAttempt(ctx, t, r.attempt)
		case newest > last:
			if last++; first { // those before the newest one are not asked for
				last = newest
			}
			r.announce(t, last, &task)
			if err := r.followAttempt(ctx, t, last); err != nil {
				return err
			}
			r.tail = -1 // of what comes next all is wanted
			continue
		case ended[task.Phase]:
			return r.never(t, newest, task.Why)
		}
		if task.Why != said {
			said = task.Why
			fmt.Fprintf(r.says, "spillway: %s: %s\n", t, harmless(said))
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// announce says which attempt is followed if it is not the first one.
func (r *logReader) announce(t taskRef, number int, task *httpapi.Task) {
	where := ""
	if task.Attempt.Number == number {
		where = " on " + task.Attempt.Hostname
	}
	if number > 0 {
		fmt.Fprintf(r.says, "spillway: %s: attempt %d%s\n", t, number, where)
	}
}

// never is the end of following a task; it is an error if no attempt of it was made.
func (r *logReader) never(t taskRef, newest int, why string) error {
	if newest >= 0 {
		return nil
	}
	return fmt.Errorf("task %s has ended without an attempt: %s", t, why)
}

// followAttempt prints both streams of an attempt at the same time, until it has ended.
func (r *logReader) followAttempt(ctx context.Context, t taskRef, number int) error {
	errs := make([]error, len(r.streams))
	var wg sync.WaitGroup
	for i, stream := range r.streams {
		wg.Go(func() {
			p := logPrint{reader: r, task: t, stream: stream, attempt: number}
			errs[i] = r.insist(ctx, func() error { return p.once(ctx, p.again(r.query())) })
		})
	}
	wg.Wait()
	var problem *httpapi.Problem
	said := "" // often the same is so of both streams
	for _, err := range errs {
		if errors.As(err, &problem) {
			if problem.Detail != said {
				said = problem.Detail
				fmt.Fprintf(r.says, "spillway: %s\n", harmless(said))
			}
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// again asks for what comes after what was printed, if anything was.
func (p *logPrint) again(query url.Values) url.Values {
	query.Set("follow", "true")
	if p.begun {
		query.Del("tail")
		query.Set("offset", strconv.FormatInt(p.next, 10))
	}
	return query
}

// insist asks again while the scheduler does not answer, for as long as patience lasts: it may be being restarted.
func (r *logReader) insist(ctx context.Context, ask func() error) error {
	for start := time.Now(); ; {
		err := ask()
		if !errors.Is(err, errUnavailable) {
			return err
		}
		if errors.Is(err, errBrokenOff) { // until now it has answered
			start = time.Now()
		}
		if time.Since(start) > patience {
			return err
		}
		if err := pause(ctx, followEvery); err != nil {
			return err
		}
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
