package minimesos

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	containerapi "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// testImage is what the recordings call the image of their Docker tasks: a
// static busybox.
const testImage = "tiny:latest"

// needDocker skips a test where no engine answers or the image is missing.
func needDocker(t testing.TB) {
	t.Helper()
	r, err := newDockerRunner(context.Background())
	if err != nil {
		t.Skipf("needs a Docker engine: %v", err)
	}
	defer r.(*dockerRunner).close()
	if _, err := r.(*dockerRunner).engine.ImageInspect(context.Background(), testImage); err != nil {
		t.Skipf("needs the Docker image %s (a busybox): %v", testImage, err)
	}
}

func dockerTask(id, shell string, parameters ...mesos.Parameter) mesos.TaskInfo {
	task := command(id, shell)
	task.Container = &mesos.ContainerInfo{Type: mesos.ContainerInfo_DOCKER.Enum(), Docker: &mesos.ContainerInfo_DockerInfo{
		Image: testImage, Network: mesos.ContainerInfo_DockerInfo_NONE.Enum(), Parameters: parameters}}
	return task
}

// sandboxOf finds a task's sandbox as tools do.
func (c *Cluster) sandboxOf(id string) string {
	dir := ""
	c.loop.do(func() {
		for _, a := range c.agents {
			for _, f := range a.history() {
				for _, x := range append(valuesOf(f.executors), f.done...) {
					if x.id == id {
						dir = x.dir
					}
				}
			}
		}
	})
	return dir
}

func output(t testing.TB, c *Cluster, id string) string {
	t.Helper()
	data, err := os.ReadFile(c.sandboxOf(id) + "/stdout")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestDockerTask(t *testing.T) {
	needDocker(t)
	c := start(t, fast(Docker, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	task := dockerTask("a", "echo $FOO $WHO; pwd; ls /data; echo written > $MESOS_SANDBOX/file",
		mesos.Parameter{Key: "label", Value: "spillway.run=r1"}, mesos.Parameter{Key: "env", Value: "WHO=me"},
		mesos.Parameter{Key: "workdir", Value: "/tmp"})
	task.Command.Environment = &mesos.Environment{Variables: []mesos.Environment_Variable{{Name: "FOO", Value: ptr("bar")}}}
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/x", nil, 0o644))
	task.Container.Volumes = []mesos.Volume{{HostPath: &dir, ContainerPath: "/data", Mode: mesos.RO.Enum()}}
	f.accept(f.offers()[0], task)
	running := f.until("a", mesos.TASK_RUNNING)
	var inspected []struct {
		Name   string
		Config struct{ Labels map[string]string }
	}
	must(t, json.Unmarshal(running.Data, &inspected))
	if got := inspected[0]; got.Config.Labels["spillway.run"] != "r1" || got.Name != "/mesos-"+running.ContainerStatus.ContainerID.Value {
		t.Errorf("docker inspect: %+v", got)
	}
	if got := f.until("a", mesos.TASK_FINISHED); got.GetMessage() != "Container exited with status 0" {
		t.Errorf("message: %q", got.GetMessage())
	}
	if got, want := output(t, c, "a"), "bar me\n/tmp\nx\n"; got != want {
		t.Errorf("stdout: %q, want %q", got, want)
	}
	if data, err := os.ReadFile(c.sandboxOf("a") + "/file"); err != nil || string(data) != "written\n" {
		t.Errorf("the sandbox has no file of the task: %q, %v", data, err)
	}
}

func TestDockerEnds(t *testing.T) {
	needDocker(t)
	c := start(t, fast(Docker, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	missing := dockerTask("missing", "")
	missing.Command = &mesos.CommandInfo{Shell: ptr(false), Value: ptr("/no/such/thing")}
	hungry := dockerTask("hungry", "")
	hungry.Command = &mesos.CommandInfo{Shell: ptr(false), Value: ptr("tail"), Arguments: []string{"/dev/zero"}}
	entry := dockerTask("entry", "", mesos.Parameter{Key: "entrypoint", Value: "/bin/echo"})
	entry.Command = &mesos.CommandInfo{Shell: ptr(false), Arguments: []string{"a", "b"}}
	odd := dockerTask("odd", "true", mesos.Parameter{Key: "gizmo", Value: "1"})
	noImage := dockerTask("no-image", "true")
	noImage.Container.Docker.Image = "registry.invalid/none:1"
	stubborn := dockerTask("stubborn", "trap '' TERM; sleep 1000 & wait; wait")
	stubborn.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: 1}}
	f.accept(f.offers()[0], dockerTask("three", "exit 3"), missing, hungry, entry, odd, noImage, stubborn)

	f.until("stubborn", mesos.TASK_RUNNING)
	f.kill("stubborn")
	if got := f.until("stubborn", mesos.TASK_KILLED); got.GetMessage() != "Container exited with status 137" {
		t.Errorf("stubborn: %q", got.GetMessage())
	}
	for _, want := range []struct{ id, message, reason string }{
		{"three", "Container exited with status 3", ""},
		{"missing", "Container exited with status 127", ""},
		{"odd", `Failed to create the Docker container: docker parameter "gizmo" is not supported by minimesos`, ""},
		{"no-image", "Failed to launch container: Failed to run 'docker -H", "REASON_CONTAINER_LAUNCH_FAILED"},
	} {
		got := f.until(want.id, mesos.TASK_FAILED)
		reason := ""
		if got.Reason != nil {
			reason = got.Reason.String()
		}
		if !strings.HasPrefix(got.GetMessage(), want.message) || reason != want.reason {
			t.Errorf("%s: %q, %s", want.id, got.GetMessage(), reason)
		}
	}
	// Whether an engine tells of the OOM killer depends on its kernel; that
	// the task fails does not.
	f.until("hungry", mesos.TASK_FAILED)
	f.until("entry", mesos.TASK_FINISHED)
	if got := output(t, c, "entry"); got != "a b\n" {
		t.Errorf("entrypoint: stdout %q", got)
	}
	wait(t, c, "all containers have ended", func(v View) bool { return v.Containers() == 0 })
}

// TestDockerLeftovers starts as if after a process that was killed: what it left is removed, and what others own stays.
func TestDockerLeftovers(t *testing.T) {
	needDocker(t)
	made, err := newDockerRunner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := made.(*dockerRunner)
	defer r.close()
	gone := exec.Command("true")
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	dead := ownerOf(gone.Process.Pid)
	if err := gone.Wait(); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{dead: true, thisOwner(): false, "another-boot pid:[1] 1 1": false, "": false}
	ids := map[string]string{}
	for owner := range left {
		config := &containerapi.Config{Image: testImage, Cmd: []string{"true"}, Labels: map[string]string{ownerLabel: owner}}
		created, err := r.engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{Config: config})
		if err != nil {
			t.Fatal(err)
		}
		ids[owner] = created.ID
		t.Cleanup(func() { _ = (&dockerContainer{engine: r.engine, id: created.ID}).remove() })
	}
	next, err := newDockerRunner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer next.(*dockerRunner).close()
	for owner, removed := range left {
		_, err := r.engine.ContainerInspect(t.Context(), ids[owner], client.ContainerInspectOptions{})
		if errdefs.IsNotFound(err) != removed {
			t.Errorf("the container of %q: %v, want it removed: %v", owner, err, removed)
		}
	}
}

// TestDockerCreateIsAwaited stops a start before the engine has answered: the container does not stay.
func TestDockerCreateIsAwaited(t *testing.T) {
	needDocker(t)
	made, err := newDockerRunner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := made.(*dockerRunner)
	defer r.close()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	task := dockerTask("stopped", "true")
	spec := &containerSpec{id: "stopped", name: "mesos-stopped-" + t.Name(), sandbox: t.TempDir(), command: task.Command, info: task.Container, cpus: 100, mem: 32000}
	if _, err := r.start(stopped, spec); err == nil {
		t.Fatal("it has started")
	}
	if _, err := r.engine.ContainerInspect(t.Context(), spec.name, client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
		t.Errorf("the container is still there: %v", err)
	}
}
