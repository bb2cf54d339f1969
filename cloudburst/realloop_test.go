package cloudburst_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

const (
	realCluster  = "realloop"
	realPatience = 5 * time.Minute
	realFlavor   = "m1.slow" // stays in BUILD for 15 s
	realMachines = 2
)

// queue is a scheduler in whose queue so many tasks wait, each as large as a machine.
type queue struct {
	tasks atomic.Int32
	why   atomic.Value // what is done about them
}

func (q *queue) Demand(ctx context.Context, seen string, wait time.Duration) (*cloudburst.Demand, error) {
	n := int(q.tasks.Load())
	d := &cloudburst.Demand{Version: strconv.Itoa(n), At: time.Now(), Connected: true}
	if d.Version == seen {
		select {
		case <-time.After(min(wait, 100*time.Millisecond)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if n > 0 {
		d.Waiting = []cloudburst.Waiting{{Run: "r", Step: "s", Tasks: n, Since: time.Now().Add(-time.Minute), Reason: "no_agents",
			Need: cloudburst.Resources{CPUs: 1, MemBytes: 100 << 20}, UsualSeconds: 3600, Burst: cloudburst.Burst{Allow: true}}}
	}
	return d, nil
}

func (*queue) Cordon(context.Context, string, string, time.Duration) error { return nil }
func (*queue) Uncordon(context.Context, string) error                      { return nil }

func (q *queue) Report(_ context.Context, r *cloudburst.Report) error {
	for _, w := range r.Waiting {
		q.why.Store(w.Why)
	}
	return nil
}

// noMaster is a master at which no machine ever registers: those of a fake hypervisor run nothing.
type noMaster struct{}

func (noMaster) Agents(context.Context) ([]master.Agent, error)   { return nil, nil }
func (noMaster) Tasks(context.Context, string) (int, error)       { return 0, nil }
func (noMaster) Deactivate(_ context.Context, agent string) error { return master.ErrUnknownAgent }
func (noMaster) Reactivate(_ context.Context, agent string) error { return master.ErrUnknownAgent }
func (noMaster) Drain(_ context.Context, agent string) error      { return master.ErrUnknownAgent }

// realLoop runs agents, one after another, against a real OpenStack whose services are stopped and started meanwhile.
type realLoop struct {
	t     *testing.T
	ctx   context.Context
	dir   string // STATE of the OpenStack
	cloud *openstack.Cloud
	cfg   cloudburst.Config
	kill  func() // ends the agent that runs
	said  bytes.Buffer
}

func (l *realLoop) run(program string, args ...string) {
	l.t.Helper()
	cmd := exec.Command(filepath.Join("..", ".ci", "openstack", program), args...)
	cmd.Env = append(os.Environ(), "STATE="+l.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

func (l *realLoop) crash(daemons ...string) {
	l.t.Helper()
	l.run("down", append([]string{"--signal=KILL"}, daemons...)...)
}

// begin starts an agent that knows nothing.
func (l *realLoop) begin() {
	ctx, cancel := context.WithCancel(l.ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = cloudburst.New(l.cfg).Run(ctx)
	}()
	l.kill = func() {
		cancel()
		<-over
	}
}

// until looks at the servers until they are as wanted. At no time are there two of one intent, or more than asked for.
func (l *realLoop) until(what string, good func([]openstack.Server) bool) {
	l.t.Helper()
	var last []openstack.Server
	for {
		found, err := l.cloud.Servers(l.ctx, realCluster)
		if err == nil {
			last = found
		}
		intents, living := map[string]int{}, 0
		for _, s := range found {
			if intents[s.Metadata[vm.KeyIntent]]++; intents[s.Metadata[vm.KeyIntent]] > 1 {
				l.t.Fatalf("there are two of %s", s.Metadata[vm.KeyIntent])
			}
			if s.Status != "ERROR" && s.Task != "deleting" {
				living++
			}
		}
		if living > realMachines {
			l.t.Fatalf("there are %d servers, not %d: %v", living, realMachines, found)
		}
		if err == nil && good(found) {
			return
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-l.ctx.Done():
			l.t.Fatalf("waited in vain until %s: %v (%v)", what, last, err)
		}
	}
}

// count is how many servers fulfil a condition.
func count(found []openstack.Server, is func(openstack.Server) bool) (n int) {
	for _, s := range found {
		if is(s) {
			n++
		}
	}
	return n
}

func newRealLoop(t *testing.T, q *queue) *realLoop {
	t.Helper()
	file := os.Getenv("SPILLWAY_TEST_OPENSTACK")
	if file == "" || os.Getenv("SPILLWAY_TEST_OPENSTACK_FAULTS") == "" {
		t.Skip("SPILLWAY_TEST_OPENSTACK and SPILLWAY_TEST_OPENSTACK_FAULTS name no real OpenStack whose services may be stopped (make test-openstack has one)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	t.Cleanup(cancel)
	connected, err := openstack.Connect(ctx, openstack.Config{Entry: "burst", File: file, Poll: 200 * time.Millisecond, CallTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := connected.Resolve(ctx, openstack.Wanted{Flavors: []openstack.FlavorWish{{Name: realFlavor}},
		Image: openstack.ImageWish{Name: "tiny"}, Networks: []string{"burst-net"}})
	if err != nil || len(resolved.Problems) > 0 {
		t.Fatal(err, resolved.Problems)
	}
	l := &realLoop{t: t, ctx: ctx, dir: filepath.Dir(file), cloud: connected}
	t.Cleanup(func() { // after the last agent has ended
		if t.Failed() {
			t.Logf("the agents said of what waits: %v; and:\n%s", q.why.Load(), l.said.String())
		}
	})
	flavor := planner.Flavor{Cloud: "real", Name: realFlavor, VCPUs: 1, MemMiB: 512, Resources: spec.Resources{CPUs: 1000, Mem: 400, Disk: 500}}
	l.cfg = cloudburst.Config{
		Cluster: realCluster, Holder: "test", Scheduler: q, Master: noMaster{}, Interval: 500 * time.Millisecond, Unclear: 10 * time.Second,
		Log:        slog.New(slog.NewTextHandler(&l.said, nil)),
		SweepEvery: 5 * time.Second, SweepGrace: 20 * time.Second,
		Clouds: []cloudburst.CloudConfig{{Name: "real", API: connected, CallTimeout: 5 * time.Second, WorkTimeout: 20 * time.Second}},
		Pools: []cloudburst.Pool{{
			Pool: planner.Pool{Name: "batch", Flavors: []planner.Flavor{flavor}, Afterwards: vm.Delete, Lease: time.Hour, Idle: time.Second,
				Boot: planner.BootTime{Default: 20 * time.Second}, Caps: planner.Caps{VMs: realMachines}},
			Deadlines: vm.Deadlines{Requested: time.Minute, Building: time.Minute, Active: 15 * time.Second, Leaving: time.Minute},
		}},
		Prepare: func(context.Context, cloudburst.Order) (openstack.Boot, error) {
			b := openstack.Boot{Machine: resolved.Machine}
			b.Machine.Flavor = resolved.Flavors[0].ID
			return b, nil
		},
	}
	return l
}

// TestRealLoopSurvivesServices stops the services of a real OpenStack under the agent, and kills the agent at the same time:
// the machines come all the same, no one twice, and when nobody wants them any more nothing of them is left.
func TestRealLoopSurvivesServices(t *testing.T) {
	q := &queue{}
	l := newRealLoop(t, q)
	t.Cleanup(func() { l.run("up") })
	l.begin()
	t.Cleanup(func() { l.kill() })
	q.tasks.Store(realMachines)
	l.until("a server is built", func(found []openstack.Server) bool {
		return count(found, func(s openstack.Server) bool { return s.Task == "spawning" }) == realMachines
	})
	l.crash("nova-compute-fake-1", "nova-compute-fake-2")
	l.kill()
	l.begin()
	l.crash("rabbitmq")
	l.run("up")
	l.crash("keystone", "nova-api")
	l.kill()
	l.begin()
	l.run("up")
	l.until("the servers run", func(found []openstack.Server) bool {
		return count(found, func(s openstack.Server) bool { return s.Status == "ACTIVE" }) == realMachines
	})
	q.tasks.Store(0)
	l.until("all that was made is gone", func([]openstack.Server) bool {
		left, err := l.cloud.Leftovers(l.ctx, realCluster)
		return err == nil && len(left) == 0
	})
}
