package minimesos

import (
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// Route is the way that a message goes.
type Route int

const (
	// CallToMaster are the calls of frameworks, once they have been checked.
	// One that is dropped has been answered with 202 all the same.
	CallToMaster Route = iota
	// EventToFramework are the events of the scheduler API.
	EventToFramework
	// MasterToAgent are LAUNCH, KILL, ACKNOWLEDGE, MESSAGE, SHUTDOWN,
	// SHUTDOWN_FRAMEWORK, UPDATE_FRAMEWORK and DRAIN.
	MasterToAgent
	// AgentToMaster are STATUS_UPDATE, MESSAGE and EXECUTOR_EXITED.
	AgentToMaster
)

// Message is one message on its way, as a tap sees it. A tap must not change
// what it points to.
type Message struct {
	Route     Route
	Kind      string // the type of the call or event, or see Route
	Framework string // id
	Agent     string // name
	Executor  string // id
	Task      string // id
	Call      *scheduler.Call
	Event     *scheduler.Event
	Status    *mesos.TaskStatus // of updates
}

// Verdict is what a tap lets happen to a message.
type Verdict int

const (
	Deliver   Verdict = iota // it goes its way
	Drop                     // it is lost
	Duplicate                // it comes twice
	Hold                     // it waits for Release
)

// SetTap makes fn see every message before it arrives, and decide about it;
// nil takes it away. fn is called by the cluster's own goroutine, one message
// after the other, and must neither block nor call the Cluster.
func (c *Cluster) SetTap(fn func(Message) Verdict) { c.loop.do(func() { c.tap = fn }) }

// held is a message that waits.
type held struct {
	message Message
	deliver func()
}

// pass asks the tap about a message.
func (c *Cluster) pass(message Message, deliver func()) {
	verdict := Deliver
	if c.tap != nil {
		verdict = c.tap(message)
	}
	switch verdict {
	case Drop:
	case Hold:
		c.held = append(c.held, held{message, deliver})
	case Duplicate:
		deliver()
		deliver()
	default:
		deliver()
	}
}

// Held are the messages that wait, oldest first.
func (c *Cluster) Held() []Message {
	var out []Message
	c.loop.do(func() {
		for _, h := range c.held {
			out = append(out, h.message)
		}
	})
	return out
}

// Release delivers messages that wait, in the order of the given indexes into
// Held; without indexes all of them, oldest first. Others keep waiting.
func (c *Cluster) Release(indexes ...int) {
	c.loop.do(func() {
		if len(indexes) == 0 {
			for i := range c.held {
				indexes = append(indexes, i)
			}
		}
		waiting := c.held
		c.held = nil
		for i, h := range waiting {
			if !slices.Contains(indexes, i) {
				c.held = append(c.held, h)
			}
		}
		for _, i := range indexes {
			if i >= 0 && i < len(waiting) {
				waiting[i].deliver()
			}
		}
	})
}

func callMessage(call *scheduler.Call) Message {
	m := Message{Route: CallToMaster, Kind: call.Type.String(), Framework: call.FrameworkID.GetValue(), Call: call}
	switch call.Type {
	case scheduler.Call_KILL:
		m.Task = call.Kill.TaskID.Value
	case scheduler.Call_ACKNOWLEDGE:
		m.Task = call.Acknowledge.TaskID.Value
	}
	return m
}

func eventMessage(f *framework, event *scheduler.Event) Message {
	m := Message{Route: EventToFramework, Kind: event.Type.String(), Framework: f.id, Event: event}
	if event.Type == scheduler.Event_UPDATE {
		m.Status = &event.Update.Status
		m.Task = m.Status.TaskID.Value
	}
	return m
}
