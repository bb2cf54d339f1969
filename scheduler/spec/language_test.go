package spec

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// splitNotYet takes the lines that end in "# not yet" out of a spec, and gives what Parse should say of them.
func splitNotYet(file, text string) (rest string, want Problems) {
	var lines []string
	path := []string{}
	for i, line := range strings.Split(text, "\n") {
		key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if key != "" && indent/2 <= len(path) {
			path = append(path[:indent/2:indent/2], key)
		}
		if !strings.HasSuffix(line, "# not yet") {
			lines = append(lines, line)
			continue
		}
		want = append(want, Problem{
			File: file, Line: i + 1, Column: indent + 1, Field: strings.Join(path, "."), Message: "not supported yet",
		})
	}
	return strings.Join(lines, "\n"), want
}

func TestEveryFieldIsAcceptedOrNotSupportedYet(t *testing.T) {
	text := readFile(t, "testdata/every-field.yaml")
	_, err := Parse("every-field.yaml", []byte(text))
	var got Problems
	if !errors.As(err, &got) {
		t.Fatalf("error is %T: %v", err, err)
	}
	_, want := splitNotYet("every-field.yaml", text)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var unbuilt int
	for _, fields := range language.Sections() {
		for _, f := range fields {
			if f.NotYet && !strings.Contains(text, f.Name+":") {
				t.Errorf("no case for %s", f.Name)
			}
			if f.NotYet {
				unbuilt++
			}
		}
	}
	if unbuilt == 0 {
		t.Error("no field is marked as not supported yet, so this test shows nothing")
	}
}

func TestEveryFieldMeansWhatItSays(t *testing.T) {
	rest, _ := splitNotYet("", readFile(t, "testdata/every-field.yaml"))
	got := bind(t, rest, map[string]string{"segments": "2", "gain": "0.5"})
	image := "registry.dpc.example:5000/lpf/tools:2.3"
	archive := Volume{Host: "/archive", At: "/archive", ReadOnly: true}
	cnes := Constraint{Attribute: "site", Op: Equals, Value: "cnes"}
	// step gives a step as the defaults make it, changed by its own fields.
	step := func(name string, change func(s *Step)) Step {
		s := Step{
			Name: name, Needs: []int{0}, When: OnSuccess, Image: image, ForcePull: true, Tasks: 1,
			Resources:   Resources{CPUs: 250, Mem: 1536, Disk: 1908},
			MaxParallel: 100,
			Retries:     Retries{Limit: 2, Backoff: 10 * time.Second, MaxBackoff: 5 * time.Minute},
			Timeout:     time.Hour,
			Volumes:     []Volume{archive}, Network: BridgeNetwork, Where: []Constraint{cnes}, Spread: "rack",
		}
		change(&s)
		return s
	}
	want := &Pipeline{
		Name: "every-field", Project: "gravity", Owner: "instrument-team@dpc.example",
		Description: "Text for people, in which {{ braces }} mean nothing.\n",
		Labels:      map[string]string{"mission": "lpf", "dpc.example/product": "asd", "year": "2026", "draft": "true"},
		Priority:    80,
		Burst:       Burst{Allow: true, After: 5 * time.Minute, Clouds: []string{"hxn", "site.2"}},
		Deadline:    12 * time.Hour,
		Params:      map[string]string{"segments": "2", "gain": "0.5", "band": "1e-4..3e-2", "plots": "false", "version": "2.3"},
		Steps: []Step{
			step("fetch", func(s *Step) {
				s.Needs = nil
				s.Volumes = []Volume{{Host: "/lisa/2.3", At: "/data"}, {Host: "/etc/ssl", At: "/etc/ssl", ReadOnly: true}}
				s.Network = HostNetwork
			}),
			step("psd", func(s *Step) {
				s.Tasks, s.MaxParallel, s.Timeout, s.Preemptible, s.Spread = 2*3*2, 0, 0, true, "hostname"
				s.Resources = Resources{CPUs: 2000, Mem: 4096, Disk: 1908, GPUs: 1, Ports: 2}
				s.Retries.Limit, s.Retries.ExitCodes = 5, []int{75, 111}
				s.Where = []Constraint{
					{Attribute: "rack", Op: Matches, Value: "rack-[1-3]"}, {Attribute: "hostname", Op: NotMatches, Value: "old-.*"},
				}
			}),
			step("list", func(s *Step) { s.Tasks, s.ForcePull = 4, false }),
			step("range", func(s *Step) {
				s.Tasks = 7 // 10, 13, … 28
				s.Image = "busybox@sha256:0123456789012345678901234567890123456789012345678901234567890123"
			}),
			step("alarm", func(s *Step) { s.Needs, s.When = []int{1, 2, 3}, OnFailure }),
			step("cleanup", func(s *Step) {
				s.Needs, s.When, s.Volumes, s.Where = []int{1, 2, 3}, Always, nil, nil
			}),
		},
	}
	if diff := cmp.Diff(want, got, onlyExported); diff != "" {
		t.Error(diff)
	}
	tasks := []Command{got.Steps[0].Task(0), got.Steps[1].Task(9), got.Steps[2].Task(1), got.Steps[2].Task(3), got.Steps[3].Task(6)}
	env := []Var{{"TZ", "UTC"}, {"BAND", "1e-4..3e-2"}, {"LEVEL", "3"}}
	wantTasks := []Command{
		{Shell: "set -e\nfetch --out /data {{ --plots=false\n", Env: []Var{{"TZ", "UTC"}, {"BAND", ""}, {"LEVEL", "0.5"}}},
		{
			Argv:   []string{"lpf", "psd", "--segment", "1", "--channel", "y", "--window", "2.50", "7"},
			Env:    append(env[:3:3], Var{"SEGMENT", "s1"}),
			Values: []Var{{"index", "1"}, {"channel", "y"}, {"window", "2.50"}},
		},
		{Shell: "echo 1=2026-01-31", Env: env, Values: []Var{{"index", "1"}, {"value", "2026-01-31"}}},
		{Shell: "echo 3=1e-4..3e-2", Env: env, Values: []Var{{"index", "3"}, {"value", "1e-4..3e-2"}}},
		{Shell: "echo 28", Env: env, Values: []Var{{"index", "28"}}},
	}
	if diff := cmp.Diff(wantTasks, tasks, onlyExported); diff != "" {
		t.Error(diff)
	}
}

func TestParseTellsOfEachParameter(t *testing.T) {
	s, err := Parse("test.yaml", []byte(`
name: params
params:
  needed: {type: string}
  n: {type: int, default: 3, min: 1, max: 9}
steps: {a: {run: echo, image: busybox}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Param{
		{Name: "needed", Type: String, Required: true},
		{Name: "n", Type: Int, Default: "3", Min: "1", Max: "9"},
	}
	if diff := cmp.Diff(want, s.Params); diff != "" {
		t.Error(diff)
	}
}

// Each of these says the same as the first.
func TestManyWaysToWriteASpec(t *testing.T) {
	plain := "name: same\ndefaults: {image: busybox}\nsteps:\n  a: {run: echo}\n  b: {run: echo, timeout: 1m, needs: [a]}\n"
	want := bind(t, plain, nil)
	for name, text := range map[string]string{
		"JSON":            `{"name": "same", "defaults": {"image": "busybox"}, "steps": {"a": {"run": "echo"}, "b": {"run": "echo", "timeout": "1m", "needs": ["a"]}}}`,
		"byte order mark": "\ufeff" + plain,
		"CR LF":           strings.ReplaceAll(plain, "\n", "\r\n"),
		"document marks":  "---\n" + plain + "...\n",
		"aliases":         "name: same\ndefaults: {image: &i busybox}\nsteps:\n  a: &a {run: echo, image: *i}\n  b: {<<: *a, timeout: 1m, needs: [a]}\n",
		"merged lists":    "name: same\ndefaults: &d {image: busybox}\nsteps:\n  a: &a {run: echo}\n  b: {<<: [*a, *d], timeout: PT1M, needs: [a]}\n",
		"quoted keys":     "'name': same\n\"defaults\": {'image': busybox}\nsteps:\n  a: {run: echo}\n  ? b\n  : {run: echo, timeout: 60s, needs: [a]}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, bind(t, text, nil), onlyExported); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHello(t *testing.T) {
	p := bind(t, readFile(t, "../../examples/hello.yaml"), map[string]string{"whom": "LISA"})
	var got []string
	for i := range p.Steps {
		s := &p.Steps[i]
		for k := range s.Tasks {
			c := s.Task(k)
			first, _, _ := strings.Cut(c.Shell, "\n")
			got = append(got, s.Name+": "+first+strings.Join(c.Argv, " "))
		}
	}
	want := []string{
		`greet: echo "Hello, $WHOM!"`,
		`work: echo "part 0 of 4 begins"`, `work: echo "part 1 of 4 begins"`, `work: echo "part 2 of 4 begins"`, `work: echo "part 3 of 4 begins"`,
		`combine: echo all 4 parts are done`,
		`cleanup: echo "nothing is left behind"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
