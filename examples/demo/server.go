package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"time"
)

// server is `spillway dev`.
type server struct {
	demo
	cmd   *exec.Cmd
	url   string
	ended chan struct{} // closed when it has ended
	err   error         // how, once it has
}

// grace is how long dev may take to end its tasks and itself.
const grace = 30 * time.Second

var address = regexp.MustCompile(`http://[0-9.]+:[0-9]+`)

// start begins dev with its files in a folder, on a free port, and returns when it answers.
func (d demo) start(ctx context.Context, dir string, args ...string) (*server, error) {
	cmd := exec.Command(d.spillway, append([]string{"dev", "--listen", "127.0.0.1:0", "--dir", dir}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = tied()
	// An interrupt at the terminal is for demo, which ends dev when nobody needs it any more.
	cmd.SysProcAttr.Setpgid = true
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting spillway dev: %w", err)
	}
	s := &server{demo: d, cmd: cmd, ended: make(chan struct{})}
	// Whoever interrupts demo does not wait for dev to answer.
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(os.Interrupt) })()
	line, readErr := bufio.NewReader(said).ReadString('\n') // it is said when dev answers
	go func() {
		_, _ = io.Copy(io.Discard, said) // whatever else it says must not hold it up
		s.err = cmd.Wait()
		close(s.ended)
	}()
	if s.url = address.FindString(line); readErr != nil || s.url == "" {
		return nil, errors.Join(fmt.Errorf("spillway dev did not start: it said %q", line), s.stop())
	}
	fmt.Print(line)
	return s, nil
}

// alive is a context that ends when dev does.
func (s *server) alive(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		<-s.ended
		cancel(fmt.Errorf("spillway dev ended before the run did: %v", s.err))
	}()
	return ctx
}

// stop interrupts dev, which ends its tasks, and waits for it.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended by itself
	select {
	case <-s.ended:
	case <-time.After(grace):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("spillway dev did not end within %v of being interrupted, and was killed", grace)
	}
	if s.err != nil {
		return fmt.Errorf("spillway dev: %w", s.err)
	}
	return nil
}

// command is a spillway command that asks this server.
func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.spillway, args...)
	cmd.Env = append(os.Environ(), "SPILLWAY_URL="+s.url)
	cmd.SysProcAttr = tied()
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = grace
	return cmd
}

// run runs a pipeline, showing its progress, and returns the run's exit status.
func (s *server) run(ctx context.Context, spec string, params ...string) (status int, err error) {
	args := []string{"run", spec}
	for _, p := range params {
		args = append(args, "--param", p)
	}
	cmd := s.command(ctx, args...)
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	err = cmd.Run()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}
