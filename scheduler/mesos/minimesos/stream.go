package minimesos

import (
	"bytes"
	"errors"
	"net/http"
	"sync"

	"github.com/mesos/mesos-go/api/v1/lib/recordio"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos/mesosjson"
)

// message is what mesos-go generates for each protobuf message.
type message interface {
	Marshal() ([]byte, error)
}

// stream carries events to one subscriber. The loop puts events in and never
// waits; the subscriber's request goroutine encodes and writes whatever has
// gathered since its last write.
//
// Events are shared between goroutines once they are put in, so neither they
// nor anything they point to may be changed afterwards.
type stream struct {
	media mediaType

	mu     sync.Mutex
	events []message
	ended  bool
	wake   chan struct{}
}

func newStream(media mediaType) *stream {
	return &stream{media: media, wake: make(chan struct{}, 1)}
}

func (s *stream) send(event message) {
	s.mu.Lock()
	if !s.ended {
		s.events = append(s.events, event)
	}
	s.mu.Unlock()
	s.signal()
}

// end lets what was sent go out, then ends the response.
func (s *stream) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.signal()
}

func (s *stream) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *stream) take(reuse []message) ([]message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = reuse[:0]
	return events, s.ended
}

// errAbort makes net/http cut the connection instead of ending the chunked
// body properly, as when a process dies.
var errAbort = http.ErrAbortHandler

// serve writes events to w until the stream ends or the subscriber goes away.
// Headers must have been set. cut, when closed, aborts the connection.
func (s *stream) serve(w http.ResponseWriter, r *http.Request, cut <-chan struct{}) {
	w.WriteHeader(http.StatusOK)
	flusher, ok := w.(http.Flusher)
	if !ok {
		panic("minimesos: the server's writer cannot flush")
	}
	flusher.Flush()
	var buf bytes.Buffer
	var events []message
	for {
		var ended bool
		events, ended = s.take(events)
		if len(events) > 0 {
			buf.Reset()
			if err := writeRecords(&buf, s.media, events); err != nil {
				panic("minimesos: encoding an event: " + err.Error())
			}
			clear(events)
			if _, err := w.Write(buf.Bytes()); err != nil {
				return
			}
			flusher.Flush()
			continue
		}
		if ended {
			return
		}
		select {
		case <-s.wake:
		case <-r.Context().Done():
			return
		case <-cut:
			panic(errAbort)
		}
	}
}

func writeRecords(buf *bytes.Buffer, media mediaType, events []message) error {
	records := recordio.NewWriter(buf)
	for _, event := range events {
		data, err := encode(media, event)
		if err != nil {
			return err
		}
		if err := records.WriteFrame(data); err != nil {
			return err
		}
	}
	return nil
}

// mediaType is the encoding of a request or response body.
type mediaType string

const (
	mediaJSON     mediaType = "application/json"
	mediaProtobuf mediaType = "application/x-protobuf"
)

func encode(media mediaType, m message) ([]byte, error) {
	if j, ok := m.(jsonMessage); ok && media == mediaJSON {
		return j.json(), nil
	}
	if media == mediaProtobuf {
		return m.Marshal()
	}
	return mesosjson.Marshal(m), nil
}

// jsonMessage is a message whose JSON form is more than its protobuf fields.
type jsonMessage interface {
	message
	json() []byte
}

// unmarshaler is what mesos-go generates to read a message.
type unmarshaler interface {
	Unmarshal([]byte) error
}

func decode(media mediaType, data []byte, m unmarshaler, name string) error {
	if media == mediaProtobuf {
		if err := m.Unmarshal(data); err != nil {
			return wording("Failed to parse body into " + name + " protobuf")
		}
		return nil
	}
	err := mesosjson.Unmarshal(data, m)
	var syntax *mesosjson.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return wording("Failed to parse body into JSON: " + syntax.Error())
	default:
		return wording("Failed to convert JSON into " + name + " protobuf: " + err.Error())
	}
}
