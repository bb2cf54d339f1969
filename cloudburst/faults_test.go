package cloudburst

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// TestQuota: where there is room for 3 and 50 are wanted, no more than 10 create calls are made in an hour, whether the cloud
// tells of its quota or not.
func TestQuota(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		w := newWorld(t)
		c := w.cloud("a")
		c.quota, c.hideQuota, w.taskFor = 3, hidden, 10*time.Hour
		a := w.agent(testPool("a"))
		w.submit(50 * cores)
		w.pass(a, time.Hour)
		if n := len(c.servers); n != 3 {
			t.Errorf("quota hidden: %v: %d servers, want 3", hidden, n)
		}
		if c.creates > 10 || !hidden && c.refusals > 0 {
			t.Errorf("quota hidden: %v: %d create calls, of which %d were refused", hidden, c.creates, c.refusals)
		}
		if hidden && !w.told(EventBackoff, "quota") {
			t.Errorf("nobody was told of the back-off: %v", w.events)
		}
	}
}

// told says whether an event of a kind has a word in its message.
func (w *world) told(kind EventKind, word string) bool {
	for _, e := range w.events {
		if e.Kind == kind && strings.Contains(e.Message, word) {
			return true
		}
	}
	return false
}

// TestNoHost: a flavor for which a cloud has no host is not asked for there for growing times, while another cloud goes on, and
// what has failed is deleted.
func TestNoHost(t *testing.T) {
	w := newWorld(t)
	full, other := w.cloud("a"), w.cloud("b")
	full.noHost, w.taskFor = 1000, 10*time.Hour
	a := w.agent(testPool("a", "b"))
	w.submit(5 * cores)
	w.pass(a, 10*time.Second)
	w.pass(a, time.Minute)
	if n := len(other.servers); n < 5 {
		t.Errorf("%d servers on the other cloud, want 5", n)
	}
	w.pass(a, time.Hour)
	if full.creates > 10 {
		t.Errorf("%d create calls on a cloud without hosts", full.creates)
	}
	if n := len(full.servers); n != 0 {
		t.Errorf("%d failed servers are left", n)
	}
	if !w.told(EventFailed, "No valid host") || !w.told(EventBackoff, "no capacity") {
		t.Errorf("events: %v", w.events)
	}
}

// TestStuck: a server that stays in BUILD delays no other, and another one takes its place.
func TestStuck(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	c.stuck, w.taskFor = 1, 20*time.Minute
	a := w.agent(testPool("a"))
	w.submit(10 * cores)
	w.pass(a, 90*time.Second)
	if n := len(w.agents); n != 9 {
		t.Errorf("%d agents have joined, want 9", n)
	}
	w.pass(a, 6*time.Minute)
	if n := len(w.agents); n != 10 {
		t.Errorf("%d agents have joined after the deadline of the stuck one, want 10", n)
	}
	if !w.told(EventFailed, "has not built it in 5m0s") {
		t.Errorf("events: %v", w.events)
	}
	w.pass(a, time.Hour)
	if w.servers() != 0 || w.killed != 0 {
		t.Errorf("%d servers are left, %d tasks were killed", w.servers(), w.killed)
	}
}

// TestNeverJoins: a server whose agent never registers is deleted after its deadline, and another one takes its place after a pause.
func TestNeverJoins(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	c.joins = 1000 * time.Hour
	a := w.agent(testPool("a"))
	w.submit(1)
	w.pass(a, 5*time.Minute+45*time.Second+firstRefused)
	if len(c.made) < 2 || !w.told(EventFailed, "its agent has not registered") {
		t.Errorf("%d machines were made; events: %v", len(c.made), w.events)
	}
}

// TestJoinsLate: an agent that registers at the moment at which its machine is given up is drained, not deleted with its tasks.
func TestJoinsLate(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	c.joins = 5*time.Minute + 7*time.Second // its deadline is over in the next round after it is up
	a := w.agent(testPool("a"))
	w.submit(1)
	c.fault = func(kind string) fault {
		// The agent registers, and gets its task, between the look that gives the machine up and its deletion.
		if kind == "tag" {
			c.joins = 0
			for _, s := range c.servers {
				if s.Status == "ACTIVE" {
					c.step(s)
				}
			}
			for _, f := range w.agents {
				w.stepAgent(f)
			}
			c.fault = nil
		}
		return noFault
	}
	w.pass(a, time.Hour)
	if w.killed != 0 || w.lost != 0 || w.ended != 1 {
		t.Errorf("%d tasks ended, %d were killed, %d logs lost; want 1, 0, 0", w.ended, w.killed, w.lost)
	}
	if w.servers() != 0 {
		t.Errorf("%d servers are left", w.servers())
	}
}

// TestCloudDown: a cloud that does not answer gets no machines and keeps those that it has; others take its place.
func TestCloudDown(t *testing.T) {
	w := newWorld(t)
	c, other := w.cloud("a"), w.cloud("b")
	w.taskFor = 10 * time.Minute
	a := w.agent(testPool("a", "b"))
	w.submit(cores)
	w.pass(a, 2*time.Minute)
	w.down["a"] = true
	w.pass(a, 40*time.Second)
	creates := c.creates
	w.submit(2 * cores)
	w.pass(a, 2*time.Minute)
	if n := len(other.servers); n != 2 {
		t.Errorf("%d servers on the cloud that answers, want 2", n)
	}
	if c.creates != creates || len(c.servers) != 1 {
		t.Errorf("%d create calls to a cloud that does not answer, %d servers there", c.creates-creates, len(c.servers))
	}
	w.pass(a, time.Hour)
	if len(c.servers) != 1 || len(other.servers) != 0 {
		t.Errorf("servers: %d on the cloud that does not answer, %d on the other; want 1 and 0", len(c.servers), len(other.servers))
	}
	w.down["a"] = false
	w.pass(a, 2*time.Minute)
	if w.servers() != 0 || w.killed != 0 || w.lost != 0 || w.ended != 3*cores {
		t.Errorf("%d servers are left, %d tasks ended, %d killed, %d logs lost", w.servers(), w.ended, w.killed, w.lost)
	}
	if !w.told(EventCloud, "does not answer") || !w.told(EventCloud, "cloud a answers") {
		t.Errorf("events: %v", w.events)
	}
}

// TestBlind: without the scheduler, or without the master, nothing is made and nothing is taken away that may be of use; when
// they are back, all goes on.
func TestBlind(t *testing.T) {
	for _, who := range []string{"scheduler", "master"} {
		w := newWorld(t)
		c := w.cloud("a")
		w.taskFor = 10 * time.Minute
		a := w.agent(testPool("a"))
		w.submit(2 * cores)
		w.pass(a, 2*time.Minute)
		w.down[who] = true
		w.submit(cores)
		creates, changes := c.creates, w.changes()
		w.pass(a, time.Hour)
		if c.creates != creates || len(c.servers) != 2 || w.changes() != changes {
			t.Errorf("without the %s: %d create calls, %d servers, calls %v", who, c.creates-creates, len(c.servers), w.log[len(w.log)-5:])
		}
		w.down[who] = false
		w.pass(a, time.Hour)
		if w.servers() != 0 || w.killed != 0 || w.lost != 0 || w.ended != 3*cores {
			t.Errorf("after the %s was away: %d servers, %d ended, %d killed, %d logs lost", who, w.servers(), w.ended, w.killed, w.lost)
		}
	}
}

// changes counts the calls that change something.
func (w *world) changes() (n int) {
	for _, line := range w.log {
		_, kind, _ := strings.Cut(line, " ")
		switch kind, _, _ := strings.Cut(kind, " "); kind {
		case "demand", "report", "agents", "tasks", "servers", "limits", "leftovers":
		default:
			n++
		}
	}
	return n
}

// TestBlindDeletesFailed: a server that has never run has no tasks, whoever does not answer.
func TestBlindDeletesFailed(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	a := w.agent(testPool("a"))
	c.noHost = 1
	w.submit(1)
	w.pass(a, 5*time.Second)
	w.down["scheduler"], w.down["master"] = true, true
	w.pass(a, time.Minute)
	if n := len(c.servers); n != 0 {
		t.Errorf("%d failed servers are left", n)
	}
}

// TestHeld: an agent that is not the only one does nothing until it is.
func TestHeld(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	a := w.agent(testPool("a"))
	w.holder = "somebody else"
	w.submit(1)
	w.step(5 * time.Second)
	if err := w.round(a); !errors.Is(err, ErrHeld) {
		t.Errorf("error %v", err)
	}
	w.pass(a, time.Minute)
	if c.creates != 0 || w.changes() != 0 {
		t.Errorf("%d create calls, %d changes", c.creates, w.changes())
	}
	w.holder = ""
	w.pass(a, 5*time.Second)
	if c.creates != 1 {
		t.Errorf("%d create calls once the other is gone, want 1", c.creates)
	}
}

// TestTwoOnOneHost: of two processes with one holder the first does nothing while the second one reports, and goes on by itself
// when that is gone for half a minute.
func TestTwoOnOneHost(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	first := w.agent(testPool("a"))
	w.pass(first, 5*time.Second)
	second := New(first.cfg)
	second.cfg.Began = first.cfg.Began.Add(time.Nanosecond)
	w.pass(second, 5*time.Second)
	w.submit(1)
	if err := w.round(first); !errors.Is(err, ErrHeld) || c.creates != 0 {
		t.Errorf("the one that began first: error %v, %d create calls", err, c.creates)
	}
	if err := w.round(second); err != nil || c.creates != 1 {
		t.Errorf("the one that began last: error %v, %d create calls", err, c.creates)
	}
	w.submit(3 * cores)
	w.pass(first, 25*time.Second)
	if c.creates != 1 {
		t.Errorf("%d create calls while the other's report is fresh, want 1", c.creates)
	}
	w.pass(first, 5*time.Second)
	if c.creates == 1 {
		t.Error("it does not go on when the other one is gone")
	}
}

// TestUnclear: a create call whose answer was lost is not made again for another machine; neither is one of which nothing came.
func TestUnclear(t *testing.T) {
	for what, fails := range map[string]fault{"made all the same": afterDone, "not made": refused} {
		w := newWorld(t)
		c := w.cloud("a")
		a := w.agent(testPool("a"))
		c.fault = func(kind string) fault {
			if kind != "boot" {
				return noFault
			}
			c.fault = nil
			return fails
		}
		w.submit(1)
		w.pass(a, 10*time.Minute)
		if w.ended != 1 || len(c.made) != 1 || w.killed != 0 {
			t.Errorf("%s: %d tasks ended on %d machines", what, w.ended, len(c.made))
		}
		w.pass(a, 10*time.Minute)
		if n := w.servers(); n != 0 {
			t.Errorf("%s: %d servers are left", what, n)
		}
	}
}

// TestTwins: a machine of which there are two servers is taken away softly, with both, and another one takes its place.
func TestTwins(t *testing.T) {
	for _, after := range []time.Duration{5 * time.Second, 90 * time.Second} { // while it is built, while its task runs
		w := newWorld(t)
		c := w.cloud("a")
		a := w.agent(testPool("a"))
		w.submit(1)
		w.pass(a, after)
		for _, s := range c.servers {
			twin := *s
			twin.ID, twin.Created = "twin", s.Created.Add(time.Second)
			c.servers["twin"] = &twin
			break
		}
		w.pass(a, 10*time.Minute)
		if c.servers["twin"] != nil {
			t.Errorf("after %v: the twin is left: %s", after, w.fingerprint())
		}
		w.pass(a, time.Hour)
		if w.servers() != 0 || w.ended != 1 || w.killed != 0 {
			t.Errorf("after %v: %d servers are left, %d tasks ended, %d killed", after, w.servers(), w.ended, w.killed)
		}
	}
}

// TestNeverJoinsAgain: where agents never register, few machines are made in an hour, though the pool allows two at a time and the
// zone is the cloud's choice; another cloud goes on, and when one has joined there is no back-off any more.
func TestNeverJoinsAgain(t *testing.T) {
	for _, failing := range []string{"its agent never registers", "it is switched off", "it is not built"} {
		w := newWorld(t)
		c := w.cloud("a")
		w.cloud("b")
		c.chooses, w.taskFor = "nova", 10*time.Hour
		switch failing {
		case "its agent never registers":
			c.joins = 1000 * time.Hour
		case "it is switched off":
			c.joins, c.switchesOff = 1000*time.Hour, true
		case "it is not built":
			c.builds = 1000 * time.Hour
		}
		p, other := testPool("a"), testPool("b")
		p.Caps.VMs, other.Caps.VMs, other.Name = 2, 2, "other"
		var log strings.Builder
		cfg := w.agent(p).cfg
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		a := New(cfg)
		w.submit(50 * cores)
		w.pass(a, time.Hour)
		if c.creates < 4 || c.creates > 10 {
			t.Errorf("%s: %d machines were made in an hour", failing, c.creates)
		}
		if !w.told(EventBackoff, "not joined: ") {
			t.Errorf("%s: nobody was told of the back-off", failing)
		}
		if n := strings.Count(log.String(), "event=backoff"); n != strings.Count(log.String(), "level=WARN msg=\"m4 on a is not asked for") || n > c.creates {
			t.Errorf("%s: %d back-offs are logged:\n%s", failing, n, log.String())
		}
		a.Use([]Pool{p, other})
		w.pass(a, 5*time.Minute)
		if n := len(w.clouds["b"].servers); n != 2 {
			t.Errorf("%s: %d machines on the other cloud", failing, n)
		}
		c.joins, c.builds, c.switchesOff = 30*time.Second, 30*time.Second, false
		w.pass(a, time.Hour)
		if n := len(c.servers); n != 2 || len(a.backoffs) != 0 {
			t.Errorf("%s: when agents register again there are %d machines, want 2, and back-offs %v", failing, n, a.backoffs)
		}
	}
}

// TestBackoffGrows: pauses double up to half an hour, a second refusal in a pause counts once, and a server that was made later
// and runs ends it.
func TestBackoffGrows(t *testing.T) {
	a := newWorld(t).agent()
	now := time.Date(2034, 10, 25, 12, 0, 0, 0, time.UTC)
	l := lane{"a", "m4", "z1"}
	quota := &openstack.Error{Kind: openstack.Quota, Message: "no more"}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		b, isNew := a.refuse(l, quota, now)
		if !isNew || b.pause != want*time.Minute {
			t.Errorf("pause %v, want %v min", b.pause, want)
		}
		if _, isNew := a.refuse(l, quota, now.Add(b.pause/2)); isNew {
			t.Error("a refusal during the pause made it longer")
		}
		if got := a.backoffsOf("a", now, nil); len(got) != 1 || got[0].Flavor != "m4" || got[0].Zone != "z1" {
			t.Errorf("the planner is told of %v", got)
		}
		now = b.until
	}
	if len(a.backoffsOf("a", now, nil)) != 0 || len(a.backoffsOf("b", now.Add(-time.Second), nil)) != 0 {
		t.Error("a pause that is over, or of another cloud, is told")
	}
	a.accept(l, now.Add(-time.Hour), time.Time{})
	if a.backoffs[l] == nil {
		t.Error("a server from before the failure ends the back-off")
	}
	a.accept(l, now, time.Time{})
	if a.backoffs[l] != nil {
		t.Error("a server that was made after the failure does not end the back-off")
	}
	if b, _ := a.refuse(l, &openstack.Error{Kind: openstack.RateLimit, After: time.Hour}, now); b.pause != time.Hour {
		t.Errorf("the cloud wants an hour of rest and gets %v", b.pause)
	}
	if a.backoffs[lane{cloud: "a"}] == nil {
		t.Error("a rate limit holds for one flavor only")
	}
}

// TestUnknownPool: machines of a pool that is not configured any more are drained and deleted.
func TestUnknownPool(t *testing.T) {
	w := newWorld(t)
	w.cloud("a")
	a := w.agent(testPool("a"))
	w.submit(cores)
	w.pass(a, 90*time.Second)
	other := testPool("a")
	other.Name = "other"
	a = w.agent(other)
	w.pass(a, time.Hour)
	if w.servers() != 0 || w.killed != 0 || w.ended != cores {
		t.Errorf("%d servers are left, %d tasks ended, %d killed", w.servers(), w.ended, w.killed)
	}
}

// TestLate: a process that was away while its machine was built too slowly takes it as it is.
func TestLate(t *testing.T) {
	w := newWorld(t)
	c := w.cloud("a")
	c.builds = 20 * time.Minute
	a := w.agent(testPool("a"))
	w.submit(1)
	w.pass(a, 5*time.Second)
	w.step(20 * time.Minute)
	w.step(time.Minute)
	a = w.agent(testPool("a"))
	w.pass(a, time.Minute)
	if w.events[len(w.events)-1].Kind != EventJoined || len(c.made) != 1 {
		t.Errorf("events: %v", w.events)
	}
}
