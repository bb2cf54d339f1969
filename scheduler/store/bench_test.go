package store_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// load makes batches as a busy scheduler commits them: each attempt is written when it is launched, runs and ends,
// with some thousand of them alive at a time.
type load struct {
	run  state.RunRecord
	next int // the next write; every alive*3 writes are the three of alive attempts
	at   time.Time
}

const alive = 4000

func newLoad() *load {
	return &load{
		run: state.RunRecord{ID: batchRun, Sequence: 1, Spec: "name: load", Phase: state.RunActive},
		at:  time.Date(2026, 12, 1, 2, 0, 0, 123456789, time.UTC),
	}
}

func (l *load) batch(size int) *state.Changes {
	c := &state.Changes{Attempts: make([]state.AttemptRecord, size)}
	if l.next == 0 {
		c.Runs = []state.RunRecord{l.run}
	}
	for i := range c.Attempts {
		c.Attempts[i] = l.attempt(l.next/(alive*3)*alive+l.next%alive, l.next/alive%3)
		l.next++
	}
	return c
}

// attempt is the attempt of the task index in its phase: launched, running, ended.
func (l *load) attempt(index, phase int) state.AttemptRecord {
	agent := index * 31 % 10_000
	a := state.AttemptRecord{
		ID:       state.AttemptID{Run: batchRun, Step: "psd", Index: index},
		Agent:    fmt.Sprintf("a3f1c0de-1c4b-4a63-9a8e-7d1f0b8f3f0a-S%d", agent),
		Hostname: fmt.Sprintf("node%05d.dpc.example", agent),
		State:    state.TaskStaging, ExitCode: -1, Launched: l.at.Add(time.Duration(index) * time.Millisecond),
	}
	if phase >= 1 {
		a.State, a.Source, a.Started = state.TaskRunning, state.SourceExecutor, a.Launched.Add(time.Second)
	}
	if phase >= 2 {
		a.State, a.Outcome, a.ExitCode, a.Ended = state.TaskFinished, state.Succeeded, 0, a.Started.Add(time.Minute)
		a.Message = "Container exited with status 0"
	}
	return a
}

// BenchmarkCommit measures durable commits, fsync included. A task is three rows.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size, " rows"), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"))
			defer s.Close()
			measureCommits(b, s, size)
		})
	}
}

func BenchmarkMemoryCommit(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint(size, " rows"), func(b *testing.B) { measureCommits(b, store.NewMemory(), size) })
	}
}

func measureCommits(b *testing.B, s store.Store, size int) {
	l := newLoad()
	var spent, processor time.Duration
	for b.Loop() {
		c := l.batch(size)
		start, used := time.Now(), processorTime(b)
		if err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		processor += processorTime(b) - used
		spent += time.Since(start)
	}
	b.ReportMetric(float64(b.N*size)/spent.Seconds(), "rows/s")
	b.ReportMetric(float64(b.N)/spent.Seconds(), "commits/s")
	b.ReportMetric(float64(processor.Nanoseconds())/1e3/float64(b.N*size), "cpu-µs/row")
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLoad measures a start with a million attempts of an active run.
func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(b.TempDir(), "store.db")
	s := open(b, path)
	l := newLoad()
	for index := 0; index < 1_000_000; {
		c := &state.Changes{}
		if index == 0 {
			c.Runs = []state.RunRecord{l.run}
		}
		for range 10_000 {
			c.Attempts = append(c.Attempts, l.attempt(index, 2))
			index++
		}
		if err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		before, used := heap(), processorTime(b)
		s := open(b, path)
		snap, err := s.Load(b.Context())
		if err != nil || len(snap.Attempts) != 1_000_000 {
			b.Fatalf("%d attempts, error %v", len(snap.Attempts), err)
		}
		b.ReportMetric((processorTime(b) - used).Seconds(), "cpu-s")
		b.ReportMetric(float64(heap()-before)/1e6, "MB-kept")
		runtime.KeepAlive(snap)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// heap returns the bytes of the heap that are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
