package minimesos

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// joinedMachine is a machine that has joined a cluster in a test.
type joinedMachine struct {
	t     *testing.T
	dir   string
	ids   chan string // of its agents, one each time that it is welcomed
	leave context.CancelFunc
	why   chan string // what ends Join
}

// joinCluster has a machine join a cluster at a URL.
func joinCluster(t *testing.T, o JoinOptions) *joinedMachine {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	j := &joinedMachine{t: t, dir: t.TempDir(), ids: make(chan string, 100), leave: leave, why: make(chan string, 1)}
	o.Runner, o.WorkDir, o.Resources = Process, j.dir, "cpus:2;mem:512"
	o.Joined = func(id, resources string, runner Runner) {
		if resources != o.Resources || runner != Process {
			t.Errorf("it gives %s and runs tasks as %s", resources, runner)
		}
		j.ids <- id
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		why, err := Join(ctx, o)
		if err != nil {
			t.Error(err)
		}
		j.why <- why
	}()
	t.Cleanup(func() {
		leave()
		<-over
	})
	return j
}

// agent waits until the machine is welcomed, and returns its agent's id.
func (j *joinedMachine) agent() string { return receive(j.t, "the machine is welcomed", j.ids) }

func (j *joinedMachine) end() string { return receive(j.t, "the machine is let go", j.why) }

func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatalf("waiting until %s", what)
	}
	panic("not reached")
}

// pidOf waits for the process id that a task has written to a file of its sandbox, below the machine's folder.
func (j *joinedMachine) pidOf(c *Cluster, task string) int {
	j.t.Helper()
	file := filepath.Join(c.sandboxOf(task), "pid")
	if !strings.HasPrefix(file, j.dir) {
		j.t.Fatalf("the sandbox is %s, which is not the machine's", file)
	}
	var pid int
	settles(j.t, "the task says its process id", func() bool {
		text, err := os.ReadFile(file)
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return err == nil
	})
	return pid
}

// sleeping is a task that says its process id and sleeps.
func sleeping(id string) mesos.TaskInfo {
	return command(id, "echo $$ > pid.new; mv pid.new pid; exec sleep 1000")
}

// settles waits for what happens in other processes.
func settles(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waiting until %s", what)
		}
	}
}

func (j *joinedMachine) processEnds(pid int) {
	j.t.Helper()
	settles(j.t, "process "+strconv.Itoa(pid)+" has ended", func() bool {
		_, err := os.Stat("/proc/" + strconv.Itoa(pid))
		return err != nil
	})
}

func TestJoinedMachineRunsTasks(t *testing.T) {
	c := start(t, fast(Process, 0))
	j := joinCluster(t, JoinOptions{Master: c.URL(), Hostname: "far", Attributes: map[string]string{"spillway_vm": "batch-1"}})
	id := j.agent()
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	offer := f.offers()[0]
	if offer.AgentID.Value != id || offer.Hostname != "far" || offer.Attributes[0].GetText().GetValue() != "batch-1" {
		t.Errorf("the offer is %v", offer)
	}
	f.accept(offer, command("ok", "echo said; pwd"), command("bad", "exit 3"), command("missing", "exec /no/such/program"),
		sleeping("long"))
	f.until("ok", mesos.TASK_FINISHED)
	if got := f.until("bad", mesos.TASK_FAILED); got.GetMessage() != "Command exited with status 3" {
		t.Errorf("message: %q", got.GetMessage())
	}
	f.until("missing", mesos.TASK_FAILED)
	running := f.until("long", mesos.TASK_RUNNING)
	if pid := j.pidOf(c, "long"); uint32(pid) != running.GetContainerStatus().GetExecutorPID() {
		t.Errorf("process %d, but the update says %v", pid, running.ContainerStatus)
	}
	f.kill("long")
	f.until("long", mesos.TASK_KILLED)
	dir := c.sandboxOf("ok")
	base := "http://" + net.JoinHostPort(offer.URL.Address.GetIP(), strconv.Itoa(int(offer.URL.Address.Port)))
	status, tree := getJSON(t, base+"/files/read?offset=0&path="+url.QueryEscape(dir+"/stdout"))
	if status != http.StatusOK || tree.(map[string]any)["data"] != "said\n"+dir+"\n" {
		t.Errorf("the log: %d %v", status, tree)
	}
	if status, tree = getJSON(t, base+"/files/browse?path="+url.QueryEscape(dir)); status != http.StatusOK || len(tree.([]any)) != 2 {
		t.Errorf("the sandbox: %d %v", status, tree)
	}
	if status, _ = getJSON(t, base+"/files/read?offset=0&path="+url.QueryEscape(dir+"/none")); status != http.StatusNotFound {
		t.Errorf("a file that is not there: %d", status)
	}
}

// A machine is drained and marked gone, which ends it.
func TestJoinedMachineIsDrained(t *testing.T) {
	c := start(t, fast(Process, 0))
	j := joinCluster(t, JoinOptions{Master: c.URL()})
	id := j.agent()
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], sleeping("long"))
	f.until("long", mesos.TASK_RUNNING)
	pid := j.pidOf(c, "long")
	if status, _ := operate(t, c, drain(mesos.AgentID{Value: id}, true)); status != http.StatusOK {
		t.Fatalf("DRAIN_AGENT: %d", status)
	}
	f.until("long", mesos.TASK_GONE_BY_OPERATOR)
	if why := j.end(); !strings.Contains(why, "gone") {
		t.Errorf("it was let go because %s", why)
	}
	j.processEnds(pid)
	wait(t, c, "the agent is gone", func(v View) bool { return v.Agent(id) == Gone })
}

// What happens on a machine while its connection is broken is heard of when there is another one.
func TestJoinedMachineReconnects(t *testing.T) {
	c := start(t, fast(Process, 0))
	between := startCable(t, c)
	j := joinCluster(t, JoinOptions{Master: between.url()})
	id := j.agent()
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], sleeping("lives"), command("ends", "echo $$ > pid.new; mv pid.new pid; while [ ! -e go ]; do sleep 0.01; done"))
	f.until("lives", mesos.TASK_RUNNING)
	f.until("ends", mesos.TASK_RUNNING)
	pid, other := j.pidOf(c, "ends"), j.pidOf(c, "lives")
	between.pull()
	wait(t, c, "the agent is cut off", func(View) bool { return c.agents[0].cut })
	if err := os.WriteFile(filepath.Join(c.sandboxOf("ends"), "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	j.processEnds(pid)
	between.plug()
	if again := j.agent(); again != id {
		t.Errorf("the agent was %s and is %s", id, again)
	}
	f.until("ends", mesos.TASK_FINISHED)
	f.kill("lives")
	f.until("lives", mesos.TASK_KILLED)
	j.processEnds(other)
}

// A machine whose connection stays broken is lost with all that it runs, and is another agent when it comes back.
func TestJoinedMachineIsLost(t *testing.T) {
	o := fast(Process, 0)
	o.AgentTimeout = 50 * time.Millisecond
	c := start(t, o)
	between := startCable(t, c)
	j := joinCluster(t, JoinOptions{Master: between.url()})
	id := j.agent()
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], sleeping("long"))
	f.until("long", mesos.TASK_RUNNING)
	pid := j.pidOf(c, "long")
	between.pull()
	f.until("long", mesos.TASK_UNREACHABLE)
	j.processEnds(pid)
	between.plug()
	again := id
	for again == id {
		again = j.agent()
	}
	offer := f.nextThat("offer of the new agent", func(e *scheduler.Event) bool {
		return e.Type == scheduler.Event_OFFERS && e.Offers.Offers[0].AgentID.Value == again
	})
	f.accept(offer.Offers.Offers[0], command("more", "exit 0"))
	f.until("more", mesos.TASK_FINISHED)
}

// The agent of a machine that leaves by itself is gone at once.
func TestJoinedMachineLeaves(t *testing.T) {
	c := start(t, fast(Process, 0))
	j := joinCluster(t, JoinOptions{Master: c.URL()})
	id := j.agent()
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], sleeping("long"))
	f.until("long", mesos.TASK_RUNNING)
	pid := j.pidOf(c, "long")
	j.leave()
	f.until("long", mesos.TASK_GONE_BY_OPERATOR)
	if why := j.end(); why != "" {
		t.Errorf("it was let go because %s", why)
	}
	j.processEnds(pid)
	wait(t, c, "the agent is gone", func(v View) bool { return v.Agent(id) == Gone })
}

// A cluster that ends lets its machines go.
func TestJoinedMachineOutlivesCluster(t *testing.T) {
	c := start(t, fast(Process, 0))
	j := joinCluster(t, JoinOptions{Master: c.URL()})
	j.agent()
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], sleeping("long"))
	f.until("long", mesos.TASK_RUNNING)
	pid := j.pidOf(c, "long")
	must(t, c.Close())
	if why := j.end(); !strings.Contains(why, "the cluster has ended") {
		t.Errorf("it was let go because %s", why)
	}
	j.processEnds(pid)
}

// A machine that its master has forgotten joins it anew.
func TestJoinedMachineIsForgotten(t *testing.T) {
	first := start(t, fast(Process, 0))
	between := startCable(t, first)
	j := joinCluster(t, JoinOptions{Master: between.url()})
	id := j.agent()
	f := subscribe(t, first.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], sleeping("long"))
	f.until("long", mesos.TASK_RUNNING)
	pid := j.pidOf(first, "long")
	between.pull()
	between.lead(start(t, fast(Process, 0)))
	between.plug()
	if again := j.agent(); again == id {
		t.Errorf("it is still %s", id)
	}
	j.processEnds(pid)
}

func TestJoinRefuses(t *testing.T) {
	c := start(t, fast(Process, 0))
	for what, o := range map[string]JoinOptions{
		"a URL with a path":  {Master: c.URL() + "/api"},
		"no URL":             {Master: "10.0.0.1:5050"},
		"no such master":     {Master: notMesos(t)},
		"bad resources":      {Master: c.URL(), Resources: "cpus"},
		"an unknown runner":  {Master: c.URL(), Runner: "magic"},
		"a folder in a file": {Master: c.URL(), WorkDir: "/dev/null/x"},
	} {
		if o.WorkDir == "" {
			o.WorkDir = t.TempDir()
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if _, err := Join(ctx, o); err == nil {
			t.Errorf("no error for %s", what)
		}
		cancel()
	}
}

// notMesos is the URL of something else.
func notMesos(t *testing.T) string {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}

// Only what is in the machine's folder can be read or written through it.
func TestJoinedMachineKeepsToItsFolder(t *testing.T) {
	m, err := newMachine(t.Context(), JoinOptions{Master: "http://127.0.0.1:1", Runner: Process, WorkDir: t.TempDir()})
	must(t, err)
	defer m.close()
	if _, err := m.read(&fileOrder{Root: "/etc", Path: "/etc/passwd", Length: -1}); err == nil {
		t.Error("it reads /etc/passwd")
	}
	if _, err := m.list(&fileOrder{Root: m.who.Dir + "/..", Path: m.who.Dir + "/.."}); err == nil {
		t.Error("it lists the folder above")
	}
	if err := m.prepare(t.Context(), &containerOrder{Sandbox: t.TempDir()}); err == nil {
		t.Error("it makes a sandbox elsewhere")
	}
}

func TestMachineResources(t *testing.T) {
	text := MachineResources(t.TempDir())
	resources, err := ParseResources(text)
	if err != nil || len(resources) != 4 {
		t.Errorf("%s: %v, %v", text, resources, err)
	}
}

// cable leads connections to a cluster's master, and can be pulled.
type cable struct {
	listener net.Listener

	mu     sync.Mutex
	to     string
	pulled bool
	conns  []net.Conn
}

func startCable(t *testing.T, c *Cluster) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	between := &cable{listener: listener}
	between.lead(c)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			between.join(conn)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		between.pull()
	})
	return between
}

func (c *cable) url() string { return "http://" + c.listener.Addr().String() }

func (c *cable) lead(to *Cluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = strings.TrimPrefix(to.URL(), "http://")
}

// join copies what comes from one side to the other.
func (c *cable) join(near net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	far, err := net.Dial("tcp", c.to)
	if err != nil || c.pulled {
		near.Close()
		if err == nil {
			far.Close()
		}
		return
	}
	c.conns = append(c.conns, near, far)
	go func() { io.Copy(near, far); near.Close() }()
	go func() { io.Copy(far, near); far.Close() }()
}

// pull breaks all connections, and those to come.
func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.pulled, c.conns = true, nil
}

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = false
}
