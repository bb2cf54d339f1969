package sim

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

var update = flag.Bool("update", false, "write what the scripts of testdata come to into them")

// TestScripts plays the scripts of testdata. A script is a story: lines that begin with '#' tell it, lines that begin
// with '>' make things happen (with the lines after them that begin with '|', if they need more text), and the others
// are what came of it, as it was when somebody last looked at it and found it right.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newScript(t).play(string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("if this is how it should be, write it down with -update:\n%s", diff)
			}
		})
	}
}

// script is a story under way.
type script struct {
	t       *testing.T
	sc      Scenario
	w       *world // nil until something happens
	trace   bytes.Buffer
	answer  strings.Builder // what was asked for, shown in any case
	show    []string        // only lines with one of these are shown; empty: all
	actions map[string]Behaviour
	times   map[string]int // how often a step's tasks behave so; then they succeed
}

func newScript(t *testing.T) *script {
	s := &script{t: t, actions: map[string]Behaviour{}, times: map[string]int{}}
	tick := Span{time.Millisecond, time.Millisecond}
	s.sc = Scenario{
		Seed: 1, Config: scheduler.DefaultConfig(), Timing: DefaultTiming(), Length: 1000 * time.Hour, Behave: s.behave,
	}
	s.sc.Timing.Network, s.sc.Timing.Batch, s.sc.Timing.Connect = tick, tick, Span{}
	return s
}

// command is a line of a script that makes something happen.
type command struct {
	line  string
	name  string
	args  []string
	block []string
}

// play plays a script and returns it with what came of it.
func (s *script) play(text string) string {
	var out strings.Builder
	var last *command
	finish := func() {
		if last != nil {
			out.WriteString(s.run(last))
		}
		last = nil
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, ">"):
			finish()
			words := strings.Fields(line[1:])
			last = &command{line: line, name: words[0], args: words[1:]}
		case strings.HasPrefix(line, "|") && last != nil:
			last.block = append(last.block, strings.TrimPrefix(strings.TrimPrefix(line, "|"), " "))
		case line == "" || strings.HasPrefix(line, "#"):
			finish()
		default:
			continue // what came of it when it was last played
		}
		out.WriteString(line + "\n")
	}
	finish()
	return out.String()
}

// run does what a command says and returns the trace of it.
func (s *script) run(c *command) (text string) {
	s.trace.Reset()
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(broken)
			if !ok {
				panic(r)
			}
			s.t.Errorf("%s: %s", c.line, string(b))
			text = s.output() + "BROKEN: " + string(b) + "\n"
		}
	}()
	if !s.prepare(c) {
		s.begin()
		s.do(c)
	}
	return s.output()
}

// output is what was traced, as far as it is to be shown.
func (s *script) output() string {
	var out strings.Builder
	for _, line := range strings.SplitAfter(s.trace.String(), "\n") {
		shown := len(s.show) == 0
		for _, word := range s.show {
			shown = shown || strings.Contains(line, strings.ReplaceAll(word, "_", " "))
		}
		if shown {
			out.WriteString(line)
		}
	}
	defer s.answer.Reset()
	return out.String() + s.answer.String()
}

// tell answers a question of the script's.
func (s *script) tell(format string, args ...any) {
	fmt.Fprintf(&s.answer, "  "+format+"\n", args...)
}

// prepare does what must be done before anything happens; false if the command is of another kind.
func (s *script) prepare(c *command) bool {
	switch c.name {
	case "show":
		s.show = c.args
	case "behave":
		s.script(c)
	case "machine":
		s.sc.Machines = append(s.sc.Machines, s.machine(c))
	case "roles":
		s.sc.Roles = c.args
	case "config":
		s.config(c)
	default:
		return false
	}
	return true
}

func (s *script) begin() {
	if s.w == nil {
		s.sc.Trace = &s.trace
		s.w = newWorld(s.sc)
		s.w.start()
		s.w.advance(0)
	}
}

// options are the arguments of the form name=value.
func (s *script) options(args []string) map[string]string {
	options := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		options[name] = value
	}
	return options
}

func (s *script) machine(c *command) Machine {
	m := Machine{Name: c.args[0], Attributes: map[string]string{}, Resources: spec.Resources{CPUs: 4000, Mem: 8192, Disk: 10000}}
	for name, value := range s.options(c.args[1:]) {
		switch name {
		case "cpus":
			m.Resources.CPUs = int64(1000 * s.number(value))
		default:
			m.Attributes[name] = value
		}
	}
	return m
}

func (s *script) config(c *command) {
	limits := &s.sc.Config.Limits
	for name, value := range s.options(c.args) {
		field := map[string]*time.Duration{
			"unreachable-wait": &limits.UnreachableWait, "cancel-wait": &limits.CancelWait, "ping": &s.sc.Timing.Ping,
			"avoid": &limits.AvoidFor, "kill-retry": &limits.KillRetry,
		}[name]
		if field == nil {
			s.t.Fatalf("there is nothing called %s to configure", name)
		}
		*field = s.duration(value)
	}
}

// script says how the tasks of a step behave.
func (s *script) script(c *command) {
	var b Behaviour
	b.Start, b.Run = time.Second, 10*time.Second
	times := 1 << 30
	for name, value := range s.options(c.args[1:]) {
		switch name {
		case "start":
			b.Start = s.duration(value)
		case "run":
			b.Run = s.duration(value)
		case "exit":
			b.End.ExitCode = s.number(value)
		case "times":
			times = s.number(value)
		case "hangs":
			b.Hangs = true
		case "stubborn":
			b.Stubborn = true
		case "unlimited":
			b.Unlimited = true
		case "unstartable":
			b.Unstartable = true
		default:
			s.t.Fatalf("tasks cannot behave like %s", name)
		}
	}
	s.actions[c.args[0]], s.times[c.args[0]] = b, times
}

func (s *script) behave(l *mesos.Launch, _ int) Behaviour {
	b, ok := s.actions[l.ID.Step]
	if s.times[l.ID.Step]--; !ok || s.times[l.ID.Step] < 0 {
		return Behaviour{Start: time.Second, Run: 10 * time.Second}
	}
	return b
}

func (s *script) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// do makes something happen.
func (s *script) do(c *command) {
	w := s.w
	switch c.name {
	case "submit":
		r := &request{Submission: Submission{Spec: strings.Join(c.block, "\n") + "\n", Key: s.options(c.args)["key"]}}
		w.people.requests = append(w.people.requests, r)
		w.people.submit(r)
	case "cancel":
		w.people.cancel(state.RunID(c.args[0]))
	case "retry":
		w.people.retry(state.RunID(c.args[0]))
	case "run":
		w.advance(w.now + s.duration(c.args[0]))
	case "until":
		s.until(strings.TrimSpace(strings.TrimPrefix(c.line, "> until")))
	case "repeat":
		for range s.number(c.args[0]) {
			for _, line := range c.block {
				words := strings.Fields(line)
				s.do(&command{line: "> " + line, name: words[0], args: words[1:]})
			}
		}
	case "attempts":
		s.attempts(state.RunID(c.args[0]))
	case "why":
		run := w.daemon.reactor.State().Run(state.RunID(c.args[0]))
		s.tell("%s", w.daemon.reactor.Why(w.time(), run.Step(c.args[1]), s.number(c.args[2])))
	case "hold-updates":
		w.driver.holding = true
	case "release-updates":
		s.release(c.args)
	default:
		s.disturb(c)
	}
}

// release lets updates go that were held back: twice, backwards, or only those of the master's own making.
func (s *script) release(args []string) {
	d := s.w.driver
	held, how := d.held, strings.Join(args, " ")
	d.held, d.holding = nil, how == "of-master"
	if how == "backwards" {
		slices.Reverse(held)
	}
	for _, e := range held {
		switch {
		case how == "of-master" && len(e.Status.UUID) > 0:
			d.held = append(d.held, e)
			continue
		case how == "twice":
			d.give(d.sub.process, e)
		}
		d.give(d.sub.process, e)
	}
}

// disturb makes something go wrong.
func (s *script) disturb(c *command) {
	w := s.w
	switch c.name {
	case "break-connection":
		w.driver.sub.deaf = true
		w.after(time.Second, func() { w.master.closeSub(w.master.sortedFrameworks()[0], fmt.Errorf("connection lost")) })
	case "stop-master":
		w.master.crash()
	case "lose-registry":
		w.master.loseRegistry()
	case "start-master":
		w.master.restore()
	case "greedy-joins":
		w.master.greedy = &roleState{name: "greedy"}
	case "remove-framework":
		w.master.removeFramework(w.master.sortedFrameworks()[0])
	case "crash":
		s.crash(c)
	case "lose-agent-of":
		s.agentOf(c.args[0]).lose()
	case "cut-off-agent-of":
		s.agentOf(c.args[0]).cutOff()
	default:
		s.disturbAgent(c)
	}
}

// crash ends the scheduler's process in its next step that does something, or now.
func (s *script) crash(c *command) {
	f := &fate{down: 5 * time.Second}
	switch strings.Join(c.args, " ") {
	case "before commit":
		f.beforeCommit = true
	case "before calls":
	case "before answers":
		f.calls = -1
	case "now":
		s.w.daemon.end(f.down)
		return
	case "commit refused":
		f.refused = true
	default:
		s.t.Fatalf("there is no crash %v", c.args)
	}
	s.w.daemon.fate = f
}

func (s *script) disturbAgent(c *command) {
	w := s.w
	if c.name == "add-machine" {
		w.addAgent(s.machine(c))
		return
	}
	a := s.agent(c)
	switch c.name {
	case "cut-off":
		a.cutOff()
	case "heal":
		a.heal()
	case "stop-agent":
		a.stop()
	case "reboot":
		a.reboot()
	case "mark-gone":
		w.master.markGone(w.master.byID[a.id])
	case "drain":
		w.master.byID[a.id].inactive = true
		w.master.rescindAll(w.master.byID[a.id])
		a.drain()
	case "cordon":
		w.people.cordon(a.id, s.duration(c.args[1]))
	case "uncordon":
		w.people.uncordon(a.id)
	case "rescind":
		w.master.rescindAll(w.master.byID[a.id])
	case "plan-maintenance":
		w.master.planMaintenance(w.master.byID[a.id], w.time().Add(s.duration(c.args[1])))
	default:
		s.t.Fatalf("%s: there is no such command", c.line)
	}
}

// agent finds the agent that a command names.
func (s *script) agent(c *command) *agent {
	for _, a := range s.w.agents {
		if len(c.args) > 0 && a.id == c.args[0] {
			return a
		}
	}
	s.t.Fatalf("%s: there is no such agent or command", c.line)
	return nil
}

// agentOf finds the agent on which the last attempt of a task is.
func (s *script) agentOf(task string) *agent {
	id, err := state.ParseAttemptID(task + ".0")
	if err != nil {
		s.t.Fatal(err)
	}
	attempts := s.w.audit.runs[id.Run].tasks[taskOf(id)]
	for _, a := range s.w.agents {
		if a.id == attempts[len(attempts)-1].Agent {
			return a
		}
	}
	s.t.Fatalf("%s is on no agent", task)
	return nil
}

// until goes on until a line of the trace has the text in it.
func (s *script) until(text string) {
	seen := s.trace.Len()
	for limit := s.w.now + 100*time.Hour; s.w.now < limit; {
		if !s.w.step() {
			break
		}
		if strings.Contains(s.trace.String()[seen:], text) {
			return
		}
		seen = s.trace.Len()
	}
	s.t.Errorf("%q never happens", text)
}

// attempts shows all attempts of a run.
func (s *script) attempts(id state.RunID) {
	r := s.w.audit.runs[id]
	s.tell("%s", describeRun(&r.rec))
	for i := range r.pipeline.Steps {
		st := &r.pipeline.Steps[i]
		for k := range st.Tasks {
			for _, rec := range r.tasks[taskName{id, st.Name, k}] {
				s.tell("  %s", describeAttempt(&rec))
			}
		}
	}
}
