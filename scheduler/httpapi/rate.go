package httpapi

import (
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

// An address may give a wrong token, or none, so many times a second, and for so many seconds as fast as it likes. This is
// to keep the log and the audit log readable: nobody finds a token by trying. So a right token is always taken, and who
// asks with wrong ones shuts out nobody who shares the address.
const (
	failureRate  = 1
	failureBurst = 30
)

// maxClients bounds how many clients are remembered; then those that were quiet are forgotten.
const maxClients = 10_000

// rates limits how often each client does something.
type rates struct {
	perSecond float64 // 0: no limit
	burst     int     // how often a client that was quiet may do it as fast as it likes
	tooMany   string  // what is said to who does it too often
	mu        sync.Mutex
	clients   map[string]*rate.Limiter
}

// newRates limits what clients do, with a burst of as much as they may do in so many seconds.
func newRates(perSecond, burstSeconds float64, tooMany string) *rates {
	return &rates{
		perSecond: perSecond, burst: max(1, int(burstSeconds*perSecond)), tooMany: tooMany, clients: map[string]*rate.Limiter{},
	}
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
	p := newProblem(http.StatusTooManyRequests, r.tooMany)
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
		l = rate.NewLimiter(rate.Limit(r.perSecond), r.burst)
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
