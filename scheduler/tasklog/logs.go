package tasklog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// Config says what is kept, for how long, and where. Path, Sandbox and Records are required; what else is zero gets the
// value of DefaultConfig.
type Config struct {
	// Path is the file in which logs are kept.
	Path string
	// Cap is how many bytes are kept of each stream of an attempt: of a longer one a quarter of it from the beginning,
	// and the rest from the end.
	Cap int64
	// Keep is how long a log is kept after the end of its attempt; MaxSize how many bytes all of them may take, which
	// the oldest make room for.
	Keep    time.Duration
	MaxSize int64
	// Patience is how long after an attempt's end an agent is asked for its log that does not answer.
	Patience time.Duration
	// Workers is how many attempts are collected at a time.
	Workers int
	// Rate is how many attempts are collected each second at most. What a burst of short tasks leaves behind is collected
	// after it, with what the scheduler needs of the machine left to it.
	Rate    float64
	Sandbox Sandbox
	Records Records
	Log     *slog.Logger

	// Now is the clock.
	Now func() time.Time
	// pollMin and pollMax bound the pause between two looks at a file that is followed; it doubles while nothing comes.
	pollMin, pollMax time.Duration
	// queue is how many attempts wait in memory.
	queue int
}

// DefaultConfig returns what is used unless an operator decides otherwise.
func DefaultConfig() Config {
	return Config{
		Cap: 4 << 20, Keep: 30 * 24 * time.Hour, MaxSize: 10 << 30, Patience: time.Hour, Workers: 16, Rate: 1000,
		Log: slog.New(slog.DiscardHandler), Now: time.Now, pollMin: 100 * time.Millisecond, pollMax: 2 * time.Second, queue: maxQueue,
	}
}

func (c *Config) setDefaults() {
	d := DefaultConfig()
	def(&c.Cap, d.Cap)
	def(&c.Keep, d.Keep)
	def(&c.MaxSize, d.MaxSize)
	def(&c.Patience, d.Patience)
	def(&c.Workers, d.Workers)
	def(&c.Rate, d.Rate)
	def(&c.Log, d.Log)
	def(&c.pollMin, d.pollMin)
	def(&c.pollMax, d.pollMax)
	def(&c.queue, d.queue)
	if c.Now == nil {
		c.Now = d.Now
	}
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Logs collects and shows what attempts have written.
type Logs struct {
	cfg     Config
	archive *archive
	queue   *queue
	pace    *rate.Limiter
	entries chan collected // to be written
	tidied  chan struct{}  // a turn of retention is to be done

	mu    sync.Mutex
	names []string // ids of the framework, the latest first
	named []string // new ones, to be written
	gone  []state.RunID
	wake  chan struct{} // names or gone has something for the writer

	searched atomic.Bool // all that ended before the start is in the queue
}

// Open opens the file in which logs are kept. Nothing is collected before Run.
func Open(ctx context.Context, cfg Config) (*Logs, error) {
	cfg.setDefaults()
	archive, err := openArchive(ctx, cfg.Path)
	if err != nil {
		return nil, err
	}
	names, err := archive.frameworks(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the logs in %s: %w", cfg.Path, err), archive.close())
	}
	return &Logs{
		cfg: cfg, archive: archive, queue: newQueue(cfg.queue), names: names, pace: rate.NewLimiter(rate.Limit(cfg.Rate), cfg.Workers),
		entries: make(chan collected, cfg.Workers), wake: make(chan struct{}, 1), tidied: make(chan struct{}, 1),
	}, nil
}

// Size is what the kept logs take on the disk, in bytes.
func (l *Logs) Size() int64 { return l.archive.fileSize() }

// SilentAgents is how many agents do not give the logs of their tasks, and are asked again.
func (l *Logs) SilentAgents() int { return l.queue.silent() }

// Uncollected tells of how many attempts that have ended the logs are still to be collected, by the agent's id. all says
// that these are all there are: for a while after the start, and when it is far behind, it does not know.
func (l *Logs) Uncollected() (byAgent map[string]int, all bool) {
	searched := l.searched.Load() // first: what the search has found is in the queue then
	byAgent, all = l.queue.owes()
	return byAgent, all && searched
}

// Close ends the use of the file, after Run.
func (l *Logs) Close() error { return l.archive.close() }

// Watch takes in what a batch changed. It never waits.
func (l *Logs) Watch(changes *state.Changes) {
	if id := changes.FrameworkID; id != nil {
		l.Framework(*id)
	}
	if items := ended(changes.Attempts); len(items) > 0 {
		l.queue.put(items)
	}
	if len(changes.Forgotten) > 0 {
		for _, run := range changes.Forgotten {
			l.queue.forget(run)
		}
		l.mu.Lock()
		l.gone = append(l.gone, changes.Forgotten...)
		l.mu.Unlock()
		l.rouse()
	}
}

// Framework tells under which id the scheduler is known to the master.
func (l *Logs) Framework(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == "" || slices.Contains(l.names, id) {
		return
	}
	l.names = slices.Insert(slices.Clone(l.names), 0, id)
	l.named = append(l.named, id)
	l.rouse()
}

func (l *Logs) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// maxFrameworks is how many ids are tried of those that the scheduler had; it gets another one only when a master has
// removed the framework.
const maxFrameworks = 5

func (l *Logs) frameworks() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[:min(len(l.names), maxFrameworks)]
}

// tidyEvery is how often logs are deleted that are too old or too many.
const tidyEvery = time.Minute

// Run collects logs until ctx ends. What it has not collected by then it looks for when it is run again.
func (l *Logs) Run(ctx context.Context) {
	var workers, others sync.WaitGroup
	for range l.cfg.Workers {
		workers.Go(func() { l.work(ctx) })
	}
	others.Go(func() { l.search(ctx) })
	others.Go(func() { l.tick(ctx) })
	written := make(chan struct{})
	go func() {
		defer close(written)
		l.writeAll()
	}()
	<-ctx.Done()
	l.queue.close()
	workers.Wait()
	others.Wait()
	close(l.entries)
	<-written
}

// tick asks for retention from time to time.
func (l *Logs) tick(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			select {
			case l.tidied <- struct{}{}:
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}
