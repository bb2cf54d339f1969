package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Event says what a line of the audit log is about.
type Event string

// The events. A change that is allowed leaves two lines, before and after it; one that is denied leaves one.
const (
	Allowed  Event = "allowed"  // the change is about to be made
	Answered Event = "answered" // it was made, or not: the status tells
	Refused  Event = "denied"   // who asked may not do this, or did not say who they are
)

// Entry is a line of the audit log.
type Entry struct {
	Time  time.Time `json:"time"`
	Event Event     `json:"event"`
	// Call is the same in all lines of one call.
	Call string `json:"call"`
	// Who is the token's name: "" if none was given, or one that nobody knows, or none is asked for.
	Who string `json:"who"`
	// From is the address that the call came from.
	From   string `json:"from"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// What the call is for, in words, and the project that it is about.
	What    string `json:"what,omitempty"`
	Project string `json:"project,omitempty"`
	// Needs is the role that the call needs.
	Needs Role `json:"needs,omitempty"`
	// Status is that of the answer.
	Status int `json:"status,omitempty"`
	// Made is the address of what the call made.
	Made string `json:"made,omitempty"`
}

// Audit is the log of who changed what: a file of JSON lines, one for each Entry.
type Audit struct {
	path string

	failed atomic.Bool // the last line was not written

	mu   sync.Mutex
	file *os.File
	// torn: the file's end may be a part of a line.
	torn bool
}

// OpenAudit opens the log at path, to be written at its end. It is made if it is not there, for its owner to read.
func OpenAudit(path string) (*Audit, error) {
	a := &Audit{path: path}
	if err := a.open(); err != nil {
		return nil, fmt.Errorf("opening the audit log: %w (--audit-log names another file)", err)
	}
	return a, nil
}

func (a *Audit) open() error {
	f, err := os.OpenFile(a.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := checkAudit(f); err != nil {
		return errors.Join(err, f.Close())
	}
	a.file, a.torn = f, endsTorn(f)
	return nil
}

// checkAudit refuses a file that holds something else, which lines at its end would spoil: a store, say.
func checkAudit(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil
	}
	first := make([]byte, 2)
	if _, err := f.ReadAt(first, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	// A line after a torn one begins with a newline, and may be the first of a file that was truncated in between.
	if first[0] == '{' || first[0] == '\n' {
		return nil
	}
	return fmt.Errorf("%s is no audit log: it is not empty and does not begin with {", f.Name())
}

// endsTorn reports whether a crash or a full disk has left a part of a line at the end of a file.
func endsTorn(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err != nil || last[0] != '\n'
}

// Writable reports whether the last line was written, or none was to be.
func (a *Audit) Writable() bool { return !a.failed.Load() }

// Write adds a line. An error means that it may not be there, so that a change of which it tells must not be made.
// When the file was moved away or removed, as for rotation, a new one is begun.
func (a *Audit) Write(e Entry) (err error) {
	defer func() { a.failed.Store(err != nil) }()
	e.Time = e.Time.UTC()
	e.Path, e.Made = Redact(e.Path), Redact(e.Made)
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	line = append(line, '\n')
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.reopen(); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	if a.torn {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := a.file.Write(line); err != nil {
		a.torn = endsTorn(a.file)
		return fmt.Errorf("writing the audit log: %w", err)
	}
	a.torn = false
	return nil
}

// reopen opens the file anew if it is not at its path any more, or could not be opened before.
func (a *Audit) reopen() error {
	if a.file == nil {
		return a.open()
	}
	there, err := os.Stat(a.path)
	mine, mineErr := a.file.Stat()
	if err == nil && mineErr == nil && os.SameFile(there, mine) {
		return nil
	}
	err = a.file.Close()
	a.file = nil
	return errors.Join(err, a.open())
}

// Close closes the file.
func (a *Audit) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return err
}
