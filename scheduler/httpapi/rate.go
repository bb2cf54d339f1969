package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// DefaultRate is how many requests a second are taken from a client: enough for scripts that submit in a loop, and for
// a hundred people behind one address who follow their runs.
const DefaultRate = 500

// burstSeconds is for how long a client that was quiet may ask as fast as it likes, counted in what DefaultRate gives.
const burstSeconds = 2

// maxClients bounds how many clients are remembered; then those that were quiet are forgotten.
const maxClients = 10_000

// rates limits how often each client asks.
type rates struct {
	perSecond float64 // 0: no limit
	mu        sync.Mutex
	clients   map[string]*rate.Limiter
}

// take counts a request of a client, or says that there were too many.
func (r *rates) take(client string) error {
	if r.perSecond <= 0 {
		return nil
	}
	now := time.Now()
	reservation := r.limiter(client, now).ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now)
	p := newProblem(http.StatusTooManyRequests, fmt.Sprintf("more than %g requests a second; wait and ask again", r.perSecond))
	p.retryAfter = int(math.Ceil(wait.Seconds()))
	return p
}

func (r *rates) limiter(client string, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.clients[client]
	if l == nil {
		if len(r.clients) >= maxClients {
			r.forget(now)
		}
		l = rate.NewLimiter(rate.Limit(r.perSecond), max(1, int(burstSeconds*r.perSecond)))
		r.clients[client] = l
	}
	return l
}

// forget drops the clients that would be treated the same if they were new; if there is none, all.
func (r *rates) forget(now time.Time) {
	for name, l := range r.clients {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(r.clients, name)
		}
	}
	if len(r.clients) >= maxClients {
		clear(r.clients)
	}
}
