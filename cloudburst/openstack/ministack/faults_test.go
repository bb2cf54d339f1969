package ministack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

// Whether a call was carried out is left open by its answer.
func TestLostAnswers(t *testing.T) {
	for _, test := range []struct {
		fault Fault
		made  int
		code  int // 0: there is no answer
	}{
		{Fault{Effect: Unavailable}, 0, 503},
		{Fault{Effect: Unavailable, Done: true}, 1, 503},
		{Fault{Effect: Break}, 0, 0},
		{Fault{Effect: Break, Done: true}, 1, 0},
		{Fault{Effect: TooMany}, 0, 429},
		{Fault{Effect: OverQuota}, 0, 403},
	} {
		c := start(t, Options{})
		k := logIn(t, c)
		c.Fail(CreateServer, 1, test.fault)
		_, err := servers.Create(k.ctx, k.compute, k.opts("one"), nil).Extract()
		if err == nil || gophercloud.ResponseCodeIs(err, test.code) != (test.code != 0) {
			t.Errorf("%+v: %v, want %d", test.fault, err, test.code)
		}
		if got := len(c.Servers()); got != test.made {
			t.Errorf("%+v: %d servers, want %d", test.fault, got, test.made)
		}
		k.create(k.opts("two")) // it was one call
		calls := c.History()
		if last := calls[len(calls)-2]; last.Kind != CreateServer || last.Fault != test.fault.Effect || last.User != "burst" && test.fault.Done {
			t.Errorf("%+v: remembered as %+v", test.fault, last)
		}
		if got := c.Count(CreateServer); got != 2 {
			t.Errorf("%+v: %d calls counted, want 2", test.fault, got)
		}
	}
}

func TestHang(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	c.Fail(CreateServer, 1, Fault{Effect: Hang, Done: true})
	ctx, giveUp := context.WithCancel(k.ctx)
	ended := make(chan error)
	go func() {
		_, err := servers.Create(ctx, k.compute, k.opts("one"), nil).Extract()
		ended <- err
	}()
	for deadline := time.Now().Add(patience); len(c.Servers()) == 0; { // the server is there before the client knows
		if time.Now().After(deadline) {
			t.Fatal("no server is made")
		}
		k.is("not there", "")
	}
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	c.Fail(ListPorts, 1, Fault{Effect: TooMany, RetryAfter: 7 * time.Second})
	_, err := ports.List(k.network, ports.ListOpts{}).AllPages(k.ctx)
	var answer gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &answer) || answer.Actual != 429 || answer.ResponseHeader.Get("Retry-After") != "7" {
		t.Errorf("got %v, %v", err, answer.ResponseHeader)
	}
}

func TestFaultsOfBuilds(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	made := func(fault Fault) *servers.Server {
		c.Fail(CreateServer, 1, fault)
		id := k.create(k.opts("one"))
		k.pass(time.Hour)
		return k.get(id)
	}
	if s := made(Fault{Effect: NoHost}); s.Status != "ERROR" || s.Fault.Message != "No valid host was found. " {
		t.Errorf("%s, %q", s.Status, s.Fault.Message)
	}
	if s := made(Fault{Effect: BuildFails, Text: "the disk is full"}); s.Status != "ERROR" || !strings.HasSuffix(s.Fault.Message, " aborted: the disk is full") {
		t.Errorf("%s, %q", s.Status, s.Fault.Message)
	}
	if len(c.Ports()) != 0 {
		t.Errorf("ports are left: %v", c.Ports())
	}
	hanging := made(Fault{Effect: BuildHangs})
	if hanging.Status != "BUILD" || hanging.TaskState != taskSpawning {
		t.Errorf("%s, %s", hanging.Status, hanging.TaskState)
	}
	k.remove(hanging.ID)
	k.pass(c.opts.ActionTime)
	k.is(hanging.ID, "")
}

func TestFaultsOfDeletions(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	id := k.active("one")
	c.Fail(DeleteServer, 1, Fault{Effect: Ignore})
	k.remove(id)
	k.pass(time.Hour)
	k.is(id, "ACTIVE")
	c.Fail(DeleteServer, 1, Fault{Effect: Conflict})
	k.refused(servers.Delete(k.ctx, k.compute, id).ExtractErr(), 409, id)
	c.Fail(DeleteServer, 1, Fault{Effect: PortStays})
	k.remove(id)
	k.pass(c.opts.ActionTime)
	k.is(id, "")
	left := c.Ports()
	if len(left) != 1 || left[0].Device != id {
		t.Fatalf("ports left: %+v", left)
	}
	c.Fail(DeletePort, 1, Fault{Effect: Ignore})
	for _, want := range []int{1, 0} {
		must(t, ports.Delete(k.ctx, k.network, left[0].ID).ExtractErr())
		if got := len(c.Ports()); got != want {
			t.Errorf("%d ports, want %d", got, want)
		}
	}
	volume := k.newVolume("one")
	k.pass(c.opts.ActionTime)
	c.Fail(DeleteVolume, 1, Fault{Effect: Ignore})
	must(t, volumes.Delete(k.ctx, k.volume, volume, nil).ExtractErr())
	k.pass(time.Hour)
	k.volumeIs(volume, "available")
}

// gophercloud logs in again when a token has gone bad.
func TestExpiryInTheMiddle(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	c.Fail(CreateServer, 1, Fault{Effect: Expire})
	k.create(k.opts("one"))
	if got := c.Counts(); got[CreateToken] != 2 || got[CreateServer] != 2 || len(c.Servers()) != 1 {
		t.Errorf("%v, %d servers", got, len(c.Servers()))
	}
}

func TestFaultsMustSuit(t *testing.T) {
	c := start(t, Options{})
	defer func() {
		if recover() == nil {
			t.Error("a list can have no room")
		}
	}()
	c.Fail(ListServers, 1, Fault{Effect: NoHost})
}

func TestFaultsAtRandom(t *testing.T) {
	run := func(seed uint64, kinds ...Kind) (codes string) {
		c := start(t, Options{Seed: seed})
		k := logIn(t, c)
		c.FailAtRandom(0.3, []Fault{{Effect: Unavailable}, {Effect: TooMany}, {Effect: NoHost}}, kinds...)
		for range 200 {
			code, _ := k.raw(http.MethodGet, "servers", "")
			codes += fmt.Sprint(code, " ")
		}
		c.Heal()
		if code, _ := k.raw(http.MethodGet, "servers", ""); code != 200 {
			t.Errorf("healed: %d", code)
		}
		return codes
	}
	first := run(1)
	if n := strings.Count(first, "503") + strings.Count(first, "429"); n < 40 || n > 80 {
		t.Errorf("%d of 200 calls failed, want about 60", n)
	}
	if run(1) != first {
		t.Error("equal seeds, other faults")
	}
	if run(2) == first {
		t.Error("other seeds, equal faults")
	}
	if got := run(1, CreateServer); strings.Count(got, "200") != 200 {
		t.Errorf("calls failed that are not of the kind: %s", got)
	}
}

func TestBystanders(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	c.AddBystander("web", nil)
	c.AddBystander("spillway-other-peak-1", map[string]string{"spillway_cluster": "other"})
	before := fmt.Sprint(c.Servers(), c.Ports(), c.Volumes())
	names, _ := k.list(servers.ListOpts{})
	if len(names) != 2 || len(c.Ports()) != 4 || len(c.Volumes()) != 2 {
		t.Errorf("%v, %v, %v", names, c.Ports(), c.Volumes())
	}
	mine := k.active("mine")
	k.remove(mine)
	k.pass(c.opts.ActionTime)
	if got := fmt.Sprint(c.Servers(), c.Ports(), c.Volumes()); got != before || c.Touched() != nil {
		t.Errorf("touched %v:\n%s\n%s", c.Touched(), before, got)
	}
	k.remove(c.Servers()[0].ID)
	must(t, ports.Delete(k.ctx, k.network, c.Ports()[0].ID).ExtractErr())
	must(t, volumes.Delete(k.ctx, k.volume, c.Volumes()[0].ID, nil).ExtractErr())
	if got := c.Touched(); len(got) != 3 {
		t.Errorf("touched %q", got)
	}
}

// A client that looks before it asks again leaves nothing behind, whatever
// goes wrong: real time, many at once.
func TestCyclesUnderFaults(t *testing.T) {
	running := make(map[string]bool)
	var mu sync.Mutex
	boot := func(m Machine, _ []byte) (func(), error) {
		mu.Lock()
		defer mu.Unlock()
		if running[m.ID] {
			return nil, errors.New("it runs already")
		}
		running[m.ID] = true
		return func() { mu.Lock(); defer mu.Unlock(); delete(running, m.ID) }, nil
	}
	quota := DefaultQuota()
	quota.Instances, quota.Cores, quota.RAM = -1, -1, -1
	c, err := Start(Options{BuildTime: 3 * time.Millisecond, JoinTime: time.Millisecond, ActionTime: time.Millisecond, Quota: &quota, Boot: boot, Seed: 7})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	c.AddBystander("web", nil)
	k := logIn(t, c)
	c.FailAtRandom(0.3, AllFaults())
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for cycle := range 10 {
				k.cycle(fmt.Sprintf("peak-%d-%d", worker, cycle))
			}
		})
	}
	all.Wait()
	c.Heal()
	for _, p := range c.Ports() {
		if !p.Bystander {
			must(t, ports.Delete(k.ctx, k.network, p.ID).ExtractErr())
		}
	}
	if s, p, v := len(c.Servers()), len(c.Ports()), len(c.Volumes()); s != 1 || p != 2 || v != 1 || c.Touched() != nil {
		t.Errorf("left: %d servers, %d ports, %d volumes; touched %q", s, p, v, c.Touched())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(running) != 0 {
		t.Errorf("machines run on without servers: %v", running)
	}
}

// cycle makes a server if there is none, and deletes until there is none.
func (k *client) cycle(name string) {
	opts := k.opts(name)
	for len(k.find(name)) == 0 {
		_, err := servers.Create(k.ctx, k.compute, opts, nil).Extract()
		if err == nil {
			break
		}
	}
	for {
		found := k.find(name)
		if len(found) == 0 {
			return
		}
		for _, id := range found {
			_ = servers.Delete(k.ctx, k.compute, id).ExtractErr() // it is looked again
		}
	}
}

// find looks until there is an answer.
func (k *client) find(name string) []string {
	for {
		page, err := servers.List(k.compute, servers.ListOpts{Name: "^" + name + "$"}).AllPages(k.ctx)
		if k.ctx.Err() != nil {
			k.Error("out of patience")
			return nil
		}
		if err != nil {
			continue
		}
		list, err := servers.ExtractServers(page)
		if err != nil {
			k.Error(err)
		}
		var ids []string
		for _, s := range list {
			ids = append(ids, s.ID)
		}
		return ids
	}
}
