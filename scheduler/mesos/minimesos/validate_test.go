package minimesos

import (
	"strings"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

func TestTasksThatAreRefused(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	with := func(change func(*mesos.TaskInfo)) mesos.TaskInfo {
		task := command("x", "true")
		change(&task)
		return task
	}
	for _, bad := range []struct {
		task mesos.TaskInfo
		want string
	}{
		{with(func(t *mesos.TaskInfo) { t.TaskID.Value = "" }), "ID must not be empty"},
		{with(func(t *mesos.TaskInfo) { t.TaskID.Value = ".." }), "'..' is disallowed"},
		{with(func(t *mesos.TaskInfo) { t.TaskID.Value = strings.Repeat("x", 256) }), "ID must not be greater than 255 characters"},
		{with(func(t *mesos.TaskInfo) { t.Resources = nil }), "Task uses no resources"},
		{with(func(t *mesos.TaskInfo) { t.Resources = some("ports:[1-2]") }), "Total resources ports(allocated: *):[1-2] required by task and its executor is more than available"},
		{with(func(t *mesos.TaskInfo) { t.Resources[0].Scalar.Value = -1 }), "Task uses invalid resources: resource 'cpus' is invalid"},
		{with(func(t *mesos.TaskInfo) { t.Resources[0].Role = ptr("dpc") }), "Task uses reserved, revocable or persistent resources"},
		{with(func(t *mesos.TaskInfo) {
			t.Resources[0].AllocationInfo = &mesos.Resource_AllocationInfo{Role: ptr("dpc")}
		}), "Invalid task resources: they are allocated to role 'dpc'"},
		{with(func(t *mesos.TaskInfo) {
			t.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: -1}}
		}), "Task's 'kill_policy.grace_period' must be non-negative"},
		{with(func(t *mesos.TaskInfo) { t.MaxCompletionTime = &mesos.DurationInfo{Nanoseconds: -1} }), "Task's `max_completion_time` must be non-negative"},
		{with(func(t *mesos.TaskInfo) { t.Container = &mesos.ContainerInfo{Type: mesos.ContainerInfo_DOCKER.Enum()} }),
			"Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"},
		{with(func(t *mesos.TaskInfo) { *t = onExecutor(*t, "a/b", "true") }), "'a/b' contains invalid characters"},
		{with(func(t *mesos.TaskInfo) {
			*t = onExecutor(*t, "e", "true")
			t.Executor.Command = nil
		}), "'ExecutorInfo.command' must be set"},
		{with(func(t *mesos.TaskInfo) {
			*t = onExecutor(*t, "e", "true")
			t.Executor.Type = mesos.ExecutorInfo_DEFAULT
		}), "'ExecutorInfo.type' must be 'CUSTOM'"},
		{with(func(t *mesos.TaskInfo) {
			*t = onExecutor(*t, "e", "true")
			t.Executor.FrameworkID = &mesos.FrameworkID{Value: "y"}
		}), "ExecutorInfo has an invalid FrameworkID (Actual: y vs Expected: "},
		{with(func(t *mesos.TaskInfo) {
			*t = onExecutor(*t, "e", "true")
			t.Executor.Resources = some("cpus:100")
		}), "Total resources cpus(allocated: *):100.1; mem(allocated: *):32 required"},
	} {
		f.accept(f.offers()[0], bad.task)
		got := f.peek(bad.task.TaskID.Value)
		if got.GetState() != mesos.TASK_ERROR || got.GetReason() != mesos.REASON_TASK_INVALID || !strings.HasPrefix(got.GetMessage(), bad.want) {
			t.Errorf("want %q, got %v %q", bad.want, got.GetState(), got.GetMessage())
		}
	}
}

func TestExecutorMustStayTheSame(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], onExecutor(command("a", ""), "x", actsElsewhere), onExecutor(command("b", ""), "x", "something else"))
	got := f.peek("b")
	if got.GetState() != mesos.TASK_ERROR || !strings.Contains(got.GetMessage(), "ExecutorInfo is not compatible") {
		t.Errorf("got %v", got)
	}
}

// Offers of one agent may be used together, others not.
func TestOffersTogether(t *testing.T) {
	c := start(t, hang(fast(Instant, 2)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	accept := func(task mesos.TaskInfo, offers ...mesos.Offer) *mesos.TaskStatus {
		t.Helper()
		ids := make([]mesos.OfferID, len(offers))
		for i := range offers {
			ids[i] = offers[i].ID
		}
		task.AgentID = offers[0].AgentID
		f.call(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{OfferIDs: ids,
			Filters: &mesos.Filters{RefuseSeconds: ptr(0.0)}, Operations: []mesos.Offer_Operation{{
				Type: mesos.Offer_Operation_LAUNCH, Launch: &mesos.Offer_Operation_Launch{TaskInfos: []mesos.TaskInfo{task}}}}}})
		return f.update(task.TaskID.Value)
	}
	refused := func(status *mesos.TaskStatus, want string) {
		t.Helper()
		if status.GetState() != mesos.TASK_DROPPED || status.GetReason() != mesos.REASON_INVALID_OFFERS || !strings.Contains(status.GetMessage(), want) {
			t.Errorf("got %v %q", status.GetState(), status.GetMessage())
		}
	}
	offers := f.offers()
	refused(accept(command("a", ""), offers[0], offers[1]), "Aggregated offers must belong to one single agent")
	// Both offers were used up by that.
	refused(accept(command("b", ""), offers[0]), "is no longer valid")

	f.simple(scheduler.Call_REVIVE)
	whole := f.offers()[0]
	first := command("c", "")
	first.Resources = some("cpus:3")
	accept(first, whole)
	rest := f.nextThat("the rest", func(e *scheduler.Event) bool {
		return e.Type == scheduler.Event_OFFERS && e.Offers.Offers[0].AgentID == whole.AgentID
	}).Offers.Offers[0]
	f.kill("c")
	f.until("c", mesos.TASK_KILLED)
	freed := f.nextThat("what was freed", func(e *scheduler.Event) bool {
		return e.Type == scheduler.Event_OFFERS && e.Offers.Offers[0].AgentID == whole.AgentID
	}).Offers.Offers[0]
	refused(accept(command("d", ""), rest, rest), "Duplicate offer")
	both := command("e", "")
	both.Resources = some("cpus:4")
	f.simple(scheduler.Call_REVIVE)
	rest = f.nextThat("the rest again", func(e *scheduler.Event) bool {
		return e.Type == scheduler.Event_OFFERS && e.Offers.Offers[0].AgentID == whole.AgentID
	}).Offers.Offers[0]
	if got := accept(both, freed, rest); got.GetState() != mesos.TASK_RUNNING {
		t.Errorf("with both offers: %v %q", got.GetState(), got.GetMessage())
	}
}

func TestFrameworksThatAreRefused(t *testing.T) {
	c := start(t, fast(Instant, 0))
	for _, bad := range []struct {
		change func(*mesos.FrameworkInfo)
		want   string
	}{
		{func(i *mesos.FrameworkInfo) { i.Role = ptr("a") }, "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"},
		{func(i *mesos.FrameworkInfo) { i.Capabilities = nil }, "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"},
		{func(i *mesos.FrameworkInfo) { i.Roles = []string{"a", "a"} }, "'FrameworkInfo.roles' contains duplicate items: { a }"},
		{func(i *mesos.FrameworkInfo) { i.Roles = []string{"-a"} }, "'FrameworkInfo.roles' contains invalid role: Role '-a' cannot have a component that begins with a dash"},
		{func(i *mesos.FrameworkInfo) { i.Roles = []string{"/a"} }, "'FrameworkInfo.roles' contains invalid role: Role '/a' cannot start with a slash"},
		{func(i *mesos.FrameworkInfo) { i.Roles = []string{"a//b"} }, "'FrameworkInfo.roles' contains invalid role: Role 'a//b' cannot contain two adjacent slashes"},
		{func(i *mesos.FrameworkInfo) { i.Roles = []string{"a b"} }, "'FrameworkInfo.roles' contains invalid role: Role 'a b' cannot contain whitespace"},
		{func(i *mesos.FrameworkInfo) { i.FailoverTimeout = ptr(-1.0) }, "The framework failover_timeout (-1) is invalid"},
	} {
		info := testFramework()
		bad.change(info)
		f := &testClient{t: t, url: c.URL(), media: mediaProtobuf, info: info, http: newHTTPClient()}
		f.open()
		if got := f.next(scheduler.Event_ERROR).Error.Message; got != bad.want {
			t.Errorf("got %q, want %q", got, bad.want)
		}
		f.ended()
		f.close()
	}
}

func TestOperationsAreRefused(t *testing.T) {
	c := start(t, fast(Instant, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.call(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{OfferIDs: []mesos.OfferID{f.offers()[0].ID},
		Operations: []mesos.Offer_Operation{
			{Type: mesos.Offer_Operation_RESERVE, ID: &mesos.OperationID{Value: "o"}, Reserve: &mesos.Offer_Operation_Reserve{}},
			{Type: mesos.Offer_Operation_LAUNCH_GROUP, LaunchGroup: &mesos.Offer_Operation_LaunchGroup{
				Executor:  mesos.ExecutorInfo{ExecutorID: mesos.ExecutorID{Value: "x"}},
				TaskGroup: mesos.TaskGroupInfo{Tasks: []mesos.TaskInfo{command("g", "")}}}},
		}}})
	if got := f.next(scheduler.Event_UPDATE_OPERATION_STATUS).UpdateOperationStatus.Status; got.State != mesos.OPERATION_ERROR || got.OperationID.Value != "o" {
		t.Errorf("RESERVE: %v", got)
	}
	if got := f.peek("g"); got.GetState() != mesos.TASK_ERROR || got.GetReason() != mesos.REASON_TASK_GROUP_INVALID {
		t.Errorf("LAUNCH_GROUP: %v", got)
	}
	f.call(&scheduler.Call{Type: scheduler.Call_RECONCILE_OPERATIONS, ReconcileOperations: &scheduler.Call_ReconcileOperations{
		Operations: []scheduler.Call_ReconcileOperations_Operation{{OperationID: mesos.OperationID{Value: "p"}}}}})
	if got := f.next(scheduler.Event_UPDATE_OPERATION_STATUS).UpdateOperationStatus.Status; got.State != mesos.OPERATION_UNKNOWN {
		t.Errorf("RECONCILE_OPERATIONS: %v", got)
	}
}
