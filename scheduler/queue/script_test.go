package queue

import (
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

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

// TestScripts plays the scripts of testdata. A script is text, commands and answers: lines that begin with > are
// commands, the lines after them that begin with = are what they answer, all others are there for the reader.
//
//	> agent ID cpus=N [mem=GiB] [gpus=N] [gone=DURATION] [ATTRIBUTE=VALUE]...
//	> project NAME weight=N
//	> options reserve-after=DURATION max-reservations=N seed=N
//	> entry N project=NAME count=N cpus=N [mem=GiB] [gpus=N] [priority=N] [where=ATTRIBUTE=VALUE] [spread=ATTRIBUTE] [avoid=ID]
//	> match          plans a round and starts what the plan says
//	> why N          says why tasks of an entry wait
//	> wait DURATION  lets time pass
//	> end N ID COUNT lets tasks of an entry on an agent end
//	> agents         lists what is free
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("scripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(string(text), got); d != "" {
				t.Errorf("%s (go test -update rewrites it):\n%s", file, d)
			}
		})
	}
}

// play carries out the commands of a script, and gives the script with its answers.
func play(t *testing.T, text string) string {
	s := &script{t: t, shares: map[string]Share{}, started: map[string]int{}, now: noon}
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "=") {
			continue
		}
		out.WriteString(line)
		if command, ok := strings.CutPrefix(line, "> "); ok {
			for answer := range strings.Lines(s.do(strings.Fields(command))) {
				fmt.Fprintf(&out, "= %s\n", strings.TrimSuffix(answer, "\n"))
			}
		}
	}
	return out.String()
}

type script struct {
	t       *testing.T
	now     time.Time
	agents  []placement.Agent
	entries []Entry
	shares  map[string]Share
	opts    Options
	seed    uint64
	plan    Plan
	started map[string]int // tasks that run, by "entry agent"
}

func (s *script) do(words []string) string {
	args := map[string]string{}
	for _, w := range words[1:] {
		if name, value, ok := strings.Cut(w, "="); ok {
			args[name] = value
		}
	}
	switch words[0] {
	case "agent":
		s.agent(words[1], args)
	case "project":
		weight, err := strconv.ParseFloat(args["weight"], 64)
		s.check(err)
		s.shares[words[1]] = Share{Weight: weight}
	case "options":
		s.opts.ReserveAfter, s.opts.MaxReservations = s.duration(args["reserve-after"]), int(s.number(args["max-reservations"]))
		s.seed = uint64(s.number(args["seed"]))
	case "entry":
		s.entry(int(s.number(words[1])), args)
	case "match":
		s.match()
		return s.plan.String()
	case "why":
		return s.plan.Why(s.find(int(s.number(words[1]))))
	case "wait":
		s.now = s.now.Add(s.duration(words[1]))
	case "end":
		s.end(words[1], words[2], int(s.number(words[3])))
	case "agents":
		return s.list()
	default:
		s.t.Fatalf("no such command: %s", words[0])
	}
	return ""
}

func (s *script) agent(id string, args map[string]string) {
	a := placement.Agent{ID: id, Free: s.resources(args), Attributes: map[string]string{}}
	if args["gone"] != "" {
		a.UnavailableFrom = s.now.Add(s.duration(args["gone"]))
	}
	for name, value := range args {
		if !slices.Contains([]string{"cpus", "mem", "gpus", "gone"}, name) {
			a.Attributes[name] = value
		}
	}
	s.agents = append(s.agents, a)
}

func (s *script) entry(id int, args map[string]string) {
	shape := &placement.Shape{Need: s.resources(args), Spread: args["spread"]}
	if attribute, value, ok := strings.Cut(args["where"], "="); ok {
		shape.Where = []spec.Constraint{{Attribute: attribute, Op: spec.Equals, Value: value}}
	}
	if args["avoid"] != "" {
		shape.Avoid = []string{args["avoid"]}
	}
	s.entries = append(s.entries, Entry{
		ID: id, Project: args["project"], Priority: int(s.number(args["priority"])), Sequence: int64(len(s.entries)),
		Since: s.now, Count: int(s.number(args["count"])), Shape: shape,
	})
}

func (s *script) match() {
	s.seed++
	s.plan = Match(s.now, s.entries, s.shares, placement.NewRound(slices.Clone(s.agents), s.seed), total(s.agents), s.opts)
	s.opts.Reserved = s.plan.Reservations
	for _, a := range s.plan.Assignments {
		e := s.find(a.Entry)
		e.Count -= a.Count
		e.Since = s.now
		s.started[fmt.Sprintf("%d %s", a.Entry, s.agents[a.Agent].ID)] += a.Count
		s.move(&s.agents[a.Agent], e, a.Count)
	}
}

func (s *script) end(entry, agent string, count int) {
	if s.started[entry+" "+agent] < count {
		s.t.Fatalf("entry %s has %d tasks on %s, so %d cannot end", entry, s.started[entry+" "+agent], agent, count)
	}
	s.started[entry+" "+agent] -= count
	for i := range s.agents {
		if s.agents[i].ID == agent {
			s.move(&s.agents[i], s.find(int(s.number(entry))), -count)
		}
	}
}

// move takes what so many tasks of an entry need from what an agent has free.
func (s *script) move(a *placement.Agent, e *Entry, count int) {
	a.Free, a.Used = plus(a.Free, e.Shape.Need, int64(-count)), plus(a.Used, e.Shape.Need, int64(count))
	share := s.shares[e.Project]
	share.Used = plus(share.Used, e.Shape.Need, int64(count))
	s.shares[e.Project] = share
}

func (s *script) list() string {
	var b strings.Builder
	for _, a := range s.agents {
		fmt.Fprintf(&b, "%s has %g cpus, %dGiB, %d gpus free\n", a.ID, float64(a.Free.CPUs)/1000, a.Free.Mem>>10, a.Free.GPUs)
	}
	return b.String()
}

func (s *script) find(id int) *Entry {
	for i := range s.entries {
		if s.entries[i].ID == id {
			return &s.entries[i]
		}
	}
	s.t.Fatalf("no entry %d", id)
	return nil
}

func (s *script) resources(args map[string]string) spec.Resources {
	cpus := args["cpus"]
	if cpus == "" {
		s.t.Fatal("no cpus given")
	}
	f, err := strconv.ParseFloat(cpus, 64)
	s.check(err)
	return spec.Resources{CPUs: int64(1000 * f), Mem: s.number(args["mem"]) << 10, GPUs: s.number(args["gpus"])}
}

func (s *script) number(text string) int64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	s.check(err)
	return n
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	s.check(err)
	return d
}

func (s *script) check(err error) {
	if err != nil {
		s.t.Helper()
		s.t.Fatal(err)
	}
}
