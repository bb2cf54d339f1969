package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// onTerminal is the command as a process of its own, on a terminal.
type onTerminal struct {
	*process
	keyboard *os.File
	terminal *os.File
}

// spawnOnTerminal starts the command on a terminal of a size, with variables added to its environment.
func spawnOnTerminal(t *testing.T, size pty.Winsize, env []string, args ...string) *onTerminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("needs a pseudo-terminal: %v", err)
	}
	if err := pty.Setsize(keyboard, &size); err != nil {
		t.Fatal(err)
	}
	p := &onTerminal{process: &process{cmd: exec.Command(self, args...), ended: make(chan struct{})}, keyboard: keyboard, terminal: terminal}
	p.cmd.Env = append(append(os.Environ(), asCommand+"=1", "TERM=xterm-256color", "NO_COLOR="), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = terminal, terminal, terminal
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&p.stdout, keyboard) // ends when the terminal is closed
	}()
	go func() {
		_ = p.cmd.Wait() // the status is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		terminal.Close()
		keyboard.Close()
		<-read
	})
	return p
}

func (p *onTerminal) settings(t *testing.T) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(p.terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// saw waits until something stands on the terminal.
func (p *onTerminal) saw(t *testing.T, what string) {
	t.Helper()
	poll(t, "the terminal shows "+what, func() bool { return strings.Contains(p.stdout.String(), what) })
}

// TestRunOnTerminal: a bar for each step is drawn in place, with colours unless they are not wanted.
func TestRunOnTerminal(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	spec := write(t, "bars.yaml", "name: bars\ndefaults: {image: busybox, resources: {cpus: 1, mem: 32MiB}}\n"+
		"steps: {a: {run: sleep 0.3, array: 3}, b: {run: 'exit $SPILLWAY_INDEX', array: 2, needs: [a]}}\n")
	for name, tc := range map[string]struct {
		env     []string
		width   uint16
		colours bool
	}{
		"colours":   {nil, 100, true},
		"no colour": {[]string{"NO_COLOR=1"}, 100, false},
		"dumb":      {[]string{"TERM=dumb"}, 100, false},
		"narrow":    {nil, 30, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := spawnOnTerminal(t, pty.Winsize{Rows: 24, Cols: tc.width}, tc.env, "run", "--url", d.url, spec)
			if status := p.wait(t); status != exitFailed {
				t.Errorf("status %d", status)
			}
			p.saw(t, "after")
			text := p.stdout.String()
			for _, what := range []string{"\x1b[2A\r\x1b[J", "2/2", "task 1 failed on agent-"} {
				if !strings.Contains(text, what) {
					t.Errorf("it does not show %q:\n%q", what, text)
				}
			}
			if got := strings.Contains(text, "\x1b[32m") && strings.Contains(text, "\x1b[31m"); got != tc.colours {
				t.Errorf("colours: %v, want %v:\n%q", got, tc.colours, text)
			}
			if drawn := strings.Contains(text, "██"); drawn != (tc.width > 50) {
				t.Errorf("bars: %v on %d columns", drawn, tc.width)
			}
		})
	}
}

// TestTablesOnTerminal: tables have colours on a terminal, and end where it ends.
func TestTablesOnTerminal(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "instant")
	if got := command(t.Context(), goodSpec, "run", "--url", d.url, "-"); got.status != 0 {
		t.Fatal(got.stderr)
	}
	p := spawnOnTerminal(t, pty.Winsize{Rows: 24, Cols: 50}, nil, "runs", "--url", d.url)
	if status := p.wait(t); status != 0 {
		t.Errorf("status %d", status)
	}
	p.saw(t, "\x1b[32msucc")
	picture := spawnOnTerminal(t, pty.Winsize{Rows: 24, Cols: 80}, nil, "timeline", "--url", d.url, lastRun)
	if status := picture.wait(t); status != exitUsage {
		t.Errorf("a picture is written to a terminal: status %d", status)
	}
	picture.saw(t, "> timeline.svg")
}

// TestTop watches a run, and leaves the terminal as it was, by a key, by Ctrl-C and by a signal.
func TestTop(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	f := follow(t, d.url, oneTask("sleep 1000"))
	for name, end := range map[string]func(p *onTerminal) error{
		"q":       func(p *onTerminal) error { _, err := p.keyboard.Write([]byte("xq")); return err },
		"ctrl-c":  func(p *onTerminal) error { _, err := p.keyboard.Write([]byte{3}); return err },
		"SIGTERM": func(p *onTerminal) error { return p.cmd.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := spawnOnTerminal(t, pty.Winsize{Rows: 24, Cols: 90}, nil, "top", "--url", d.url)
			p.saw(t, f.id)
			p.saw(t, "agent-3")
			raw := p.settings(t)
			if err := pty.Setsize(p.keyboard, &pty.Winsize{Rows: 5, Cols: 20}); err != nil {
				t.Fatal(err)
			}
			p.saw(t, "…") // the title no longer fits
			if err := end(p); err != nil {
				t.Fatal(err)
			}
			if status := p.wait(t); status != 0 {
				t.Errorf("status %d", status)
			}
			p.saw(t, firstScreen)
			now := p.settings(t)
			if raw.Lflag&unix.ECHO != 0 || now.Lflag&unix.ECHO == 0 || now.Lflag&unix.ICANON == 0 || now.Oflag&unix.OPOST == 0 {
				t.Errorf("the terminal is not as it was: %+v, before %+v", now, raw)
			}
			if text := p.stdout.String(); !strings.HasPrefix(text, secondScreen) || !strings.HasSuffix(text, firstScreen) {
				t.Errorf("it begins or ends on another screen: %q", text)
			}
		})
	}
}

// TestTopInPipe writes once what is to be seen.
func TestTopInPipe(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	f := follow(t, d.url, oneTask("sleep 1000"))
	poll(t, "the task runs", func() bool {
		got := command(t.Context(), "", "top", "--url", d.url)
		return got.status == 0 && strings.Contains(got.stdout, f.id) && strings.Contains(got.stdout, "agent-1") && !strings.Contains(got.stdout, "\x1b")
	})
}

// TestRunWaitsForScheduler: a scheduler that goes away while a run is followed is asked again, which is said once.
func TestRunWaitsForScheduler(t *testing.T) {
	t.Parallel()
	dir, address := filepath.Join(t.TempDir(), "dev"), freeAddress(t)
	gate := filepath.Join(t.TempDir(), "gate")
	p := spawn(t, "dev", "--runner", "process", "--dir", dir, "--listen", address)
	poll(t, "dev answers", func() bool { return strings.Contains(p.stdout.String(), "spillway answers") || p.hasEnded() })
	f := spawn(t, "run", "--url", "http://"+address, write(t, "gate.yaml", oneTask("until test -e "+gate+"; do sleep 0.01; done")))
	poll(t, "the run is followed", func() bool { return strings.Contains(f.stdout.String(), "run ") })
	p.kill()
	poll(t, "that it does not answer is said", func() bool { return strings.Contains(f.stderr.String(), "trying again") })
	p = spawn(t, "dev", "--runner", "process", "--dir", dir, "--listen", address)
	poll(t, "that it answers again is said", func() bool { return strings.Contains(f.stderr.String(), "answers again") })
	if n := strings.Count(f.stderr.String(), "\n"); n != 2 {
		t.Errorf("it says %d lines:\n%s", n, f.stderr.String())
	}
	if status := f.interrupt(t); status != exitInterrupted {
		t.Errorf("status %d: %s", status, f.stderr.String())
	}
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if status := p.interrupt(t); status != 0 {
		t.Errorf("dev ended with status %d: %s", status, p.stderr.String())
	}
}

// TestInterruptedEarly: a command that is interrupted at any moment says nothing of contexts.
func TestInterruptedEarly(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "instant")
	spec := write(t, "good.yaml", goodSpec)
	for _, args := range [][]string{{"dev", "--runner", "instant", "--listen", "127.0.0.1:0"}, {"run", "--url", d.url, spec}, {"runs", "--url", d.url}} {
		for range 5 {
			p := spawn(t, args...)
			_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended
			select {
			case <-p.ended:
			default:
				_ = p.cmd.Process.Signal(os.Interrupt)
			}
			p.wait(t)
			if said := p.stderr.String(); strings.Contains(said, "context") || strings.Contains(said, "error") {
				t.Errorf("%s says %q", args[0], said)
			}
		}
	}
}
