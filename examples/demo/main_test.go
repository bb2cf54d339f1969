package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// asDemo in the environment makes this test program the demo.
const asDemo = "SPILLWAY_TEST_AS_DEMO"

// spillway is the command, built for these tests.
var spillway string

func TestMain(m *testing.M) {
	if os.Getenv(asDemo) != "" {
		main()
	}
	os.Exit(withSpillway(m.Run))
}

func withSpillway(run func() int) int {
	dir, err := os.MkdirTemp("", "demo-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	spillway = filepath.Join(dir, "spillway")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", spillway, "../../cmd/spillway").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("building spillway: %v\n%s", err, out))
	}
	return run()
}

// show is a demo that runs in a process of its own.
type show struct {
	*testing.T
	out            string
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

// patient is how long a test waits for a process to do something.
const patient = 3 * time.Minute

func begin(t *testing.T, tree, out, runner string, env ...string) *show {
	t.Helper()
	s := &show{T: t, out: out, cmd: exec.Command(os.Args[0], "-tree", tree, "-out", out, "-runner", runner, "-spillway", spillway)}
	s.cmd.Env = append(append(os.Environ(), asDemo+"=1"), env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // it has mostly ended
	return s
}

// end waits for the demo and returns its exit status, -1 if it was killed.
func (s *show) end() int {
	s.Helper()
	timer := time.AfterFunc(patient, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	s.Logf("stdout: %s\nstderr: %s", s.stdout.String(), s.stderr.String())
	return s.cmd.ProcessState.ExitCode()
}

// runs waits until a task of the stand-in runs.
func (s *show) runs() {
	s.Helper()
	s.eventually("a task runs", func() bool {
		started, _ := filepath.Glob(filepath.Join(s.out, workPrefix+"*", "data", "started"))
		return len(started) > 0
	})
}

func (s *show) eventually(what string, is func() bool) {
	s.Helper()
	look, deadline := time.NewTicker(20*time.Millisecond), time.After(patient)
	defer look.Stop()
	for !is() {
		select {
		case <-look.C:
		case <-deadline:
			s.Fatalf("not within %v: %s", patient, what)
		}
	}
}

// processes are those whose command line has a word in it. (Elsewhere than on Linux it finds none.)
func processes(t *testing.T, word string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && bytes.Contains(line, []byte(word)) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// leaves checks that of the demo these files are there, and nothing else: no process, no container, no image.
func (s *show) leaves(files ...string) {
	s.Helper()
	entries, err := os.ReadDir(s.out)
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(files)
	if diff := cmp.Diff(files, names); diff != "" {
		s.Errorf("files (-want +got):\n%s", diff)
	}
	if left := processes(s.T, s.out); len(left) > 0 {
		s.Errorf("processes: %q", left)
	}
	if exec.Command("docker", "info").Run() != nil {
		return // then it cannot have left anything there
	}
	for _, args := range [][]string{{"ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Mounts}}"}, {"images", "--format", "{{.Repository}}:{{.Tag}}"}} {
		out, err := exec.Command("docker", args...).CombinedOutput()
		if err != nil {
			s.Fatalf("docker %v: %v: %s", args, err, out)
		}
		if strings.Contains(string(out), s.out) || strings.Contains(string(out), demo{out: s.out}.image()) {
			s.Errorf("left in Docker: %s", out)
		}
	}
}

// inEachWay runs a test with tasks as processes, and as containers if there is an engine.
func inEachWay(t *testing.T, test func(t *testing.T, runner string)) {
	t.Run(process, func(t *testing.T) { test(t, process) })
	t.Run(docker, func(t *testing.T) {
		out, err := exec.Command("docker", "version").CombinedOutput()
		switch {
		case err == nil:
		case os.Getenv("SPILLWAY_TEST_DOCKER") != "":
			t.Fatalf("no Docker engine: %v: %s", err, out)
		default:
			t.Skipf("no Docker engine: %v", err)
		}
		test(t, docker)
	})
}

// dirty is a folder in which an earlier demo that was killed left something, and somebody a file of their own.
func dirty(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if err := os.MkdirAll(filepath.Join(out, workPrefix+"123", "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{workPrefix + "123/data/spectrum-H1-00.npy", "finding.png", failuresFile, "notes.txt"} {
		if err := os.WriteFile(filepath.Join(out, name), []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestTheDemoLeavesWhatItNames(t *testing.T) {
	inEachWay(t, func(t *testing.T, runner string) {
		s := begin(t, "../..", dirty(t), runner)
		if status := s.end(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		files := []string{"finding.png", "finding.svg", "finding.json", peakFile, timelineFile, recordFile}
		for _, name := range files {
			if !strings.Contains(s.stdout.String(), "\n"+filepath.Join(s.out, name)+"\n") {
				t.Errorf("%s is not named", name)
			}
		}
		if !strings.Contains(s.stdout.String(), "A gravitational wave passed on 14 September 2015") {
			t.Error("what was found is not said")
		}
		s.leaves(append(files, "notes.txt")...)
		s.showsWhatItSays()
		s.showsAPeak()
	})
}

// showsAPeak checks that the peak's tasks have run, and that machines of the cloud came for them.
func (s *show) showsAPeak() {
	s.Helper()
	if said := s.stdout.String(); !strings.Contains(said, "60 succeeded") || !regexp.MustCompile(`At its height [1-9]\d* agents ran in the cloud`).MatchString(said) {
		s.Error("the peak's 60 tasks have not run, or none of them in the cloud")
	}
}

// showsWhatItSays looks into the files of a run that succeeded.
func (s *show) showsWhatItSays() {
	s.Helper()
	if _, err := png.Decode(bytes.NewReader(s.file("finding.png"))); err != nil {
		s.Errorf("finding.png: %v", err)
	}
	for _, name := range []string{"finding.svg", peakFile, timelineFile} {
		if text := s.file(name); !bytes.Contains(text, []byte("<svg")) || !bytes.HasSuffix(bytes.TrimSpace(text), []byte("</svg>")) {
			s.Errorf("%s is not a whole drawing", name)
		}
	}
	var record struct {
		Run      struct{ Phase string }
		Attempts struct{ Attempts []struct{ Step string } }
	}
	if err := json.Unmarshal(s.file(recordFile), &record); err != nil {
		s.Fatal(err)
	}
	steps := map[string]int{}
	for _, a := range record.Attempts.Attempts {
		steps[a.Step]++
	}
	want := map[string]int{"spectrum": 30, "whiten": 2, "search": 80, "coincide": 1, "slides": 24, "plot": 1}
	if diff := cmp.Diff(want, steps); diff != "" || record.Run.Phase != "succeeded" {
		s.Errorf("a run that %s, with attempts (-want +got):\n%s", record.Run.Phase, diff)
	}
}

func (s *show) file(name string) []byte {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.out, name))
	if err != nil {
		s.Fatal(err)
	}
	return text
}

// standIn is a source tree whose analysis is a short program: the statements see the step's name as step, and the
// folder that the steps share as data.
func standIn(t *testing.T, statements string) string {
	t.Helper()
	tree := t.TempDir()
	folder := filepath.Join(tree, "examples", "strain")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		filepath.Join(tree, "go.mod"): "module standin\n\ngo 1.26\n",
		filepath.Join(folder, "main.go"): `package main

import ("fmt"; "os"; "time")

func keep(path string) { if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil { panic(err) } }

func main() {
	step, data := os.Args[1], os.Args[3]
	fmt.Println(step, data, time.Now())
	` + statements + `
}
`,
	}
	for _, name := range []string{"strain/strain.yaml", "strain/Dockerfile", "peak.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Join(tree, "examples", name)] = fewer.Replace(string(text))
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

// fewer makes few tasks of the pipeline.
var fewer = strings.NewReplacer("array: 15", "array: 2", "default: 40", "default: 2", "default: 24", "default: 2", "default: 60", "default: 2")

const (
	failing = `if step == "whiten" { fmt.Fprintln(os.Stderr, "the mirrors fell down"); os.Exit(3) }`
	endless = `keep(data + "/started"); time.Sleep(time.Hour)`
	finding = `if step == "plot" { for _, name := range []string{"png", "svg", "json", "txt"} { keep(data + "/finding." + name) } }`
)

func TestARunThatFailsIsExplained(t *testing.T) {
	inEachWay(t, func(t *testing.T, runner string) {
		s := begin(t, standIn(t, failing), t.TempDir(), runner)
		if status := s.end(); status != 1 {
			t.Errorf("exit status %d, not that of a run that fails", status)
		}
		s.leaves(failuresFile, timelineFile, recordFile)
		if path := filepath.Join(s.out, failuresFile); !strings.Contains(s.stderr.String(), path) {
			t.Errorf("nobody is told to look into %s", path)
		}
		kept := string(s.file(failuresFile))
		for _, want := range []string{"== whiten/0 on agent-", "== whiten/1 on agent-", "status 3", "\nthe mirrors fell down\n"} {
			if !strings.Contains(kept, want) {
				t.Errorf("%s does not say %q:\n%s", failuresFile, want, kept)
			}
		}
	})
}

func TestAnInterruptedDemoLeavesNothing(t *testing.T) {
	inEachWay(t, func(t *testing.T, runner string) {
		s := begin(t, standIn(t, endless), t.TempDir(), runner)
		s.runs()
		if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if status := s.end(); status != exitInterrupted {
			t.Errorf("exit status %d", status)
		}
		if !strings.Contains(s.stderr.String(), "demo: interrupted; nothing is left running\n") {
			t.Error("that nothing is left running is not said")
		}
		s.leaves()
	})
}

func TestAfterADemoThatWasKilledTheNextCleansUp(t *testing.T) {
	inEachWay(t, func(t *testing.T, runner string) {
		s := begin(t, standIn(t, endless), t.TempDir(), runner)
		s.runs()
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if status := s.end(); status != -1 {
			t.Errorf("exit status %d", status)
		}
		// Its scheduler hears of that, and ends its tasks.
		s.eventually("all processes end", func() bool { return len(processes(t, s.out)) == 0 })

		next := begin(t, standIn(t, finding), s.out, runner)
		if status := next.end(); status != 0 {
			t.Errorf("the next: exit status %d", status)
		}
		next.leaves("finding.png", "finding.svg", "finding.json", peakFile, timelineFile, recordFile)
	})
}

func TestWithoutAnEngineTasksAreProcesses(t *testing.T) {
	nowhere := "DOCKER_HOST=unix://" + filepath.Join(t.TempDir(), "nowhere.sock")
	s := begin(t, standIn(t, finding), t.TempDir(), "auto", nowhere)
	if status := s.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if !strings.Contains(s.stdout.String(), "Tasks run as plain processes, because no Docker engine answers: ") {
		t.Error("why tasks run as processes is not said")
	}
	s = begin(t, standIn(t, finding), t.TempDir(), docker, nowhere)
	if status := s.end(); status != exitProblem || !strings.Contains(s.stderr.String(), "demo: no Docker engine answers") {
		t.Errorf("with Docker asked for: exit status %d", status)
	}
	s.leaves()
}

func TestAnAnalysisThatDoesNotCompileIsAProblem(t *testing.T) {
	s := begin(t, standIn(t, "no Go"), t.TempDir(), process)
	if status := s.end(); status != exitProblem || !strings.Contains(s.stderr.String(), "demo: building examples/strain: ") {
		t.Errorf("exit status %d", status)
	}
	s.leaves()
}

func TestARunWithoutAResultIsAProblem(t *testing.T) {
	s := begin(t, standIn(t, ""), t.TempDir(), process)
	if status := s.end(); status != exitProblem || !strings.Contains(s.stderr.String(), "the run left no result") {
		t.Errorf("exit status %d", status)
	}
	s.leaves(timelineFile, recordFile)
}

func TestBadArgumentsAreExplained(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		demo demo
		want string
	}{
		{demo{spillway: spillway, runner: "mesos"}, `-runner "mesos": it is auto, docker or process`},
		{demo{spillway: "/nowhere/spillway", runner: process}, "/nowhere/spillway: no such file or directory: `make demo` builds it"},
	} {
		c.demo.tree, c.demo.out = "../..", out
		if status, err, left := c.demo.show(t.Context()); status != exitProblem || left != nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("status %d, error %v, left %v; want %q", status, err, left, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder is left")
	}
}

func TestTwoDemosDoNotShareAFolder(t *testing.T) {
	d := demo{out: t.TempDir()}
	unlock, err := d.clear()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.clear(); err == nil || !strings.Contains(err.Error(), "does another demo use it?") {
		t.Errorf("a second one: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = d.clear()
	if err != nil {
		t.Fatalf("once the first has ended: %v", err)
	}
	_ = unlock()
}
