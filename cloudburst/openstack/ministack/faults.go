package ministack

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Effect is what a fault does to a call.
type Effect string

// The effects.
const (
	// Unavailable answers 503, as a proxy does whose service is away.
	Unavailable Effect = "unavailable"
	// Break closes the connection without an answer. (Go's client asks again
	// by itself if the call only reads and the connection was used before.)
	Break Effect = "break"
	// Hang gives no answer until the client gives up.
	Hang Effect = "hang"
	// TooMany answers 429, with Retry-After if the fault has a RetryAfter.
	TooMany Effect = "too many"
	// OverQuota answers that the project may not have more: 403 of Nova, 409
	// of Neutron, 413 of Cinder.
	OverQuota Effect = "over quota"
	// Conflict answers 409: what is named is busy with something else.
	Conflict Effect = "conflict"
	// Expire makes the token bad that the call comes with: 401.
	Expire Effect = "expire"

	// The following happen to the server that a call makes, or deletes.

	// NoHost answers 202, and the server ends in ERROR with "No valid host".
	NoHost Effect = "no host"
	// BuildFails answers 202, and the server ends in ERROR with Text.
	BuildFails Effect = "build fails"
	// BuildHangs answers 202, and the server stays in BUILD.
	BuildHangs Effect = "build hangs"
	// Ignore answers a deletion as if it were done, and does nothing.
	Ignore Effect = "ignore"
	// PortStays lets a port that Nova made stay behind its deleted server.
	PortStays Effect = "port stays"
)

// Fault is what goes wrong with a call.
type Fault struct {
	Effect Effect
	// Done: the call is carried out all the same; only the answer is lost. Of
	// Unavailable, Break and Hang.
	Done       bool
	Text       string        // of the fault of a server; default as the real one words it
	RetryAfter time.Duration // of TooMany; whole seconds
}

// happensWithin tells whether the call is carried out and knows of the fault.
func (f Fault) happensWithin() bool {
	return slices.Contains([]Effect{Expire, NoHost, BuildFails, BuildHangs, Ignore, PortStays}, f.Effect)
}

// suits tells whether a fault can happen to calls of a kind.
func (f Fault) suits(kind Kind) bool {
	switch f.Effect {
	case OverQuota:
		return kind == CreateServer || kind == CreatePort || kind == CreateVolume
	case NoHost, BuildFails, BuildHangs:
		return kind == CreateServer
	case PortStays:
		return kind == DeleteServer
	case Ignore:
		return kind == DeleteServer || kind == DeletePort || kind == DeleteVolume
	case Conflict:
		return slices.Contains([]Kind{DeleteServer, StopServer, StartServer, RebootServer, ShelveServer, UnshelveServer,
			SetMetadata, UpdatePort, DeletePort, DeleteVolume}, kind)
	case Expire:
		return kind != Discover && kind != CreateToken && kind != Unknown
	}
	return kind != Unknown
}

// AllFaults is one fault of every effect, and of those that can leave open
// whether a call was carried out, both. Hang is not among them: it costs real
// time.
func AllFaults() []Fault {
	return []Fault{
		{Effect: Unavailable}, {Effect: Unavailable, Done: true}, {Effect: Break}, {Effect: Break, Done: true},
		{Effect: TooMany, RetryAfter: time.Second}, {Effect: OverQuota}, {Effect: Conflict}, {Effect: Expire}, {Effect: NoHost},
		{Effect: BuildFails}, {Effect: BuildHangs}, {Effect: Ignore}, {Effect: PortStays},
	}
}

// faults are those that are to happen.
type faults struct {
	random *rand.Rand
	queued map[Kind][]Fault
	rate   float64
	some   []Fault
	kinds  []Kind // empty: all
}

// Fail makes the next n calls of a kind go wrong; what is ordered for a kind
// already comes first. It panics if the fault cannot happen to the kind.
func (c *Cloud) Fail(kind Kind, n int, fault Fault) {
	if !fault.suits(kind) {
		panic(fmt.Sprintf("ministack: fault %q does not happen to calls of kind %q", fault.Effect, kind))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		c.faults.queued[kind] = append(c.faults.queued[kind], fault)
	}
}

// FailAtRandom makes each call go wrong with a probability, by one of those
// of the faults that can happen to its kind; without kinds, calls of every
// kind. It replaces what was ordered before; a rate of 0 ends it.
func (c *Cloud) FailAtRandom(rate float64, some []Fault, kinds ...Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults.rate, c.faults.some, c.faults.kinds = rate, slices.Clone(some), slices.Clone(kinds)
}

// Heal ends all faults that are ordered. What they have done stays.
func (c *Cloud) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults.rate = 0
	clear(c.faults.queued)
}

// next is the fault that happens to a call, nil for none.
func (f *faults) next(kind Kind) *Fault {
	if queued := f.queued[kind]; len(queued) > 0 {
		f.queued[kind] = queued[1:]
		return &queued[0]
	}
	if f.rate == 0 || len(f.kinds) > 0 && !slices.Contains(f.kinds, kind) || f.random.Float64() >= f.rate {
		return nil
	}
	var may []Fault
	for _, fault := range f.some {
		if fault.suits(kind) {
			may = append(may, fault)
		}
	}
	if len(may) == 0 {
		return nil
	}
	return &may[f.random.IntN(len(may))]
}

// fail answers a call whose fault is one of the answer.
func (c *Cloud) fail(rt route, r *request, fault Fault) answer {
	if fault.Done {
		c.carryOut(rt, r)
	}
	switch fault.Effect {
	case TooMany:
		a := rt.service.refuse(http.StatusTooManyRequests, "TooManyRequests", "This request was rate-limited.")
		if fault.RetryAfter > 0 {
			a = a.with("Retry-After", strconv.Itoa(int(fault.RetryAfter.Seconds())))
		}
		return a
	case OverQuota:
		return overQuota(rt.service)
	case Conflict:
		id := cmp.Or(r.PathValue("server"), r.PathValue("port"), r.PathValue("volume"))
		return rt.service.refuse(http.StatusConflict, "Conflict", "Cannot '"+string(r.kind)+"' "+id+" while it is in task_state spawning")
	case Unavailable:
		return answer{status: http.StatusServiceUnavailable, media: "text/html",
			body: []byte("<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n")}
	}
	return answer{} // nobody hears it
}

// overQuota is how a service says that it will give no more.
func overQuota(s service) answer {
	switch s {
	case network:
		return network.refuse(http.StatusConflict, "OverQuota", "Quota exceeded for resources: ['port'].")
	case volume:
		return noVolume("VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.")
	}
	return forbidden("Quota exceeded for instances: Requested 1, but already used 10 of 10 instances")
}
