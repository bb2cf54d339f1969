package minimesos

import (
	"net/http"
	"os"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

var bothMedia = []mediaType{mediaJSON, mediaProtobuf}

func fast(runner Runner, agents int) Options {
	return Options{Runner: runner, Agents: make([]AgentOptions, agents), AllocationInterval: 50 * time.Millisecond}
}

func TestInstantTask(t *testing.T) {
	for _, media := range bothMedia {
		t.Run(string(media), func(t *testing.T) {
			c := start(t, fast(Instant, 1))
			f := subscribe(t, c.URL(), testFramework(), media)
			f.accept(f.offers()[0], command("a", "ignored"))
			var states []mesos.TaskState
			for range 2 {
				states = append(states, f.update("a").GetState())
			}
			if states[0] != mesos.TASK_RUNNING || states[1] != mesos.TASK_FINISHED {
				t.Errorf("states: %v", states)
			}
			wait(t, c, "the task is forgotten", func(v View) bool { return v.Tasks() == 0 && v.Running("agent-1") == 0 })
			f.simple(scheduler.Call_TEARDOWN)
			f.ended()
		})
	}
}

func TestProcessTask(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("ok", "exit 0"), command("bad", "exit 3"), command("long", "sleep 1000"))
	f.until("ok", mesos.TASK_FINISHED)
	if got := f.until("bad", mesos.TASK_FAILED); got.GetMessage() != "Command exited with status 3" {
		t.Errorf("message: %q", got.GetMessage())
	}
	f.until("long", mesos.TASK_RUNNING)
	f.kill("long")
	f.until("long", mesos.TASK_KILLED)
	wait(t, c, "no process is left", func(v View) bool { return v.Containers() == 0 })
}

func TestStartRefuses(t *testing.T) {
	for what, o := range map[string]Options{
		"an unknown runner":   {Runner: "magic"},
		"a negative time":     {AgentTimeout: -1},
		"an address":          {Addr: "nowhere:x"},
		"an agent's resource": {Agents: []AgentOptions{{Resources: "cpus"}}},
	} {
		o.WorkDir = t.TempDir()
		if c, err := Start(o); err == nil {
			t.Errorf("no error for %s", what)
			must(t, c.Close())
		}
	}
}

func TestAutoSaysWhich(t *testing.T) {
	c := start(t, Options{})
	if got := c.Runner(); got != Docker && got != Process {
		t.Errorf("Auto is %q", got)
	}
	t.Setenv("DOCKER_HOST", "unix:///no/such/socket")
	c = start(t, Options{})
	if got := c.Runner(); got != Process {
		t.Errorf("without an engine Auto is %q", got)
	}
	if _, err := Start(Options{Runner: Docker, WorkDir: t.TempDir()}); err == nil {
		t.Error("Docker is there without an engine")
	}
}

// The work folder that nobody asked for is gone after Close.
func TestOwnWorkDirIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c, err := Start(Options{Runner: Process, Agents: []AgentOptions{{}}})
	must(t, err)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("a", "echo x > file"))
	f.until("a", mesos.TASK_FINISHED)
	dir := c.dir
	if _, err := os.Stat(c.sandboxOf("a") + "/file"); err != nil {
		t.Error(err)
	}
	must(t, c.Close())
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func TestOutcomes(t *testing.T) {
	reason := mesos.REASON_CONTAINER_LIMITATION_MEMORY
	o := fast(Instant, 1)
	o.Outcome = func(task mesos.TaskInfo) Outcome {
		switch task.TaskID.Value {
		case "fails":
			return Outcome{State: mesos.TASK_FAILED, Reason: &reason, Message: "too much", Data: []byte("x")}
		case "late":
			return Outcome{After: time.Millisecond}
		case "hangs":
			return Outcome{State: mesos.TASK_RUNNING}
		case "silent":
			return Outcome{State: mesos.TASK_STAGING}
		}
		return Outcome{}
	}
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("fails", ""), command("late", ""), command("hangs", ""), command("silent", ""), command("ok", ""))
	if got := f.until("fails", mesos.TASK_FAILED); got.GetReason() != reason || got.GetMessage() != "too much" || string(got.Data) != "x" {
		t.Errorf("fails: %v", got)
	}
	f.until("late", mesos.TASK_FINISHED)
	f.until("ok", mesos.TASK_FINISHED)
	f.until("hangs", mesos.TASK_RUNNING)
	f.kill("silent")
	f.until("silent", mesos.TASK_KILLED)
	c.Look(func(v View) {
		if state, ok := v.Task("hangs"); !ok || state != mesos.TASK_RUNNING {
			t.Errorf("hangs is %v, %v", state, ok)
		}
	})
}

// A framework with credentials cannot act for another.
func TestPrincipals(t *testing.T) {
	o := fast(Instant, 1)
	o.Credentials = map[string]string{"one": "1", "two": "2"}
	c := start(t, o)
	as := func(name, secret string) *http.Client {
		return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			r.SetBasicAuth(name, secret)
			return http.DefaultTransport.RoundTrip(r)
		})}
	}
	f := &testClient{t: t, url: c.URL(), media: mediaProtobuf, info: testFramework(), http: as("one", "1")}
	f.open()
	defer f.close()
	f.id = f.next(scheduler.Event_SUBSCRIBED).Subscribed.FrameworkID.Value
	thief := *f
	thief.http = as("two", "2")
	response := thief.post(&scheduler.Call{Type: scheduler.Call_TEARDOWN, FrameworkID: &mesos.FrameworkID{Value: f.id}}, f.streamID)
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("a framework of one is torn down by two: %s", response.Status)
	}
	f.simple(scheduler.Call_TEARDOWN)
	f.ended()
}

type roundTrip func(*http.Request) (*http.Response, error)

func (fn roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return fn(r) }
