package vm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2034, 10, 25, 12, 0, 0, 0, time.UTC)

var limits = Deadlines{Requested: time.Minute, Building: 10 * time.Minute, Active: 15 * time.Minute, Leaving: 5 * time.Minute}

// server makes a server that was asked for at noon.
func server(status string, change ...func(*Server)) *Server {
	s := &Server{ID: "id", Status: status, Created: noon, Updated: noon, Metadata: map[string]string{
		KeyCluster: "lisa", KeyIntent: "batch-abc", KeyPool: "batch", KeyCloud: "a", KeyFlavor: "m4",
	}}
	if status != "BUILD" {
		s.Launched = noon.Add(time.Minute)
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func tag(keys ...string) func(*Server) {
	return func(s *Server) {
		for i := 0; i < len(keys); i += 2 {
			s.Metadata[keys[i]] = keys[i+1]
		}
	}
}

func task(name string) func(*Server) { return func(s *Server) { s.Task = name } }

func never(s *Server) { s.Launched = time.Time{} }

func fault(text string) func(*Server) { return func(s *Server) { s.Fault = text } }

var (
	joined  = tag(KeyJoined, Moment(noon.Add(2*time.Minute)))
	served  = tag(KeyServed, Moment(noon.Add(3*time.Minute)))
	started = tag(KeyStarted, Moment(noon.Add(time.Hour)))
	drained = tag(KeyDrain, Moment(noon.Add(4*time.Minute)), KeyDrainReason, "idle", KeyThen, "delete")
	stops   = tag(KeyThen, "stop")
)

func idle() *Agent { return &Agent{ID: "S1"} }
func busy() *Agent { return &Agent{ID: "S1", Busy: true} }

// TestStages: what a server and an agent together are.
func TestStages(t *testing.T) {
	for what, c := range map[string]struct {
		server *Server
		agent  *Agent
		after  time.Duration // since noon
		missed time.Duration // since noon; 0: not
		want   Stage
		fault  string
	}{
		"nothing is known":                          {want: Requested},
		"a server is built":                         {server: server("BUILD"), want: Building},
		"it is built in its time":                   {server: server("BUILD"), after: 10 * time.Minute, want: Building},
		"it is not built in its time":               {server: server("BUILD"), after: 11 * time.Minute, want: Failed, fault: "has not built it in 10m0s"},
		"it could not be built":                     {server: server("ERROR", never, fault("No valid host")), want: Failed, fault: "No valid host"},
		"it could not be built, nobody says why":    {server: server("ERROR", never), want: Failed, fault: "does not say why"},
		"it runs":                                   {server: server("ACTIVE"), after: 2 * time.Minute, want: Active},
		"its agent does not come":                   {server: server("ACTIVE"), after: 17 * time.Minute, want: Failed, fault: "within 15m0s"},
		"its agent has registered":                  {server: server("ACTIVE"), agent: idle(), after: 2 * time.Minute, want: Joined},
		"it has registered late":                    {server: server("ACTIVE"), agent: idle(), after: time.Hour, want: Joined},
		"it was noted":                              {server: server("ACTIVE", joined), agent: idle(), after: time.Hour, want: Joined},
		"a task runs":                               {server: server("ACTIVE", joined), agent: busy(), after: time.Hour, want: Serving},
		"a task has run":                            {server: server("ACTIVE", joined, served), agent: idle(), after: time.Hour, want: Serving},
		"in error, and its agent is alive":          {server: server("ERROR", joined, served), agent: busy(), after: time.Hour, want: Serving},
		"its agent is away":                         {server: server("ACTIVE", joined, served), after: time.Hour, missed: 50 * time.Minute, want: Active},
		"its agent is away, nobody knows how long":  {server: server("ACTIVE", joined), after: time.Hour, want: Active},
		"its agent is away for too long":            {server: server("ACTIVE", joined), after: time.Hour, missed: 40 * time.Minute, want: Failed, fault: "away for more than 15m0s"},
		"it drains":                                 {server: server("ACTIVE", joined, drained), agent: busy(), want: Draining},
		"it drains, in error":                       {server: server("ERROR", joined, drained), agent: busy(), want: Draining},
		"it has drained":                            {server: server("ACTIVE", joined, drained), want: Leaving},
		"it is to go before it was built":           {server: server("BUILD", drained), want: Leaving},
		"it is being deleted":                       {server: server("ACTIVE", task("deleting")), want: Leaving},
		"it is not deleted in time":                 {server: server("ACTIVE", task("deleting")), after: 6 * time.Minute, want: Failed, fault: "deleting it for more than 5m0s"},
		"it is being stopped":                       {server: server("ACTIVE", joined, drained, stops, task("powering-off")), want: Leaving},
		"it is stopped":                             {server: server("SHUTOFF", joined, drained, stops), want: Stopped},
		"it is shelved":                             {server: server("SHELVED_OFFLOADED", joined, drained, tag(KeyThen, "shelve")), want: Stopped},
		"it is stopped, and the agent still listed": {server: server("SHUTOFF", joined, drained, stops), agent: idle(), want: Stopped},
		"it is off, to be deleted":                  {server: server("SHUTOFF", joined, drained), want: Leaving},
		"it has switched itself off":                {server: server("SHUTOFF", joined), want: Stopped},
		"it has switched itself off, unused":        {server: server("SHUTOFF"), want: Failed, fault: "switched off"},
		"it is to be started":                       {server: server("SHUTOFF", started), after: time.Hour, want: Stopped},
		"it is being started":                       {server: server("SHUTOFF", started, task("powering-on")), after: time.Hour, want: Building},
		"it is being unshelved":                     {server: server("SHELVED_OFFLOADED", started, task("spawning")), after: time.Hour, want: Building},
		"it runs again":                             {server: server("ACTIVE", started), after: time.Hour + time.Minute, want: Active},
		"it runs again, without an agent":           {server: server("ACTIVE", started), after: 2 * time.Hour, want: Failed, fault: "has not registered"},
		"it was started and is off again":           {server: server("SHUTOFF", started), after: 2 * time.Hour, want: Failed, fault: "since it was started"},
		"it is deleted":                             {server: server("DELETED"), want: Deleted},
		"it is deleted, and can be had back":        {server: server("SOFT_DELETED"), want: Deleted},
		"only its agent is left":                    {agent: idle(), want: Deleted},
		"a state that nobody has thought of":        {server: server("RESCUE"), after: 2 * time.Minute, want: Active},
	} {
		f := Facts{Intent: "batch-abc", Server: c.server, Agent: c.agent}
		if c.missed > 0 {
			f.Missed = noon.Add(c.missed)
		}
		v := Observe(f, noon.Add(c.after), limits)
		if v.Stage != c.want || !strings.Contains(v.Fault, c.fault) || c.fault == "" && v.Stage == Failed {
			t.Errorf("%s: %s (%s), want %s (%s)", what, v.Stage, v.Fault, c.want, c.fault)
		}
	}
}

// TestIdentity: what is written on a machine is read.
func TestIdentity(t *testing.T) {
	s := server("ACTIVE", joined, served, drained, tag(KeyLease, Moment(noon.Add(time.Hour))))
	s.Zone, s.Addresses = "z1", []string{"10.0.0.7"}
	v := Observe(Facts{Server: s, Agent: &Agent{ID: "S1", Deactivated: true}}, noon, limits)
	got := strings.TrimSpace(fmt.Sprintln(v.Intent, v.Cluster, v.Pool, v.Cloud, v.Flavor, v.Zone, v.Server, v.Addresses, v.Agent,
		v.Deactivated, v.DrainReason, v.Then, v.Lease.Sub(noon), v.Joined.Sub(noon), v.Served.Sub(noon), v.Draining.Sub(noon)))
	want := "batch-abc lisa batch a m4 z1 id [10.0.0.7] S1 true idle delete 1h0m0s 2m0s 3m0s 4m0s"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	s.Metadata[KeyJoined] = "yesterday"
	if v := Observe(Facts{Server: s}, noon, limits); !v.Joined.IsZero() {
		t.Errorf("what is no time was read as %v", v.Joined)
	}
}

// A step of a machine's life is what happens to its facts. The property below takes such steps in any order; each row of
// Transitions must be seen.
type life struct {
	now    time.Time
	server *Server
	agent  *Agent
	missed time.Time
}

func (l *life) stage() Stage {
	if l.server == nil {
		return Requested
	}
	return Observe(Facts{Server: l.server, Agent: l.agent, Missed: l.missed}, l.now, limits).Stage
}

// set changes the status of the server as Nova does.
func (l *life) set(status, task string) {
	l.server.Status, l.server.Task, l.server.Updated = status, task, l.now
	if status == "ACTIVE" && l.server.Launched.IsZero() {
		l.server.Launched = l.now
	}
}

func (l *life) mark(key string) { l.server.Metadata[key] = Moment(l.now) }

// happenings are what can happen to a machine, each where it can.
var happenings = map[string]func(*life){
	"Nova takes the request": func(l *life) {
		if l.server == nil {
			l.server = server("BUILD")
			l.server.Created, l.server.Updated = l.now, l.now
		}
	},
	"it is built": func(l *life) {
		if l.server != nil && (l.server.Status == "BUILD" || l.server.Task == "powering-on") {
			l.set("ACTIVE", "")
		}
	},
	"an operation fails": func(l *life) {
		if l.server != nil && l.server.Status != "DELETED" {
			l.set("ERROR", "")
		}
	},
	"its agent registers": func(l *life) {
		up := l.server != nil && (l.server.Status == "ACTIVE" || l.server.Status == "ERROR" && !l.server.Launched.IsZero())
		if up && l.agent == nil {
			l.agent, l.missed = &Agent{ID: "S1"}, time.Time{}
		}
	},
	"that is noted": func(l *life) {
		if l.agent != nil && l.server.Metadata[KeyJoined] == "" {
			l.mark(KeyJoined)
		}
	},
	"a task starts": func(l *life) {
		if l.agent != nil {
			l.agent.Busy = true
		}
	},
	"that it served is noted": func(l *life) {
		if l.agent != nil && l.agent.Busy {
			l.mark(KeyServed)
		}
	},
	"the master loses its agent": func(l *life) {
		if l.agent != nil {
			l.agent, l.missed = nil, l.now
		}
	},
	"it is marked": func(l *life) {
		if l.server != nil && l.server.Metadata[KeyDrain] == "" {
			l.mark(KeyDrain)
			l.server.Metadata[KeyThen] = string(Delete)
		}
	},
	"it is marked to be stopped": func(l *life) {
		if l.server != nil && l.server.Metadata[KeyDrain] == "" && l.stage() == Serving {
			l.mark(KeyDrain)
			l.server.Metadata[KeyThen] = string(Stop)
		}
	},
	"the drain is taken back": func(l *life) {
		if l.server != nil && l.stage() == Draining {
			delete(l.server.Metadata, KeyDrain)
			delete(l.server.Metadata, KeyThen)
		}
	},
	"it is switched off": func(l *life) {
		if l.server != nil && l.server.Status == "ACTIVE" {
			l.set("SHUTOFF", "")
			l.agent = nil
		}
	},
	"it is started": func(l *life) {
		if l.server != nil && l.stage() == Stopped {
			for _, key := range []string{KeyJoined, KeyServed, KeyDrain, KeyThen} {
				delete(l.server.Metadata, key)
			}
			l.mark(KeyStarted)
			l.set(l.server.Status, "powering-on")
		}
	},
	"it is deleted": func(l *life) {
		if l.server != nil && (l.stage() == Leaving || l.stage() == Failed) {
			l.set("DELETED", "")
			l.agent = nil
		}
	},
	"time passes": func(l *life) { l.now = l.now.Add(20 * time.Minute) },
}

// used are the stages of a machine that serves, or is to.
var used = map[Stage]bool{Requested: true, Building: true, Active: true, Joined: true, Serving: true}

// TestNoWayBack: whatever happens, and in whatever order, a machine is not used again once it is marked, has left or is gone.
func TestNoWayBack(t *testing.T) {
	names := make([]string, 0, len(happenings))
	for name := range happenings {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := &life{now: noon}
		was := l.stage()
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 40).Draw(t, "happenings") {
			happenings[name](l)
			is := l.stage()
			if was == is {
				continue
			}
			marked := l.server.Metadata[KeyDrain] != ""
			if marked && used[is] || was == Leaving && used[is] || was == Deleted {
				t.Fatalf("%s: from %s back to %s (marked: %v)", name, was, is, marked)
			}
			was = is
		}
	})
}

func (l *life) clone() *life {
	c := *l
	if l.server != nil {
		s := *l.server
		s.Metadata = maps.Clone(s.Metadata)
		c.server = &s
	}
	if l.agent != nil {
		a := *l.agent
		c.agent = &a
	}
	return &c
}

// key tells lives apart that can go on differently: what is how, and what is overdue.
func (l *life) key() string {
	if l.server == nil {
		return ""
	}
	m := l.server.Metadata
	late := func(t time.Time) int { return int(min(2*time.Hour, l.now.Sub(t)) / (20 * time.Minute)) }
	return fmt.Sprint(l.stage(), l.server.Status, l.server.Task, l.server.Launched.IsZero(), l.agent, l.missed.IsZero(),
		m[KeyJoined] != "", m[KeyServed] != "", m[KeyDrain] != "", m[KeyStarted] != "", m[KeyThen],
		late(l.server.Created), late(l.server.Updated), late(l.missed))
}

// TestTransitions: what one happening at a time leads to is what the table says, each row and no other.
func TestTransitions(t *testing.T) {
	seen := map[Transition]string{}
	start := &life{now: noon}
	known, next := map[string]bool{start.key(): true}, []*life{start}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, name := range slices.Sorted(maps.Keys(happenings)) {
			then := at.clone()
			happenings[name](then)
			if was, is := at.stage(), then.stage(); is != was {
				seen[Transition{From: was, To: is}] = name
			}
			if key := then.key(); !known[key] {
				known[key] = true
				next = append(next, then)
			}
		}
	}
	for _, row := range Transitions {
		key := Transition{From: row.From, To: row.To}
		if seen[key] == "" {
			t.Errorf("from %s to %s (%s): never seen", row.From, row.To, row.What)
		}
		delete(seen, key)
	}
	for pair, name := range seen {
		t.Errorf("from %s to %s because %s: the table does not say so", pair.From, pair.To, name)
	}
}

// TestNewIntent: names are short, tell pools apart, and are made of what names of hosts may be made of.
func TestNewIntent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := rapid.StringMatching(`[a-z]([a-z0-9-]{0,60}[a-z0-9])?`).Draw(t, "pool")
		random := rapid.SliceOfN(rapid.Byte(), 7, 16).Draw(t, "random")
		intent := NewIntent(pool, random)
		if len(intent) > MaxIntent || strings.Trim(intent, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasSuffix(intent, "-") {
			t.Fatalf("intent %q", intent)
		}
		if !strings.HasPrefix(pool, PoolOf(intent)) || len(pool) < 20 && PoolOf(intent) != pool {
			t.Fatalf("pool %q of intent %q is read as %q", pool, intent, PoolOf(intent))
		}
	})
}
