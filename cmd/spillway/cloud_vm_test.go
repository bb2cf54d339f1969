package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

const (
	// vmHost is this machine's address in the network of the virtual machines.
	vmHost = "10.77.0.1"
	// vmPatience is how long the test waits for one thing: a virtual machine is emulated in software.
	vmPatience = 4 * time.Minute
	// vmCluster is the tag of what the test makes.
	vmCluster = "vmtest"
)

// TestCloudVM has a queue overflow into a virtual machine of a real OpenStack: the machine boots, fetches this command,
// becomes an agent, runs the tasks, is drained when nothing waits any more, and is deleted. make test-vm runs it.
func TestCloudVM(t *testing.T) {
	clouds := os.Getenv("SPILLWAY_TEST_VM")
	if clouds == "" {
		t.Skip("SPILLWAY_TEST_VM names no clouds.yaml of an OpenStack whose servers are virtual machines (make test-vm has one)")
	}
	cloud, err := openstack.Connect(t.Context(), openstack.Config{Entry: "burst", File: clouds})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeVMs(t, cloud) })
	d := startDev(t, "--runner", "process", "--agents", "1", "--resources", "cpus:0.1;mem:32", "--master-listen", vmHost+":0")
	master := masterURL.FindStringSubmatch(d.words)[1]
	file := burstFile(t, d.url, master, clouds, serveSelf(t))
	burst := spawn(t, "cloudburst", "--config", file)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the cloudburst agent said:\n%s%s", burst.stdout.String(), burst.stderr.String())
			logConsoles(t, cloud)
		}
	})

	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), vmPatience)
	defer cancel()
	spec := "name: peak\nburst: {allow: true}\nsteps: {task: {array: 4, image: busybox, resources: {cpus: 1, mem: 64MiB}, run: 'hostname; sleep 1'}}\n"
	if got := command(ctx, spec, "run", "--url", d.url, "-"); got.status != 0 {
		t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	t.Logf("4 tasks have run on a virtual machine after %v", time.Since(began).Round(time.Second))
	nothingOfVM(t, cloud)
	t.Logf("it was gone after %v", time.Since(began).Round(time.Second))
	logs := command(t.Context(), "", "logs", "--url", d.url, "@last", "task")
	if lines := regexp.MustCompile(`spillway-vmtest-small-\w+`).FindAllString(logs.stdout, -1); len(lines) != 4 {
		t.Errorf("not all of them ran there, or their logs went with it: %s%s", logs.stdout, logs.stderr)
	}
	if agents := command(t.Context(), "", "agents", "--url", d.url); strings.Contains(agents.stdout, "vmtest") {
		t.Errorf("its agent is still there: %s", agents.stdout)
	}
	answer := command(t.Context(), "", "tasks", "--url", d.url, "@last", "--all", "-o", "json")
	var tasks httpapi.Tasks
	if err := json.Unmarshal([]byte(answer.stdout), &tasks); err != nil || len(tasks.Tasks) != 4 {
		t.Fatalf("%d tasks, %v: %s%s", len(tasks.Tasks), err, answer.stdout, answer.stderr)
	}
	for _, task := range tasks.Tasks {
		if task.Attempts != 1 {
			t.Errorf("task %d was attempted %d times", task.Index, task.Attempts)
		}
	}
}

// serveSelf builds the command without shared libraries, and returns where machines can fetch it.
func serveSelf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "spillway"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", vmHost+":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return fmt.Sprintf("http://%s/spillway", listener.Addr())
}

// burstFile configures one pool of small machines, of an image that has a shell and nothing else.
func burstFile(t *testing.T, scheduler, master, clouds, self string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "burst.yaml")
	text := fmt.Sprintf(`cluster: %s
scheduler: {url: %q}
mesos: {masters: [%q]}
listen: ""
interval: 1s
clouds:
  burst: {file: %q, image: {name: guest}, networks: [burst-net], security_groups: [burst-sg]}
pools:
  small:
    flavors: [{name: m1.tiny}]
    caps: {vms: 1}
    idle: 5s
    boot_time: 30s
    agent:
      install: prebuilt
      reserve: {mem: 256MiB, disk: 0MiB}
      script: |
        wget -q -O /tmp/spillway %s && chmod 755 /tmp/spillway &&
        /tmp/spillway dev join "http://$MESOS_MASTER" --attributes "$MESOS_ATTRIBUTES" --resources "$MESOS_RESOURCES" --runner process
        poweroff -f
`, vmCluster, scheduler, master, clouds, self)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// nothingOfVM waits until the machine has been drained and deleted, with all that was made for it.
func nothingOfVM(t *testing.T, cloud *openstack.Cloud) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), vmPatience)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := cloud.Leftovers(ctx, vmCluster)
		if err == nil && len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("there is still %v (%v)", left, err)
		}
	}
}

// removeVMs deletes what a failed test has left.
func removeVMs(t *testing.T, cloud *openstack.Cloud) {
	ctx, cancel := context.WithTimeout(context.Background(), vmPatience)
	defer cancel()
	found, err := cloud.Servers(ctx, vmCluster)
	if err != nil {
		t.Error(err)
	}
	for _, s := range found {
		if err := cloud.Delete(ctx, vmCluster, s.Metadata["spillway_vm"], s.ID); err != nil {
			t.Error(err)
		}
	}
}

// logConsoles shows what the machines have said.
func logConsoles(t *testing.T, cloud *openstack.Cloud) {
	found, err := cloud.Servers(context.Background(), vmCluster)
	if err != nil {
		t.Error(err)
	}
	for _, s := range found {
		said, err := cloud.Console(context.Background(), s.ID, 20)
		t.Logf("%s is %s %s; its console: %v\n%s", s.Name, s.Status, s.Fault, err, said)
	}
}
