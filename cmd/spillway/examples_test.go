package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

const examplesFolder = "../../examples"

// example is one way to run a pipeline of examples/, and what comes of it.
type example struct {
	name   string
	file   string // below examples/
	params []string
	folder string            // parameter that wants a folder which the tasks share
	more   moreParams        // what else the pipeline needs
	status int               // exit status of `spillway run`
	phases map[string]string // of the steps in the end
	said   map[string]string // by STEP/INDEX, or STEP/INDEX@ATTEMPT: something that it wrote to stdout or stderr
	left   map[string]string // by name: something that is in a file in the shared folder; nothing else is left
}

// moreParams prepares what a pipeline needs where tasks run in this way, and returns the parameters that say so.
type moreParams func(t *testing.T, runner minimesos.Runner) []string

// examples has at least one entry for each pipeline of examples/.
var examples = []example{
	{
		name: "hello", file: "hello.yaml", params: []string{"whom=LISA", "parts=2"},
		phases: map[string]string{"greet": "succeeded", "work": "succeeded", "combine": "succeeded", "cleanup": "succeeded"},
		said:   map[string]string{"greet/0": "Hello, LISA!\n", "work/1": "part 1 of 2 is done\n", "combine/0": "all 2 parts are done\n"},
	},
	{
		name: "sweep", file: "sweep.yaml", folder: "data",
		phases: map[string]string{"noise": "succeeded", "best": "succeeded"},
		said:   map[string]string{"noise/0": "1 1 ", "noise/39": "30 10 ", "best/0": "10 mHz: 2 million km\n"},
		left:   map[string]string{"best.txt": "1 mHz: 10 million km\n3 mHz: 7 million km\n10 mHz: 2 million km\n30 mHz: 1 million km\n"},
	},
	{
		name: "sweep with restless mirrors", file: "sweep.yaml", folder: "data", params: []string{"acceleration=3e-14"},
		phases: map[string]string{"noise": "succeeded", "best": "succeeded"},
		left:   map[string]string{"best.txt": "10 mHz: 5 million km\n30 mHz: 3 million km\n"},
	},
	{
		name: "cleanup", file: "cleanup.yaml", folder: "scratch", status: exitFailed,
		phases: map[string]string{"prepare": "succeeded", "check": "failed", "publish": "skipped", "tell": "succeeded", "cleanup": "succeeded"},
		said: map[string]string{
			"check/0": "part-0: OK\n", "check/1@0": "part 1 is busy", "check/1@1": "part-1: OK\n", "check/2@0": "part-2: FAILED\n",
			"tell/0": "part 2 is damaged\n", "cleanup/0": "nothing is left behind\n",
		},
	},
	{
		name: "cleanup with nothing damaged", file: "cleanup.yaml", folder: "scratch", params: []string{"damaged=-1"},
		phases: map[string]string{"prepare": "succeeded", "check": "succeeded", "publish": "succeeded", "tell": "skipped", "cleanup": "succeeded"},
		said:   map[string]string{"publish/0": "all parts are good\n", "cleanup/0": "nothing is left behind\n"},
	},
	{
		name: "python", file: "python/pipeline.yaml", folder: "data", more: pythonParams,
		phases: map[string]string{"hear": "succeeded", "rank": "succeeded"},
		said:   map[string]string{"hear/0": "HM Cnc: ", "rank/0": "V407 Vul         3.51  1.10e-22        67.9     148.2\n"},
		left: map[string]string{
			"ranking.txt": "SDSS J0651+2844  2.61  1.62e-22        26.6     147.8\n", "ranking.svg": ">HM Cnc</text>",
			"V407 Vul 1.json": `"ratio": 67.9`, "CR Boo 4.json": `"amplitude": 7.1`,
		},
	},
	{
		name: "peak", file: "peak.yaml", params: []string{"tasks=6", "seconds=1"},
		phases: map[string]string{"darts": "succeeded"},
		said:   map[string]string{"darts/0": "pi is about 3.1"},
	},
	{
		name: "strain", file: "strain/strain.yaml", folder: "data", params: []string{"templates=4", "slides=2"}, more: strainParams,
		phases: map[string]string{
			"spectrum": "succeeded", "whiten": "succeeded", "search": "succeeded",
			"coincide": "succeeded", "slides": "succeeded", "plot": "succeeded",
		},
		left: map[string]string{"finding.png": "\x89PNG\r\n", "finding.svg": "</svg>"},
	},
}

func TestExamplesAsProcesses(t *testing.T) { runExamples(t, minimesos.Process) }

func TestExamplesInDocker(t *testing.T) {
	needDocker(t)
	runExamples(t, minimesos.Docker)
}

func runExamples(t *testing.T, runner minimesos.Runner) {
	t.Parallel()
	d := startDev(t, "--runner", string(runner))
	t.Run("all", func(t *testing.T) { // dev ends after all of them
		for _, e := range examples {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				e.run(t, d.url, runner)
			})
		}
	})
}

func (e *example) run(t *testing.T, url string, runner minimesos.Runner) {
	folder := t.TempDir()
	args := []string{"run", "--url", url, filepath.Join(examplesFolder, e.file)}
	params := slices.Clone(e.params)
	if e.folder != "" {
		params = append(params, e.folder+"="+folder)
	}
	if e.more != nil {
		params = append(params, e.more(t, runner)...)
	}
	for _, p := range params {
		args = append(args, "-p", p)
	}
	got := command(t.Context(), "", args...)
	if got.status != e.status {
		t.Fatalf("%s: status %d, want %d: %s%s", args, got.status, e.status, got.stdout, got.stderr)
	}
	id := regexp.MustCompile(`run (\w+)`).FindStringSubmatch(got.stdout)[1]
	if diff := cmp.Diff(e.phases, phases(t, url, id)); diff != "" {
		t.Errorf("phases of the steps (-want +got):\n%s", diff)
	}
	for task, want := range e.said {
		task, attempt, chosen := strings.Cut(task, "@")
		args := []string{"logs", "--url", url, id, task}
		if chosen {
			args = append(args, "--attempt", attempt)
		}
		got := command(t.Context(), "", args...)
		if got.status != 0 || !strings.Contains(got.stdout+got.stderr, want) {
			t.Errorf("%s: status %d, it does not say %q: %s%s", args, got.status, want, got.stdout, got.stderr)
		}
	}
	e.checkFolder(t, folder)
	if runner == minimesos.Docker {
		noContainers(t, id)
	}
}

// phases returns those of a run's steps.
func phases(t *testing.T, url, id string) map[string]string {
	t.Helper()
	got := command(t.Context(), "", "status", "--url", url, "-o", "json", id)
	var run httpapi.Run
	if err := json.Unmarshal([]byte(got.stdout), &run); err != nil {
		t.Fatalf("status %d: %v: %s%s", got.status, err, got.stdout, got.stderr)
	}
	phases := map[string]string{}
	for _, s := range run.Steps {
		phases[s.Name] = s.Phase
	}
	return phases
}

// checkFolder looks at what the tasks have left in the folder that they share.
func (e *example) checkFolder(t *testing.T, folder string) {
	t.Helper()
	for name, want := range e.left {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s does not hold %q: %.1000q (%v)", name, want, text, err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(e.left) == 0 && len(left) > 0 {
		t.Errorf("the tasks left behind %v (%v)", left, err)
	}
}

// strainParams builds the analysis of strain.yaml, and for Docker its image.
func strainParams(t *testing.T, runner minimesos.Runner) []string {
	folder := t.TempDir()
	program := filepath.Join(folder, "strain")
	build(t, []string{"CGO_ENABLED=0"}, "go", "build", "-o", program, "../../examples/strain")
	if runner == minimesos.Process {
		return []string{"program=" + program}
	}
	dockerfile, err := os.ReadFile(filepath.Join(examplesFolder, "strain", "Dockerfile"))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "Dockerfile"), dockerfile, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []string{"image=" + buildImage(t, "strain", folder)}
}

// pythonImage names a Docker image with a python3, for where the one that the example's Dockerfile names cannot be pulled.
const pythonImage = "SPILLWAY_TEST_PYTHON_IMAGE"

// pythonParams finds the python3 of this machine, or builds the image of the example.
func pythonParams(t *testing.T, runner minimesos.Runner) []string {
	folder, err := filepath.Abs(filepath.Join(examplesFolder, "python"))
	if err != nil {
		t.Fatal(err)
	}
	if runner == minimesos.Process {
		if _, err := exec.LookPath("python3"); err != nil {
			t.Skipf("this machine has no python3: %v", err)
		}
		return []string{"program=" + filepath.Join(folder, "binaries.py")}
	}
	base := os.Getenv(pythonImage)
	if base == "" {
		t.Skipf("%s names no Docker image with a python3; .ci/python-image makes one", pythonImage)
	}
	return []string{"image=" + buildImage(t, "python", folder, "--build-arg", "BASE="+base)}
}

// buildImage builds a Docker image of a folder, which is removed at the test's end.
func buildImage(t *testing.T, name, folder string, args ...string) string {
	t.Helper()
	image := fmt.Sprintf("spillway-test-%s:%d", name, os.Getpid())
	build(t, nil, "docker", slices.Concat([]string{"build", "-t", image}, args, []string{folder})...)
	t.Cleanup(func() {
		if out, err := docker("image", "rm", image); err != nil {
			t.Errorf("removing %s: %v: %s", image, err, out)
		}
	})
	return image
}

// build runs a command that makes something, with more variables in its environment.
func build(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, out)
	}
}

// TestExamplesAreDescribed looks for pipelines of which nothing is said or tested.
func TestExamplesAreDescribed(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(examplesFolder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "](cloudburst/burst.yaml)") {
		t.Error("examples/README.md does not say what cloudburst/burst.yaml shows")
	}
	files := pipelinesBelow(t, examplesFolder)
	for _, e := range examples {
		if !slices.Contains(files, e.file) {
			t.Errorf("%s: there is no such pipeline", e.file)
		}
	}
	for _, file := range files {
		if !slices.ContainsFunc(examples, func(e example) bool { return e.file == file }) {
			t.Errorf("%s: add it to the examples that are tested", file)
		}
		if !strings.Contains(string(readme), "]("+file+")") {
			t.Errorf("%s: examples/README.md does not say what it shows", file)
		}
		text, err := os.ReadFile(filepath.Join(examplesFolder, file))
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(string(text), "\nname:")
		if !strings.Contains(header, "spillway run examples/"+file) {
			t.Errorf("%s: its comment does not say how to run it", file)
		}
	}
}

// TestExamplesAreValid checks every example as an author would, and draws its steps.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(examplesFolder, e.file)
			if got := command(t.Context(), "", "validate", file); got.status != 0 || got.stderr != "" {
				t.Errorf("validate: status %d: %s", got.status, got.stderr)
			}
			args := []string{"graph", file}
			if e.folder != "" {
				args = append(args, "-p", e.folder+"=/data")
			}
			for _, form := range []string{"text", "svg", "dot", "mermaid"} {
				got := command(t.Context(), "", append(args, "-o", form)...)
				for step := range e.phases {
					if got.status != 0 || !strings.Contains(got.stdout, step) {
						t.Errorf("graph as %s: status %d, step %s is not in it: %s%s", form, got.status, step, got.stdout, got.stderr)
					}
				}
			}
		})
	}
}

// pipelinesBelow finds the pipelines in a folder, by their paths below it.
func pipelinesBelow(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if path == "cloudburst" { // what is in it is no pipeline, but a configuration
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".yaml" || filepath.Ext(path) == ".yml" {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
