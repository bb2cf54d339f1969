package state

import (
	"hash/fnv"
	"time"
)

// backoff returns the wait before the next attempt after the nth failure in a row (n ≥ 1): base doubled n-1
// times, at most max, of which a jittered half may be saved so that tasks that failed together do not come back
// together. The jitter is a hash of the seed and the attempt: a replay waits as long as the original.
func backoff(base, max time.Duration, n int, seed uint64, id AttemptID) time.Duration {
	d := base
	for i := 1; i < n && d < max; i++ {
		d *= 2
	}
	if d > max {
		d = max
	}
	if d <= 0 {
		return 0
	}
	h := fnv.New64a()
	var b [8]byte
	for i := range b {
		b[i] = byte(seed >> (8 * i))
	}
	h.Write(b[:])
	h.Write([]byte(id.String()))
	return d - time.Duration(h.Sum64()%uint64(d/2+1))
}
