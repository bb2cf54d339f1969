package minimesos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/framing"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos/mesosjson"
)

// patience is how long a test waits for what must come; nothing depends on it
// but how soon a broken test gives up.
const patience = 20 * time.Second

// testClient is a framework over real HTTP.
type testClient struct {
	t        testing.TB
	url      string
	media    mediaType
	info     *mesos.FrameworkInfo
	id       string
	streamID string
	events   chan *scheduler.Event // closed when the stream ends
	skipped  []*scheduler.Event    // read while waiting for others, oldest first
	body     io.Closer
	http     *http.Client
}

func ptr[T any](v T) *T { return &v }

func testFramework() *mesos.FrameworkInfo {
	return &mesos.FrameworkInfo{
		User: "root", Name: "test", FailoverTimeout: ptr(60.0), Checkpoint: ptr(true), Roles: []string{"*"},
		Capabilities: []mesos.FrameworkInfo_Capability{
			{Type: mesos.FrameworkInfo_Capability_PARTITION_AWARE},
			{Type: mesos.FrameworkInfo_Capability_TASK_KILLING_STATE},
			{Type: mesos.FrameworkInfo_Capability_MULTI_ROLE},
		},
	}
}

// start runs a cluster for the length of a test.
func start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if opts.WorkDir == "" {
		opts.WorkDir = t.TempDir()
	}
	c, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("closing the cluster: %v", err)
		}
	})
	return c
}

// subscribe opens a stream and waits for SUBSCRIBED.
func subscribe(t testing.TB, url string, info *mesos.FrameworkInfo, media mediaType) *testClient {
	t.Helper()
	f := &testClient{t: t, url: url, media: media, info: info, http: newHTTPClient()}
	f.open()
	subscribed := f.next(scheduler.Event_SUBSCRIBED)
	f.id = subscribed.Subscribed.FrameworkID.Value
	f.info.ID = subscribed.Subscribed.FrameworkID
	t.Cleanup(func() { f.close() })
	return f
}

func newHTTPClient() *http.Client { return &http.Client{Transport: &http.Transport{}} }

// open sends SUBSCRIBE and starts reading events.
func (f *testClient) open() {
	f.t.Helper()
	call := &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, FrameworkID: f.info.ID,
		Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: f.info}}
	response := f.post(call, "")
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(response.Body)
		f.t.Fatalf("SUBSCRIBE: %s: %s", response.Status, body)
	}
	f.streamID = response.Header.Get("Mesos-Stream-Id")
	f.body = response.Body
	f.events = make(chan *scheduler.Event, 10_000)
	go f.read(response.Body, f.events)
}

func (f *testClient) read(body io.Reader, events chan *scheduler.Event) {
	defer close(events)
	frames := recordio.NewReader(body)
	for {
		frame, err := frames.ReadFrame()
		if err != nil {
			return
		}
		event := new(scheduler.Event)
		if err := unmarshal(f.media, frame, event); err != nil {
			f.t.Errorf("reading an event: %v", err)
			return
		}
		events <- event
	}
}

func unmarshal(media mediaType, data []byte, m unmarshaler) error {
	if media == mediaProtobuf {
		return m.Unmarshal(data)
	}
	return mesosjson.Unmarshal(data, m)
}

func (f *testClient) post(call *scheduler.Call, streamID string) *http.Response {
	f.t.Helper()
	body, err := encode(f.media, call)
	if err != nil {
		f.t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, f.url+"/api/v1/scheduler", bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set("Content-Type", string(f.media))
	request.Header.Set("Accept", string(f.media))
	if streamID != "" {
		request.Header.Set("Mesos-Stream-Id", streamID)
	}
	response, err := f.http.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	return response
}

// call makes a call on the stream; anything but 2xx fails the test.
func (f *testClient) call(call *scheduler.Call) {
	f.t.Helper()
	call.FrameworkID = &mesos.FrameworkID{Value: f.id}
	response := f.post(call, f.streamID)
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode/100 != 2 {
		f.t.Fatalf("%s: %s: %s", call.Type, response.Status, body)
	}
}

// next waits for the next event of one of the types; others stay for later.
func (f *testClient) next(types ...scheduler.Event_Type) *scheduler.Event {
	f.t.Helper()
	return f.nextThat(fmt.Sprint(types), func(event *scheduler.Event) bool {
		for _, want := range types {
			if event.Type == want {
				return true
			}
		}
		return false
	})
}

func (f *testClient) nextThat(what string, good func(*scheduler.Event) bool) *scheduler.Event {
	f.t.Helper()
	if i := slices.IndexFunc(f.skipped, good); i >= 0 {
		event := f.skipped[i]
		f.skipped = slices.Delete(f.skipped, i, i+1)
		return event
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case event, ok := <-f.events:
			if !ok {
				f.t.Fatalf("the stream ended while waiting for %s", what)
			}
			if good(event) {
				return event
			}
			f.skipped = append(f.skipped, event)
		case <-timeout.C:
			f.t.Fatalf("no %s came, but %v", what, f.skipped)
		}
	}
}

// update waits for an update of a task and acknowledges it.
func (f *testClient) update(id string) *mesos.TaskStatus {
	f.t.Helper()
	status := f.peek(id)
	f.ack(status)
	return status
}

// peek waits for an update of a task and does not acknowledge it.
func (f *testClient) peek(id string) *mesos.TaskStatus {
	f.t.Helper()
	event := f.nextThat("update of "+id, func(e *scheduler.Event) bool {
		return e.Type == scheduler.Event_UPDATE && e.Update.Status.TaskID.Value == id
	})
	return &event.Update.Status
}

func (f *testClient) ack(status *mesos.TaskStatus) {
	f.t.Helper()
	if len(status.UUID) == 0 {
		return
	}
	f.call(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE, Acknowledge: &scheduler.Call_Acknowledge{
		AgentID: *status.AgentID, TaskID: status.TaskID, UUID: status.UUID}})
}

// until waits for a task to reach a state, acknowledging what comes before.
func (f *testClient) until(id string, state mesos.TaskState) *mesos.TaskStatus {
	f.t.Helper()
	for {
		if status := f.update(id); status.GetState() == state {
			return status
		} else if isTerminal(status.GetState()) {
			f.t.Fatalf("task %s is %v (%v: %s), not %v", id, status.GetState(), status.GetReason(), status.GetMessage(), state)
		}
	}
}

// offers waits for the next OFFERS.
func (f *testClient) offers() []mesos.Offer {
	f.t.Helper()
	return f.next(scheduler.Event_OFFERS).Offers.Offers
}

func (f *testClient) accept(offer mesos.Offer, tasks ...mesos.TaskInfo) {
	f.t.Helper()
	for i := range tasks {
		if tasks[i].AgentID.Value == "" {
			tasks[i].AgentID = offer.AgentID
		}
	}
	f.call(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{
		OfferIDs: []mesos.OfferID{offer.ID}, Filters: &mesos.Filters{RefuseSeconds: ptr(0.0)},
		Operations: []mesos.Offer_Operation{{Type: mesos.Offer_Operation_LAUNCH,
			Launch: &mesos.Offer_Operation_Launch{TaskInfos: tasks}}}}})
}

func (f *testClient) decline(refuse float64, offers ...mesos.Offer) {
	f.t.Helper()
	ids := make([]mesos.OfferID, len(offers))
	for i := range offers {
		ids[i] = offers[i].ID
	}
	f.call(&scheduler.Call{Type: scheduler.Call_DECLINE, Decline: &scheduler.Call_Decline{
		OfferIDs: ids, Filters: &mesos.Filters{RefuseSeconds: &refuse}}})
}

func (f *testClient) simple(kind scheduler.Call_Type) {
	f.t.Helper()
	f.call(&scheduler.Call{Type: kind})
}

func teardown() *scheduler.Call { return &scheduler.Call{Type: scheduler.Call_TEARDOWN} }

func (f *testClient) kill(id string) {
	f.t.Helper()
	f.call(killCall(id))
}

func killCall(id string) *scheduler.Call {
	return &scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: id}}}
}

func (f *testClient) reconcile(tasks ...scheduler.Call_Reconcile_Task) {
	f.t.Helper()
	f.call(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{Tasks: tasks}})
}

func (f *testClient) close() {
	_ = f.body.Close()
	f.http.CloseIdleConnections()
}

// ended waits for the stream to end.
func (f *testClient) ended() {
	f.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case _, ok := <-f.events:
			if !ok {
				return
			}
		case <-timeout.C:
			f.t.Fatal("the stream does not end")
		}
	}
}

var _ framing.Reader = recordio.NewReader(nil)

// command is a task that runs a shell command.
func command(id, shell string) mesos.TaskInfo {
	return mesos.TaskInfo{Name: "t", TaskID: mesos.TaskID{Value: id}, Resources: some("cpus:0.1;mem:32"),
		Command: &mesos.CommandInfo{Shell: ptr(true), Value: &shell}}
}

func some(resources string) []mesos.Resource {
	out, err := ParseResources(resources)
	if err != nil {
		panic(err)
	}
	return out
}

// wait fails the test when cond does not come to hold.
func wait(t testing.TB, c *Cluster, what string, cond func(View) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.WaitFor(ctx, cond); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}
