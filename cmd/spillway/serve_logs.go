package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/tasklog"
)

// logFlags say what of the tasks' logs is kept, and where.
type logFlags struct {
	path   string
	config tasklog.Config
}

func (l *logFlags) flags(f *pflag.FlagSet) {
	l.config = tasklog.DefaultConfig()
	f.StringVar(&l.path, "logs", "", "file in which the logs of tasks are kept (default: beside the store, with the ending .logs.db)")
	l.limits(f)
}

// limits are the flags that the embedded cluster has as well.
func (l *logFlags) limits(f *pflag.FlagSet) {
	l.config = tasklog.DefaultConfig()
	c := &l.config
	f.Var((*byteSize)(&c.Cap), "log-cap", "how much is kept of stdout, and of stderr, of an attempt: of a longer one its beginning and its end")
	f.DurationVar(&c.Keep, "log-keep", c.Keep, "how long logs are kept after their attempt has ended")
	f.Var((*byteSize)(&c.MaxSize), "log-max-size", "how much all kept logs may take on the disk; the oldest make room for new ones")
}

// byteSize is the value of a flag that is a number of bytes.
type byteSize int64

func (b *byteSize) String() string {
	return units.CustomSize("%.4g%s", float64(*b), 1024, []string{"B", "KiB", "MiB", "GiB", "TiB"})
}

func (b *byteSize) Type() string { return "size" }

// Set reads a number with a unit, such as 4MiB.
func (b *byteSize) Set(text string) error {
	n, err := units.RAMInBytes(text)
	if err != nil || n <= 0 {
		return fmt.Errorf("write it as a number with a unit, such as 4MiB or 10GiB")
	}
	*b = byteSize(n)
	return nil
}

// The least that may be kept of a stream, and of all: below these nothing readable is left of a log.
const (
	leastLogCap  = 1 << 10
	leastLogSize = 1 << 20
)

// check refuses what makes no sense.
func (l *logFlags) check() error {
	c := &l.config
	switch {
	case c.Cap < leastLogCap:
		return fmt.Errorf("--log-cap %dB: it must be at least 1KiB", c.Cap)
	case c.MaxSize < leastLogSize:
		return fmt.Errorf("--log-max-size %dB: it must be at least 1MiB", c.MaxSize)
	case c.Keep <= 0:
		return fmt.Errorf("--log-keep %s: it must be over 0", c.Keep)
	}
	return nil
}

// logKeeper collects logs while the scheduler runs.
type logKeeper struct {
	*tasklog.Logs
	sandboxes *mesos.Sandboxes
	records   *laterRecords
	cancel    context.CancelFunc
	ended     chan struct{}
}

// laterRecords are those of a store that is opened after the logs: whatever may refuse a start does so before a store is
// made or migrated.
type laterRecords struct{ tasklog.Records }

// open opens the file in which logs are kept.
func (l *logFlags) open(ctx context.Context, store string, driver mesos.Config, log *slog.Logger) (*logKeeper, error) {
	cfg := l.config
	sandboxes, err := mesos.NewSandboxes(driver)
	if err != nil {
		return nil, err
	}
	cfg.Path = firstOf(l.path, strings.TrimSuffix(store, ".db")+".logs.db")
	records := &laterRecords{}
	cfg.Sandbox, cfg.Records, cfg.Log = sandboxes, records, log
	logs, err := tasklog.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w (--logs names another file; with a file of logs nothing but logs is lost)", err)
	}
	return &logKeeper{Logs: logs, sandboxes: sandboxes, records: records}, nil
}

// start collects the logs of a scheduler's attempts, which the store knows, until stop. An agent has them under the id of the framework, which
// the scheduler may have had before it was started.
func (k *logKeeper) start(ctx context.Context, st tasklog.Records, daemon *scheduler.Daemon) {
	k.records.Records = st
	ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.ended = make(chan struct{})
	go func() {
		defer close(k.ended)
		known := make(chan struct{})
		err := daemon.Do(ctx, &scheduler.Read{Look: func(_ time.Time, r *scheduler.Reactor) {
			k.Framework(r.FrameworkID())
			close(known)
		}})
		if err != nil {
			return
		}
		select {
		case <-known:
			k.Run(ctx)
		case <-daemon.Done():
		case <-ctx.Done():
		}
	}()
}

// stop ends the collecting; what is left is collected after the next start.
func (k *logKeeper) stop() {
	k.cancel()
	<-k.ended
}

// close closes the file.
func (k *logKeeper) close() error {
	k.sandboxes.Close()
	return k.Close()
}
