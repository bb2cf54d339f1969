package cloudburst

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestTroubleIsLoggedOnce: what goes wrong in every round is logged when it begins and when it is over, each in a line.
func TestTroubleIsLoggedOnce(t *testing.T) {
	w := newWorld(t)
	w.cloud("a")
	var log strings.Builder
	cfg := w.agent(testPool("a")).cfg
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	a := New(cfg)
	rounds := func(d time.Duration) string {
		log.Reset()
		for until := w.time().Add(d); w.time().Before(until); {
			w.step(5 * time.Second)
			a.complain(w.round(a))
		}
		if strings.Contains(log.String(), `\n`) {
			t.Errorf("errors of several lines: %s", log.String())
		}
		return log.String()
	}
	if got := rounds(time.Minute); got != "" {
		t.Errorf("nothing is wrong: %s", got)
	}
	w.down["a"], w.down["scheduler"] = true, true
	got := rounds(10 * time.Minute)
	for what, n := range map[string]int{
		"level=": 4, "level=WARN": 4, "error=\"asking cloud a": 1, "error=\"asking the scheduler": 1, "error=\"reporting to": 1,
		"cloud a does not answer": 1,
	} {
		if strings.Count(got, what) != n {
			t.Errorf("%q is not logged %d times:\n%s", what, n, got)
		}
	}
	w.down = map[string]bool{}
	got = rounds(10 * time.Minute)
	if strings.Count(got, "level=INFO") != 4 || strings.Contains(got, "WARN") || strings.Count(got, "is over") != 3 {
		t.Errorf("when all is well again:\n%s", got)
	}
}

// TestFailuresAreLoggedOnce: a call that fails again and again is logged as it begins to fail and when it has succeeded, though it
// is told each time.
func TestFailuresAreLoggedOnce(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	var log strings.Builder
	cfg := w.agent(testPool("a")).cfg
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	a := New(cfg)
	c.noHost = 1
	c.fault = func(kind string) fault {
		if kind == "delete" {
			return refused
		}
		return noFault
	}
	w.taskFor = time.Hour
	w.submit(1)
	w.pass(a, 10*time.Minute)
	if n := strings.Count(log.String(), "delete: delete: unclear"); n != 1 || !strings.Contains(log.String(), "level=WARN msg=\"delete: ") {
		t.Errorf("the failure is logged %d times:\n%s", n, log.String())
	}
	c.fault = nil
	w.pass(a, 5*time.Minute)
	if n := strings.Count(log.String(), "what had failed has succeeded"); n != 1 {
		t.Errorf("its end is logged %d times", n)
	}
}

// TestDifferentNumbers: the same failure at another time is the same.
func TestDifferentNumbers(t *testing.T) {
	c := complaints{}
	for i, step := range []struct {
		text   string
		begins bool
	}{
		{"127.0.0.1:4711: refused (req-0aff-13)", true}, {"127.0.0.1:815: refused (req-bb42-99)", false}, {"timeout", true},
	} {
		if c.begins("x", step.text) != step.begins {
			t.Errorf("step %d: %s", i, step.text)
		}
	}
	if !c.ends("x") || c.ends("x") {
		t.Error("it does not end, or twice")
	}
}
