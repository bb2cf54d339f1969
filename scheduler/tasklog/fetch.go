package tasklog

import (
	"context"
	"errors"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// headShare is the part of a log that is too long to be kept whole which is kept of its beginning, one in so many; the
// rest is kept of its end, where errors are.
const headShare = 4

// errShrinks: the file became shorter while it was read, again and again.
var errShrinks = errors.New("it becomes shorter while it is read")

// fetch reads what is to be kept of a stream that is no longer written to: all of it, or its beginning and end if it
// is longer than limit bytes.
func fetch(ctx context.Context, sandbox Sandbox, file mesos.SandboxFile, limit int64) (kept, error) {
	for range 3 {
		k, err := fetchOnce(ctx, sandbox, file, limit)
		if !errors.Is(err, errShrinks) {
			return k, err
		}
	}
	return kept{why: "its sandbox could not be read: " + string(file.Name) + " became shorter each time"}, nil
}

func fetchOnce(ctx context.Context, sandbox Sandbox, file mesos.SandboxFile, limit int64) (kept, error) {
	var c cutter
	data, size, err := sandbox.Read(ctx, file, 0, mesos.MaxRead)
	if err != nil {
		return kept{}, err
	}
	head := size
	if size > limit {
		head = limit / headShare
	}
	c.add(0, data[:min(int64(len(data)), head)])
	for at := c.end(); at < size; at = c.end() {
		end := head
		if at >= head { // at the gap, or behind it
			at, end = max(at, size-(limit-head)), size
		}
		data, now, err := sandbox.Read(ctx, file, at, int(min(mesos.MaxRead, end-at)))
		if err != nil {
			return kept{}, err
		}
		if now < size || len(data) == 0 {
			return kept{}, errShrinks
		}
		c.add(at, data)
	}
	c.flush()
	return kept{size: size, pieces: c.pieces}, nil
}
