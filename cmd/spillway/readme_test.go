package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shellBlocks finds the commands of a Markdown text, which stand in blocks marked as sh.
var shellBlocks = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestTourOfReadme runs the commands of the README's tour, one after another and as they are written, in a copy of the
// tree. Only the port is another, so that a scheduler that runs on this machine is left alone.
func TestTourOfReadme(t *testing.T) {
	script := tour(t)
	if strings.Count(script, "\nspillway ") < 10 {
		t.Fatalf("this is not the tour:\n%s", script)
	}
	_, port, _ := strings.Cut(freeAddress(t), ":")
	script = strings.ReplaceAll(script, "4400", port)

	ctx, cancel := context.WithTimeout(t.Context(), tourTimeout)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", "set -euo pipefail\n"+script)
	shell.Dir = copyOfTree(t)
	shell.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	if _, err := docker("image", "inspect", "busybox:latest"); err != nil {
		shell.Env = append(shell.Env, "DOCKER_HOST=unix:///nonexistent") // an engine without the image is as good as none
	}
	// A command that fails ends the shell, and must not leave the scheduler that it started.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGTERM) }
	shell.WaitDelay = 20 * time.Second
	said, err := shell.CombinedOutput()
	if left := syscall.Kill(-shell.Process.Pid, syscall.SIGTERM); !errors.Is(left, syscall.ESRCH) {
		t.Error("the tour leaves processes behind")
	}
	if err != nil {
		t.Fatalf("the tour ended with %v:\n%s", err, said)
	}
	for _, want := range []string{"Hello, LISA!", "no agent has that many", "part 7 of 8 is done", `spillway_runs{phase="succeeded"}`} {
		if !strings.Contains(string(said), want) {
			t.Errorf("nothing in the tour says %q:\n%s", want, said)
		}
	}
}

// tourTimeout ends a tour that hangs. It begins with a build, which may be the first on this machine.
const tourTimeout = 10 * time.Minute

// tour returns the commands of the README's tour.
func tour(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "\n## A five-minute tour\n")
	if !found {
		t.Fatal("README.md has no section A five-minute tour")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	script := ""
	for _, block := range shellBlocks.FindAllStringSubmatch(text, -1) {
		script += block[1]
	}
	return script
}

// copyOfTree is a folder with all that the tour uses of the tree.
func copyOfTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"cmd", "cloudburst", "scheduler", "manifests", "examples"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("../..", name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "Makefile"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
