package openstack

import (
	"fmt"
	"time"
)

// Kind says what a failed call means for what is done next.
type Kind string

// The kinds of failures.
const (
	// Quota: the project may not have more. Another flavor, zone or cloud may do; scale-down goes on.
	Quota Kind = "quota"
	// NoCapacity: no host has room for the flavor in the zone. Others may.
	NoCapacity Kind = "no capacity"
	// NotFound: what was named does not exist.
	NotFound Kind = "not found"
	// Conflict: the server is busy with something else. Look at it again, then ask again.
	Conflict Kind = "conflict"
	// RateLimit: too many calls; After says when to come back, if the cloud does.
	RateLimit Kind = "rate limit"
	// Gone: what was to be changed does not exist any more. To a deletion this is success.
	Gone Kind = "gone"
	// Denied: the credentials do not allow it, or are not valid.
	Denied Kind = "denied"
	// Invalid: the request makes no sense to the cloud; asking again is of no use.
	Invalid Kind = "invalid"
	// Unclear: no answer, or one that leaves open whether it was done. Look before asking again.
	Unclear Kind = "unclear"
)

// Error is a failed call.
type Error struct {
	Kind Kind
	// Doing is what was being done, such as `creating server spillway-lisa-batch-x`.
	Doing string
	// Message is what the cloud said.
	Message string
	// After is how long the cloud asks to be left alone; 0: it does not say.
	After time.Duration
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Doing, e.Kind, e.Message) }

func (e *Error) Unwrap() error { return e.Err }
