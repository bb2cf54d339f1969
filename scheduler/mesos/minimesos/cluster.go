package minimesos

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Cluster is a running master with its agents. Its methods may be called from
// any goroutine, but not from Options.Outcome or from a tap.
type Cluster struct {
	opts    Options
	log     *slog.Logger
	httpLog *log.Logger
	loop    *loop
	dir     string
	ownDir  bool
	runners *runners

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	busy   sync.WaitGroup // what agents do outside the loop

	// What follows belongs to the loop.
	address  *net.TCPAddr // the master's, the same in every life
	server   *http.Server
	master   *master // nil while it is down
	registry *registry
	agents   []*agent
	departed map[string]string // why machines have left, by session
	tap      func(Message) Verdict
	held     []held
	waiters  []*waiter
}

// Start starts a master and its agents; they have registered when it returns.
func Start(opts Options) (*Cluster, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	dir, own, err := opts.workDir()
	if err != nil {
		return nil, err
	}
	c := &Cluster{opts: opts, log: opts.Logger, dir: dir, ownDir: own, registry: newRegistry(),
		departed: map[string]string{}}
	c.httpLog = slog.NewLogLogger(opts.Logger.Handler(), slog.LevelDebug)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.loop = newLoop(c.settle)
	if err := c.begin(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) begin() error {
	var err error
	if c.runners, err = openRunners(c.ctx, c.opts.Runner); err != nil {
		return err
	}
	if err := c.formerGone(); err != nil {
		return err
	}
	if err := c.startMaster(c.opts.Addr); err != nil {
		return err
	}
	for _, o := range c.opts.Agents {
		if err := c.AddAgent(o); err != nil {
			return err
		}
	}
	return nil
}

// URL is where the master listens, for example "http://127.0.0.1:40123".
func (c *Cluster) URL() string {
	var url string
	c.loop.do(func() { url = "http://" + c.address.String() })
	return url
}

// Runner is how the agents run tasks that name no other way: what Auto chose,
// or what was asked for.
func (c *Cluster) Runner() Runner { return c.runners.chosen }

// NoDocker is why Auto did not choose Docker; nil if it did, or if it was not asked to choose.
func (c *Cluster) NoDocker() error { return c.runners.noDocker }

// listenAgain opens a port, which may have been closed a moment ago: a process that this one is starting has it open
// too until it becomes another program, so that it takes some patience.
func listenAgain(addr string) (net.Listener, error) {
	for pause := time.Millisecond; ; pause *= 2 {
		listener, err := net.Listen("tcp", addr)
		if !errors.Is(err, syscall.EADDRINUSE) || pause > time.Second/4 {
			return listener, err
		}
		time.Sleep(pause)
	}
}

// startMaster opens the master's port and begins a life of the master.
func (c *Cluster) startMaster(addr string) error {
	listener, err := listenAgain(addr)
	if err != nil {
		return fmt.Errorf("opening the master's port: %w", err)
	}
	ok := c.loop.do(func() {
		c.address = listener.Addr().(*net.TCPAddr)
		m := newMaster(c, c.address)
		c.master = m
		c.server = &http.Server{Handler: m.handler(), ErrorLog: c.httpLog}
		go func(server *http.Server) { _ = server.Serve(listener) }(c.server) // ends with Close
		m.allocateEvery(c.opts.AllocationInterval)
		if len(m.recovered) > 0 {
			m.loop.after(c.opts.ReregisterTimeout, func() {
				if m.running() {
					m.giveUpRecovered()
				}
			})
		}
		for _, a := range c.agents {
			a.register()
		}
	})
	if !ok {
		return errors.Join(errClosed, listener.Close())
	}
	return nil
}

var errClosed = errors.New("minimesos: the cluster is closed")

// running tells whether this life of the master is the present one.
func (m *master) running() bool { return m.Cluster.master == m }

// settle does once what the events before it asked for.
func (c *Cluster) settle() {
	if m := c.master; m != nil && m.allocateNow {
		m.allocate()
	}
	c.checkWaiters()
}

// AddAgent starts one more agent and registers it.
func (c *Cluster) AddAgent(o AgentOptions) error {
	count := 0
	c.loop.do(func() { count = len(c.agents) })
	if o.Name == "" {
		o.Name = fmt.Sprintf("agent-%d", count+1)
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Resources == "" {
		o.Resources = DefaultResources
	}
	if o.Name != filepath.Base(o.Name) || o.Name == "." || o.Name == ".." {
		return fmt.Errorf("minimesos: agent name %q cannot be a folder's name", o.Name)
	}
	a, err := newAgent(c, o)
	if err != nil {
		return err
	}
	if a.runner, err = c.runners.get(c.ctx, o.Runner); err != nil {
		return err
	}
	listener, err := listen(o.Name, o.Addr)
	if err != nil {
		return err
	}
	var refused error
	ok := c.loop.do(func() {
		for _, other := range c.agents {
			if other.name == a.name {
				refused = fmt.Errorf("minimesos: there is an agent called %q already", a.name)
				return
			}
		}
		c.agents = append(c.agents, a)
		a.begin(listener)
		a.register()
	})
	if !ok {
		refused = errClosed
	}
	if refused != nil {
		return errors.Join(refused, listener.Close())
	}
	return nil
}

// Close ends every task that the cluster has started, waits for their ends,
// and closes all ports. It may be called more than once.
func (c *Cluster) Close() error {
	var servers []*http.Server
	c.loop.do(func() {
		c.tap = nil
		if c.master != nil {
			close(c.master.cut)
			c.master = nil
		}
		if c.server != nil {
			servers = append(servers, c.server)
		}
		for _, a := range slices.Clone(c.agents) {
			if a.remote != nil {
				c.letGo(a, "the cluster has ended")
				continue
			}
			a.destroy()
			if a.server != nil {
				servers = append(servers, a.server)
				a.server = nil
			}
		}
	})
	c.cancel()
	c.busy.Wait()
	var errs []error
	for _, server := range servers {
		errs = append(errs, server.Close())
	}
	c.loop.close()
	if c.runners != nil {
		errs = append(errs, c.runners.close())
	}
	if c.ownDir {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
