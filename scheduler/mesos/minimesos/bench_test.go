package minimesos

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// BenchmarkInstantTasks runs tasks that finish at once through HTTP and
// protobuf: launch, two updates, two acknowledgements each. Both sides of the
// connection are in this process.
func BenchmarkInstantTasks(b *testing.B) {
	for _, agents := range []int{10, 1000} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) {
			o := Options{Runner: Instant, WorkDir: b.TempDir()}
			for range agents {
				o.Agents = append(o.Agents, AgentOptions{Resources: "cpus:16;mem:65536;disk:100000"})
			}
			c, err := Start(o)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			w := newBenchFramework(b, c.URL())
			b.ResetTimer()
			start, used := time.Now(), cpuTime(b)
			w.run(b.N)
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "tasks/s")
			b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/float64(b.N), "cpu-µs/task")
			b.StopTimer()
			w.stop()
		})
	}
}

// cpuTime is what this process has used, which a busy machine does not change.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchFramework does as little as a framework can.
type benchFramework struct {
	b        *testing.B
	url      string
	client   *http.Client
	id       *mesos.FrameworkID
	streamID string
	body     io.ReadCloser
	frames   interface{ ReadFrame() ([]byte, error) }
	acks     chan *mesos.TaskStatus
	ackers   sync.WaitGroup
}

func newBenchFramework(b *testing.B, url string) *benchFramework {
	w := &benchFramework{b: b, url: url, acks: make(chan *mesos.TaskStatus, 1000)}
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	info := testFramework()
	response := w.post(&scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: info}})
	w.streamID, w.body, w.frames = response.Header.Get("Mesos-Stream-Id"), response.Body, recordio.NewReader(response.Body)
	for {
		if event := w.next(); event.Type == scheduler.Event_SUBSCRIBED {
			w.id = event.Subscribed.FrameworkID
			break
		}
	}
	for range 8 {
		w.ackers.Go(func() {
			for status := range w.acks {
				w.call(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE, Acknowledge: &scheduler.Call_Acknowledge{
					AgentID: *status.AgentID, TaskID: status.TaskID, UUID: status.UUID}})
			}
		})
	}
	return w
}

func (w *benchFramework) stop() {
	close(w.acks)
	w.ackers.Wait()
	w.body.Close()
}

func (w *benchFramework) next() *scheduler.Event {
	frame, err := w.frames.ReadFrame()
	if err != nil {
		w.b.Fatal(err)
	}
	event := new(scheduler.Event)
	if err := event.Unmarshal(frame); err != nil {
		w.b.Fatal(err)
	}
	return event
}

func (w *benchFramework) post(call *scheduler.Call) *http.Response {
	body, err := call.Marshal()
	if err != nil {
		w.b.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, w.url+"/api/v1/scheduler", bytes.NewReader(body))
	if err != nil {
		w.b.Fatal(err)
	}
	request.Header.Set("Content-Type", string(mediaProtobuf))
	request.Header.Set("Accept", string(mediaProtobuf))
	if w.streamID != "" {
		request.Header.Set("Mesos-Stream-Id", w.streamID)
	}
	response, err := w.client.Do(request)
	if err != nil {
		w.b.Fatal(err)
	}
	return response
}

func (w *benchFramework) call(call *scheduler.Call) {
	call.FrameworkID = w.id
	response := w.post(call)
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		w.b.Fatal(response.Status)
	}
}

// run launches n tasks, at most 16 on one offer, and sees them all finished.
func (w *benchFramework) run(n int) {
	launched, finished := 0, 0
	revived := false
	for finished < n {
		event := w.next()
		switch event.Type {
		case scheduler.Event_OFFERS:
			revived = false
			for i := range event.Offers.Offers {
				count := min(n-launched, 16)
				w.launch(&event.Offers.Offers[i], launched, count)
				launched += count
			}
		case scheduler.Event_UPDATE:
			status := &event.Update.Status
			if status.GetState() == mesos.TASK_FINISHED {
				finished++
				if launched < n && !revived && finished%64 == 0 {
					revived = true
					w.call(&scheduler.Call{Type: scheduler.Call_REVIVE})
				}
			}
			w.acks <- status
		}
	}
}

func (w *benchFramework) launch(offer *mesos.Offer, first, count int) {
	accept := &scheduler.Call_Accept{OfferIDs: []mesos.OfferID{offer.ID}, Filters: &mesos.Filters{RefuseSeconds: ptr(0.0)}}
	if count > 0 {
		tasks := make([]mesos.TaskInfo, count)
		for i := range tasks {
			tasks[i] = command(fmt.Sprintf("t-%d", first+i), "true")
			tasks[i].AgentID = offer.AgentID
		}
		accept.Operations = []mesos.Offer_Operation{{Type: mesos.Offer_Operation_LAUNCH,
			Launch: &mesos.Offer_Operation_Launch{TaskInfos: tasks}}}
	} else {
		accept.Filters.RefuseSeconds = ptr(3600.0)
	}
	w.call(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: accept})
}
