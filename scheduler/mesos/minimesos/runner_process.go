package minimesos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"golang.org/x/sys/unix"
)

// processRunner runs commands as processes of this machine, each in a process
// group of its own and in its sandbox.
type processRunner struct{ localDisk }

func (processRunner) kind() Runner { return Process }

func (processRunner) prepare(ctx context.Context, spec *containerSpec) error {
	if err := os.MkdirAll(spec.sandbox, 0o755); err != nil {
		return err
	}
	if spec.info.GetMesos().GetImage() != nil {
		return errors.New("minimesos runs no images of the Mesos containerizer")
	}
	if err := createOutputs(spec.sandbox); err != nil {
		return err
	}
	return fetchURIs(ctx, spec)
}

func (processRunner) start(_ context.Context, spec *containerSpec) (container, error) {
	argv, err := processArgv(spec)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Args = argv
	cmd.Dir = spec.sandbox
	cmd.Env = processEnvironment(spec)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, stderr, err := openOutputs(spec.sandbox)
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		return notStarted(spec, stderr, err)
	}
	return &process{cmd: cmd}, nil
}

// processArgv is what to run: /bin/sh -c for a shell command, else the value
// with its arguments. For a task that wants Docker, the parameter
// "entrypoint" replaces the command's value, as it does in `docker run`.
func processArgv(spec *containerSpec) ([]string, error) {
	command := spec.command
	entrypoint := ""
	if spec.isDocker() {
		for _, p := range spec.info.Docker.Parameters {
			if p.Key == "entrypoint" {
				entrypoint = p.Value
			}
		}
	}
	switch {
	case command.GetShell():
		if command.Value == nil {
			return nil, wording("Shell command is not specified")
		}
		return []string{"/bin/sh", "-c", *command.Value}, nil
	case entrypoint != "" && command.GetValue() != "":
		return append([]string{entrypoint, *command.Value}, command.Arguments...), nil
	case entrypoint != "":
		return append([]string{entrypoint}, command.Arguments...), nil
	case command.GetValue() == "" && len(command.GetArguments()) == 0:
		return nil, wording("The command to run is not specified")
	case spec.isDocker():
		return dockerArguments(command), nil
	case len(command.Arguments) == 0:
		return []string{command.GetValue()}, nil
	}
	// Without Docker, arguments[0] is argv[0] (CommandInfo in mesos.proto).
	return append([]string{command.GetValue()}, command.Arguments[1:]...), nil
}

// dockerArguments are what follows the image on docker run's command line.
func dockerArguments(command *mesos.CommandInfo) []string {
	if command.GetShell() {
		return []string{"-c", command.GetValue()}
	}
	var out []string
	if command.GetValue() != "" {
		out = append(out, *command.Value)
	}
	return append(out, command.GetArguments()...)
}

// processEnvironment is the task's own on top of where programs are found.
func processEnvironment(spec *containerSpec) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + spec.sandbox}, spec.env...)
}

func createOutputs(sandbox string) error {
	stdout, stderr, err := openOutputs(sandbox)
	if err != nil {
		return err
	}
	return errors.Join(stdout.Close(), stderr.Close())
}

func openOutputs(sandbox string) (stdout, stderr *os.File, err error) {
	const flags = os.O_CREATE | os.O_APPEND | os.O_WRONLY
	if stdout, err = os.OpenFile(filepath.Join(sandbox, "stdout"), flags, 0o644); err != nil {
		return nil, nil, err
	}
	if stderr, err = os.OpenFile(filepath.Join(sandbox, "stderr"), flags, 0o644); err != nil {
		return nil, nil, errors.Join(err, stdout.Close())
	}
	return stdout, stderr, nil
}

// notStarted makes a command that cannot be started look as it does where a
// shell or docker starts it: it ends with 127, or 126 if it may not be run.
func notStarted(spec *containerSpec, stderr *os.File, err error) (container, error) {
	code := 127
	if errors.Is(err, os.ErrPermission) {
		code = 126
	}
	if _, werr := fmt.Fprintln(stderr, err); werr != nil {
		return nil, werr
	}
	if spec.isDocker() {
		return nil, worded("Container exited with status %d", code)
	}
	return stillborn{exit{code: code}}, nil
}

// stillborn is a container that has ended before it ran.
type stillborn struct{ how exit }

func (stillborn) pid() uint32          { return 0 }
func (stillborn) address() string      { return "" }
func (stillborn) inspect() []byte      { return nil }
func (stillborn) usage() (usage, bool) { return usage{}, false }
func (s stillborn) wait() exit         { return s.how }
func (stillborn) stop(time.Duration)   {}

// process is a running command.
type process struct {
	cmd *exec.Cmd

	mu       sync.Mutex
	timer    *time.Timer // not nil once it has been asked to end
	deadline time.Time   // when it is made to
	gone     bool        // reaped, or about to be: its number is not to be used any more
}

func (p *process) pid() uint32     { return uint32(p.cmd.Process.Pid) }
func (p *process) address() string { return "" }
func (p *process) inspect() []byte { return nil }

func (p *process) usage() (usage, bool) { return processUsage(p.pid()) }

// wait kills what the command left behind in its group when it ends, as a
// container would. The leader is reaped only after that: until then its
// number, which is also the group's, cannot be given to anybody else.
func (p *process) wait() exit {
	for unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.mu.Lock()
	p.signalGroup(syscall.SIGKILL)
	p.gone = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	err := p.cmd.Wait()
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		return exit{err: err}
	}
	if status.Signaled() {
		return exit{signal: status.Signal()}
	}
	return exit{code: status.ExitStatus()}
}

// leastGrace lets a process that does nothing about TERM end by that signal,
// as it does in Mesos even without any grace: KILL is a second event there,
// and on a busy machine the kernel takes its time with the first.
const leastGrace = 250 * time.Millisecond

func (p *process) stop(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	if grace < 0 {
		p.signalGroup(syscall.SIGKILL)
		return
	}
	if p.timer == nil {
		p.signalGroup(syscall.SIGTERM)
	}
	deadline := time.Now().Add(max(grace, leastGrace))
	if p.timer != nil && p.deadline.Before(deadline) {
		return // asking again gives no more time
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.deadline = deadline
	p.timer = time.AfterFunc(time.Until(deadline), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.gone {
			p.signalGroup(syscall.SIGKILL)
		}
	})
}

// signalGroup reaches the command and all its children.
func (p *process) signalGroup(signal syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, signal) // it may have ended by itself
}

// fetchFailure is what Mesos says when its fetcher fails.
func fetchFailure(spec *containerSpec) error {
	return worded("Failed to fetch all URIs for container '%s': exited with status 1", spec.id)
}

// inSandbox keeps a file name from leaving the sandbox.
func inSandbox(sandbox, name string) (string, error) {
	path := filepath.Join(sandbox, name)
	if path != sandbox && !strings.HasPrefix(path, sandbox+string(filepath.Separator)) {
		return "", fmt.Errorf("%q is outside the sandbox", name)
	}
	return path, nil
}
