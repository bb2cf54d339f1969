package ministack

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Cloud is a running OpenStack. Its methods may be called from any goroutine,
// but not from Options.Boot.
type Cloud struct {
	// Credentials are what one logs in with, as the users "burst" (member of
	// the project "lisa-dpc") and "admin".
	Credentials Credentials

	opts     Options
	url      string
	server   *http.Server
	gone     chan struct{} // closed by Close
	machines machines

	mu      sync.Mutex // owns all that follows
	closed  bool
	ids     io.Reader // random numbers for ids
	project *project  // the one that bursts
	keystone
	nova
	glance
	neutron
	cinder
	faults  faults
	history history
}

// Credentials are names and secrets of a cloud's users.
type Credentials struct {
	Password                         string // of "burst"
	AdminPassword                    string
	ApplicationID, ApplicationSecret string // the application credential "burst-appcred"
}

// Start starts a cloud.
func Start(opts Options) (*Cloud, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	var seed [32]byte
	for i := range 8 {
		seed[i] = byte(opts.Seed >> (8 * i))
	}
	c := &Cloud{opts: opts, ids: rand.NewChaCha8(seed), gone: make(chan struct{})}
	c.machines.running = map[string]func(){}
	c.roles, c.tokens, c.addresses = map[string]string{}, map[string]*token{}, map[string]bool{}
	c.faults = faults{random: rand.New(rand.NewPCG(opts.Seed, 1)), queued: map[Kind][]Fault{}}
	c.history.counts = map[Kind]int{}
	c.Credentials = Credentials{Password: c.newHex(), AdminPassword: c.newHex(), ApplicationID: c.newHex(), ApplicationSecret: c.newHex()}
	c.fill()
	listener, err := net.Listen("tcp", opts.Addr)
	if err != nil {
		return nil, fmt.Errorf("opening the cloud's port: %w", err)
	}
	c.url = "http://" + listener.Addr().String()
	c.server = &http.Server{Handler: c.handler(), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = c.server.Serve(listener) }() // ends with Close
	return c, nil
}

// Close ends all machines and closes the port. It may be called more than
// once.
func (c *Cloud) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	close(c.gone)
	for _, s := range c.servers {
		c.powerOff(s)
	}
	c.mu.Unlock()
	err := c.server.Close()
	c.settle()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("closing the cloud's port: %w", err)
	}
	return nil
}

// AuthURL is where Keystone answers, for example
// "http://127.0.0.1:40123/identity/v3".
func (c *Cloud) AuthURL() string { return c.url + "/identity/v3" }

// Now is the cloud's time.
func (c *Cloud) Now() time.Time {
	if c.opts.Clock != nil {
		return c.opts.Clock.Now()
	}
	return time.Now()
}

// after makes fn happen in d, with the mutex held, unless the cloud is closed
// by then.
func (c *Cloud) after(d time.Duration, fn func()) {
	due := func() {
		c.mu.Lock()
		if !c.closed {
			fn()
		}
		c.mu.Unlock()
		c.settle()
	}
	if c.opts.Clock != nil {
		c.opts.Clock.after(d, due)
		return
	}
	time.AfterFunc(d, due)
}

// newID makes an id of the form that Nova and others use.
func (c *Cloud) newID() string {
	return uuid.Must(uuid.NewRandomFromReader(c.ids)).String() // the reader never fails
}

// newHex makes an id of the form that Keystone uses, or a secret.
func (c *Cloud) newHex() string {
	var b [16]byte
	_, _ = c.ids.Read(b[:]) // never fails
	return fmt.Sprintf("%x", b)
}
