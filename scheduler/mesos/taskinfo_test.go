package mesos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// testLaunch is a launch with as little as can be.
func testLaunch(change func(*Launch)) Launch {
	l := Launch{
		ID:      state.AttemptID{Run: "01k9zc1m8gq5x2v7n4b3w6e0rt", Step: "psd", Index: 3, Number: 1},
		Project: "lisa", Pipeline: "lpf-noise", Image: "registry.example/lpf:1", Network: spec.HostNetwork,
		Command: spec.Command{Shell: "echo $SPILLWAY_INDEX"}, Resources: spec.Resources{CPUs: 500, Mem: 64},
	}
	change(&l)
	return l
}

// indented is JSON to look at.
func indented(t *testing.T, m encoding.Marshaler) []byte {
	t.Helper()
	flat, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, flat, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTaskInfo(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Launch)
	}{
		{"a text for the shell", func(*Launch) {}},
		{"an argv, whatever the image's entry point is", func(l *Launch) {
			l.Command = spec.Command{Argv: []string{"lpf", "psd", "--segment", "3 4", ""}}
		}},
		{"an argv of one word", func(l *Launch) { l.Command = spec.Command{Argv: []string{"/bin/true"}} }},
		{"an argv without an image", func(l *Launch) {
			l.Image, l.Command = "", spec.Command{Argv: []string{"/bin/echo", "a b"}}
		}},
		{"a text without an image", func(l *Launch) { l.Image = "" }},
		{"everything", func(l *Launch) {
			l.ForcePull = true
			l.Network = spec.BridgeNetwork
			l.Timeout, l.Grace = time.Hour, 30*time.Second
			l.Volumes = []spec.Volume{{Host: "/lisa/lpf", At: "/data", ReadOnly: true}, {Host: "/scratch", At: "/scratch"}}
			l.Resources = spec.Resources{CPUs: 1500, Mem: 128, Disk: 10, Ports: 2}
			l.Command.Env = []spec.Var{{Name: "LPF", Value: "a=b\nc"}, {Name: "SPILLWAY_INDEX", Value: "not yours"}, {Name: "EMPTY"}}
		}},
		{"no network", func(l *Launch) { l.Network = spec.NoNetwork }},
	}
	var out bytes.Buffer
	for _, c := range cases {
		l := testLaunch(c.change)
		offer := testOffer("O1", "S1")
		a := newAcceptance([]*heldOffer{{id: "O1", agent: "S1", resources: offer.Resources}}, false)
		if err := a.launch("S1", &l); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		fmt.Fprintf(&out, "# %s\n%s\n", c.name, indented(t, &a.tasks[0]))
	}
	golden(t, "taskinfo.golden", out.Bytes())
}

// TestCalls compares every call as it goes over the wire, in JSON, with testdata/calls.golden; what goes over the wire
// in protobuf means the same.
func TestCalls(t *testing.T) {
	cases := []Call{
		Accept{OfferIDs: []string{"O1", "O2"}, AgentID: "S1", Refuse: 1500 * time.Millisecond,
			Launches: []Launch{testLaunch(func(l *Launch) { l.Resources = spec.Resources{CPUs: 3000, Mem: 64, Ports: 1} })}},
		Decline{OfferIDs: []string{"O3"}, Refuse: 0},
		Kill{TaskID: "t", AgentID: "S1", Grace: 2 * time.Second},
		Kill{TaskID: "t"},
		Acknowledge{TaskID: "t", AgentID: "S1", UUID: []byte("0123456789abcdef")},
		Acknowledge{TaskID: "made-by-the-master", AgentID: "S1"},
		Reconcile{Tasks: []TaskRef{{TaskID: "t", AgentID: "S1"}, {TaskID: "u"}}},
		Reconcile{},
		Revive{},
		Suppress{},
		AcceptInverseOffers{OfferIDs: []string{"IO1", "IO2"}},
	}
	for _, codec := range []string{"json", "protobuf"} {
		t.Run(codec, func(t *testing.T) {
			m := newScriptedMaster(t)
			d := start(t, Config{Masters: m.url, Codec: codec}, "")
			s := m.next()
			s.send(t, subscribedEvent("f-1"), offersEvent(testOffer("O1", "S1"), testOffer("O2", "S1"), testOffer("O3", "S2")))
			receive(t, d.events)
			receive(t, d.events)
			var out bytes.Buffer
			for _, c := range cases {
				d.Send([]Call{c})
				if a, ok := c.(Acknowledge); ok && a.UUID == nil {
					continue
				}
				fmt.Fprintf(&out, "%s\n", indented(t, receive(t, m.calls)))
			}
			golden(t, "calls.golden", out.Bytes())
		})
	}
}

func TestSubscribeCall(t *testing.T) {
	m := newScriptedMaster(t)
	start(t, Config{
		Masters: m.url, Name: "lisa", User: "dpc", Hostname: "sched-1", WebUI: "http://sched-1:4400", Roles: []string{"dpc", "dev"},
		FailoverTimeout: time.Hour, Principal: "spill", GPU: true, Revocable: true,
	}, "f-7")
	golden(t, "subscribe.golden", indented(t, m.next().call))
}

func TestDefaultFramework(t *testing.T) {
	m := newScriptedMaster(t)
	start(t, Config{Masters: m.url, Hostname: "h"}, "")
	golden(t, "subscribe-default.golden", indented(t, m.next().call))
}

func TestEveryCallHasAName(t *testing.T) {
	known := map[string]bool{}
	for name := range scheduler.Call_Type_value {
		known[name] = true
	}
	for _, c := range []Call{Accept{}, Decline{}, Kill{}, Acknowledge{}, Reconcile{}, Revive{}, Suppress{}, AcceptInverseOffers{}} {
		if name := callName(c); !known[name] {
			t.Errorf("%T is called %q", c, name)
		}
	}
}
