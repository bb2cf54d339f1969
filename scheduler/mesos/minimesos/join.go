package minimesos

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// JoinOptions describes this machine to a cluster elsewhere. The zero value but for Master is a machine that gives what
// it has, under its own name.
type JoinOptions struct {
	Master     string            // where the cluster's master listens: "http://10.0.0.1:5050"
	Hostname   string            // default: this machine's
	Resources  string            // as --resources takes them; default: see MachineResources
	Attributes map[string]string // text attributes
	Runner     Runner            // default Auto
	WorkDir    string            // holds the sandboxes; default: a temporary folder, removed at the end

	// Joined is called whenever the connection is there: with the id of this
	// machine's agent, what it gives, and how tasks run.
	Joined func(id, resources string, runner Runner)
	Logger *slog.Logger // default: nothing is logged
}

// Join makes this machine an agent of a cluster elsewhere, which runs its tasks here, until the master lets it go (it was
// drained and marked gone, or the cluster ends); why is what the master says about that. When ctx ends, this machine
// leaves with all that it runs, and why is empty. A master that does not answer is tried again for ever; what runs here
// ends when the master must have given this machine up.
func Join(ctx context.Context, o JoinOptions) (why string, err error) {
	m, err := newMachine(ctx, o)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	for {
		err := m.joinOnce(ctx)
		var gone *letGo
		var refused *fileError
		switch {
		case errors.As(err, &gone):
			return gone.why, nil
		case errors.As(err, &refused) && refused.status == http.StatusNotFound && m.session != "":
			m.forget() // the master is another one by now
			continue
		case errors.As(err, &refused) && refused.status == http.StatusNotFound:
			return "", fmt.Errorf("minimesos: at %s is no master that takes machines: only those of spillway dev do", o.Master)
		case errors.As(err, &refused):
			return "", fmt.Errorf("minimesos: the master refuses this machine: %w", err)
		case ctx.Err() != nil:
			m.leave()
			return "", nil
		}
		m.complain(err)
		if m.session != "" && time.Since(m.heard) > m.patience {
			m.forget()
		}
		select {
		case <-time.After(rejoinPause):
		case <-ctx.Done():
		}
	}
}

// rejoinPause is how long a machine waits before it tries to reach its master again.
const rejoinPause = 500 * time.Millisecond

// joinTimeout is how long the master may take to admit a machine.
const joinTimeout = 10 * time.Second

// letGo is how the master ends a session.
type letGo struct{ why string }

func (l *letGo) Error() string { return "the master has let this machine go: " + l.why }

// machine is this one as an agent elsewhere. Its methods are called by one goroutine.
type machine struct {
	url     *url.URL
	who     introduction
	joined  func(id, resources string, runner Runner)
	log     *slog.Logger
	runners *runners
	runner  runner
	ownDir  bool

	session    string        // empty: not admitted yet
	patience   time.Duration // see admission
	heard      time.Time     // when the line was there last
	complained bool          // it has been said that it is not there
	containers *containers
}

func newMachine(ctx context.Context, o JoinOptions) (*machine, error) {
	address, err := url.Parse(o.Master)
	if err != nil || address.Scheme != "http" || address.Host == "" || strings.Trim(address.Path, "/") != "" {
		return nil, fmt.Errorf("minimesos: %q is no master's address; write it as http://10.0.0.1:5050", o.Master)
	}
	m := &machine{url: address, joined: o.Joined, log: cmp.Or(o.Logger, slog.New(slog.DiscardHandler))}
	m.who = introduction{Hostname: o.Hostname, Resources: o.Resources, Attributes: o.Attributes}
	if m.who.Hostname == "" {
		if m.who.Hostname, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("minimesos: asking for this machine's name: %w", err)
		}
	}
	dir, own, err := Options{WorkDir: o.WorkDir}.workDir()
	if err != nil {
		return nil, err
	}
	m.ownDir = own
	if m.who.Dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if m.who.Resources == "" {
		m.who.Resources = MachineResources(dir)
	}
	if m.runners, err = openRunners(ctx, cmp.Or(o.Runner, Auto)); err == nil {
		m.runner, err = m.runners.get(ctx, Auto)
	}
	m.who.Runner = m.runners.chosen
	m.containers = newContainers(m.runner)
	if err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

func (m *machine) close() error {
	m.containers.end()
	err := m.runners.close()
	if m.ownDir {
		err = errors.Join(err, os.RemoveAll(m.who.Dir))
	}
	return err
}

// complain says once that the master cannot be reached.
func (m *machine) complain(err error) {
	if !m.complained {
		m.log.Warn("minimesos: the master cannot be reached; trying on", "master", m.url.String(), "error", err)
	}
	m.complained = true
}

// forget ends all that runs here for a session that is over.
func (m *machine) forget() {
	m.containers.end()
	m.session, m.containers = "", newContainers(m.runner)
}

// leave tells the master that this machine goes, if it can be told.
func (m *machine) leave() {
	if m.session == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_ = post(ctx, http.DefaultTransport, m.url.JoinPath(joinPath, m.session, "leave").String(), struct{}{}, new(struct{}))
}

// joinOnce serves the master until the connection breaks.
func (m *machine) joinOnce(ctx context.Context) error {
	if m.session == "" {
		bounded, cancel := context.WithTimeout(ctx, joinTimeout)
		defer cancel()
		var admitted admission
		if err := post(bounded, http.DefaultTransport, m.url.JoinPath(joinPath).String(), m.who, &admitted); err != nil {
			return err
		}
		m.session, m.patience = admitted.Session, admitted.Patience
	}
	l, err := m.dial(ctx)
	if err != nil {
		return err
	}
	m.complained = false
	err = m.serve(ctx, l)
	m.heard = time.Now()
	return err
}

// dial opens a connection and has it upgraded.
func (m *machine) dial(ctx context.Context) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	host := m.url.Host
	if m.url.Port() == "" {
		host = net.JoinHostPort(m.url.Hostname(), "80")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url.JoinPath(joinPath, m.session).String(), nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", joinProtocol)
	early := bufio.NewReader(conn)
	if err := request.Write(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	response, err := http.ReadResponse(early, request)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return newLine(conn, early), nil
	}
	return nil, errors.Join(refusal(response), conn.Close())
}

// refusal is what the master has against a connection.
func refusal(response *http.Response) error {
	defer response.Body.Close()
	words := make([]byte, 1000)
	n, _ := response.Body.Read(words)
	if response.StatusCode == http.StatusGone {
		return &letGo{why: string(words[:n])}
	}
	return &fileError{response.StatusCode, string(words[:n])}
}

// serve answers the master on a line until that is closed, ctx ends, or the master lets this machine go.
func (m *machine) serve(ctx context.Context, l *line) error {
	over := make(chan string, 1)
	server := &http.Server{Handler: m.handler(over), ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelDebug)}
	server.Protocols, server.HTTP2 = overLine(m.patience)
	only := make(oneConn, 1)
	only <- l
	go func() { _ = server.Serve(only) }()
	defer l.Close()
	defer server.Close()
	select {
	case why := <-over:
		return &letGo{why}
	case <-l.closed:
		return errors.New("the connection broke")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// oneConn is a listener to whom one connection comes.
type oneConn chan net.Conn

func (o oneConn) Accept() (net.Conn, error) {
	conn, ok := <-o
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (o oneConn) Close() error {
	close(o)
	return nil
}

func (oneConn) Addr() net.Addr { return &net.TCPAddr{} }
