package mesos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gogo/protobuf/proto"
	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// scriptedMaster is a master whose stream a test writes record by record, and whose answers to calls it decides.
type scriptedMaster struct {
	t   *testing.T
	url string

	// onSubscribe answers a SUBSCRIBE instead of opening a stream, if it returns true.
	onSubscribe func(http.ResponseWriter, *http.Request, *scheduler.Call) bool
	// onCall answers any other call, if it returns true; otherwise the answer is 202.
	onCall func(http.ResponseWriter, *http.Request, *scheduler.Call) bool

	streams chan *scriptedStream // opened subscriptions
	calls   chan *scheduler.Call // accepted calls

	mu       sync.Mutex
	requests []*http.Request
}

// scriptedStream is one open subscription.
type scriptedStream struct {
	call    *scheduler.Call
	request *http.Request
	media   string
	records chan []byte
	closed  chan struct{}
	once    sync.Once
}

func newScriptedMaster(t *testing.T) *scriptedMaster {
	m := &scriptedMaster{t: t, streams: make(chan *scriptedStream, 16), calls: make(chan *scheduler.Call, 1<<16)}
	server := httptest.NewServer(m)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	m.url = server.URL
	return m
}

func (m *scriptedMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	call := &scheduler.Call{}
	var err error
	if r.Header.Get("Content-Type") == string(codecs.MediaTypeJSON) {
		err = json.Unmarshal(body, call)
	} else {
		err = proto.Unmarshal(body, call)
	}
	if err != nil {
		http.Error(w, "Failed to parse body: "+err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	m.requests = append(m.requests, r)
	m.mu.Unlock()
	if call.Type == scheduler.Call_SUBSCRIBE {
		if m.onSubscribe == nil || !m.onSubscribe(w, r, call) {
			m.stream(w, r, call)
		}
		return
	}
	if m.onCall == nil || !m.onCall(w, r, call) {
		w.WriteHeader(http.StatusAccepted)
		m.calls <- call
	}
}

func (m *scriptedMaster) stream(w http.ResponseWriter, r *http.Request, call *scheduler.Call) {
	s := &scriptedStream{
		call: call, request: r, media: r.Header.Get("Accept"), records: make(chan []byte), closed: make(chan struct{}),
	}
	w.Header().Set("Content-Type", s.media)
	w.Header().Set("Mesos-Stream-Id", fmt.Sprintf("stream-%d", time.Now().UnixNano()))
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	m.streams <- s
	for {
		select {
		case record := <-s.records:
			_, _ = w.Write(record)
			_ = http.NewResponseController(w).Flush()
		case <-s.closed:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// next waits for the next subscription.
func (m *scriptedMaster) next() *scriptedStream {
	m.t.Helper()
	return receive(m.t, m.streams)
}

// framed is a record as it goes over the wire.
func framed(record []byte) []byte {
	return append(append([]byte(strconv.Itoa(len(record))), '\n'), record...)
}

func (s *scriptedStream) write(t *testing.T, record []byte) {
	t.Helper()
	select {
	case s.records <- record:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream does not take a record")
	}
}

// send writes events, all at once.
func (s *scriptedStream) send(t *testing.T, events ...*scheduler.Event) {
	t.Helper()
	var b bytes.Buffer
	for _, e := range events {
		var record []byte
		var err error
		if s.media == string(codecs.MediaTypeJSON) {
			record, err = json.Marshal(e)
		} else {
			record, err = proto.Marshal(e)
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Write(framed(record))
	}
	s.write(t, b.Bytes())
}

func (s *scriptedStream) close() { s.once.Do(func() { close(s.closed) }) }

func subscribedEvent(id string) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_SUBSCRIBED, Subscribed: &scheduler.Event_Subscribed{
		FrameworkID: &mesosgo.FrameworkID{Value: id}, HeartbeatIntervalSeconds: ptr(15.0),
	}}
}

func errorMessage(text string) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_ERROR, Error: &scheduler.Event_Error{Message: text}}
}

// receive waits for a value, as long as a test can reasonably wait.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within 10 s")
		panic("not reached")
	}
}

func offersEvent(offers ...mesosgo.Offer) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: offers}}
}

func rescindEvent(id string) *scheduler.Event {
	return &scheduler.Event{
		Type: scheduler.Event_RESCIND, Rescind: &scheduler.Event_Rescind{OfferID: mesosgo.OfferID{Value: id}},
	}
}

func updateEvent(task string, s mesosgo.TaskState) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{
		Status: mesosgo.TaskStatus{TaskID: mesosgo.TaskID{Value: task}, State: &s},
	}}
}
