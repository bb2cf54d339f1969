package mesos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/encoding"
)

// Driver is a framework's end of the conversation with the Mesos master.
type Driver struct {
	cfg     Config
	codec   encoding.Codec
	masters detector
	streams http.RoundTripper // one connection for each subscription
	calls   http.RoundTripper // a pool of its own, so that calls never wait behind a stream

	mu      sync.Mutex
	current *subscription // nil while there is none
}

// New checks the configuration; its errors say what to do.
func New(cfg Config) (*Driver, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("settings of the Mesos driver: %w", err)
	}
	masters, err := newDetector(&cfg)
	if err != nil {
		return nil, fmt.Errorf("settings of the Mesos driver: %w", err)
	}
	d := &Driver{cfg: cfg, codec: codecByName[cfg.Codec], masters: masters}
	if cfg.transport != nil {
		d.streams, d.calls = cfg.transport, cfg.transport
		return d, nil
	}
	tls, err := cfg.tlsConfig()
	if err != nil {
		return nil, fmt.Errorf("settings of the Mesos driver: %w", err)
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	d.streams = &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: tls, DisableKeepAlives: true, DisableCompression: true,
	}
	d.calls = &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: tls.Clone(), DisableCompression: true,
		MaxIdleConnsPerHost: cfg.AckLanes + 1, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 15 * time.Second,
	}
	return d, nil
}

// Run subscribes, under frameworkID if it is not empty, and subscribes again whenever the subscription ends, until ctx
// ends or the master says what no repetition heals. It hands over events in order, several at once if they came
// together, and never calls events from two goroutines at once; events must not call Run. Before the first
// subscription, a refusal (credentials, roles) ends Run; later it is tried again, because what was right once may be
// right again.
func (d *Driver) Run(ctx context.Context, frameworkID string, events func([]Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { d.masters.run(ctx) })

	out := &outlet{events: events}
	pause := backoff{min: d.cfg.BackoffMin, max: d.cfg.BackoffMax}
	subscribedOnce := false
	for ctx.Err() == nil {
		master, lost, err := d.masters.leader(ctx)
		if err != nil {
			break
		}
		s := newSubscription(d, master, frameworkID, out)
		start := time.Now()
		err = s.run(ctx, lost)
		if s.subscribed {
			frameworkID, subscribedOnce = s.frameworkID, true
			if time.Since(start) > d.cfg.BackoffMax {
				pause.reset()
			}
			out.deliver(Disconnected{Err: err})
		}
		switch advised, final := advise(err); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrFailedOver):
			return err
		case errors.Is(err, errRemoved):
			out.deliver(FrameworkRemoved{Message: err.Error()})
			frameworkID = ""
		case final && !subscribedOnce:
			return fmt.Errorf("subscribing with %s: %w", master, advised)
		}
		another := !errors.Is(err, errLeaderChanged) && d.masters.failed()
		if !s.subscribed { // otherwise the receiver of Disconnected logs it
			d.cfg.Logger.Warn("not subscribed", "master", master.String(), "error", err)
		}
		if !another {
			sleep(ctx, pause.next())
		}
	}
	return ctx.Err()
}

// outlet hands events over, one slice at a time.
type outlet struct {
	mu     sync.Mutex
	events func([]Event)
}

func (o *outlet) deliver(events ...Event) {
	if len(events) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events(events)
}

// backoff makes pauses that double, each with jitter, so that not all frameworks come back at the same moment.
type backoff struct {
	min, max time.Duration
	attempts int
}

func (b *backoff) next() time.Duration {
	d := b.min
	for range b.attempts {
		if d *= 2; d >= b.max {
			d = b.max
			break
		}
	}
	b.attempts++
	return d/2 + rand.N(d/2+1)
}

func (b *backoff) reset() { b.attempts = 0 }

// schedulerURL is where a master takes calls.
func schedulerURL(master *url.URL) string { return master.JoinPath("/api/v1/scheduler").String() }
