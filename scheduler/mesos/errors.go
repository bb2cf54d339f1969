package mesos

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ErrFailedOver says that another scheduler has subscribed with our framework id. Run returns it and does not
// subscribe again: two schedulers would take the framework from each other for ever.
var ErrFailedOver = errors.New("another scheduler has taken over the framework; " +
	"stop one of the two, or give this one a store of its own")

var (
	// errRemoved: the master knows the framework's id as one that has ended.
	errRemoved = errors.New("the master has removed the framework")
	// errHeartbeats: the connection may be open, but nobody speaks.
	errHeartbeats = errors.New("the master has missed its heartbeats")
	// errNoSubscribed: a master that accepted the request, and then said nothing.
	errNoSubscribed = errors.New("the master has not answered the subscription")
	// errLeaderChanged: ZooKeeper names another leader.
	errLeaderChanged = errors.New("another master leads now")
	// errEnded: the master closed the stream.
	errEnded = errors.New("the master has ended the stream")
)

// refusal is an HTTP answer that is not the one hoped for.
type refusal struct {
	status   int
	text     string // the body's beginning, one line
	location string
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("the master answered %d %s", r.status, http.StatusText(r.status))
	if r.text != "" {
		text += ": " + r.text
	}
	return text
}

// maxRefusal bounds what is read of the body of a refusal.
const maxRefusal = 4 << 10

// refusalOf is nil if the answer is 2xx. It closes the body of all others.
func refusalOf(res *http.Response) error {
	if res.StatusCode/100 == 2 {
		return nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "\uFFFD")), " ")
	return &refusal{status: res.StatusCode, text: text, location: res.Header.Get("Location")}
}

// masterError is an ERROR event.
type masterError struct{ message string }

func (e *masterError) Error() string { return "the master refuses the framework: " + e.message }

// errorEvent sorts the messages of ERROR events; their texts are Mesos' (src/master/master.cpp). Masters before 1.0
// said "Completed framework attempted to re-register" of a removed framework.
func errorEvent(message string) error {
	switch {
	case strings.Contains(message, "Framework has been removed"),
		strings.Contains(message, "Completed framework attempted to re-register"):
		return errRemoved
	case strings.Contains(message, "Framework failed over"):
		return ErrFailedOver
	}
	return &masterError{message}
}

// advise adds what to do to errors that trying again does not heal, and says whether err is one.
func advise(err error) (advised error, final bool) {
	var r *refusal
	var m *masterError
	switch {
	case errors.As(err, &m):
		return fmt.Errorf("%w (check the roles, the user and the principal against what the master allows)", err), true
	case !errors.As(err, &r):
		return err, false
	case r.status == http.StatusUnauthorized:
		return fmt.Errorf("%w (give the principal and the secret that the master's --http_framework_credentials knows)", err), true
	case r.status == http.StatusForbidden:
		return fmt.Errorf("%w (the principal may not register a framework: see the master's ACLs)", err), true
	case r.status == http.StatusBadRequest, r.status == http.StatusMethodNotAllowed,
		r.status == http.StatusNotAcceptable, r.status == http.StatusUnsupportedMediaType:
		return fmt.Errorf("%w (is this a Mesos master, and are its settings and the framework's made for each other?)", err), true
	}
	return err, false
}
