package minimesos

import (
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
