package ministack

import (
	"maps"
	"slices"
	"time"
)

// Call is a call that was made.
type Call struct {
	At     time.Time
	Kind   Kind
	Method string
	Path   string
	User   string // who made it; "" if no token was good
	Status int    // of the answer; 0: there was none
	Fault  Effect // what was made to go wrong; "" for nothing
}

// remembered is how many calls History has at most.
const remembered = 20000

// history is which calls were made.
type history struct {
	calls   []Call
	counts  map[Kind]int
	touched []string
}

func (c *Cloud) remember(r *request, a answer, fault *Fault) {
	call := Call{At: c.Now(), Kind: r.kind, Method: r.Method, Path: r.URL.RequestURI(), Status: a.status}
	if r.token != nil {
		call.User = r.token.user.name
	}
	if fault != nil {
		call.Fault = fault.Effect
	}
	if len(c.history.calls) == remembered {
		c.history.calls = slices.Delete(c.history.calls, 0, remembered/2)
	}
	c.history.calls = append(c.history.calls, call)
	c.history.counts[r.kind]++
}

// History is the last calls, oldest first; of very many, not all.
func (c *Cloud) History() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.history.calls)
}

// Counts is how many calls of each kind were made, failed ones too.
func (c *Cloud) Counts() map[Kind]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.history.counts)
}

// Count is how many calls of a kind were made, failed ones too.
func (c *Cloud) Count(kind Kind) int { return c.Counts()[kind] }

// ForgetCalls empties History and sets all counts to 0.
func (c *Cloud) ForgetCalls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.calls = nil
	clear(c.history.counts)
}
