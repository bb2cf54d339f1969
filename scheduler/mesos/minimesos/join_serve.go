package minimesos

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// handler answers what the master asks for on a line. Why the master lets this machine go is sent to over.
func (m *machine) handler(over chan<- string) http.Handler {
	mux := http.NewServeMux()
	c := m.containers
	mux.HandleFunc(askWelcome, answering(func(_ context.Context, id string) (struct{}, error) {
		if m.joined != nil {
			m.joined(id, m.who.Resources, m.who.Runner)
		}
		return struct{}{}, nil
	}))
	mux.HandleFunc(askPrepare, answering(func(ctx context.Context, o containerOrder) (struct{}, error) {
		return struct{}{}, m.prepare(ctx, &o)
	}))
	mux.HandleFunc(askStart, answering(func(ctx context.Context, o containerOrder) (startedAnswer, error) {
		return c.start(ctx, &o)
	}))
	mux.HandleFunc(askWait, answering(func(ctx context.Context, o containerOrder) (exitAnswer, error) {
		return c.wait(ctx, o.ID)
	}))
	mux.HandleFunc(askStop, answering(func(_ context.Context, o containerOrder) (struct{}, error) {
		return struct{}{}, c.stop(&o)
	}))
	mux.HandleFunc(askList, answering(func(_ context.Context, o fileOrder) ([]mesos.FileInfo, error) { return m.list(&o) }))
	mux.HandleFunc(askRead, answering(func(_ context.Context, o fileOrder) (readAnswer, error) { return m.read(&o) }))
	mux.HandleFunc(askLeave, answering(func(_ context.Context, why string) (struct{}, error) {
		over <- why
		return struct{}{}, nil
	}))
	return mux
}

func (m *machine) prepare(ctx context.Context, o *containerOrder) error {
	spec, err := o.spec()
	if err != nil {
		return err
	}
	if !m.isOurs(o.Sandbox) {
		return fmt.Errorf("the sandbox %s is outside this machine's folder", o.Sandbox)
	}
	return m.runner.prepare(ctx, spec)
}

// isOurs tells whether a path is in this machine's folder.
func (m *machine) isOurs(path string) bool {
	return strings.HasPrefix(filepath.Clean(path), m.who.Dir+string(filepath.Separator))
}

func (m *machine) list(o *fileOrder) ([]mesos.FileInfo, error) {
	if !m.isOurs(o.Root) {
		return nil, errNoFile
	}
	infos, problem := m.runner.list(o.Root, o.Path)
	if problem != nil {
		return nil, problem
	}
	return infos, nil
}

func (m *machine) read(o *fileOrder) (readAnswer, error) {
	if !m.isOurs(o.Root) {
		return readAnswer{}, errNoFile
	}
	data, size, problem := m.runner.read(o.Root, o.Path, o.Offset, o.Length)
	if problem != nil {
		return readAnswer{}, problem
	}
	return readAnswer{data, size}, nil
}

// containers are the containers of one session, by id. They outlive the connections over which they are asked for.
type containers struct {
	runner runner

	mu    sync.Mutex
	over  bool
	items map[string]*hosted
}

type hosted struct {
	started   chan struct{} // closed when container and err are known
	container container
	err       error
	ended     chan struct{} // closed when how is known
	how       exit
}

func newContainers(r runner) *containers { return &containers{runner: r, items: map[string]*hosted{}} }

// start starts a container, or says how it was started.
func (h *containers) start(ctx context.Context, o *containerOrder) (startedAnswer, error) {
	spec, err := o.spec()
	if err != nil {
		return startedAnswer{}, err
	}
	h.mu.Lock()
	c, known := h.items[o.ID]
	if h.over {
		h.mu.Unlock()
		return startedAnswer{}, errLeft
	}
	if !known {
		c = &hosted{started: make(chan struct{}), ended: make(chan struct{})}
		h.items[o.ID] = c
	}
	h.mu.Unlock()
	if !known {
		c.run(context.WithoutCancel(ctx), h.runner, spec) // whatever becomes of the connection
	}
	<-c.started
	if c.err != nil {
		return startedAnswer{}, c.err
	}
	return startedAnswer{PID: c.container.pid(), Address: c.container.address(), Details: c.container.inspect()}, nil
}

func (c *hosted) run(ctx context.Context, r runner, spec *containerSpec) {
	defer close(c.started)
	if c.container, c.err = r.start(ctx, spec); c.err != nil {
		close(c.ended)
		return
	}
	go func() {
		defer close(c.ended)
		c.how = c.container.wait()
	}()
}

func (h *containers) find(id string) (*hosted, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.items[id]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("no container %s was started here", id)
}

func (h *containers) wait(ctx context.Context, id string) (exitAnswer, error) {
	c, err := h.find(id)
	if err != nil {
		return exitAnswer{}, err
	}
	select {
	case <-c.ended:
		return c.how.answer(), nil
	case <-ctx.Done():
		return exitAnswer{}, ctx.Err()
	}
}

func (h *containers) stop(o *containerOrder) error {
	c, err := h.find(o.ID)
	if err != nil {
		return err
	}
	if <-c.started; c.err == nil {
		c.container.stop(o.Grace)
	}
	return nil
}

// end ends all containers, and starts no more.
func (h *containers) end() {
	h.mu.Lock()
	h.over = true
	items := h.items
	h.mu.Unlock()
	for _, c := range items {
		if <-c.started; c.err == nil {
			c.container.stop(atOnce)
		}
	}
	for _, c := range items {
		<-c.ended
	}
}

// MachineResources is what this machine gives when nobody says how much: its processors, three quarters of its memory and
// of what is free in dir, and the ports that a Mesos agent gives.
func MachineResources(dir string) string {
	var memory unix.Sysinfo_t
	var disk unix.Statfs_t
	var cpus unix.CPUSet
	if unix.Sysinfo(&memory) != nil || unix.Statfs(dir, &disk) != nil || unix.SchedGetaffinity(0, &cpus) != nil {
		return DefaultResources
	}
	const mib = 1 << 20
	return fmt.Sprintf("cpus:%d;mem:%d;disk:%d;ports:[31000-32000]", cpus.Count(),
		uint64(memory.Totalram)*uint64(memory.Unit)*3/4/mib, disk.Bavail*uint64(disk.Bsize)*3/4/mib)
}
