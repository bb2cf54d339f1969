package minimesos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// This file is what a master and the machine of a remote agent say to each other.
//
// The machine introduces itself (POST joinPath) and opens a connection (GET joinPath/SESSION, which is upgraded). From
// then on it is the server there: the master asks it to run containers and to show files, in JSON over HTTP/2, many
// requests at a time. A machine whose connection breaks opens another one for the same session.

// joinPath is the only path of the master's that Mesos does not have.
const joinPath = "/minimesos/agents"

// joinProtocol is what the connection is upgraded to. Both sides must be of one version.
const joinProtocol = "minimesos-agent/1"

// introduction is what a machine says of itself.
type introduction struct {
	Hostname   string
	Resources  string
	Attributes map[string]string
	Runner     Runner // Docker, Process or Instant
	Dir        string // where its sandboxes are, on its own disk
}

// admission is the answer.
type admission struct {
	Session string
	// Patience is how long the connection may be broken before the master gives the agent up.
	Patience time.Duration
}

// What the master asks for, each a path on the connection.
const (
	askWelcome = "/welcome" // the agent's id (string) -> nothing; it has registered
	askPrepare = "/prepare" // containerOrder -> nothing
	askStart   = "/start"   // containerOrder -> startedAnswer; the same again for a container that was started
	askWait    = "/wait"    // containerOrder -> exitAnswer, when it has ended
	askStop    = "/stop"    // containerOrder -> nothing
	askList    = "/list"    // fileOrder -> []mesos.FileInfo
	askRead    = "/read"    // fileOrder -> readAnswer
	askLeave   = "/leave"   // why (string) -> nothing; the machine ends all and does not come back
)

// containerOrder names a container. Prepare and start need all of it, wait the id only, stop the id and grace.
type containerOrder struct {
	ID, Name, Sandbox string
	Command           []byte   // a CommandInfo
	Container         []byte   // a ContainerInfo; none for a plain process
	Env               []string // the container's
	CPUs, Mem, GPUs   int64    // as in containerSpec
	Custom            bool
	Grace             time.Duration
}

type startedAnswer struct {
	PID     uint32
	Address string
	Details []byte
}

type exitAnswer struct {
	Code   int
	Signal syscall.Signal
	OOM    bool
	Memory int64
	Err    string
}

type fileOrder struct {
	Root, Path     string
	Offset, Length int64
}

type readAnswer struct {
	Data []byte
	Size int64
}

func orderOf(spec *containerSpec) (containerOrder, error) {
	o := containerOrder{ID: spec.id, Name: spec.name, Sandbox: spec.sandbox, Env: spec.env,
		CPUs: spec.cpus, Mem: spec.mem, GPUs: spec.gpus, Custom: spec.custom}
	var err error
	if o.Command, err = spec.command.Marshal(); err != nil {
		return o, fmt.Errorf("encoding the command: %w", err)
	}
	if spec.info != nil {
		if o.Container, err = spec.info.Marshal(); err != nil {
			return o, fmt.Errorf("encoding the container: %w", err)
		}
	}
	return o, nil
}

func (o *containerOrder) spec() (*containerSpec, error) {
	spec := &containerSpec{id: o.ID, name: o.Name, sandbox: o.Sandbox, env: o.Env, cpus: o.CPUs, mem: o.Mem, gpus: o.GPUs,
		custom: o.Custom, command: new(mesos.CommandInfo)}
	if err := spec.command.Unmarshal(o.Command); err != nil {
		return nil, fmt.Errorf("reading the command: %w", err)
	}
	if o.Container != nil {
		spec.info = new(mesos.ContainerInfo)
		if err := spec.info.Unmarshal(o.Container); err != nil {
			return nil, fmt.Errorf("reading the container: %w", err)
		}
	}
	return spec, nil
}

func (e exit) answer() exitAnswer {
	a := exitAnswer{Code: e.code, Signal: e.signal, OOM: e.oom, Memory: e.memory}
	if e.err != nil {
		a.Err = e.err.Error()
	}
	return a
}

func (a exitAnswer) exit() exit {
	e := exit{code: a.Code, signal: a.Signal, oom: a.OOM, memory: a.Memory}
	if a.Err != "" {
		e.err = errors.New(a.Err)
	}
	return e
}

// answering makes a handler of a function from a request's JSON to an answer's. An error's text goes to the other side.
func answering[In, Out any](fn func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			badRequest("reading the request: " + err.Error()).write(w)
			return
		}
		out, err := fn(r.Context(), in)
		var problem *fileError
		switch {
		case errors.As(err, &problem):
			problem.answer().write(w)
		case err != nil:
			text(http.StatusUnprocessableEntity, err.Error()).write(w)
		default:
			jsonAnswer(out).write(w)
		}
	}
}

// post sends one request in JSON. A refusal comes back as a *fileError; any other error means that no whole answer came.
func post(ctx context.Context, client http.RoundTripper, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := client.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return &fileError{response.StatusCode, string(answer)}
	}
	return json.Unmarshal(answer, out)
}

// line is a connection that was upgraded, with what was read of it too early, and with a sign that it was closed. As
// long as nobody closes it, HTTP/2's pings find out whether it still leads anywhere.
type line struct {
	net.Conn
	early  io.Reader
	once   sync.Once
	closed chan struct{}
}

func newLine(conn net.Conn, early io.Reader) *line {
	return &line{Conn: conn, early: early, closed: make(chan struct{})}
}

func (l *line) Read(p []byte) (int, error) { return l.early.Read(p) }

func (l *line) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}

// leastPing keeps a busy machine from being taken for one that is not there.
const leastPing = 2 * time.Second

// overLine is how HTTP is spoken on a line. After a fifth of the patience without a word the other side is asked whether
// it is there, and has as long again to answer.
func overLine(patience time.Duration) (*http.Protocols, *http.HTTP2Config) {
	only := new(http.Protocols)
	only.SetUnencryptedHTTP2(true)
	ping := max(patience/5, leastPing)
	return only, &http.HTTP2Config{MaxConcurrentStreams: 10_000, SendPingTimeout: ping, PingTimeout: ping}
}
