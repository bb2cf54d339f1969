package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asCommand makes the test binary be the command, so that tests can start it as a process of its own.
const asCommand = "SPILLWAY_TEST_AS_COMMAND"

// testTimeout ends a test that hangs; nothing is measured by it.
const testTimeout = 2 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// result is what a command did.
type result struct {
	stdout, stderr string
	status         int
}

// command runs a command in this process.
func command(ctx context.Context, stdin string, args ...string) result {
	var out, errs bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errs)
	status := execute(ctx, root)
	return result{out.String(), errs.String(), status}
}

// clientOf returns a client of a scheduler that asks nobody who they are.
func clientOf(url string) *client {
	c, err := (&connection{url: url}).newClient()
	if err != nil {
		panic(err)
	}
	return c
}

// process is the command as a process of its own.
type process struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	// ended is closed when the process has ended and all that it said is read.
	ended chan struct{}
}

// output keeps what a process says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// spawn starts the command. It is killed at the test's end if it still runs.
func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	return spawnWith(t, nil, args...)
}

// spawnWith starts the command with more variables in its environment.
func spawnWith(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self, args...), ended: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), asCommand+"=1"), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the status is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as kill -9 does; only this process, none that it has started.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.ended
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// interrupt asks the process to end, waits for that, and returns its exit status; -1 if a signal ended it.
func (p *process) interrupt(t *testing.T) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGINT) // it may have ended by itself
	return p.wait(t)
}

// wait waits for the process's end and returns its exit status.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(testTimeout):
		t.Fatalf("%s does not end; it said:\n%s%s", p.cmd.Args[1:], p.stdout.String(), p.stderr.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// poll asks until the answer is yes. It is for what another process does, of which nobody tells us.
func poll(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	if !again(ctx, holds) {
		t.Fatalf("waited in vain: %s", what)
	}
}

// again asks every few milliseconds until the answer is yes; false if ctx ends first.
func again(ctx context.Context, holds func() bool) bool {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// freeAddress returns an address that a process may listen on, again and again: its port is one that no outgoing
// connection is given meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.N(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
