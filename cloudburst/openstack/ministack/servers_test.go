package ministack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/usage"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

func TestAServersLife(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	opts := k.opts("spillway-lisa-peak-1")
	opts.Metadata = map[string]string{"spillway_vm": "peak-1"}
	opts.UserData = []byte("#cloud-config\n")
	opts.ConfigDrive = new(bool)
	*opts.ConfigDrive = true
	id := k.create(opts)
	s := k.get(id)
	if s.Status != "BUILD" || s.TaskState != taskScheduling || s.HostID != "" || len(s.Addresses) != 0 || !s.LaunchedAt.IsZero() {
		t.Errorf("at once: %+v", s)
	}
	k.pass(c.opts.BuildTime / 10)
	if s := k.get(id); s.TaskState != taskSpawning || s.HostID == "" || s.AvailabilityZone != "nova" {
		t.Errorf("with a host: %+v", s)
	}
	k.pass(c.opts.BuildTime)
	s = k.get(id)
	if s.Status != "ACTIVE" || s.TaskState != "" || s.PowerState != servers.RUNNING || len(s.Addresses["burst-net"].([]any)) != 1 || !s.ConfigDrive ||
		!s.LaunchedAt.Equal(startOfTime.Add(c.opts.BuildTime)) || s.Metadata["spillway_vm"] != "peak-1" {
		t.Errorf("built: %+v", s)
	}
	if got := c.Servers()[0]; string(got.UserData) != "#cloud-config\n" || got.Boots != 1 {
		t.Errorf("from outside: %+v", got)
	}
	for _, step := range []struct {
		do           func() error
		task, status string
		wait         time.Duration
	}{
		{func() error { return servers.Stop(k.ctx, k.compute, id).ExtractErr() }, taskPoweringOff, "SHUTOFF", c.opts.ActionTime},
		{func() error { return servers.Start(k.ctx, k.compute, id).ExtractErr() }, taskPoweringOn, "ACTIVE", c.opts.ActionTime},
		{func() error {
			return servers.Reboot(k.ctx, k.compute, id, servers.RebootOpts{Type: servers.HardReboot}).ExtractErr()
		},
			taskRebooting, "ACTIVE", c.opts.ActionTime},
		{func() error { return servers.Shelve(k.ctx, k.compute, id).ExtractErr() }, taskShelving, "SHELVED_OFFLOADED", c.opts.ActionTime},
		{func() error { return servers.Unshelve(k.ctx, k.compute, id, servers.UnshelveOpts{}).ExtractErr() }, taskUnshelving, "ACTIVE", c.opts.ActionTime + c.opts.BuildTime},
		{func() error { return servers.Delete(k.ctx, k.compute, id).ExtractErr() }, taskDeleting, "", c.opts.ActionTime},
	} {
		must(t, step.do())
		if s := k.get(id); s.TaskState != step.task {
			t.Errorf("task %q, want %q", s.TaskState, step.task)
		}
		k.pass(step.wait)
		k.is(id, step.status)
	}
	if left := c.Ports(); len(left) != 0 {
		t.Errorf("ports left: %v", left)
	}
	if len(c.images) != 1 {
		t.Errorf("%d images, want the one that was there: a snapshot is left", len(c.images))
	}
}

// What Nova refuses is refused in the same words.
func TestWrongStates(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	building := k.create(k.opts("building"))
	k.pass(c.opts.BuildTime / 10)
	act := func(id, what string) error {
		switch what {
		case "start":
			return servers.Start(k.ctx, k.compute, id).ExtractErr()
		case "stop":
			return servers.Stop(k.ctx, k.compute, id).ExtractErr()
		case "unshelve":
			return servers.Unshelve(k.ctx, k.compute, id, servers.UnshelveOpts{}).ExtractErr()
		case "update metadata":
			_, err := servers.UpdateMetadata(k.ctx, k.compute, id, servers.MetadataOpts{"a": "b"}).Extract()
			return err
		}
		panic(what)
	}
	wrong := func(id, what, attribute, state string) {
		t.Helper()
		k.refused(act(id, what), 409, "Cannot '"+what+"' instance "+id+" while it is in "+attribute+" "+state)
	}
	wrong(building, "update metadata", "vm_state", "building")
	wrong(building, "stop", "vm_state", "building")
	active := k.active("active")
	wrong(active, "start", "vm_state", "active")
	wrong(active, "unshelve", "vm_state", "active")
	must(t, act(active, "stop"))
	wrong(active, "stop", "task_state", "powering-off")
	must(t, act(active, "update metadata")) // that no task stands in the way of
	k.pass(c.opts.ActionTime)
	wrong(active, "stop", "vm_state", "stopped")
	shelved := k.active("shelved")
	must(t, servers.Shelve(k.ctx, k.compute, shelved).ExtractErr())
	k.pass(c.opts.ActionTime)
	wrong(shelved, "update metadata", "vm_state", "shelved_offloaded")
	k.refused(act(shelved, "stop"), 409, "Instance "+shelved+" is not ready")
	k.refused(servers.ShelveOffload(k.ctx, k.compute, active).ExtractErr(), 403, "Policy doesn't allow")
	impossible := k.opts("impossible")
	impossible.FlavorRef = k.flavor("m1.impossible")
	failed := k.create(impossible)
	k.pass(c.opts.BuildTime)
	k.is(failed, "ERROR")
	wrong(failed, "update metadata", "vm_state", "error")
	k.refused(act(failed, "stop"), 409, "Instance "+failed+" is not ready")
}

func TestBuildsThatFail(t *testing.T) {
	c := start(t, Options{Zones: []Zone{{Name: "small", VCPUs: 2, RAM: 4096, Disk: 100}}})
	k := logIn(t, c)
	k.active("one")
	k.active("two")
	opts := k.opts("three")
	full := k.create(opts)
	opts.FlavorRef = k.flavor("m1.faulty")
	k.pass(c.opts.BuildTime)
	k.is(full, "ERROR")
	if s := k.get(full); s.Fault.Message != "No valid host was found. " || s.Fault.Code != 500 || s.HostID != "" {
		t.Errorf("fault %+v", s.Fault)
	}
	k.remove(full)
	k.is(full, "") // it is on no host that would have to be asked
	k.remove(c.Servers()[0].ID)
	k.pass(c.opts.ActionTime)
	faulty := k.create(opts)
	k.pass(c.opts.BuildTime)
	if s := k.get(faulty); s.Fault.Message != "Build of instance "+faulty+" aborted: the hypervisor is on fire" {
		t.Errorf("fault %+v", s.Fault)
	}
	if ports := c.Ports(); len(ports) != 1 {
		t.Errorf("%d ports, want that of the server that runs: %v", len(ports), ports)
	}
}

func TestASlowBuild(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	opts := k.opts("slow")
	opts.FlavorRef = k.flavor("m1.slow")
	id := k.create(opts)
	k.pass(15*time.Second - 1)
	k.is(id, "BUILD")
	k.pass(1)
	k.is(id, "ACTIVE")
}

func (k *client) list(opts servers.ListOpts) (names []string, pages int) {
	k.Helper()
	err := servers.List(k.compute, opts).EachPage(k.ctx, func(_ context.Context, page pagination.Page) (bool, error) {
		some, err := servers.ExtractServers(page)
		for _, s := range some {
			names = append(names, s.Name)
		}
		pages++
		return true, err
	})
	must(k, err)
	return names, pages
}

func TestLists(t *testing.T) {
	c := start(t, Options{MaxLimit: 2})
	k := logIn(t, c)
	for i := range 5 {
		k.create(k.opts(fmt.Sprintf("spillway-lisa-%d", i)))
		k.pass(time.Second)
	}
	k.create(k.opts("web"))
	names, pages := k.list(servers.ListOpts{})
	want := []string{"web", "spillway-lisa-4", "spillway-lisa-3", "spillway-lisa-2", "spillway-lisa-1", "spillway-lisa-0"}
	if diff := cmp.Diff(want, names); diff != "" || pages != 3 {
		t.Errorf("%d pages, -want +got:\n%s", pages, diff)
	}
	if names, _ := k.list(servers.ListOpts{Name: "^spillway-lisa-[01]$"}); len(names) != 2 {
		t.Errorf("by name: %v", names)
	}
	if names, _ := k.list(servers.ListOpts{Name: "^WEB"}); len(names) != 1 {
		t.Errorf("by name in capitals: %v", names)
	}
	if names, _ := k.list(servers.ListOpts{Status: "BUILD"}); !slices.Contains(names, "web") {
		t.Errorf("by status: %v", names)
	}
	if names, _ := k.list(servers.ListOpts{Flavor: "other"}); len(names) != 0 {
		t.Errorf("by flavor: %v", names)
	}
	for query, want := range map[string]string{
		"limit=-1": "Invalid input for query parameters limit. Value: -1. '-1' does not match '^[0-9]*$'",
		"marker=x": "marker [x] not found",
		"name=%5B": "Invalid input for query parameters name. Value: [. '[' is not a 'regex'",
	} {
		if code, body := k.raw("GET", "servers/detail?"+query, ""); code != 400 || messageOf(body) != want {
			t.Errorf("%s: %d %s", query, code, body)
		}
	}
}

// A list of what has changed shows what was deleted.
func TestListsOfChanges(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	k.active("here")
	gone := k.active("gone")
	k.remove(gone)
	k.pass(c.opts.ActionTime)
	since := func(at time.Time) []string {
		names, _ := k.list(servers.ListOpts{ChangesSince: at.Format(time.RFC3339)})
		slices.Sort(names)
		return names
	}
	if got := since(startOfTime); !slices.Equal(got, []string{"gone", "here"}) {
		t.Errorf("since the start: %v", got)
	}
	if got := since(startOfTime.Add(c.opts.BuildTime + time.Second)); !slices.Equal(got, []string{"gone"}) {
		t.Errorf("since the first was built: %v", got)
	}
	if got := since(c.Now().Add(time.Hour)); len(got) != 0 {
		t.Errorf("since later: %v", got)
	}
}

// Names are no identities: Nova gives a name as often as one likes.
func TestDuplicateNames(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	if a, b := k.create(k.opts("same")), k.create(k.opts("same")); a == b {
		t.Errorf("one server, %s, for two calls", a)
	}
	names, _ := k.list(servers.ListOpts{Name: "same"})
	if diff := cmp.Diff([]string{"same", "same"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestMetadata(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	id := k.active("one")
	metadata := func() map[string]string {
		m, err := servers.Metadata(k.ctx, k.compute, id).Extract()
		must(t, err)
		return m
	}
	for _, step := range []struct {
		do   func() error
		want map[string]string
	}{
		{func() error {
			return servers.UpdateMetadata(k.ctx, k.compute, id, servers.MetadataOpts{"a": "1", "b": "2"}).Err
		}, map[string]string{"a": "1", "b": "2"}},
		{func() error {
			return servers.CreateMetadatum(k.ctx, k.compute, id, servers.MetadatumOpts{"b": "3"}).Err
		}, map[string]string{"a": "1", "b": "3"}},
		{func() error { return servers.DeleteMetadatum(k.ctx, k.compute, id, "a").ExtractErr() }, map[string]string{"b": "3"}},
		{func() error { return servers.ResetMetadata(k.ctx, k.compute, id, servers.MetadataOpts{"c": "4"}).Err }, map[string]string{"c": "4"}},
	} {
		must(t, step.do())
		if diff := cmp.Diff(step.want, metadata()); diff != "" {
			t.Error(diff)
		}
	}
	k.refused(servers.DeleteMetadatum(k.ctx, k.compute, id, "a").ExtractErr(), 404, "Metadata item was not found")
	many := servers.MetadataOpts{}
	for i := range maxMetadata + 1 {
		many[fmt.Sprint(i)] = "x"
	}
	k.refused(servers.UpdateMetadata(k.ctx, k.compute, id, many).Err, 403, "Maximum number of metadata items exceeds 128")
	long := servers.MetadataOpts{"a": strings.Repeat("x", 256)}
	k.refused(servers.UpdateMetadata(k.ctx, k.compute, id, long).Err, 400, "is too long")
}

func TestQuota(t *testing.T) {
	c := start(t, Options{Quota: &Quota{Instances: 3, Cores: 40, RAM: 6144, Ports: 500, ServerGroups: -1}})
	k := logIn(t, c)
	for range 3 {
		k.create(k.opts("one"))
	}
	_, err := servers.Create(k.ctx, k.compute, k.opts("four"), nil).Extract()
	k.refused(err, 403, "Quota exceeded for instances, ram: Requested 1, 2048, but already used 3, 6144 of 3, 6144 instances, ram")
	got, err := limits.Get(k.ctx, k.compute, nil).Extract()
	must(t, err)
	if a := got.Absolute; a.TotalInstancesUsed != 3 || a.MaxTotalInstances != 3 || a.TotalRAMUsed != 6144 || a.TotalCoresUsed != 3 {
		t.Errorf("%+v", a)
	}
	c.SetQuota(Quota{Instances: -1, Cores: -1, RAM: -1, Ports: -1})
	k.create(k.opts("four"))
}

// Servers that are gone are in the report of what was used all the same.
func TestUsage(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	gone := k.active("gone")
	k.pass(time.Hour - c.opts.ActionTime)
	k.remove(gone)
	k.pass(c.opts.ActionTime)
	k.active("here")
	k.pass(30 * time.Minute)
	k.create(k.opts("never launched"))
	from, to := startOfTime, startOfTime.Add(24*time.Hour)
	var got *usage.TenantUsage
	report := usage.SingleTenant(k.compute, c.project.id, usage.SingleTenantOpts{Start: &from, End: &to})
	must(t, report.EachPage(k.ctx, func(_ context.Context, page pagination.Page) (more bool, err error) {
		got, err = usage.ExtractSingleTenant(page)
		return true, err
	}))
	if len(got.ServerUsages) != 2 || got.TotalHours != 1.5 || got.TotalVCPUsUsage != 1.5 {
		t.Fatalf("%+v", got)
	}
	if u := got.ServerUsages[0]; u.Name != "gone" || u.Hours != 1 || u.State != "terminated" || !u.EndedAt.Equal(startOfTime.Add(time.Hour+c.opts.BuildTime)) {
		t.Errorf("%+v", u)
	}
	if u := got.ServerUsages[1]; u.Name != "here" || u.Hours != 0.5 || u.State != "active" || !u.EndedAt.IsZero() {
		t.Errorf("%+v", u)
	}
}

// Later microversions show other fields.
func TestMicroversions(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	id := k.active("one")
	s, err := servers.Get(k.ctx, k.at("2.90"), id).Extract()
	must(t, err)
	if s.Flavor["original_name"] != "m1.small" || s.Locked == nil || s.Tags == nil || *s.Hostname != "one" {
		t.Errorf("2.90: %+v", s)
	}
	if s := k.get(id); s.Flavor["id"] != k.flavor("m1.small") || s.Locked != nil || s.Tags != nil {
		t.Errorf("2.1: %+v", s)
	}
	_, err = servers.Get(k.ctx, k.at("2.999"), id).Extract()
	k.refused(err, 406, "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.93.")
}

// Only an administrator sees the user-data that a server was made with.
func TestUserDataIsShownToAdministrators(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	opts := k.opts("one")
	opts.UserData = []byte("hello")
	id := k.create(opts)
	if s, err := servers.Get(k.ctx, k.at("2.3"), id).Extract(); err != nil || s.Userdata != nil {
		t.Errorf("%v, %v", s.Userdata, err)
	}
	admin := logInBy(t, c, c.adminLogIn())
	if s, err := servers.Get(k.ctx, admin.at("2.3"), id).Extract(); err != nil || s.Userdata == nil || *s.Userdata != "aGVsbG8=" {
		t.Errorf("%v, %v", s.Userdata, err)
	}
}

// How long things take, and how much room there is, can change at any time.
func TestTimesAndRoomChange(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	c.SetTimes(time.Minute, time.Second)
	c.SetZone(Zone{Name: "nova"})
	c.SetZone(Zone{Name: "other", VCPUs: 1, RAM: 2048, Disk: 20})
	id := k.create(k.opts("one"))
	k.pass(time.Minute - 1)
	k.is(id, "BUILD")
	k.pass(1)
	if s := k.get(id); s.Status != "ACTIVE" || s.AvailabilityZone != "other" {
		t.Errorf("%s in %q", s.Status, s.AvailabilityZone)
	}
	full := k.create(k.opts("two"))
	k.pass(time.Minute)
	k.is(full, "ERROR")
}
