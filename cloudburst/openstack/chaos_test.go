package openstack_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
)

const (
	cycles = 500
	rate   = 0.3
	ours   = "storm"
)

// faultsInPlenty are all faults that cost no time: an hour that a cloud asks for is tested elsewhere.
func faultsInPlenty() []ministack.Fault {
	faults := ministack.AllFaults()
	for i := range faults {
		faults[i].RetryAfter = 0
	}
	return faults
}

// machineOn is what machines of a test are made of.
func machineOn(t *testing.T, cloud *openstack.Cloud) openstack.Machine {
	t.Helper()
	found, err := cloud.Resolve(context.Background(), openstack.Wanted{
		Flavors: []openstack.FlavorWish{{Name: "m1.nano"}}, Image: openstack.ImageWish{Name: "tiny"},
		Networks: []string{"burst-net"}, SecurityGroups: []string{"burst-sg"},
	})
	if err != nil || len(found.Problems) > 0 {
		t.Fatalf("resolving: %v, problems: %v", err, found.Problems)
	}
	found.Machine.Flavor = found.Flavors[0].ID
	return found.Machine
}

// TestFiveHundredCyclesWithFaults boots and deletes while three of ten calls go wrong in every way that there is. What
// is left by cycles that give up is swept, through the same faults.
func TestFiveHundredCyclesWithFaults(t *testing.T) {
	mini := startMini(t, ministack.Options{
		Seed: 4, Quota: &ministack.Quota{Instances: 100, Cores: 100, RAM: 1 << 20, Ports: 200, Volumes: 100, Gigabytes: 1000},
		BuildTime: time.Millisecond, ActionTime: time.Millisecond,
	})
	strangers := map[string]map[string]string{
		"somebody":                           nil,
		"spillway-" + ours + "-a-aaaaaaaaaa": {"spillway_pool": "a"},
		"another":                            {"spillway_cluster": ours + "y", "spillway_vm": "a-aaaaaaaaaa"},
		"half":                               {"spillway_cluster": ours},
	}
	bystanders := len(strangers)
	for name, metadata := range strangers {
		mini.AddBystander(name, metadata)
	}
	config := miniConfig(t, mini)
	config.Poll = time.Millisecond
	cloud := connect(t, config)
	machine := machineOn(t, cloud)
	mini.FailAtRandom(rate, faultsInPlenty())

	var next, booted atomic.Int64
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for n := next.Add(1); n <= cycles; n = next.Add(1) {
				if cycle(t, cloud, machine, int(n)) {
					booted.Add(1)
				}
			}
		})
	}
	workers.Wait()
	sweep(t, cloud)
	mini.Heal()
	cloud = connect(t, config)

	left, err := cloud.Leftovers(context.Background(), ours)
	if left = ofMachines(left); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
	if s, p, v := len(mini.Servers()), len(mini.Ports()), len(mini.Volumes()); s != bystanders || p != 2*bystanders || v != bystanders {
		t.Errorf("the cloud has %d servers, %d ports and %d volumes, not those of %d bystanders", s, p, v, bystanders)
	}
	if touched := mini.Touched(); len(touched) > 0 {
		t.Errorf("touched what is not ours: %v", touched)
	}
	if booted.Load() < cycles/4 {
		t.Errorf("only %d of %d cycles had a server", booted.Load(), cycles)
	}
	t.Logf("%d of %d cycles had a server; calls: %v", booted.Load(), cycles, mini.Counts())
}

// cycle boots a machine, asking up to three times as the agent does in three rounds, and deletes it. Every second has a
// volume. It says whether there was a server.
func cycle(t *testing.T, cloud *openstack.Cloud, machine openstack.Machine, n int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if n%2 == 0 {
		machine.Volume = &openstack.Volume{SizeGiB: 1}
	}
	request := openstack.Boot{Cluster: ours, Intent: fmt.Sprintf("a-%010d", n), Machine: machine}
	var server openstack.Server
	for range 3 {
		made, err := cloud.Boot(ctx, request)
		if err == nil {
			server = made
			break
		}
		if kind := openstack.KindOf(err); ctx.Err() != nil || kind == openstack.Invalid || kind == openstack.NotFound {
			t.Errorf("cycle %d: booting: %v", n, err)
		}
	}
	if err := cloud.Delete(ctx, ours, request.Intent, server.ID); err != nil && ctx.Err() != nil {
		t.Errorf("cycle %d: deleting: %v", n, err)
	}
	return server.ID != ""
}

// sweep removes what is left, as the agent's sweeper does: in rounds, with failures, servers before what they use.
func sweep(t *testing.T, cloud *openstack.Cloud) {
	t.Helper()
	for range 200 {
		left, err := cloud.Leftovers(context.Background(), ours)
		if err != nil {
			continue
		}
		if left = ofMachines(left); len(left) == 0 {
			return
		}
		slices.SortFunc(left, func(a, b openstack.Leftover) int { return -strings.Compare(a.Kind, b.Kind) })
		for _, l := range left {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			_ = cloud.Remove(ctx, l) // the next round tries again
			cancel()
		}
	}
	t.Error("200 rounds of sweeping did not remove all")
}

// ofMachines are those that say of which machine they are; the others are an operator's to remove.
func ofMachines(all []openstack.Leftover) []openstack.Leftover {
	return slices.DeleteFunc(all, func(l openstack.Leftover) bool { return l.Intent == "" })
}

// TestHangs has calls that get no answer, of which one in two was carried out.
func TestHangs(t *testing.T) {
	mini := startMini(t, ministack.Options{Seed: 5})
	config := miniConfig(t, mini)
	machine := machineOn(t, connect(t, config))
	config.CallTimeout, config.Poll = time.Second, time.Millisecond
	cloud := connect(t, config)
	for n := range 2 {
		fault := ministack.Fault{Effect: ministack.Hang, Done: n%2 == 0}
		mini.Fail(ministack.CreatePort, 1, fault)
		mini.Fail(ministack.CreateServer, 1, fault)
		mini.Fail(ministack.DeleteServer, 1, fault)
		server, err := cloud.Boot(context.Background(), openstack.Boot{Cluster: ours, Intent: fmt.Sprintf("a-%010d", n), Machine: machine})
		if fault.Done != (err == nil) || err != nil && openstack.KindOf(err) != openstack.Unclear {
			t.Errorf("made %v: %+v, %v", fault.Done, server, err)
		}
		if err := cloud.Delete(context.Background(), ours, fmt.Sprintf("a-%010d", n), server.ID); err != nil {
			t.Error(err)
		}
		mini.Heal()
	}
	if left, err := cloud.Leftovers(context.Background(), ours); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}
