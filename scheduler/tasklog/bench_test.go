package tasklog

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib/agent"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// chatter is what each task of the benchmarks has written.
var chatter = []byte(strings.Repeat("2026-12-01T02:00:00Z reading segment 4711 of L1, 4096 Hz\n", 20))

// benchLogs collects over HTTP, from agents that answer each request with the same bytes.
func benchLogs(b *testing.B) *Logs {
	answer, err := proto.Marshal(&agent.Response{Type: agent.Response_READ_FILE,
		ReadFile: &agent.Response_ReadFile{Size_: uint64(len(chatter)), Data: chatter}})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(answer) }))
	b.Cleanup(server.Close)
	sandboxes, err := mesos.NewSandboxes(mesos.Config{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "logs.db"), Sandbox: redirected{sandboxes, server.URL}, Records: store.NewMemory(), Rate: 1e9})
	if err != nil {
		b.Fatal(err)
	}
	l.Framework("f")
	return l
}

// redirected asks one server in place of all agents.
type redirected struct {
	*mesos.Sandboxes
	url string
}

func (r redirected) Read(ctx context.Context, f mesos.SandboxFile, offset int64, length int) ([]byte, int64, error) {
	f.Agent = r.url
	return r.Sandboxes.Read(ctx, f, offset, length)
}

// endings are batches of attempts that have ended, on a thousand agents.
func endings(n, size int) []*state.Changes {
	var batches []*state.Changes
	ended := time.Now()
	for i := 0; i < n; i += size {
		c := &state.Changes{Attempts: make([]state.AttemptRecord, min(size, n-i))}
		for k := range c.Attempts {
			c.Attempts[k] = state.AttemptRecord{
				ID: state.AttemptID{Run: "01jdv0000000000000000000r1", Step: "psd", Index: i + k}, Hostname: "node", Outcome: state.Succeeded,
				AgentURL: fmt.Sprintf("http://node%03d:5051", (i+k)%1000), Started: ended, Ended: ended,
			}
		}
		batches = append(batches, c)
	}
	return batches
}

// BenchmarkLogsCollected collects the logs of attempts that have ended: 1 KiB on each stream, two requests each.
func BenchmarkLogsCollected(b *testing.B) {
	l := benchLogs(b)
	batches := endings(b.N, 500)
	b.ResetTimer()
	ctx, cancel := context.WithCancel(b.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		l.Run(ctx)
	}()
	for _, c := range batches {
		l.queue.room()
		l.Watch(c)
	}
	l.queue.mu.Lock()
	for l.queue.size > 0 {
		l.queue.change.Wait()
	}
	l.queue.mu.Unlock()
	b.StopTimer()
	cancel()
	<-ran
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attempts/s")
	b.ReportMetric(float64(l.archive.fileSize())/float64(b.N), "bytes/attempt")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLogsWatch is what the reactor waits for when 1,000 attempts have ended in a batch.
func BenchmarkLogsWatch(b *testing.B) {
	l := benchLogs(b)
	defer l.Close()
	c := endings(1000, 1000)[0]
	for b.Loop() {
		l.Watch(c)
		b.StopTimer()
		l.queue = newQueue(maxQueue)
		b.StartTimer()
	}
}
