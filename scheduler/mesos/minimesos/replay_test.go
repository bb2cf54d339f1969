package minimesos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// scenario says how a recording is played.
type scenario struct {
	file     string
	docker   bool // needs an engine
	options  func(*Options)
	prepare  func(*testing.T, *scenario) // before anything else
	rewrites []string                    // of the recording's text: pairs of old and new
	actions  []action
}

// outOfScope are the parts of recordings that minimesos does not play.
var outOfScope = []struct{ file, from, reason string }{
	{"24-zookeeper-and-redirect.txt", "# --- master on port 5060",
		"minimesos has one master, which leads, and no ZooKeeper; the driver's tests bring their own"},
}

// commonRewrites make the recorded streams beat as fast as those of the test.
var commonRewrites = []string{
	`"heartbeat_interval_seconds":15.0`, `"heartbeat_interval_seconds":0.1`,
	// the same in protobuf
	`110000000000002e40`, `119a9999999999b93f`,
}

func allScenarios() []scenario {
	noRefusal := []string{`"filters": {"refuse_seconds": 1}`, `"filters": {"refuse_seconds": 0}`}
	return []scenario{
		{file: "01-subscribe-offers-decline.txt", actions: []action{
			{before: `# suppressed: no offers for 4 s`, do: (*player).noOffersNow}}},
		{file: "02-command-task.txt", rewrites: noRefusal},
		{file: "03-docker-task.txt", docker: true, rewrites: noRefusal},
		// The OOM killer takes tail first, but sometimes wc as well.
		{file: "04-docker-failures.txt", docker: true, rewrites: []string{"| wc -c", "| wc -c; true"}},
		{file: "05-command-failures.txt"},
		{file: "06-kill.txt", docker: true},
		{file: "07-bad-accepts.txt", rewrites: []string{"sleep 3", "sleep 1"}},
		{file: "08-bad-requests.txt"},
		{file: "09-reconcile.txt"},
		{file: "10-failover.txt", rewrites: []string{"sleep 3", "sleep 1"}},
		{file: "11-roles-update-framework.txt"},
		customExecutorScenario(),
		{file: "13-drain-agent.txt"},
		operatorScenario(),
		operatorStreamScenario(),
		{file: "16-protobuf-subscribe.txt"},
		{file: "17-maintenance-inverse-offers.txt"},
		agentLostScenario(),
		{file: "19-agent-gone.txt"},
		{file: "20-docker-custom-executor.txt", docker: true,
			options: func(o *Options) { o.UpdateRetryInterval = 500 * time.Millisecond },
			prepare: func(t *testing.T, s *scenario) {
				s.rewrites = []string{"/opt/executors/example-executor", exampleExecutor(t)}
			},
			actions: []action{{before: "# docker's own view of the executor", do: func(p *player) error {
				p.sandbox = p.c.sandboxOf("dex-1")
				return nil
			}}}},
		{file: "21-framework-authentication.txt", options: func(o *Options) {
			o.Credentials = map[string]string{"spill": "secret"}
			o.Agents = o.Agents[:1]
		}},
		agentRestartScenario(),
		masterRestartScenario(),
		{file: "24-zookeeper-and-redirect.txt"},
	}
}

// recordings is the folder with the recordings of a real Mesos.
func recordings(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SPILLWAY_MESOS_RECORDINGS")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above this folder")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "mesos")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("needs the recordings of a real Mesos (SPILLWAY_MESOS_RECORDINGS): %v", err)
	}
	return dir
}

func TestReplay(t *testing.T) {
	dir := recordings(t)
	for _, s := range allScenarios() {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			if s.docker {
				needDocker(t)
			}
			p := newPlayer(t, &s)
			steps, err := readRecording(filepath.Join(dir, s.file), append(s.rewrites, commonRewrites...))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.play(inScope(t, s.file, steps)); err != nil {
				t.Fatalf("%s: %v", s.file, err)
			}
		})
	}
}

// newPlayer starts a cluster like the recorded one.
func newPlayer(t *testing.T, s *scenario) *player {
	t.Helper()
	if s.prepare != nil {
		s.prepare(t, s)
	}
	dir := filepath.Join(t.TempDir(), "minimesos-replay")
	agent := func(n, port int) AgentOptions {
		return AgentOptions{Name: fmt.Sprintf("agent-%d", n), Attributes: map[string]string{"agent": fmt.Sprintf("a%d", n)},
			Resources: fmt.Sprintf("cpus:2;mem:2000;disk:4000;ports:[%d-%d]", port, port+499)}
	}
	o := Options{WorkDir: dir, ClusterName: "loopback", Runner: Process, Agents: []AgentOptions{agent(1, 31000), agent(2, 31500)},
		AllocationInterval: 50 * time.Millisecond, HeartbeatInterval: 100 * time.Millisecond, AgentTimeout: 300 * time.Millisecond}
	if s.docker {
		o.Runner = Docker
	}
	if s.options != nil {
		s.options(&o)
	}
	c := start(t, o)
	return &player{t: t, c: c, names: newNames(), actions: append([]action{}, s.actions...), conns: map[string]*connection{},
		base: func(conn string) (string, error) {
			if conn == "agent" {
				return c.agentURL("agent-1")
			}
			return c.URL(), nil
		}}
}

// inScope leaves out what the table says is not played.
func inScope(t *testing.T, file string, steps []step) []step {
	t.Helper()
	for _, part := range outOfScope {
		if part.file != file {
			continue
		}
		for i, s := range steps {
			if s.text == part.from {
				t.Logf("not played from line %d (%s): %s", s.line, part.from, part.reason)
				return steps[:i]
			}
		}
		t.Fatalf("%s has no line %q any more", file, part.from)
	}
	return steps
}

// TestEveryRecordingIsPlayed keeps the list of scenarios complete.
func TestEveryRecordingIsPlayed(t *testing.T) {
	dir := recordings(t)
	played := map[string]bool{
		"12-custom-executor-agent-side.txt": true, // with 12-custom-executor.txt
		"14b-agent-state.txt":               true, // with 14-operator-api-reads.txt
	}
	for _, s := range allScenarios() {
		played[s.file] = true
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	must(t, err)
	there := map[string]bool{}
	for _, path := range found {
		there[filepath.Base(path)] = true
		if !played[filepath.Base(path)] {
			t.Errorf("%s is not played", filepath.Base(path))
		}
	}
	for file := range played {
		if !there[file] {
			t.Errorf("%s is not there any more", file)
		}
	}
	for _, part := range outOfScope {
		data, err := os.ReadFile(filepath.Join(dir, part.file))
		must(t, err)
		if !strings.Contains("\n"+string(data), "\n"+part.from+"\n") {
			t.Errorf("%s has no line %q", part.file, part.from)
		}
	}
}

// TestReplayNoticesChanges plays recordings that were tampered with.
func TestReplayNoticesChanges(t *testing.T) {
	dir := recordings(t)
	for _, change := range []struct{ name, file, old, new string }{
		{"state", "05-command-failures.txt", "TASK_FAILED", "TASK_KILLED"},
		{"message", "05-command-failures.txt", "exited with status 3", "exited with status 4"},
		{"reason", "07-bad-accepts.txt", "REASON_INVALID_OFFERS", "REASON_TASK_INVALID"},
		{"source", "07-bad-accepts.txt", "SOURCE_MASTER", "SOURCE_AGENT"},
		{"status code", "08-bad-requests.txt", "415 Unsupported Media Type", "400 Bad Request"},
		{"error body", "08-bad-requests.txt", "Framework cannot be found", "No such framework"},
		{"header", "21-framework-authentication.txt", "mesos-master-scheduler", "mesos-master"},
		{"field", "19-agent-gone.txt", `"recovered_agents":[]`, `"lost_agents":[]`},
		{"offer", "01-subscribe-offers-decline.txt", `"value":2000.0`, `"value":2001.0`},
		{"missing event", "09-reconcile.txt", "ghost-b", "ghost-d"},
		{"id", "01-subscribe-offers-decline.txt", `-O4"},"framework_id"`, `-O2"},"framework_id"`},
	} {
		t.Run(change.name, func(t *testing.T) {
			t.Parallel()
			s := scenario{file: change.file}
			for _, known := range allScenarios() {
				if known.file == change.file {
					s = known
				}
			}
			path := filepath.Join(dir, change.file)
			data, err := os.ReadFile(path)
			must(t, err)
			at := strings.LastIndex(string(data), change.old)
			if at < 0 {
				t.Fatalf("%q is not in %s", change.old, change.file)
			}
			changed := string(data[:at]) + change.new + string(data[at+len(change.old):])
			steps, err := parseRecording(strings.NewReplacer(append(s.rewrites, commonRewrites...)...).Replace(changed))
			must(t, err)
			p := newPlayer(t, &s)
			p.impatient = 2 * time.Second
			if err := p.play(steps); err == nil {
				t.Errorf("%s → %s is not noticed", change.old, change.new)
			} else {
				t.Log(err)
			}
		})
	}
}

// exampleExecutor builds the executor of the recording: for every task it
// says RUNNING and then FINISHED.
func exampleExecutor(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ex")
	build := exec.Command("go", "build", "-o", path, "./testdata/executor")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the executor: %v\n%s", err, out)
	}
	return path
}

// agentURL is where an agent listens.
func (c *Cluster) agentURL(name string) (url string, err error) {
	err = c.onAgent(name, func(a *agent) error {
		url = "http://" + a.address.String()
		return nil
	})
	return url, err
}

// soon asks again and again whether something holds that another process is
// to bring about.
func soon(cond func() bool) bool {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(patience)
	for !cond() {
		select {
		case <-ticker.C:
		case <-timeout:
			return false
		}
	}
	return true
}

// readSoon reads a file that another process is about to write.
func readSoon(path string) (text string, err error) {
	soon(func() bool {
		var data []byte
		data, err = os.ReadFile(path)
		text = string(data)
		return err == nil
	})
	return text, err
}

// noOffersNow checks that the allocator runs and offers nothing.
func (p *player) noOffersNow() error {
	conn := p.conns["sub"]
	before := len(conn.offers)
	if err := p.quiet("OFFERS"); err != nil {
		return err
	}
	if len(conn.offers) > before {
		return errors.New("offers came to a framework that is suppressed")
	}
	return nil
}

func agentLostScenario() scenario {
	return scenario{file: "18-agent-lost.txt", actions: []action{
		// The acknowledgement of TASK_RUNNING was on its way when the agent
		// was stopped, and got lost.
		{before: `[call] POST /api/v1/scheduler {"framework_id"`, do: func(p *player) error {
			acknowledged := 0
			p.c.SetTap(func(m Message) Verdict {
				if m.Route == MasterToAgent && m.Kind == "ACKNOWLEDGE" {
					if acknowledged++; acknowledged == 2 {
						return Drop
					}
				}
				return Deliver
			})
			return nil
		}},
		{before: "# --- the agent process stops answering", do: func(p *player) error { return p.c.StopAgent("agent-2") }},
		{before: "# --- the agent answers again", do: func(p *player) error { return p.c.ResumeAgent("agent-2") }},
	}}
}

func agentRestartScenario() scenario {
	return scenario{file: "22-agent-restart.txt", docker: true, rewrites: []string{"sleep 15", "sleep 3"}, actions: []action{
		{before: "# --- kill -9 of the agent process", do: func(p *player) error { return p.c.KillAgent("agent-1") }},
		{before: "REASON_AGENT_REREGISTERED", do: func(p *player) error { return p.c.RestartAgent("agent-1") }},
	}}
}

func masterRestartScenario() scenario {
	return scenario{file: "23-master-restart.txt", rewrites: []string{"sleep 25", "sleep 3"}, actions: []action{
		{before: "# --- kill -9 of the master", do: func(p *player) error { return p.c.StopMaster() }},
		{before: "[sub3] POST", do: func(p *player) error {
			return errors.Join(p.c.StopAgent("agent-1"), p.c.StopAgent("agent-2"), p.c.StartMaster())
		}},
		{before: `-O0"}`, do: func(p *player) error { return p.c.ResumeAgent("agent-2") }},
		{before: `-O1"}`, do: func(p *player) error { return p.c.ResumeAgent("agent-1") }},
	}}
}

// customExecutorScenario plays both sides of a custom executor: the agent
// starts a process that only leaves its environment behind, and the player
// makes the executor's recorded calls in its place.
func customExecutorScenario() scenario {
	const command = "exec /usr/bin/python3 /opt/recorder/executor.py /opt/recorder/12-custom-executor-agent-side.txt"
	const instead = "env > env.tmp; mv env.tmp env.txt; until [ -e done ]; do sleep 0.02; done"
	rewrites := []string{command, instead}
	finished := make(chan error, 1) // how the executor's side went
	return scenario{file: "12-custom-executor.txt", rewrites: rewrites, actions: []action{
		{before: `"ex-t1"},"state":"TASK_STARTING"`, do: func(p *player) error {
			steps, err := readRecording(filepath.Join(recordings(p.t), "12-custom-executor-agent-side.txt"), rewrites)
			if err != nil {
				return err
			}
			side := &player{t: p.t, c: p.c, names: p.names, conns: map[string]*connection{}, sandbox: p.c.sandboxOf("ex-1"),
				base: func(string) (string, error) { return p.c.agentURL("agent-1") }}
			if _, err := readSoon(side.sandbox + "/env.txt"); err != nil {
				return err
			}
			go func() {
				err := side.play(steps)
				finished <- errors.Join(err, os.WriteFile(side.sandbox+"/done", nil, 0o644))
			}()
			return nil
		}},
		{before: `"FAILURE"`, do: func(*player) error { return <-finished }},
	}}
}

// operatorScenario freezes the offers as they were when they were read, and
// plays the agent's /state before the task ends.
func operatorScenario() scenario {
	return scenario{file: "14-operator-api-reads.txt",
		rewrites: []string{"do date; sleep 0.2", "do sleep 0.2"}, // nothing had been written yet
		options:  func(o *Options) { o.AllocationInterval = time.Hour },
		actions: []action{
			{before: `"GET_ROLES"`, do: func(p *player) error {
				p.c.loop.do(func() { p.c.master.allocateNow = true })
				return nil
			}},
			{before: `"TEARDOWN"`, do: func(p *player) error {
				steps, err := readRecording(filepath.Join(recordings(p.t), "14b-agent-state.txt"), nil)
				if err != nil {
					return err
				}
				for _, s := range steps {
					if err := p.step(s); err != nil {
						return fmt.Errorf("14b-agent-state.txt, line %d: %w", s.line, err)
					}
				}
				return nil
			}},
		}}
}

// operatorStreamScenario runs the framework that the recorded stream tells of.
func operatorStreamScenario() scenario {
	return scenario{file: "15-operator-stream.txt", actions: []action{
		{before: "FRAMEWORK_ADDED", do: func(p *player) error {
			info := testFramework()
			info.Name, info.Hostname = "spill-test", ptr("localhost")
			f := subscribe(p.t, p.c.URL(), info, mediaJSON)
			for _, offer := range f.offers() {
				if offer.Attributes[0].Text.Value == "a1" {
					f.accept(offer, command("os-1", "sleep 1"))
				}
			}
			f.until("os-1", mesos.TASK_FINISHED)
			f.call(teardown())
			return nil
		}},
		{before: "(stream closed", do: func(p *player) error { return p.conns["operator"].response.Body.Close() }},
	}}
}
