package cloudburst

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
)

// note logs an event, and has it told with the next report. a.mu is held.
func (a *Agent) note(level slog.Level, e Event) {
	e.Message = oneLine(e.Message)
	a.cfg.Log.Log(context.Background(), level, e.Message, "event", string(e.Kind), "vm", e.VM, "pool", e.Pool, "cloud", e.Cloud)
	a.keep(e)
}

// keep has an event told with the next report. a.mu is held.
func (a *Agent) keep(e Event) {
	e.Message = oneLine(e.Message)
	a.events = append(a.events, e)
}

// complain logs what has gone wrong in a round if that did not in the one before, and what does not go wrong any more.
func (a *Agent) complain(err error) {
	troubles := map[string]string{}
	for _, part := range parts(err) {
		text := oneLine(part.Error())
		key := essence(text)
		troubles[key] = text
		if a.troubles[key] == "" {
			a.cfg.Log.Warn("a round cannot do all that it should", "error", text)
		}
	}
	for key, text := range a.troubles {
		if troubles[key] == "" {
			a.cfg.Log.Info("what kept rounds from doing all that they should is over", "error", text)
		}
	}
	a.troubles = troubles
}

// parts are the errors of which err is made.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok && !errors.Is(err, ErrHeld) {
		return several.Unwrap()
	}
	return []error{err}
}

// complaints are what is wrong with whom, as it was said.
type complaints map[string]string

// begins notes what is wrong with somebody and says whether that is to be told: it was not the same before.
func (c complaints) begins(subject, text string) bool {
	text = essence(text)
	same := c[subject] == text
	c[subject] = text
	return !same
}

// ends says whether something was wrong with somebody, which is over.
func (c complaints) ends(subject string) bool {
	_, was := c[subject]
	delete(c, subject)
	return was
}

// numbers are what differs when the same is said again: times, ports, identifiers of requests.
var numbers = regexp.MustCompile(`[0-9a-f-]*[0-9][0-9a-f-]*`)

// essence is what a message says whenever and however often it is said.
func essence(text string) string { return numbers.ReplaceAllString(text, "#") }

// oneLine writes a message of several lines in one.
func oneLine(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ") }
