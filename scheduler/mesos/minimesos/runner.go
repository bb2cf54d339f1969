package minimesos

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// runner starts the containers of an agent, and shows their sandboxes. Its
// methods may block and are called outside the loop.
type runner interface {
	disk
	kind() Runner
	// prepare makes the sandbox and gets what the container needs (image,
	// URIs). Its error's text is what Mesos says behind "Failed to launch
	// container: ".
	prepare(ctx context.Context, spec *containerSpec) error
	// start starts the container.
	start(ctx context.Context, spec *containerSpec) (container, error)
}

// container is one that was started.
type container interface {
	pid() uint32     // of a process; 0 for a Docker container
	address() string // its IP address if it has one of its own
	inspect() []byte // docker inspect's JSON; nil for a process
	// usage is what it has used so far; not known of Docker containers.
	usage() (used usage, ok bool)
	// wait returns when the container has ended. It is called once.
	wait() exit
	// stop asks the container to end and makes it end after grace; with
	// atOnce it does not ask. It returns at once and may be called repeatedly.
	stop(grace time.Duration)
}

// usage is seconds of user and system time, and bytes of resident memory.
type usage struct {
	user, system float64
	rss          uint64
}

// wording is an error in Mesos' own words: callers get to see it as it is.
type wording string

func (w wording) Error() string { return string(w) }

func worded(format string, args ...any) error { return wording(fmt.Sprintf(format, args...)) }

// atOnce is the grace of a container that is not asked to end.
const atOnce = time.Duration(-1)

// exit is how a container ended.
type exit struct {
	code   int
	signal syscall.Signal // 0 when it ended by itself
	oom    bool           // killed because it used more memory than it may
	memory int64          // bytes that it was allowed, for oom
	err    error          // its end could not be observed
}

// containerSpec is all that a runner needs to know.
type containerSpec struct {
	id      string // Mesos' container id
	name    string // "mesos-<id>"
	sandbox string // a folder, which prepare makes
	command *mesos.CommandInfo
	info    *mesos.ContainerInfo // nil for a plain process
	env     []string
	cpus    int64 // thousandths
	mem     int64 // thousandths of a MiB
	gpus    int64 // thousandths
	custom  bool  // an executor, which stays when a task ends
}

// isDocker tells whether the framework asked for a Docker container.
func (s *containerSpec) isDocker() bool {
	return s.info != nil && s.info.GetType() == mesos.ContainerInfo_DOCKER && s.info.Docker != nil
}

// describe words an end as the command executor ("Command") and the Docker
// executor ("Container") do.
func (e exit) describe(what string) string {
	switch {
	case e.err != nil:
		return "Failed to get exit status for " + what + ": " + e.err.Error()
	case e.signal != 0 && what == "Container": // docker run's way to say it
		return fmt.Sprintf("%s exited with status %d", what, 128+int(e.signal))
	case e.signal != 0:
		return fmt.Sprintf("%s terminated with signal %s", what, signalName(e.signal))
	}
	return fmt.Sprintf("%s exited with status %d", what, e.code)
}

// signalName is what strsignal(3) of glibc says.
func signalName(signal syscall.Signal) string {
	if name, ok := signalNames[signal]; ok {
		return name
	}
	name := signal.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

// signalNames are those that Go spells differently.
var signalNames = map[syscall.Signal]string{
	syscall.SIGABRT: "Aborted", syscall.SIGSEGV: "Segmentation fault", syscall.SIGTRAP: "Trace/breakpoint trap",
	syscall.SIGFPE: "Floating point exception", syscall.SIGUSR1: "User defined signal 1",
	syscall.SIGUSR2: "User defined signal 2", syscall.SIGXCPU: "CPU time limit exceeded",
	syscall.SIGXFSZ: "File size limit exceeded", syscall.SIGSTKFLT: "Stack fault", syscall.SIGSYS: "Bad system call",
}

func (e exit) succeeded() bool { return e.err == nil && e.signal == 0 && e.code == 0 && !e.oom }
