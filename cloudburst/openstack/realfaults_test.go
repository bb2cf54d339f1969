package openstack_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	goopenstack "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/userdata"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// The tests of this file want the real OpenStack of .ci/openstack, with its fake hypervisor. make test-openstack runs
// them; they run one after another, since some stop services that others need.

const (
	// realPatience is how long a test waits for the real one.
	realPatience = 3 * time.Minute
	// clusterOfFaults is the tag of all that is made here.
	clusterOfFaults = "faults"
)

// realCloud connects with an OpenStack of .ci/openstack as the project's user.
func realCloud(t *testing.T, with func(*openstack.Config)) (*openstack.Cloud, context.Context) {
	t.Helper()
	file := os.Getenv("SPILLWAY_TEST_OPENSTACK")
	if file == "" {
		t.Skip("SPILLWAY_TEST_OPENSTACK names no clouds.yaml of a real OpenStack (make test-openstack has one)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	t.Cleanup(cancel)
	c := openstack.Config{Entry: "burst", File: file, Poll: 200 * time.Millisecond}
	if with != nil {
		with(&c)
	}
	cloud, err := openstack.Connect(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return cloud, ctx
}

// stack is an OpenStack whose services may be stopped.
type stack struct {
	t      *testing.T
	dir    string // its STATE
	broken bool   // something was stopped, and not started again
}

// faultyStack is the one that was brought up for this; whatever a test does to it is repaired at the end.
func faultyStack(t *testing.T) *stack {
	t.Helper()
	file := os.Getenv("SPILLWAY_TEST_OPENSTACK")
	if file == "" || os.Getenv("SPILLWAY_TEST_OPENSTACK_FAULTS") == "" {
		t.Skip("SPILLWAY_TEST_OPENSTACK and SPILLWAY_TEST_OPENSTACK_FAULTS name no real OpenStack whose services may be stopped (make test-openstack has one)")
	}
	s := &stack{t: t, dir: filepath.Dir(file)}
	t.Cleanup(func() {
		if s.broken {
			s.up()
		}
	})
	return s
}

func (s *stack) run(program string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join("..", "..", ".ci", "openstack", program), args...)
	cmd.Env = append(os.Environ(), "STATE="+s.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

// up starts what was stopped.
func (s *stack) up(args ...string) {
	s.t.Helper()
	s.run("up", args...)
	s.broken = false
}

// crash ends daemons as a power cut does.
func (s *stack) crash(daemons ...string) {
	s.t.Helper()
	s.broken = true
	s.run("down", append([]string{"--signal=KILL"}, daemons...)...)
}

// computes are the daemons of the fake hypervisor.
var computes = []string{"nova-compute-fake-1", "nova-compute-fake-2"}

// boots is a request for one small machine; what is left of it at the end is deleted.
func boots(t *testing.T, cloud *openstack.Cloud, ctx context.Context, flavor string, data []byte) openstack.Boot {
	t.Helper()
	resolved, err := cloud.Resolve(ctx, openstack.Wanted{
		Flavors: []openstack.FlavorWish{{Name: flavor}}, Image: openstack.ImageWish{Name: "tiny"},
		Networks: []string{"burst-net"}, SecurityGroups: []string{"burst-sg"}, KeyPair: "burst-key",
	})
	if err != nil || len(resolved.Problems) > 0 {
		t.Fatalf("%v, %v", err, resolved.Problems)
	}
	b := openstack.Boot{Cluster: clusterOfFaults, Intent: "batch-" + strings.ToLower(rand.Text()[:10]), UserData: data,
		Metadata: map[string]string{vm.KeyPool: "batch", vm.KeyFlavor: flavor}, Machine: resolved.Machine}
	b.Machine.Flavor = resolved.Flavors[0].ID
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), realPatience)
		defer cancel()
		if err := cloud.Delete(ctx, b.Cluster, b.Intent, ""); err != nil {
			t.Errorf("deleting the machine: %v", err)
		}
		nothingLeft(t, cloud, ctx)
	})
	return b
}

// nothingLeft waits until nothing is listed any more: Nova lists a server for a moment after it is deleted.
func nothingLeft(t *testing.T, cloud *openstack.Cloud, ctx context.Context) {
	t.Helper()
	for {
		left, err := cloud.Leftovers(ctx, clusterOfFaults)
		if err == nil && len(left) == 0 {
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			t.Errorf("left behind: %v, %v", left, err)
			return
		}
	}
}

// theOne is the only server of the cluster.
func theOne(t *testing.T, cloud *openstack.Cloud, ctx context.Context, b openstack.Boot) openstack.Server {
	t.Helper()
	found, err := cloud.Servers(ctx, b.Cluster)
	if err != nil || len(found) != 1 || found[0].Metadata[vm.KeyIntent] != b.Intent {
		t.Fatalf("the cluster's servers are %v (%v), not one of %s", found, err, b.Intent)
	}
	return found[0]
}

// until waits for the server of an intent to be as wanted.
func until(t *testing.T, cloud *openstack.Cloud, ctx context.Context, b openstack.Boot, good func(openstack.Server) bool) openstack.Server {
	t.Helper()
	for {
		s := theOne(t, cloud, ctx, b)
		if good(s) {
			return s
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the server stays %s %s (%s)", s.Status, s.Task, s.Fault)
		}
	}
}

func isActive(s openstack.Server) bool { return s.Status == "ACTIVE" }

func isBuilt(s openstack.Server) bool { return s.Status == "ACTIVE" || s.Status == "ERROR" }

func wantKind(t *testing.T, what string, err error, want openstack.Kind) {
	t.Helper()
	if openstack.KindOf(err) != want {
		t.Errorf("%s: %v, which is %q, not %q", what, err, openstack.KindOf(err), want)
	}
}

// bootAgain asks for the machine once more, now that all is well, and has it deleted at the end of the test.
func bootAgain(t *testing.T, cloud *openstack.Cloud, ctx context.Context, b openstack.Boot) openstack.Server {
	t.Helper()
	s, err := cloud.Boot(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	if found := theOne(t, cloud, ctx, b); found.ID != s.ID {
		t.Fatalf("it answers %s, and there is %s", s.ID, found.ID)
	}
	return s
}

func TestRealKeystoneRestarts(t *testing.T) {
	s := faultyStack(t)
	cloud, ctx := realCloud(t, nil)
	b := boots(t, cloud, ctx, "m1.nano", nil)
	s.crash("keystone")
	_, err := openstack.Connect(ctx, openstack.Config{Entry: "burst", File: os.Getenv("SPILLWAY_TEST_OPENSTACK")})
	wantKind(t, "logging in", err, openstack.Unclear)
	// Other services remember a token for some seconds, and each its own. Whatever becomes of the boot, it is no more than one.
	if _, err := cloud.Boot(ctx, b); err != nil {
		wantKind(t, "booting", err, openstack.Unclear)
	}
	s.up()
	bootAgain(t, cloud, ctx, b)
	until(t, cloud, ctx, b, isBuilt)
}

func TestRealNovaRestarts(t *testing.T) {
	s := faultyStack(t)
	cloud, ctx := realCloud(t, nil)
	b := boots(t, cloud, ctx, "m1.nano", nil)
	s.crash("nova-api")
	_, err := cloud.Servers(ctx, b.Cluster)
	wantKind(t, "listing", err, openstack.Unclear)
	_, err = cloud.Boot(ctx, b)
	wantKind(t, "booting", err, openstack.Unclear)
	s.up()
	nothingLeft(t, cloud, ctx)
	server := bootAgain(t, cloud, ctx, b)
	until(t, cloud, ctx, b, isActive)
	s.crash("nova-api")
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	wantKind(t, "deleting", cloud.Delete(short, b.Cluster, b.Intent, server.ID), openstack.Unclear)
	s.up()
	theOne(t, cloud, ctx, b)
}

// A create hangs without RabbitMQ, and yet the server is there.
func TestRealRabbitMQRestarts(t *testing.T) {
	s := faultyStack(t)
	cloud, ctx := realCloud(t, func(c *openstack.Config) { c.CallTimeout = 5 * time.Second })
	b := boots(t, cloud, ctx, "m1.nano", nil)
	s.crash("rabbitmq")
	server, err := cloud.Boot(ctx, b)
	if err != nil || server.Status != "BUILD" {
		t.Errorf("the server that was made is not found: %v, %v", server, err)
	}
	again, err := cloud.Boot(ctx, b)
	if err != nil || again.ID != server.ID {
		t.Errorf("asked again it is %v, %v", again, err)
	}
	s.up()
	until(t, cloud, ctx, b, isBuilt)
}

// A compute host that dies in the middle of a build leaves the server in BUILD for as long as it is away, and in ERROR when
// it is back. It is one server all the time, and can be deleted.
func TestRealComputeDiesDuringBuild(t *testing.T) {
	s := faultyStack(t)
	cloud, ctx := realCloud(t, nil)
	b := boots(t, cloud, ctx, "m1.slow", nil)
	server, err := cloud.Boot(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	until(t, cloud, ctx, b, func(s openstack.Server) bool { return s.Task == "spawning" })
	s.crash(computes...)
	if again := bootAgain(t, cloud, ctx, b); again.ID != server.ID || again.Status != "BUILD" {
		t.Errorf("without its host it is %v", again)
	}
	s.up()
	after := until(t, cloud, ctx, b, isBuilt)
	t.Logf("when the host is back it is %s (%s)", after.Status, after.Fault)
}

// A server whose host is away is deleted at once, and is not there when the host is back.
func TestRealComputeIsAwayDuringDelete(t *testing.T) {
	s := faultyStack(t)
	cloud, ctx := realCloud(t, nil)
	b := boots(t, cloud, ctx, "m1.slow", nil)
	server, err := cloud.Boot(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	until(t, cloud, ctx, b, func(s openstack.Server) bool { return s.Task == "spawning" })
	s.crash(computes...)
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// Nova deletes it by itself once it has noticed that the host is down, and leaves it to the host before.
	if err := cloud.Delete(short, b.Cluster, b.Intent, server.ID); err != nil {
		wantKind(t, "deleting", err, openstack.Unclear)
	}
	s.up()
	if err := cloud.Delete(ctx, b.Cluster, b.Intent, server.ID); err != nil {
		t.Error(err)
	}
	nothingLeft(t, cloud, ctx)
}

// Many callers at a time notice nothing of tokens that expire.
func TestRealTokensExpire(t *testing.T) {
	const ttl = 5 * time.Second
	s := faultyStack(t)
	s.crash("keystone")
	s.up("--token-ttl=5")
	t.Cleanup(func() { s.crash("keystone") }) // the repair gives tokens their usual life
	cloud, ctx := realCloud(t, nil)
	b := boots(t, cloud, ctx, "m1.nano", nil)
	over := time.Now().Add(3 * ttl)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for time.Now().Before(over) && ctx.Err() == nil {
				if _, err := cloud.Servers(ctx, b.Cluster); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	server := bootAgain(t, cloud, ctx, b)
	until(t, cloud, ctx, b, isActive)
	callers.Wait()
	if err := cloud.SetMetadata(ctx, server.ID, map[string]string{vm.KeyDrainReason: "enough"}); err != nil {
		t.Error(err)
	}
}

// What Nova keeps as user-data is, byte for byte, what was rendered, and says which agent it makes.
func TestRealUserData(t *testing.T) {
	cloud, ctx := realCloud(t, nil)
	machine := userdata.Machine{Masters: []string{"10.77.0.1:5050"}, VM: "batch-abcdefghij", Pool: "batch", Cloud: "burst",
		Attributes: map[string]string{"rack": "r1"}, Region: "burst", Zone: "nova", Extra: "#cloud-config\nruncmd: [[echo, naïve]]\n"}
	rendered, err := userdata.Render(machine)
	if err != nil {
		t.Fatal(err)
	}
	for what, sent := range map[string][]byte{
		"a rendered cloud-config":       rendered,
		"what looks like base64":        []byte("aGVsbG8="),
		"as many bytes as there can be": allBytes(userdata.Limit / 4 * 3),
	} {
		t.Run(what, func(t *testing.T) {
			b := boots(t, cloud, ctx, "m1.nano", sent)
			server := bootAgain(t, cloud, ctx, b)
			kept := userDataOf(t, ctx, server.ID)
			if !bytes.Equal(kept, sent) {
				t.Fatalf("Nova keeps %d bytes, %.60q, of %d, %.60q", len(kept), kept, len(sent), sent)
			}
			if bytes.Equal(sent, rendered) {
				masters, attributes, err := userdata.Read(kept)
				if err != nil || masters[0] != machine.Masters[0] || attributes[userdata.AttributeVM] != machine.VM || attributes["rack"] != "r1" {
					t.Errorf("it makes %v %v, %v", masters, attributes, err)
				}
			}
		})
	}
}

func allBytes(n int) []byte {
	all := make([]byte, n)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// userDataOf asks Nova for a server's user-data, which it tells to administrators only, since microversion 2.3.
func userDataOf(t *testing.T, ctx context.Context, id string) []byte {
	t.Helper()
	auth, endpoint, tls, err := clouds.Parse(clouds.WithCloudName("admin"), clouds.WithLocations(os.Getenv("SPILLWAY_TEST_OPENSTACK")))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := config.NewProviderClient(ctx, auth, config.WithTLSConfig(tls))
	if err != nil {
		t.Fatal(err)
	}
	nova, err := goopenstack.NewComputeV2(provider, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	nova.Microversion = "2.3"
	var answer struct {
		Server struct {
			UserData string `json:"OS-EXT-SRV-ATTR:user_data"`
		}
	}
	if _, err := nova.Get(ctx, nova.ServiceURL("servers", id), &answer, &gophercloud.RequestOpts{}); err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(answer.Server.UserData)
	if err != nil {
		t.Fatal(fmt.Errorf("decoding the user-data: %w", err))
	}
	return data
}
