package ministack

import (
	"errors"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"

	"github.com/lisa-dpc/spillway/cloudburst/userdata"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// agents is a minimesos that servers can join: their user-data is the address
// of the master and the value of an attribute.
func agents(t testing.TB) *minimesos.Cluster {
	t.Helper()
	cluster, err := minimesos.Start(minimesos.Options{Runner: minimesos.Instant, WorkDir: t.TempDir()})
	must(t, err)
	t.Cleanup(func() { must(t, cluster.Close()) })
	return cluster
}

func readTwoWords(userData []byte) ([]string, map[string]string, error) {
	master, vm, ok := strings.Cut(string(userData), " ")
	if !ok {
		return nil, nil, errors.New("it does not name a master and a machine")
	}
	return []string{master}, map[string]string{"spillway_vm": vm}, nil
}

func TestServersAreAgents(t *testing.T) {
	cluster := agents(t)
	c := start(t, Options{Boot: JoinMinimesos(cluster, minimesos.Instant, readTwoWords)})
	k := logIn(t, c)
	opts := k.opts("one")
	opts.UserData = []byte(strings.TrimPrefix(cluster.URL(), "http://") + " peak-1")
	id := k.create(opts)
	agent := func(boot string) (id string, standing minimesos.AgentStanding) {
		cluster.Look(func(v minimesos.View) { id, standing = v.AgentID(boot), v.Agent(boot) })
		return id, standing
	}
	k.pass(c.opts.BuildTime)
	k.is(id, "ACTIVE")
	if _, standing := agent(id + "-1"); standing != minimesos.Unknown {
		t.Errorf("the agent is %s before its machine has booted", standing)
	}
	k.pass(c.opts.JoinTime)
	first, standing := agent(id + "-1")
	if standing != minimesos.Registered {
		t.Fatalf("the agent is %s once its machine has booted", standing)
	}

	must(t, servers.Stop(k.ctx, k.compute, id).ExtractErr())
	k.pass(c.opts.ActionTime)
	k.is(id, "SHUTOFF")
	if gone, standing := agent(id + "-1"); gone != "" || standing == minimesos.Registered {
		t.Errorf("the agent is %s after its machine was stopped", standing)
	}
	must(t, servers.Start(k.ctx, k.compute, id).ExtractErr())
	k.pass(c.opts.ActionTime + c.opts.JoinTime)
	second, standing := agent(id + "-2")
	if standing != minimesos.Registered || second == first {
		t.Errorf("after the second boot agent %s is %s; the first was %s", second, standing, first)
	}

	k.remove(id)
	k.pass(c.opts.ActionTime)
	k.is(id, "")
	if left, _ := agent(id + "-2"); left != "" {
		t.Errorf("agent %s outlives its machine", left)
	}
}

// What a machine makes of its user-data is nothing that Nova knows of.
func TestUserDataThatStartsNothing(t *testing.T) {
	cluster := agents(t)
	c := start(t, Options{Boot: JoinMinimesos(cluster, minimesos.Instant, readTwoWords)})
	k := logIn(t, c)
	for name, userData := range map[string]string{"other": "127.0.0.1:1 peak-1", "none": "", "unreadable": "x"} {
		opts := k.opts(name)
		opts.UserData = []byte(userData)
		id := k.create(opts)
		k.pass(c.opts.BuildTime + c.opts.JoinTime)
		k.is(id, "ACTIVE")
		console, err := servers.ShowConsoleOutput(k.ctx, k.compute, id, servers.ShowConsoleOutputOpts{}).Extract()
		must(t, err)
		if !strings.Contains(console, "user-data failed") {
			t.Errorf("%s: console says %q", name, console)
		}
		cluster.Look(func(v minimesos.View) {
			if got := v.AgentID(id + "-1"); got != "" {
				t.Errorf("%s: agent %s has started", name, got)
			}
		})
	}
}

// A machine that loses its power before it has booted starts nothing.
func TestPowerLostBeforeTheBoot(t *testing.T) {
	booted := 0
	c := start(t, Options{Boot: func(Machine, []byte) (func(), error) { booted++; return nil, nil }})
	k := logIn(t, c)
	id := k.active("one")
	must(t, servers.Stop(k.ctx, k.compute, id).ExtractErr())
	k.pass(c.opts.ActionTime)
	must(t, servers.Start(k.ctx, k.compute, id).ExtractErr())
	k.pass(c.opts.ActionTime)
	k.pass(c.opts.JoinTime)
	if booted != 1 {
		t.Errorf("it has booted %d times, want once", booted)
	}
}

func TestAMachineThatPowersItselfOff(t *testing.T) {
	off := 0
	c := start(t, Options{Boot: func(Machine, []byte) (func(), error) { return func() { off++ }, nil }})
	k := logIn(t, c)
	id := k.active("one")
	k.pass(c.opts.JoinTime)
	must(t, c.PowerOff(id))
	k.is(id, "SHUTOFF")
	if off != 1 {
		t.Errorf("its end was called %d times, want once", off)
	}
	other := k.active("other")
	k.pass(c.opts.JoinTime)
	must(t, c.FailServer(other, "the host burns"))
	k.is(other, "ERROR")
	if s := k.get(other); s.Fault.Message != "the host burns" || off != 2 {
		t.Errorf("fault %q, ended %d times", s.Fault.Message, off)
	}
}

func TestCloseEndsMachines(t *testing.T) {
	off := 0
	c := start(t, Options{Boot: func(Machine, []byte) (func(), error) { return func() { off++ }, nil }})
	k := logIn(t, c)
	k.active("one")
	k.pass(c.opts.JoinTime)
	must(t, c.Close())
	if off != 1 {
		t.Errorf("its end was called %d times, want once", off)
	}
}

// The user-data that Spillway gives its machines makes them agents.
func TestSpillwaysUserData(t *testing.T) {
	cluster := agents(t)
	c := start(t, Options{Boot: JoinMinimesos(cluster, minimesos.Instant, userdata.Read)})
	k := logIn(t, c)
	opts := k.opts("spillway-lisa-peak-7k2m9q4xwa")
	text, err := userdata.Render(userdata.Machine{VM: "peak-7k2m9q4xwa", Pool: "peak", Cloud: "atos", Masters: []string{strings.TrimPrefix(cluster.URL(), "http://")}})
	must(t, err)
	opts.UserData = text
	id := k.create(opts)
	k.pass(c.opts.BuildTime + c.opts.JoinTime)
	cluster.Look(func(v minimesos.View) {
		if got := v.Agent(id + "-1"); got != minimesos.Registered {
			t.Errorf("the agent is %s", got)
		}
	})
}
