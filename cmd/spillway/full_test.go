package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// TestFullDisk fills the file system on which the scheduler keeps its state. It must stop, say why, and end with a
// status that is not zero; when there is room and it is started again, nothing that it has acknowledged is lost.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallFileSystem(t, 4<<20)
	w := newWitness()
	w.failures = failuresOf
	w.hurry = func() bool { return true }
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Instant, Outcome: w.outcome, Agents: make([]minimesos.AgentOptions, 2),
		AllocationInterval: 20 * time.Millisecond, UpdateRetryInterval: 200 * time.Millisecond,
	})
	cluster.SetTap(w.tap)
	file, address := filepath.Join(dir, "spillway.db"), freeAddress(t)
	flags := tenacious(cluster, file, address)
	author := newAuthor(t, "http://"+address, ticket+strings.Repeat("# nothing, at length\n", 2000))

	for range 2 { // the second time, there is hardly any room from the start
		p := spawn(t, flags...)
		for !p.hasEnded() {
			author.wake()
			select {
			case <-author.sent:
			case <-p.ended:
			}
		}
		if status := p.wait(t); status != exitUsage {
			t.Errorf("exit status %d, want %d", status, exitUsage)
		}
		for _, what := range []string{"disk full", file, "make room"} {
			if !strings.Contains(p.stderr.String(), what) {
				t.Errorf("the scheduler does not say %q: %s", what, p.stderr.String())
			}
		}
	}
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
	p := spawn(t, flags...)
	runs := author.finish()
	if len(runs) < 2 {
		t.Errorf("only %d runs were acknowledged: the disk was full too soon", len(runs))
	}
	for _, id := range runs {
		if run := awaitEnd(t, "http://"+address, id); run.Phase != string(state.RunSucceeded) {
			t.Errorf("run %s %s", id, run.Phase)
		}
	}
	if status := p.interrupt(t); status != 0 {
		t.Errorf("exit status %d: %s", status, p.stderr.String())
	}
	checkStore(t, file, runs, w)
}

// smallFileSystem mounts a file system of the size in bytes for the test.
func smallFileSystem(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
		t.Skipf("this test needs to mount a small file system (be root with CAP_SYS_ADMIN): %v", err)
	}
	t.Cleanup(func() {
		// Detached, as a process that another test is just starting may have a file of it open until it runs.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
