package mesos_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// testImage is a busybox.
const testImage = "tiny:latest"

// TestDriverDocker launches Docker tasks on agents of an embedded master, and of the real one that SPILLWAY_TEST_MESOS
// names if its agents are on this machine's engine.
func TestDriverDocker(t *testing.T) {
	image := imageWithEntryPoint(t)
	t.Run("minimesos", func(t *testing.T) {
		cluster, err := minimesos.Start(minimesos.Options{
			Runner: minimesos.Docker, AllocationInterval: 100 * time.Millisecond, Agents: []minimesos.AgentOptions{{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		testDocker(t, mesos.Config{Masters: cluster.URL()}, image)
	})
	t.Run("mesos", func(t *testing.T) {
		url := os.Getenv("SPILLWAY_TEST_MESOS")
		if url == "" {
			t.Skip("no real Mesos: SPILLWAY_TEST_MESOS names the URL of its master")
		}
		testDocker(t, mesos.Config{Masters: url}, image)
	})
}

// imageWithEntryPoint makes an image whose entry point fails whatever it is given.
func imageWithEntryPoint(t *testing.T) string {
	t.Helper()
	docker := func(args ...string) (string, error) {
		out, err := exec.Command("docker", args...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if out, err := docker("image", "inspect", testImage); err != nil {
		if os.Getenv("SPILLWAY_TEST_DOCKER") != "" {
			t.Fatalf("no Docker engine with the image %s: %v: %s", testImage, err, out)
		}
		t.Skipf("no Docker engine with the image %s (a busybox): %v", testImage, err)
	}
	image := fmt.Sprintf("spillway-test-entrypoint:%d", time.Now().UnixNano())
	container, err := docker("create", testImage)
	if err != nil {
		t.Fatal(container)
	}
	out, err := docker("commit", "-c", `ENTRYPOINT ["/bin/false"]`, container, image)
	if err != nil {
		t.Fatal(out)
	}
	t.Cleanup(func() {
		_, _ = docker("rm", "-f", container)
		_, _ = docker("rmi", "-f", image)
	})
	return image
}

func testDocker(t *testing.T, cfg mesos.Config, entryPoint string) {
	cfg.Name, cfg.FailoverTimeout = "driver-test", time.Minute
	f := begin(t, cfg, "")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	image := func(image string, change ...func(*mesos.Launch)) func(*mesos.Launch) {
		return func(l *mesos.Launch) {
			l.Image = image
			for _, fn := range change {
				fn(l)
			}
		}
	}
	good := map[string]mesos.Launch{
		"environment and volumes": task(`[ "$FOO" = "a b" ] && [ "$SPILLWAY_STEP" = step ] && [ -f /in/x ] && ! touch /in/y && touch /out/z`,
			image(testImage, func(l *mesos.Launch) {
				l.Command.Env = []spec.Var{{Name: "FOO", Value: "a b"}}
				l.Volumes = []spec.Volume{{Host: dir, At: "/in", ReadOnly: true}, {Host: dir, At: "/out"}}
			})),
		"a text in spite of an entry point": task(`true`, image(entryPoint)),
		"an argv in spite of an entry point": task("", image(entryPoint, func(l *mesos.Launch) {
			l.Command = spec.Command{Argv: []string{"sh", "-c", `[ "$0" = "a b" ] && [ "$1" = "*" ] && [ $# = 1 ]`, "a b", "*"}}
		})),
		"ports of a bridge network": task(`[ "$SPILLWAY_PORTS" = "$PORT0,$PORT1" ]`, image(testImage, func(l *mesos.Launch) {
			l.Network, l.Resources.Ports = spec.BridgeNetwork, 2
		})),
		"no network": task(`[ "$(ls /sys/class/net)" = lo ]`, image(testImage, func(l *mesos.Launch) { l.Network = spec.NoNetwork })),
	}
	missing := task("true", image("registry.invalid/none:1"))
	exit := task("exit 7", image(testImage))
	sleeper := task("trap '' TERM; sleep 300", image(testImage, func(l *mesos.Launch) { l.Grace = time.Second }))
	launches := []mesos.Launch{missing, exit, sleeper}
	for _, l := range good {
		launches = append(launches, l)
	}
	f.launch(launches...)
	for name, l := range good {
		f.ends(name, l, state.TaskFinished)
	}
	if s := f.ends("a missing image", missing, state.TaskFailed); s.Reason != state.ReasonContainerLaunchFailed {
		t.Errorf("a missing image: %+v", s)
	}
	if s := f.ends("an exit status", exit, state.TaskFailed); !strings.Contains(s.Message, "exited with status 7") {
		t.Errorf("an exit status: %+v", s)
	}
	f.reaches(sleeper, state.TaskRunning)
	f.Send([]mesos.Call{mesos.Kill{TaskID: sleeper.ID.String()}})
	f.ends("a kill", sleeper, state.TaskKilled)
	if _, err := os.Stat(filepath.Join(dir, "z")); err != nil {
		t.Errorf("the task has not written into its volume: %v", err)
	}
}

// ends waits for a task's last state and compares it.
func (f *framework) ends(name string, l mesos.Launch, want state.TaskState) (last state.Status) {
	f.t.Helper()
	f.until("the end of "+name, func() bool {
		for _, s := range f.updates[l.ID.String()] {
			if s.State.Terminal() {
				last = s
				return true
			}
		}
		return false
	})
	if last.State != want {
		f.t.Errorf("%s: %+v", name, last)
	}
	return last
}
