package main

import (
	"context"
	"errors"
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

// logKeeper collects logs while the scheduler runs.
type logKeeper struct {
	*tasklog.Logs
	sandboxes *mesos.Sandboxes
	cancel    context.CancelFunc
	ended     chan struct{} // nil before start
}

// open opens the file in which logs are kept.
func (l *logFlags) open(ctx context.Context, store string, driver mesos.Config, records tasklog.Records, log *slog.Logger) (*logKeeper, error) {
	cfg := l.config
	if cfg.Keep <= 0 {
		return nil, errors.New("--log-keep: give a duration over 0")
	}
	sandboxes, err := mesos.NewSandboxes(driver)
	if err != nil {
		return nil, err
	}
	cfg.Path = firstOf(l.path, strings.TrimSuffix(store, ".db")+".logs.db")
	cfg.Sandbox, cfg.Records, cfg.Log = sandboxes, records, log
	logs, err := tasklog.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w (--logs names another file; with a file of logs nothing but logs is lost)", err)
	}
	return &logKeeper{Logs: logs, sandboxes: sandboxes}, nil
}

// start collects the logs of a scheduler's attempts until close. An agent has them under the id of the framework, which
// the scheduler may have had before it was started.
func (k *logKeeper) start(ctx context.Context, daemon *scheduler.Daemon) {
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

// close ends the collecting; what is left is collected after the next start.
func (k *logKeeper) close() error {
	if k.ended != nil {
		k.cancel()
		<-k.ended
	}
	k.sandboxes.Close()
	return k.Close()
}
