package openstack

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

// Kind says what a failed call means for what is done next.
type Kind string

// The kinds of failures.
const (
	// Quota: the project may not have more. Another flavor, zone or cloud may do; scale-down goes on.
	Quota Kind = "quota"
	// NoCapacity: no host has room for the flavor in the zone, or no address is left in the network. Others may have.
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
	// Broken: what was asked for was begun and has come to nothing, for a reason that is not the size's or the quota's.
	// Delete it; another one may do.
	Broken Kind = "broken"
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

// KindOf is the kind of an error of this package; Unclear if it is another's, and empty if there is none.
func KindOf(err error) Kind {
	var failure *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &failure):
		return failure.Kind
	}
	return Unclear
}

// FaultKind is what the fault of a server in ERROR means: NoCapacity, Quota, or Broken.
func FaultKind(message string) Kind { return cmp.Or(kindOfText(message), Broken) }

// A deed is what was tried, since the same answer means different things to different ones.
type deed int

const (
	look   deed = iota // reading
	create             // making something new
	change             // doing something to what existed when it was last looked at, deletion included
)

// failure makes the typed error of a call's error; nil if there is none. What was already typed keeps its kind.
func failure(what deed, doing string, err error) error {
	if err == nil {
		return nil
	}
	var typed *Error
	if errors.As(err, &typed) {
		return &Error{Kind: typed.Kind, Doing: doing, Message: typed.Doing + ": " + typed.Message, After: typed.After, Err: err}
	}
	var answer gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &answer) {
		return &Error{Kind: kindOfSilence(err), Doing: doing, Message: silence(err), Err: err}
	}
	message := said(answer.Body)
	return &Error{
		Kind:    kindOfAnswer(what, answer.Actual, message),
		Doing:   doing,
		Message: cmp.Or(message, http.StatusText(answer.Actual), "status "+strconv.Itoa(answer.Actual)),
		After:   retryAfter(answer.ResponseHeader, time.Now()),
		Err:     err,
	}
}

// kindOfAnswer is what a status and the text with it mean.
func kindOfAnswer(what deed, status int, message string) Kind {
	switch {
	case status == http.StatusUnauthorized:
		return Denied
	case status == http.StatusForbidden:
		return cmp.Or(kindOfText(message), Denied)
	case status == http.StatusNotFound && what == change, status == http.StatusGone:
		return Gone
	case status == http.StatusNotFound, status == http.StatusMultipleChoices:
		return NotFound
	case status == http.StatusConflict:
		return cmp.Or(kindOfText(message), Conflict)
	case status == http.StatusRequestEntityTooLarge: // Cinder's quota; rate limits of old services
		return cmp.Or(kindOfText(message), RateLimit)
	case status == http.StatusTooManyRequests:
		return RateLimit
	case status == http.StatusRequestTimeout:
		return Unclear
	case status == http.StatusBadRequest && missing.MatchString(message):
		return NotFound
	case status >= 400 && status < 500:
		return Invalid
	}
	return cmp.Or(kindOfText(message), Unclear)
}

var (
	noRoom = regexp.MustCompile(`(?i)no valid host|exhausted all hosts|no more ip addresses|no more fixed ips|insufficient compute resources|ipaddressgenerationfailure`)
	// Nova says "Quota exceeded for cores", Neutron "Quota exceeded for resources: ['port']", Cinder "Maximum number of
	// volumes allowed (10) exceeded for quota 'volumes'", "VolumeLimitExceeded" and "VolumeSizeExceedsAvailableQuota".
	overQuota = regexp.MustCompile(`(?i)quota|limitexceeded`)
	// Nova answers 400, not 404, to a name in a request's body that nothing has.
	missing = regexp.MustCompile(`(?i)can not find requested image|could not be found|invalid key_name|invalid image`)
)

// kindOfText is the kind that only a text gives away; empty if it does not.
func kindOfText(message string) Kind {
	switch {
	case noRoom.MatchString(message):
		return NoCapacity
	case overQuota.MatchString(message):
		return Quota
	}
	return ""
}

// kindOfSilence is what an error means that is not an answer of the cloud.
func kindOfSilence(err error) Kind {
	var certificate *tls.CertificateVerificationError
	var endpoint *gophercloud.ErrEndpointNotFound
	switch {
	case errors.As(err, &certificate):
		return Invalid
	case errors.As(err, &endpoint):
		return NotFound
	}
	return Unclear
}

// silence says in words what an error means that is not an answer of the cloud.
func silence(err error) string {
	var certificate *tls.CertificateVerificationError
	var endpoint *gophercloud.ErrEndpointNotFound
	switch {
	case errors.As(err, &certificate):
		return err.Error() + " (is `cacert` of clouds.yaml the authority that signed it?)"
	case errors.As(err, &endpoint):
		return "the service catalog has no such service in this region and for this interface"
	case errors.Is(err, context.Canceled):
		return "given up before there was an answer"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return err.Error()
}

var (
	markup = regexp.MustCompile(`(?s)<(style|script|title)>.*?</(style|script|title)>|<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// longestMessage is as much as people read of a message.
const longestMessage = 500

// said is the message in the body of an error answer: Nova's {"badRequest": {"message": …}}, Neutron's
// {"NeutronError": {"message": …}}, Keystone's {"error": {"message": …}}, or a page of a proxy's.
func said(body []byte) string {
	var parts map[string]json.RawMessage
	text := ""
	if json.Unmarshal(body, &parts) == nil {
		for _, part := range parts {
			var inner struct{ Message, Detail, Type string }
			if json.Unmarshal(part, &inner) == nil && inner.Message+inner.Detail != "" {
				text = cmp.Or(inner.Message, inner.Detail)
				break
			}
			_ = json.Unmarshal(part, &text) // some say it without an object
		}
	}
	if text == "" {
		text = html.UnescapeString(markup.ReplaceAllString(string(body), " "))
	}
	text = strings.TrimSpace(spaces.ReplaceAllString(strings.ToValidUTF8(text, "?"), " "))
	if runes := []rune(text); len(runes) > longestMessage {
		text = string(runes[:longestMessage]) + "…"
	}
	return text
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, 10.2.3). 0 if it does not say.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, min(time.Duration(seconds)*time.Second, time.Hour))
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, min(date.Sub(now), time.Hour))
	}
	return 0
}
