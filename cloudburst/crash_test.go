package cloudburst

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// life is one peak, with a look at the world after each round.
type life struct {
	seen    []string
	crashed int // the round in which the process died; -1: in none
	calls   int
}

// live lets an agent process live through a peak. If the process dies, another one takes its place for the next round.
func live(w *world, p Pool) life {
	l := life{crashed: -1}
	w.taskFor = time.Minute
	w.cloud("a")
	a := w.agent(p)
	w.submit(10)
	for round := range 70 {
		w.step(5 * time.Second)
		before := w.generation
		_ = w.round(a)
		if w.generation != before {
			l.crashed = round
			a = w.agent(p)
		}
		l.seen = append(l.seen, w.fingerprint())
	}
	l.calls = w.calls
	return l
}

// fingerprint says how far all machines have come, whatever they are called.
func (w *world) fingerprint() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := map[string]int{}
	for _, c := range w.clouds {
		for _, s := range c.servers {
			drain := s.Metadata[vm.KeyDrain] != ""
			counts[fmt.Sprintf("%s joined=%v drain=%v", s.Status, s.Metadata[vm.KeyJoined] != "", drain)]++
		}
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[k], k))
	}
	return strings.Join(parts, ", ")
}

// TestCrash kills the process at each of its calls, before the call has its effect and after. Two rounds later the next one
// is where the one that was not killed was, or further; nothing is made twice, no task is ended, no log lost, and in the end
// nothing is left.
func TestCrash(t *testing.T) {
	for _, then := range []vm.Afterwards{vm.Delete, vm.Stop} {
		p := testPool("a")
		p.Afterwards = then
		if then == vm.Stop {
			p.Stopped = 2
		}
		calm := live(newWorld(t), p)
		if calm.crashed >= 0 || !slices.Contains(calm.seen, "") && then == vm.Delete {
			t.Fatal("an undisturbed life does not end with nothing")
		}
		step := 1
		if testing.Short() {
			step = 7
		}
		for n := 1; n <= calm.calls; n += step {
			for _, before := range []bool{true, false} {
				w := newWorld(t)
				w.crashAt, w.crashBefore = n, before
				what := fmt.Sprintf("%s, call %d (before its effect: %v)", then, n, before)
				checkCrash(t, w, what, calm, live(w, p))
			}
		}
	}
}

func checkCrash(t *testing.T, w *world, what string, calm, l life) {
	t.Helper()
	what += ", which was " + w.log[min(w.crashAt, len(w.log))-1]
	if w.killed != 0 || w.lost != 0 || w.ended != 10 {
		t.Errorf("%s: %d tasks ended, %d were killed, %d logs lost; want 10, 0, 0", what, w.ended, w.killed, w.lost)
	}
	made := 0
	for intent, n := range w.clouds["a"].made {
		made += n
		if n > 1 {
			t.Errorf("%s: %d servers were made of %s", what, n, intent)
		}
	}
	if made != 3 {
		t.Errorf("%s: %d servers were made, want 3", what, made)
	}
	if got, want := l.seen[len(l.seen)-1], calm.seen[len(calm.seen)-1]; got != want {
		t.Errorf("%s: in the end there is %q, want %q", what, got, want)
	}
	if l.crashed >= 0 && l.crashed+2 < len(l.seen) {
		at := l.crashed
		if got := l.seen[at+2]; !slices.Contains(calm.seen[at:at+3], got) {
			t.Errorf("%s: two rounds later there is %q; without the crash it was %q", what, got, calm.seen[at:at+3])
		}
	}
}
