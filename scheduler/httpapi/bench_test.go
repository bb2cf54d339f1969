package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

const (
	manyRuns     = 100_000
	manyAttempts = 200_000
)

// historyStart is when the first run of a history was submitted; the others follow it by a minute each.
var historyStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// largeRun is the id of a finished run with manyAttempts attempts, liveRun of one of as many tasks that goes on.
const (
	largeRun = state.RunID("01jqzv5y6n8w3v9k2mlargexxx")
	liveRun  = state.RunID("01jqzv5y6n8w3v9k2mlivexxxx")
)

func historyRun(i int) state.RunRecord {
	r := state.RunRecord{
		ID: state.RunID(fmt.Sprintf("01jqzv5y6n8w3v9k2m%08d", i)), Sequence: int64(i + 1),
		Name: fmt.Sprintf("pipeline-%d", i%200), Project: fmt.Sprintf("project-%d", i%20), Owner: fmt.Sprintf("group-%d@dpc.example", i%50),
		Spec: twoSteps, Params: map[string]string{"n": "1"}, Submitted: historyStart.Add(time.Duration(i) * time.Minute), Phase: state.RunSucceeded,
	}
	if i%97 == 0 {
		r.Phase = state.RunFailed
	}
	r.Ended = r.Submitted.Add(time.Hour)
	switch i {
	case manyRuns - 2:
		r.ID, r.Spec, r.Params = largeRun, arraySpec, nil
	case manyRuns - 1:
		r.ID, r.Spec, r.Params, r.Phase, r.Ended = liveRun, arraySpec, nil, state.RunActive, time.Time{}
	}
	return r
}

var arraySpec = workSpec("project-1", "array", "ann", fmt.Sprintf("  psd: {run: work, array: %d, resources: {cpus: 1000}}\n", manyAttempts))

// history fills a store with runs, of which the last two are largeRun and liveRun.
func history(b *testing.B, st store.Store, runs int) {
	commit := func(c *state.Changes) {
		if err := st.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	for i := manyRuns - runs; i < manyRuns; {
		c := &state.Changes{}
		for ; i < manyRuns && len(c.Runs) < 10_000; i++ {
			c.Runs = append(c.Runs, historyRun(i))
		}
		commit(c)
	}
	for i := 0; i < manyAttempts; {
		c := &state.Changes{}
		for range 10_000 {
			for run, limit := range map[state.RunID]int{largeRun: manyAttempts, liveRun: manyAttempts / 2} {
				if i < limit {
					c.Attempts = append(c.Attempts, historyAttempt(run, i))
				}
			}
			i++
		}
		commit(c)
	}
}

func historyAttempt(run state.RunID, index int) state.AttemptRecord {
	at := historyStart.Add(time.Duration(index) * time.Second)
	return state.AttemptRecord{
		ID: state.AttemptID{Run: run, Step: "psd", Index: index}, Agent: "agent", Hostname: "node", State: state.TaskFinished,
		Outcome: state.Succeeded, Launched: at, Started: at.Add(time.Second), Ended: at.Add(time.Minute), Message: "Container exited with status 0",
	}
}

// serveHistory serves a daemon whose store holds runs, over HTTP. get reads an answer to its end.
func serveHistory(b *testing.B, runs int) (get func(b *testing.B, path string), restart func()) {
	st, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "spillway.db"))
	if err != nil {
		b.Fatal(err)
	}
	history(b, st, runs)
	log := slog.New(slog.DiscardHandler)
	master := quietMaster{offered: make(chan struct{})}
	daemon := scheduler.NewDaemon(scheduler.DefaultConfig(), st, master, log)
	fresh := func() http.Handler { return httpapi.New(httpapi.Config{Daemon: daemon, Store: st, Log: log}).Handler() }
	server := httptest.NewServer(fresh())
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx) }()
	<-master.offered
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		server.Close()
		st.Close()
	})
	return func(b *testing.B, path string) {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 {
			b.Fatalf("%s: %s %v %s", path, resp.Status, err, text)
		}
	}, func() { server.Config.Handler = fresh() }
}

// BenchmarkLists measures pages of lists over HTTP, of a scheduler with 100,000 runs in SQLite.
func BenchmarkLists(b *testing.B) {
	get, _ := serveHistory(b, manyRuns)
	large, live := "/v1/runs/"+string(largeRun), "/v1/runs/"+string(liveRun)
	get(b, large) // from now on it is kept: see BenchmarkLargeRun
	for _, c := range []struct{ name, path string }{
		{"runs", "/v1/runs"},
		{"1000-runs", "/v1/runs?limit=1000"},
		{"runs-of-project", "/v1/runs?project=project-3&phase=failed"},
		{"runs-of-nobody", "/v1/runs?owner=nobody"},
		{"runs-since", "/v1/runs?since=2026-02-01T00:00:00Z&until=2026-02-01T01:00:00Z&name=pipeline-7"},
		{"tasks", live + "/tasks"},
		{"1000-tasks", live + "/tasks?limit=1000&phase=succeeded"},
		{"tasks-far-off", live + "/tasks?phase=pending"},
		{"tasks-of-none", live + "/tasks?phase=failed"},
		{"tasks-finished", large + "/tasks?limit=1000"},
		{"attempts", large + "/attempts?limit=1000"},
		{"steps", live + "/steps"},
		{"queue", "/v1/queue"},
		{"agents", "/v1/agents"},
		{"pipelines", "/v1/pipelines"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				get(b, c.path)
			}
		})
	}
}

// BenchmarkLargeRun measures the first look at a finished run of 200,000 attempts; later ones find it kept.
func BenchmarkLargeRun(b *testing.B) {
	get, restart := serveHistory(b, 2)
	for b.Loop() {
		restart()
		get(b, "/v1/runs/"+string(largeRun))
	}
}
