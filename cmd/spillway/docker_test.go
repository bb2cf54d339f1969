package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// helloImage is the image of examples/hello.yaml, a busybox.
const helloImage = "busybox:latest"

// needDocker skips a test where there is no Docker engine with the image.
func needDocker(t *testing.T) {
	t.Helper()
	out, err := docker("image", "inspect", helloImage)
	switch {
	case err == nil:
	case os.Getenv("SPILLWAY_TEST_DOCKER") != "":
		t.Fatalf("no Docker engine with the image %s: %v: %s", helloImage, err, out)
	default:
		t.Skipf("no Docker engine with the image %s: %v", helloImage, err)
	}
}

func docker(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// TestHelloInDocker runs the first example in containers, and finds what its tasks said.
func TestHelloInDocker(t *testing.T) {
	needDocker(t)
	t.Parallel()
	dir := t.TempDir()
	d := startDev(t, "--runner", "docker", "--dir", dir)
	got := command(t.Context(), "", "run", "--url", d.url, "-p", "whom=LISA", "-p", "parts=2", "../../examples/hello.yaml")
	if got.status != 0 {
		t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	want := []string{
		"Hello, LISA!\n", "all 2 parts are done\n", "nothing is left behind\n",
		"part 0 of 2 begins\npart 0 of 2 is done\n", "part 1 of 2 begins\npart 1 of 2 is done\n",
	}
	if said := whatTasksSaid(t, dir); !slices.Equal(said, want) {
		t.Errorf("the tasks said %q, want %q", said, want)
	}
	if status, stderr := d.stop(); status != 0 {
		t.Errorf("dev ended with status %d: %s", status, stderr)
	}
	noContainers(t, regexp.MustCompile(`run (\w+)`).FindStringSubmatch(got.stdout)[1])
}

// whatTasksSaid reads the standard output of all tasks in the sandboxes below a folder, sorted.
func whatTasksSaid(t *testing.T, dir string) []string {
	t.Helper()
	var said []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "stdout" {
			return err
		}
		text, err := os.ReadFile(path)
		said = append(said, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(said)
	return said
}

// noContainers checks that no container of a run is left, running or not.
func noContainers(t *testing.T, run string) {
	t.Helper()
	if left, err := docker("ps", "-a", "-q", "--filter", "label=spillway.run="+run); err != nil || left != "" {
		t.Errorf("containers of run %s are left: %s (%v)", run, left, err)
	}
}

// TestDevEndsContainers interrupts dev while a container runs.
func TestDevEndsContainers(t *testing.T) {
	needDocker(t)
	t.Parallel()
	d := startDev(t, "--runner", "docker", "--kill-grace", "1s")
	f := follow(t, d.url, strings.ReplaceAll(oneTask("sleep 1000"), "image: busybox", "image: "+helloImage))
	poll(t, "the container runs", func() bool {
		out, err := docker("ps", "-q", "--filter", "label=spillway.run="+f.id)
		return err == nil && out != ""
	})
	if status, stderr := d.stop(); status != 0 {
		t.Errorf("dev ended with status %d: %s", status, stderr)
	}
	noContainers(t, f.id)
	f.cancel()
	f.wait(t)
}
