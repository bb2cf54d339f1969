package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// devCommand is `spillway dev` in this process.
type devCommand struct {
	url string
	// words is what it said when it was ready.
	words string
	// stop interrupts it and returns its exit status and what it said to standard error.
	stop func() (status int, stderr string)
}

// startDev starts `spillway dev` and waits until it answers. Its folder for temporary files is the test's own, and
// must be empty when it has ended.
func startDev(t *testing.T, args ...string) *devCommand {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	var errs output
	root := newRoot()
	root.SetArgs(append([]string{"dev", "--listen", freeAddress(t)}, args...))
	root.SetOut(in)
	root.SetErr(&errs)
	ended := make(chan int, 1)
	go func() {
		status := execute(ctx, root)
		in.Close()
		ended <- status
	}()
	d := &devCommand{}
	d.stop = func() (int, string) {
		cancel()
		status := <-ended
		d.stop = func() (int, string) { return status, errs.String() }
		return status, errs.String()
	}
	t.Cleanup(func() {
		if status, stderr := d.stop(); status != 0 {
			t.Errorf("dev ended with status %d: %s", status, stderr)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dev did not start: %s", errs.String())
	}
	go io.Copy(io.Discard, out)
	d.words, d.url = line, regexp.MustCompile(`http://[0-9.]+:[0-9]+`).FindString(line)
	return d
}

// TestDevLeavesNothingBehind interrupts dev while a task runs.
func TestDevLeavesNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	pidFile := filepath.Join(t.TempDir(), "pid")
	d := startDev(t, "--runner", "process", "--agents", "2")
	if !strings.Contains(d.words, "2 agents") || !strings.Contains(d.words, "plain processes (no images, no memory limits)") {
		t.Errorf("it says: %s", d.words)
	}
	author := newAuthor(t, d.url, "name: endless\nsteps: {task: {image: busybox, resources: {cpus: 1, mem: 32MiB}, "+
		"run: 'sleep 1000 & echo $$ $! >"+pidFile+".new; mv "+pidFile+".new "+pidFile+"; wait'}}\n")
	author.wake()
	author.finish()
	poll(t, "the task runs", func() bool {
		_, err := os.Stat(pidFile)
		return err == nil
	})
	if status, stderr := d.stop(); status != 0 || stderr != "" {
		t.Errorf("status %d: %s", status, stderr)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("dev left behind: %v (%v)", left, err)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range strings.Fields(string(text)) {
		// It has been killed by now, but the kernel may not have come to it yet.
		poll(t, "process "+pid+" of the task is gone", func() bool {
			state := processState(pid)
			return state == "" || state == "Z"
		})
	}
}

// processState is how /proc calls a process's state; Z is one that has ended, and that nobody has asked how. It is
// empty if there is no such process.
func processState(pid string) string {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // what is before holds the command's name
	return rest[:1]
}

func TestDevKeepsItsFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	var runs [2]string
	for i := range runs {
		d := startDev(t, "--runner", "instant", "--dir", dir)
		got := command(t.Context(), goodSpec, "run", "--url", d.url, "--key", "same", "-")
		if got.status != 0 {
			t.Fatalf("status %d: %s", got.status, got.stderr)
		}
		runs[i] = regexp.MustCompile(`run \w+`).FindString(got.stdout)
		if status, stderr := d.stop(); status != 0 {
			t.Errorf("status %d: %s", status, stderr)
		}
	}
	if runs[0] != runs[1] {
		t.Errorf("the second dev in the folder makes %q of what the first made %q", runs[1], runs[0])
	}
}

// TestDevReplacesWhatItEnded: a task that ended with one dev is run again at once by the next in the same folder.
func TestDevReplacesWhatItEnded(t *testing.T) {
	t.Parallel()
	dir, began := t.TempDir(), filepath.Join(t.TempDir(), "began")
	args := []string{"--runner", "process", "--dir", dir, "--infra-backoff", "10ms"}
	d := startDev(t, args...)
	run := []string{"run", "--url", d.url, "--key", "same", "-"}
	spec := "name: again\nsteps: {task: {image: busybox, resources: {cpus: 1, mem: 32MiB}, " +
		"run: '[ -e " + began + " ] || { touch " + began + "; sleep 1000; }'}}\n"
	if got := command(t.Context(), spec, append([]string{"submit"}, run[1:]...)...); got.status != 0 {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	poll(t, "the task runs", func() bool {
		_, err := os.Stat(began)
		return err == nil
	})
	d.stop()
	run[2] = startDev(t, args...).url
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	if got := command(ctx, spec, run...); got.status != 0 {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// TestDevIsInterrupted ends dev by the signals that end commands.
func TestDevIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := spawn(t, "dev", "--listen", freeAddress(t), "--runner", "instant")
		poll(t, "dev answers", func() bool { return strings.Contains(p.stdout.String(), "spillway answers") || p.hasEnded() })
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Error(err)
		}
		if status := p.wait(t); status != 0 || p.stderr.String() != "" {
			t.Errorf("%v: status %d: %s", signal, status, p.stderr.String())
		}
	}
}

func TestDevRefuses(t *testing.T) {
	t.Parallel()
	busy := startDev(t, "--runner", "instant")
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no agents":      {[]string{"--agents", "0"}, "--agents"},
		"unknown runner": {[]string{"--runner", "rocket"}, `"rocket"`},
		"bad resources":  {[]string{"--resources", "cpus"}, "cpus"},
		"bad log level":  {[]string{"--log-level", "loud"}, `"loud"`},
		"busy address":   {[]string{"--listen", strings.TrimPrefix(busy.url, "http://")}, "--listen"},
		"an argument":    {[]string{"more"}, "more"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			defer cancel()
			got := command(ctx, "", append([]string{"dev", "--runner", "instant", "--listen", "127.0.0.1:0"}, tc.args...)...)
			if got.status != exitUsage || !strings.Contains(got.stderr, tc.says) {
				t.Errorf("status %d, it does not say %q: %s", got.status, tc.says, got.stderr)
			}
		})
	}
}
