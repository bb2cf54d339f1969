// Package httpapi is the scheduler's REST interface, JSON over HTTP under /v1. Errors are problem documents
// (RFC 9457).
package httpapi

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/access"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// Limits of a request.
const (
	// maxBody bounds a body: a spec of 1 MiB, quoted in JSON, and its parameters.
	maxBody = 4 << 20
	// maxHeader bounds the request line and headers together.
	maxHeader = 64 << 10
)

// Config is what the interface is made of.
type Config struct {
	// Daemon answers commands; Store is the one that it writes.
	Daemon *scheduler.Daemon
	Store  store.Reader
	// Tokens say who may ask; nil: anyone may do everything. Audit is told of every change.
	Tokens *access.Tokens
	Audit  *access.Audit
	// Logs opens what attempts wrote; nil: logs are answered with 503.
	Logs Logs
	// Images finds digests at submission; nil: images run as the spec writes them.
	Images Images
	// Metrics answers /metrics; nil: there are none.
	Metrics http.Handler
	// Rate is how many requests a second are taken from each client, in the long run; 0: any number.
	Rate float64
	// WriteWait is how long a client may take to read what is written of an answer that goes on, Heartbeat how often
	// something is written of events though there are none; 0: as long as is usual.
	WriteWait, Heartbeat time.Duration
	// Version is told by /v1/version.
	Version string
	Log     *slog.Logger
}

// Images finds out what images are now.
type Images interface {
	// Resolve returns for images, as specs write them, what is to run: names with digests. An image that is not in it
	// runs as written, and a warning says why. An image that does not exist is the error.
	Resolve(ctx context.Context, images []string) (pinned map[string]string, warnings []string, err error)
}

// Server answers requests on behalf of a daemon.
type Server struct {
	cfg      Config
	log      *slog.Logger
	rates    *rates
	failures *rates // of authentication, by address
	streams  streams
	feed     *feed
	clouds   clouds
	moved    bell // rung when the demand has changed
	ready    readiness
	finished finished
	known    projectCache
	document func() []byte // OpenAPI
}

// New returns the interface to a daemon, and has the daemon tell it what happens: it must be called before the daemon
// runs. What the daemon's Watch was is told as well.
func New(cfg Config) *Server {
	s := &Server{
		cfg: cfg, log: cfg.Log,
		rates:    newRates(cfg.Rate, burstSeconds, fmt.Sprintf("more than %g requests a second; wait and ask again", cfg.Rate)),
		failures: newRates(failureRate, failureBurst, "too many requests of this address had no token, or one that is not known; wait, and ask with one that is"),
		streams:  streams{open: map[string]int{}},
		feed:     newFeed(strings.ToLower(ulid.Make().String()), feedLength),
		finished: finished{store: cfg.Store},
		moved:    newBell(),
	}
	s.document = sync.OnceValue(func() []byte { return openAPI(s.groups()) })
	cfg.Daemon.DemandMoved = s.moved.ring
	cfg.Daemon.OnTheWay = func(run state.RunID, step string) string { return s.clouds.onTheWay(time.Now(), run, step) }
	others := cfg.Daemon.Watch
	cfg.Daemon.Watch = func(c *state.Changes) {
		s.feed.note(c)
		if others != nil {
			others(c)
		}
	}
	return s
}

// HTTP returns a server with the limits that keep a client, slow or not, from harming others.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(newSparing(s.log, connectionsLogged, connectionsBurst), "", 0),
	}
}

// await hands a command to the daemon and waits for its answer.
func await[T any](ctx context.Context, d *scheduler.Daemon, command func(done func(T, error)) scheduler.Input) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	var none T
	if err := d.Do(ctx, command(func(v T, err error) { answers <- answer{v, err} })); err != nil {
		return none, err
	}
	select {
	case a := <-answers:
		return a.value, a.err
	case <-d.Done():
		return none, scheduler.ErrStopped
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// look reads the state between two batches. f runs on the daemon's loop: it must be quick and keep nothing of the
// reactor's. A mistake in it is the request's end, not the scheduler's: it has changed nothing.
func look[T any](ctx context.Context, d *scheduler.Daemon, f func(now time.Time, r *scheduler.Reactor) (T, error)) (T, error) {
	return await(ctx, d, func(done func(T, error)) scheduler.Input {
		return &scheduler.Read{Look: func(now time.Time, r *scheduler.Reactor) {
			defer func() {
				if what := recover(); what != nil {
					var none T
					done(none, &mistake{what, panicked()})
				}
			}()
			done(f(now, r))
		}}
	})
}

// mistake is what a look at the state panicked with, and where.
type mistake struct {
	what any
	at   string
}

func (m *mistake) Error() string { return fmt.Sprintf("%v at %s", m.what, m.at) }
