package minimesos

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// ends runs tasks and returns the last status of each.
func ends(t *testing.T, c *Cluster, tasks ...mesos.TaskInfo) map[string]*mesos.TaskStatus {
	t.Helper()
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], tasks...)
	out := map[string]*mesos.TaskStatus{}
	for _, task := range tasks {
		id := task.TaskID.Value
		for out[id] == nil {
			if status := f.update(id); isTerminal(status.GetState()) {
				out[id] = status
			}
		}
	}
	return out
}

func argv(id, value string, arguments ...string) mesos.TaskInfo {
	task := command(id, "")
	task.Command = &mesos.CommandInfo{Shell: ptr(false), Arguments: arguments}
	if value != "" {
		task.Command.Value = &value
	}
	return task
}

// likeDocker is a task for Docker, which an agent without it runs as a process.
func likeDocker(task mesos.TaskInfo, parameters ...mesos.Parameter) mesos.TaskInfo {
	task.Container = &mesos.ContainerInfo{Type: mesos.ContainerInfo_DOCKER.Enum(),
		Docker: &mesos.ContainerInfo_DockerInfo{Image: "none", Parameters: parameters}}
	return task
}

func TestProcessCommands(t *testing.T) {
	c := start(t, fast(Process, 1))
	env := command("env", `echo "$FOO $MESOS_EXECUTOR_ID"; test "$MESOS_SANDBOX" = "$PWD"`)
	env.Command.Environment = &mesos.Environment{Variables: []mesos.Environment_Variable{{Name: "FOO", Value: ptr("bar")}}}
	got := ends(t, c, env,
		argv("value-only", "true"),
		argv("arguments", "echo", "echo", "a b", "c"), // arguments[0] is argv[0]
		argv("missing", "/no/such/thing"),
		argv("nothing", ""),
		likeDocker(command("docker", `echo "$MESOS_CONTAINER_NAME"; test "$MESOS_SANDBOX" = "$PWD"`)),
		likeDocker(argv("entrypoint", "", "one", "two"), mesos.Parameter{Key: "entrypoint", Value: "echo"}),
		likeDocker(argv("docker-argv", "echo", "x")),
		likeDocker(command("docker-kill", "kill -9 $$")),
	)
	for _, want := range []struct {
		id            string
		state         mesos.TaskState
		message, text string
	}{
		{"env", mesos.TASK_FINISHED, "Command exited with status 0", "bar env\n"},
		{"value-only", mesos.TASK_FINISHED, "Command exited with status 0", ""},
		{"arguments", mesos.TASK_FINISHED, "Command exited with status 0", "a b c\n"},
		{"missing", mesos.TASK_FAILED, "Command exited with status 127", ""},
		{"nothing", mesos.TASK_FAILED, "The command to run is not specified", ""},
		{"docker", mesos.TASK_FINISHED, "Container exited with status 0", "mesos-" + got["docker"].ContainerStatus.ContainerID.Value + "\n"},
		{"entrypoint", mesos.TASK_FINISHED, "Container exited with status 0", "one two\n"},
		{"docker-argv", mesos.TASK_FINISHED, "Container exited with status 0", "x\n"},
		{"docker-kill", mesos.TASK_FAILED, "Container exited with status 137", ""},
	} {
		status := got[want.id]
		if status.GetState() != want.state || status.GetMessage() != want.message {
			t.Errorf("%s: %v %q", want.id, status.GetState(), status.GetMessage())
		}
		if text := output(t, c, want.id); text != want.text {
			t.Errorf("%s: stdout %q, want %q", want.id, text, want.text)
		}
	}
}

// alive tells whether a process runs that wrote its number into a file.
func alive(t *testing.T, path string) func() bool {
	t.Helper()
	text, err := readSoon(path)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	must(t, err)
	return func() bool { return syscall.Kill(pid, 0) == nil }
}

func gone(t *testing.T, alive func() bool) {
	t.Helper()
	if !soon(func() bool { return !alive() }) {
		t.Fatal("a process is still there")
	}
}

// What a command leaves behind ends with it.
func TestProcessChildrenEnd(t *testing.T) {
	c := start(t, fast(Process, 1))
	ends(t, c, command("parent", "sleep 1000 & echo $! > child.tmp; mv child.tmp child"))
	gone(t, alive(t, c.sandboxOf("parent")+"/child"))
}

func TestCloseEndsProcesses(t *testing.T) {
	o := fast(Process, 1)
	o.WorkDir = t.TempDir()
	c, err := Start(o)
	must(t, err)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	f.accept(f.offers()[0], command("stubborn", "trap '' TERM; echo $$ > pid.tmp; mv pid.tmp pid; while :; do sleep 1; done"))
	f.until("stubborn", mesos.TASK_RUNNING)
	runs := alive(t, c.sandboxOf("stubborn")+"/pid")
	must(t, c.Close())
	if runs() {
		t.Error("Close returned while a process runs")
	}
	must(t, c.Close())
	if err := c.AddAgent(AgentOptions{}); err == nil {
		t.Error("a closed cluster takes an agent")
	}
}

func TestKillGrace(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	stubborn := command("stubborn", "trap '' TERM; touch ready; while :; do sleep 0.1; done")
	stubborn.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: 3600e9}}
	polite := command("polite", "trap 'exit 3' TERM; touch ready; while :; do sleep 0.1; done")
	f.accept(f.offers()[0], stubborn, polite)
	for _, id := range []string{"stubborn", "polite"} {
		f.until(id, mesos.TASK_RUNNING)
		_, err := readSoon(c.sandboxOf(id) + "/ready")
		must(t, err)
	}
	f.kill("polite")
	if got := f.until("polite", mesos.TASK_KILLED); got.GetMessage() != "Command exited with status 3" {
		t.Errorf("polite: %q", got.GetMessage())
	}
	f.kill("stubborn")
	f.until("stubborn", mesos.TASK_KILLING)
	again := killCall("stubborn")
	again.Kill.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: 1}}
	f.call(again)
	if got := f.until("stubborn", mesos.TASK_KILLED); got.GetMessage() != "Command terminated with signal Killed" {
		t.Errorf("stubborn: %q", got.GetMessage())
	}
}

// Asking again does not put the end off.
func TestKillAgainAndAgain(t *testing.T) {
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	task := command("a", "trap '' TERM; touch ready; while :; do sleep 0.1; done")
	task.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: 1}}
	f.accept(f.offers()[0], task)
	f.until("a", mesos.TASK_RUNNING)
	_, err := readSoon(c.sandboxOf("a") + "/ready")
	must(t, err)
	f.kill("a")
	f.until("a", mesos.TASK_KILLING)
	ended := false
	for !ended {
		f.kill("a") // at once again
		c.Look(func(v View) { ended = v.Containers() == 0 })
	}
	f.until("a", mesos.TASK_KILLED)
}

// A framework that does not know TASK_KILLING is not sent it.
func TestKillWithoutKillingState(t *testing.T) {
	c := start(t, fast(Process, 1))
	info := testFramework()
	info.Capabilities = info.Capabilities[2:]
	f := subscribe(t, c.URL(), info, mediaProtobuf)
	f.accept(f.offers()[0], command("a", "sleep 1000"))
	f.until("a", mesos.TASK_RUNNING)
	f.kill("a")
	if got := f.update("a").GetState(); got != mesos.TASK_KILLED {
		t.Errorf("got %v", got)
	}
}

func TestKillBeforeDelivery(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	c := start(t, fast(Process, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	task := command("a", "true")
	task.Command.URIs = []mesos.CommandInfo_URI{{Value: server.URL + "/never"}}
	f.accept(f.offers()[0], task)
	<-asked
	f.kill("a")
	got := f.update("a")
	if got.GetState() != mesos.TASK_KILLED || got.GetReason() != mesos.REASON_TASK_KILLED_DURING_LAUNCH ||
		got.GetMessage() != "Killed before delivery to the executor" || got.GetSource() != mesos.SOURCE_AGENT {
		t.Errorf("got %v", got)
	}
}

func TestFetch(t *testing.T) {
	var archive bytes.Buffer
	packed := gzip.NewWriter(&archive)
	files := tar.NewWriter(packed)
	must(t, files.WriteHeader(&tar.Header{Name: "dir/inside", Mode: 0o644, Size: 6}))
	_, err := files.Write([]byte("inside"))
	must(t, err)
	must(t, files.Close())
	must(t, packed.Close())
	server := httptest.NewServer(http.FileServer(http.Dir(t.TempDir())))
	defer server.Close()
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/a.tar.gz", archive.Bytes(), 0o644))
	must(t, os.WriteFile(dir+"/script", []byte("#!/bin/sh\necho ran\n"), 0o644))
	task := command("ok", "./run && cat dir/inside && test -e kept.tar.gz && test ! -e kept")
	task.Command.URIs = []mesos.CommandInfo_URI{
		{Value: "file://" + dir + "/a.tar.gz", Extract: ptr(true)},
		{Value: dir + "/a.tar.gz", OutputFile: ptr("kept.tar.gz"), Extract: ptr(false)},
		{Value: dir + "/script", OutputFile: ptr("run"), Executable: ptr(true)},
	}
	absent := command("absent", "true")
	absent.Command.URIs = []mesos.CommandInfo_URI{{Value: server.URL + "/absent"}}
	outside := command("outside", "true")
	outside.Command.URIs = []mesos.CommandInfo_URI{{Value: dir + "/script", OutputFile: ptr("../../x")}}
	c := start(t, fast(Process, 1))
	got := ends(t, c, task, absent, outside)
	if got["ok"].GetState() != mesos.TASK_FINISHED || output(t, c, "ok") != "ran\ninside" {
		t.Errorf("ok: %v %q", got["ok"], output(t, c, "ok"))
	}
	for _, id := range []string{"absent", "outside"} {
		stderr, err := os.ReadFile(filepath.Join(c.sandboxOf(id), "stderr"))
		must(t, err)
		if got[id].GetReason() != mesos.REASON_CONTAINER_LAUNCH_FAILED || !strings.Contains(string(stderr), "Failed to fetch") {
			t.Errorf("%s: %v, stderr %q", id, got[id], stderr)
		}
	}
}

func TestExitTexts(t *testing.T) {
	for _, c := range []struct {
		how  exit
		what string
		want string
	}{
		{exit{code: 3}, "Command", "Command exited with status 3"},
		{exit{signal: syscall.SIGSEGV}, "Command", "Command terminated with signal Segmentation fault"},
		{exit{signal: syscall.SIGKILL}, "Command", "Command terminated with signal Killed"},
		{exit{signal: syscall.SIGTERM}, "Container", "Container exited with status 143"},
		{exit{err: os.ErrClosed}, "Container", "Failed to get exit status for Container: file already closed"},
	} {
		if got := c.how.describe(c.what); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := oomMessage(exit{memory: 64 << 20}); got != "Memory limit exceeded: Requested: 64MB Maximum Used: 64MB" {
		t.Errorf("got %q", got)
	}
}

func TestMesosDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ns", 3 * time.Second: "3secs", 90 * time.Second: "1.5mins", time.Hour: "1hrs", 48 * time.Hour: "2days",
		14 * 24 * time.Hour: "2weeks", 1500 * time.Microsecond: "1.5ms", 2 * time.Microsecond: "2us",
	} {
		if got := mesosDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
