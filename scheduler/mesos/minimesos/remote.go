package minimesos

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// remote is a runner whose containers are on another machine. It asks the machine over the line that there is; a request
// that a broken line has cut off is made again on the next one, and fails when the machine has left for good. So all
// that the machine is asked for it may be asked for twice.
type remote struct {
	runs Runner        // how the machine runs tasks
	dir  string        // where its sandboxes are
	left chan struct{} // closed when there will be no line any more

	mu   sync.Mutex
	peer string        // the machine's address
	link *link         // nil while there is none
	next chan struct{} // closed when there is one again
}

// link is the master's side of a line.
type link struct {
	line *line
	http *http.ClientConn
	gone chan struct{} // closed when it is not the present one any more
}

// errLeft ends what still waits for a machine that has left.
var errLeft = errors.New("the machine has left the cluster")

func newRemote(runs Runner, dir string) *remote {
	return &remote{runs: runs, dir: dir, left: make(chan struct{}), next: make(chan struct{})}
}

// connect makes a line the one over which the machine is asked, in place of an older one.
func (r *remote) connect(ctx context.Context, l *line, patience time.Duration) error {
	protocols, config := overLine(patience)
	transport := &http.Transport{Protocols: protocols, HTTP2: config,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return l, nil }}
	client, err := transport.NewClientConn(ctx, "http", "agent:80")
	if err != nil {
		return errors.Join(err, l.Close())
	}
	host, _, _ := net.SplitHostPort(l.RemoteAddr().String())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hasLeft() {
		return errors.Join(errLeft, l.Close())
	}
	if r.link != nil {
		close(r.link.gone)
		_ = r.link.line.Close()
	} else {
		close(r.next)
	}
	r.link, r.peer = &link{l, client, make(chan struct{})}, host
	return nil
}

// disconnected is told when a line is closed; it says whether that was the present one.
func (r *remote) disconnected(l *line) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.link == nil || r.link.line != l {
		return false
	}
	close(r.link.gone)
	r.link, r.next = nil, make(chan struct{})
	return true
}

func (r *remote) hasLeft() bool {
	select {
	case <-r.left:
		return true
	default:
		return false
	}
}

// leave ends all that is asked, and the line. Before, if there is something to tell, it tells the machine why it is not
// needed any more, and waits for that no longer than leaveTimeout.
func (r *remote) leave(why string) {
	r.mu.Lock()
	present := r.link
	if r.hasLeft() {
		present = nil
	} else {
		close(r.left)
	}
	r.mu.Unlock()
	if present == nil {
		return
	}
	if why != "" {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		_ = post(ctx, present.http, "http://agent"+askLeave, why, new(struct{})) // it is told again should it come back
	}
	_ = present.line.Close()
}

const leaveTimeout = 2 * time.Second

// await returns the present line, or the next one.
func (r *remote) await(ctx context.Context) (*link, error) {
	for {
		r.mu.Lock()
		present, next := r.link, r.next
		r.mu.Unlock()
		if present != nil {
			return present, nil
		}
		select {
		case <-next:
		case <-r.left:
			return nil, errLeft
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ask returns the machine's answer, over as many lines as that takes.
func (r *remote) ask(ctx context.Context, what string, in, out any) error {
	for {
		present, err := r.await(ctx)
		if err != nil {
			return err
		}
		err = post(ctx, present.http, "http://agent"+what, in, out)
		var refused *fileError
		if err == nil || errors.As(err, &refused) || ctx.Err() != nil {
			return err
		}
		_ = present.line.Close() // one request in pieces is reason enough not to trust the rest
		select {
		case <-present.gone:
		case <-r.left:
			return errLeft
		}
	}
}

func (r *remote) kind() Runner { return r.runs }

func (r *remote) prepare(ctx context.Context, spec *containerSpec) error {
	order, err := orderOf(spec)
	if err != nil {
		return err
	}
	return asWording(r.ask(ctx, askPrepare, order, new(struct{})))
}

func (r *remote) start(ctx context.Context, spec *containerSpec) (container, error) {
	order, err := orderOf(spec)
	if err != nil {
		return nil, err
	}
	c := &remoteContainer{machine: r, id: spec.id}
	if err := asWording(r.ask(ctx, askStart, order, &c.started)); err != nil {
		return nil, err
	}
	return c, nil
}

// asWording takes the machine's refusal at its word.
func asWording(err error) error {
	var refused *fileError
	if errors.As(err, &refused) {
		return wording(refused.text)
	}
	return err
}

func (r *remote) list(root, path string) (infos []mesos.FileInfo, problem *fileError) {
	problem = asFileError(r.ask(context.Background(), askList, fileOrder{Root: root, Path: path}, &infos))
	return infos, problem
}

func (r *remote) read(root, path string, offset, length int64) ([]byte, int64, *fileError) {
	var answer readAnswer
	order := fileOrder{Root: root, Path: path, Offset: offset, Length: length}
	problem := asFileError(r.ask(context.Background(), askRead, order, &answer))
	return answer.Data, answer.Size, problem
}

func asFileError(err error) *fileError {
	var refused *fileError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refused
	}
	return &fileError{http.StatusServiceUnavailable, err.Error() + "\n"}
}

// remoteContainer is a container on another machine.
type remoteContainer struct {
	machine *remote
	id      string
	started startedAnswer
}

func (c *remoteContainer) pid() uint32     { return c.started.PID }
func (c *remoteContainer) inspect() []byte { return c.started.Details }

func (c *remoteContainer) usage() (usage, bool) { return usage{}, false }

// address is the container's own, or else its machine's: the agent's is that of the master.
func (c *remoteContainer) address() string {
	if c.started.Address != "" {
		return c.started.Address
	}
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	return c.machine.peer
}

func (c *remoteContainer) wait() exit {
	var answer exitAnswer
	if err := asWording(c.machine.ask(context.Background(), askWait, containerOrder{ID: c.id}, &answer)); err != nil {
		return exit{err: err}
	}
	return answer.exit()
}

func (c *remoteContainer) stop(grace time.Duration) {
	go func() {
		// An error means that the machine has left, and ends all that it runs.
		_ = c.machine.ask(context.Background(), askStop, containerOrder{ID: c.id, Grace: grace}, new(struct{}))
	}()
}
