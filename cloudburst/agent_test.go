package cloudburst

import (
	"testing"
	"time"
)

// TestPeak: tasks wait, machines come, tasks run there, machines go.
func TestPeak(t *testing.T) {
	w := newWorld(t)
	w.cloud("a")
	a := w.agent(testPool("a"))
	w.submit(10)
	w.pass(a, 5*time.Second)
	if n := w.servers(); n != 3 {
		t.Fatalf("%d servers for 10 tasks, want 3", n)
	}
	w.pass(a, 30*time.Minute)
	if w.ended != 10 || w.killed != 0 || w.lost != 0 {
		t.Errorf("%d tasks ended, %d were killed, %d logs lost; want 10, 0, 0", w.ended, w.killed, w.lost)
	}
	if n := w.servers(); n != 0 {
		t.Errorf("%d servers are left", n)
	}
}
