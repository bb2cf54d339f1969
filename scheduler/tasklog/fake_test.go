package tasklog

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// agents is a cluster whose agents have files, and answer or do not.
type agents struct {
	mu    sync.Mutex
	files map[mesos.SandboxFile][]byte
	away  map[string]error // by URL
	reads int
	// before, if not nil, is called before each read.
	before func(f mesos.SandboxFile, offset int64)
}

func newAgents() *agents {
	return &agents{files: map[mesos.SandboxFile][]byte{}, away: map[string]error{}}
}

func (a *agents) Read(ctx context.Context, f mesos.SandboxFile, offset int64, length int) ([]byte, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if a.before != nil {
		a.before(f, offset)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reads++
	if err := a.away[f.Agent]; err != nil {
		return nil, 0, err
	}
	data, there := a.files[f]
	if !there {
		return nil, 0, mesos.ErrNoFile
	}
	from := min(offset, int64(len(data)))
	to := min(from+int64(min(length, mesos.MaxRead)), int64(len(data)))
	return append([]byte{}, data[from:to]...), int64(len(data)), nil
}

func (a *agents) set(f mesos.SandboxFile, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[f] = []byte(text)
}

func (a *agents) add(f mesos.SandboxFile, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[f] = append(a.files[f], text...)
}

func (a *agents) remove(f mesos.SandboxFile) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.files, f)
}

// answer makes an agent answer, or not: with an error.
func (a *agents) answer(url string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away[url] = err
}

var errRefused = fmt.Errorf("%w: connection refused", mesos.ErrAgentAway)

// world is a store with attempts, agents with their files, and the logs.
type world struct {
	t      *testing.T
	cfg    Config
	store  *store.Memory
	agents *agents
	logs   *Logs
	stop   func()
	runs   int64
}

// start is when the worlds begin; the clock of synctest's bubbles does too.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, store: store.NewMemory(), agents: newAgents()}
	w.cfg = Config{Path: filepath.Join(t.TempDir(), "logs.db"), Sandbox: w.agents, Records: w.store, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&w.cfg)
	}
	w.open()
	return w
}

// newCollectingWorld is one in which logs are collected, of attempts under the framework f.
func newCollectingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.run()
	w.commit(w.framework("f"))
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.logs, err = Open(w.t.Context(), w.cfg); err != nil {
		w.t.Fatal(err)
	}
	w.stop = func() {}
	w.t.Cleanup(w.close)
}

// run collects until close.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.logs.Run(ctx)
	}()
	w.stop = func() {
		cancel()
		<-ended
	}
}

func (w *world) close() {
	if w.logs == nil {
		return
	}
	w.stop()
	if err := w.logs.Close(); err != nil {
		w.t.Error(err)
	}
	w.logs = nil
}

// restart closes the logs and opens them again, with what the store holds.
func (w *world) restart() {
	w.close()
	w.open()
	w.run()
}

// commit makes changes durable and tells the logs.
func (w *world) commit(c state.Changes) {
	w.t.Helper()
	w.keep(c)
	w.logs.Watch(&c)
}

// keep makes changes durable without telling the logs: they are not there, or the process ends before.
func (w *world) keep(c state.Changes) {
	w.t.Helper()
	if err := w.store.Commit(w.t.Context(), &c); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) framework(id string) state.Changes { return state.Changes{FrameworkID: &id} }

// newRun is the record of another run.
func (w *world) newRun() state.RunRecord {
	w.runs++
	return state.RunRecord{ID: state.RunID(fmt.Sprintf("r%d", w.runs)), Sequence: w.runs, Name: "n", Project: "p", Phase: state.RunActive, Submitted: w.now()}
}

func (w *world) now() time.Time {
	if w.cfg.Now != nil {
		return w.cfg.Now()
	}
	return time.Now()
}

// attempt is a living attempt of a task.
func (w *world) attempt(run state.RunID, index int) state.AttemptRecord {
	return state.AttemptRecord{
		ID: state.AttemptID{Run: run, Step: "s", Index: index}, Agent: "a-1", Hostname: "h1", AgentURL: "http://h1:5051",
		State: state.TaskRunning, ExitCode: -1, Launched: w.now(), Started: w.now(),
	}
}

// end is the attempt when it has ended.
func (w *world) end(rec state.AttemptRecord) state.AttemptRecord {
	rec.State, rec.Outcome, rec.ExitCode, rec.Ended = state.TaskFinished, state.Succeeded, 0, w.now()
	return rec
}

// file is the one in an attempt's sandbox, under the framework f.
func file(rec state.AttemptRecord, stream Stream) mesos.SandboxFile {
	return mesos.SandboxFile{Agent: rec.AgentURL, Framework: "f", Task: rec.ID.String(), Name: string(stream)}
}

// wrote fills both streams of an attempt.
func (w *world) wrote(rec state.AttemptRecord, stdout, stderr string) {
	w.agents.set(file(rec, Stdout), stdout)
	w.agents.set(file(rec, Stderr), stderr)
}
