package state

import (
	"testing"
	"time"
)

const withTimeout = "name: p\nsteps: {s: {image: b, run: x, timeout: 1h, resources: {cpus: 1, mem: 1MiB}}}\n"

// TestLaunchTimeout: a task that does not start is killed, and that is the infrastructure's fault.
func TestLaunchTimeout(t *testing.T) {
	w := newWorld(t)
	w.s.Listen(w.now)
	id := w.submit(withTimeout)
	a := w.launch(1)[0].ID
	w.update(a, TaskStarting, "", SourceExecutor, "")
	limit := time.Hour + w.cfg.LaunchTimeout
	w.pass(limit - time.Second)
	if len(w.kills) > 0 {
		t.Fatalf("killed too early: %v", w.kills)
	}
	w.pass(time.Second)
	if len(w.kills) != 1 || w.kills[0].ID != a || w.attempts[a].Kill != KillLaunch {
		t.Fatalf("kills %v, attempt %+v", w.kills, w.attempts[a])
	}
	w.update(a, TaskKilled, "", SourceExecutor, "")
	if got := w.attempts[a]; got.Outcome != InfraFailed || got.RetryAt.IsZero() || w.runs[id].Phase != RunActive {
		t.Errorf("attempt %+v of run %s", got, w.runs[id].Phase)
	}
}

// TestLaunchTimeoutNeedsNews: what the scheduler did not hear while it was away is no proof that a task has not started.
func TestLaunchTimeoutNeedsNews(t *testing.T) {
	w := newWorld(t)
	w.s.Listen(w.now)
	w.submit(withTimeout)
	a := w.launch(1)[0].ID
	w.s.Listen(time.Time{})
	w.pass(24 * time.Hour)
	w.restart()
	w.s.Listen(w.now)
	w.pass(time.Minute)
	if len(w.kills) > 0 {
		t.Fatalf("killed unheard: %v", w.kills)
	}
	w.update(a, TaskRunning, "", SourceExecutor, "")
	w.pass(time.Hour + w.cfg.TimeoutSlack - time.Second)
	if len(w.kills) > 0 {
		t.Errorf("killed before its time: %v", w.kills)
	}
	w.pass(time.Second)
	if len(w.kills) != 1 || w.attempts[a].Kill != KillTimeout {
		t.Errorf("kills %v, attempt %+v", w.kills, w.attempts[a])
	}
}

// TestUnknownState: a state of a later Mesos is no end, and tells nothing.
func TestUnknownState(t *testing.T) {
	w := newWorld(t)
	w.submit(withTimeout)
	a := w.launch(1)[0].ID
	for _, step := range []struct{ told, want TaskState }{
		{"TASK_99", TaskStaging}, {TaskRunning, TaskRunning}, {"TASK_99", TaskRunning}, {TaskFinished, TaskFinished},
	} {
		w.update(a, step.told, "", SourceExecutor, "")
		if got := w.attempts[a]; got.State != step.want || (got.Outcome != "") != (step.want == TaskFinished) {
			t.Errorf("after %s: %+v, want %s", step.told, got, step.want)
		}
	}
}

// TestImages: a run executes the images that were resolved, also when it was restored, and when it is looked at later.
func TestImages(t *testing.T) {
	w := newWorld(t)
	id := w.submitWith("name: p\ndefaults: {run: x, resources: {cpus: 1, mem: 1MiB}}\nsteps: {a: {image: b}, c: {image: d}}\n",
		map[string]string{"b": "b@sha256:01", "other": "other@sha256:02"})
	check := func(r *Run) {
		t.Helper()
		if a, c := r.Step("a").Spec().Image, r.Step("c").Spec().Image; a != "b@sha256:01" || c != "d" {
			t.Errorf("images %s and %s", a, c)
		}
	}
	check(w.s.Run(id))
	live := w.s.Dump()
	w.restart()
	check(w.s.Run(id))
	w.wantSame(live)
	w.finish(w.launch(1)[0].ID)
	w.fail(w.launch(1)[0].ID)
	r, err := Inspect(w.runs[id], w.attemptsOf(id))
	if err != nil {
		t.Fatal(err)
	}
	check(r)
	if _, err := w.s.Retry(w.now, w.runs[id], w.attemptsOf(id)); err != nil {
		t.Fatal(err)
	}
	check(w.s.Run(id))
}
