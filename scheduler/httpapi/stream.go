package httpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// maxStreams bounds how many answers of one client go on at a time.
	maxStreams = 64
	// writeWait is how long one write of such an answer may take: a client that reads nothing is let go.
	writeWait = 20 * time.Second
)

// stream is an answer that goes on for as long as the client listens. Each write is sent at once.
type stream struct {
	w    http.ResponseWriter
	ctrl *http.ResponseController
	wait time.Duration
}

// stream begins an answer that goes on. done must be called at its end, which must not be later than the daemon's.
func (s *Server) stream(w http.ResponseWriter, req *request, mediaType string) (out *stream, done func(), err error) {
	done, err = s.streams.take(s.client(req.Request))
	if err != nil {
		return nil, nil, err
	}
	out = &stream{w: w, ctrl: http.NewResponseController(w), wait: cmp.Or(s.cfg.WriteWait, writeWait)}
	// The server's limits are for requests that end. Not every writer has deadlines, such as those of tests.
	out.ctrl.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would otherwise keep what is written
	return out, done, nil
}

func (st *stream) Write(p []byte) (int, error) {
	st.ctrl.SetWriteDeadline(time.Now().Add(st.wait))
	n, err := st.w.Write(p)
	if err == nil {
		err = st.ctrl.Flush()
	}
	return n, err
}

// streams counts the answers that go on, by client.
type streams struct {
	mu   sync.Mutex
	open map[string]int
}

func (s *streams) take(client string) (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[client] >= maxStreams {
		p := newProblem(http.StatusTooManyRequests, fmt.Sprintf("%d streams are open already; close one first", maxStreams))
		p.retryAfter = 1
		return nil, p
	}
	s.open[client]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[client]--; s.open[client] == 0 {
			delete(s.open, client)
		}
	}, nil
}
