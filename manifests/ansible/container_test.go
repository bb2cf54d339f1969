package ansible_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/userdata"
)

// Where the programs of the test's packages leave their traces, and where the packages lie on the machine.
const (
	environmentFile  = "/var/log/mesos-agent.environment"
	startsFile       = "/var/log/mesos-agent.starts"
	strayFile        = "/var/log/mesos-slave.started"
	repositoryFolder = "/srv/repository"
)

// The engine answers a while after its unit is up, as real ones do.
const fakeDocker = `#!/bin/sh
[ -e /run/docker-answers ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }
echo "Docker answers"
`

const fakeDockerUnit = `[Service]
ExecStart=/bin/sh -c 'sleep 3; touch /run/docker-answers; exec sleep infinity'
[Install]
WantedBy=multi-user.target
`

// The agent keeps an id in its meta folder, as real ones do.
const fakeAgent = `#!/bin/sh
{ env | grep -E '^(MESOS|LIBPROCESS)_' | sort; echo "address: $("$MESOS_IP_DISCOVERY_COMMAND")"; } >` + environmentFile + `
latest=$MESOS_WORK_DIR/meta/slaves/latest
how=recovered
if [ ! -e "$latest" ]; then
  how=new id=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$MESOS_WORK_DIR/meta/slaves/$id"
  ln -s "$MESOS_WORK_DIR/meta/slaves/$id" "$latest"
fi
docker=without
if docker version >/dev/null 2>&1; then docker=with; fi
echo "$how $(basename "$(readlink "$latest")") $docker Docker" >>` + startsFile + `
exec sleep infinity
`

const strayUnit = "[Service]\nExecStart=/bin/sh -c 'touch " + strayFile + "; exec sleep infinity'\n[Install]\nWantedBy=multi-user.target\n"

// Packages of Mesos start what they bring, as Debian's policy has it.
const startStray = "#!/bin/sh\nsystemctl daemon-reload; systemctl enable --now mesos-slave.service; exit 0\n"

// A repository has packages docker.io and mesos and an archive of the same Mesos.
type repository struct {
	folder     string
	key        string // armoured
	archiveSum string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{folder: t.TempDir()}
	if err := os.Chmod(r.folder, 0o755); err != nil { // APT reads it as another user
		t.Fatal(err)
	}
	tree := t.TempDir()
	pack(t, r.folder, filepath.Join(tree, "docker"), "docker.io", map[string]string{
		"usr/bin/docker": fakeDocker, "lib/systemd/system/docker.service": fakeDockerUnit})
	pack(t, r.folder, filepath.Join(tree, "mesos"), "mesos", map[string]string{
		"usr/sbin/mesos-agent": fakeAgent, "lib/systemd/system/mesos-slave.service": strayUnit, "DEBIAN/postinst": startStray})

	program := filepath.Join(tree, "archive", "usr", "sbin", "mesos-agent")
	write(t, program, 0o755, fakeAgent)
	write(t, filepath.Join(tree, "archive", "lib", "mesos", "README"), 0o644, "part of an archive\n")
	run(t, "tar", "--create", "--gzip", "--owner=root:0", "--group=root:0", "--file", filepath.Join(r.folder, "mesos.tar.gz"),
		"--directory", filepath.Join(tree, "archive"), ".")
	archive, err := os.ReadFile(filepath.Join(r.folder, "mesos.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	r.archiveSum = sum(archive)
	r.sign(t)
	return r
}

// pack makes a package of files, of which those below bin, sbin and DEBIAN are programs.
func pack(t *testing.T, folder, tree, name string, files map[string]string) {
	t.Helper()
	for path, text := range files {
		mode := os.FileMode(0o644)
		if strings.Contains(path, "bin/") || strings.HasPrefix(path, "DEBIAN/") {
			mode = 0o755
		}
		write(t, filepath.Join(tree, path), mode, text)
	}
	write(t, filepath.Join(tree, "DEBIAN", "control"), 0o644,
		"Package: "+name+"\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: for a test\n")
	run(t, "dpkg-deb", "--root-owner-group", "--build", tree, folder)
}

// sign writes the repository's index, and signs it with a key that is made for it.
func (r *repository) sign(t *testing.T) {
	t.Helper()
	var packages bytes.Buffer
	debs, err := filepath.Glob(filepath.Join(r.folder, "*.deb"))
	if err != nil || len(debs) != 2 {
		t.Fatalf("packages of the repository: %v, %v", debs, err)
	}
	for _, deb := range debs {
		text, err := os.ReadFile(deb)
		if err != nil {
			t.Fatal(err)
		}
		packages.Write(run(t, "dpkg-deb", "--field", deb))
		fmt.Fprintf(&packages, "Filename: ./%s\nSize: %d\nSHA256: %s\n\n", filepath.Base(deb), len(text), sum(text))
	}
	write(t, filepath.Join(r.folder, "Packages"), 0o644, packages.String())
	release := fmt.Sprintf("Date: %s\nSHA256:\n %s %d Packages\n", time.Now().UTC().Format(time.RFC1123), sum(packages.Bytes()), packages.Len())
	write(t, filepath.Join(r.folder, "Release"), 0o644, strings.Replace(release, "GMT", "UTC", 1))

	home, err := os.MkdirTemp("", "gpg") // its agent's socket wants a short path
	if err != nil {
		t.Fatal(err)
	}
	gpg := func(arguments ...string) []byte {
		return run(t, "gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--no-tty", "--passphrase", ""}, arguments...)...)
	}
	t.Cleanup(func() {
		run(t, "gpgconf", "--homedir", home, "--kill", "gpg-agent")
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	gpg("--quick-generate-key", "repository@example.org", "ed25519", "sign", "never")
	gpg("--clearsign", "--output", filepath.Join(r.folder, "InRelease"), filepath.Join(r.folder, "Release"))
	r.key = string(gpg("--armor", "--export"))
}

// archive is how Mesos gets onto a machine from the archive, and Docker, which it takes along as a package.
func (r *repository) archive(t *testing.T) *userdata.Install {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(r.folder)))
	t.Cleanup(server.Close)
	return &userdata.Install{
		Source: r.source(), Key: r.key, Packages: []string{"docker.io"},
		Archive: server.URL + "/mesos.tar.gz", SHA256: r.archiveSum,
	}
}

// source is the line of APT's sources that a machine has for it.
func (r *repository) source() string { return "deb [arch=all,amd64] file:" + repositoryFolder + " ./" }

// A machine is a container that has been booted.
type machine struct{ name string }

// seed is a folder from which cloud-init takes its user-data.
func seed(t *testing.T, m userdata.Machine) string {
	t.Helper()
	text, err := userdata.Render(m)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, "user-data"), 0o600, string(text))
	write(t, filepath.Join(folder, "meta-data"), 0o600, "instance-id: one\nlocal-hostname: peak\n")
	return folder
}

// startMachine boots a machine, which is gone when the test is over.
func startMachine(t *testing.T, image string, r *repository, seed string, options ...string) *machine {
	t.Helper()
	m := &machine{name: fmt.Sprintf("spillway-test-%d-%d", os.Getpid(), time.Now().UnixNano())}
	if len(options) == 0 {
		options = []string{"--network=none"}
	}
	if seed != "" {
		options = append(options, "--volume="+seed+":/var/lib/cloud/seed/nocloud:ro")
	}
	docker(t, append(append([]string{"create", "--name", m.name, "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined",
		"--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:ro", "--tmpfs=/run:exec", "--stop-signal=SIGRTMIN+3",
		"--volume=" + r.folder + ":" + repositoryFolder + ":ro"}, options...), image)...)
	t.Cleanup(func() { docker(t, "rm", "--force", "--volumes", m.name) })
	docker(t, "start", m.name)
	m.waitForSystemd(t)
	return m
}

func (mc *machine) waitForSystemd(t *testing.T) {
	t.Helper()
	mc.waitFor(t, "systemctl", "list-units", "--no-legend", "basic.target")
}

// waitForCloudInit waits until cloud-init has done all that it was told.
func (mc *machine) waitForCloudInit(t *testing.T) {
	t.Helper()
	out, err := exec.Command("docker", "exec", mc.name, "cloud-init", "status", "--wait", "--long").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "status: done") {
		t.Fatalf("cloud-init: %v: %s\n%s", err, out, mc.try(t, "tail", "-n", "60", "/var/log/cloud-init-output.log"))
	}
}

// waitFor runs a command until it succeeds.
func (mc *machine) waitFor(t *testing.T, command ...string) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := exec.Command("docker", append([]string{"exec", mc.name}, command...)...).CombinedOutput()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s does not come true: %v\n%s", strings.Join(command, " "), err, out)
		case <-tick.C:
		}
	}
}

// run runs a command on the machine and gives what it prints.
func (mc *machine) run(t *testing.T, command ...string) string {
	t.Helper()
	return string(docker(t, append([]string{"exec", mc.name}, command...)...))
}

// try is run of a command that may fail.
func (mc *machine) try(t *testing.T, command ...string) string {
	t.Helper()
	out, _ := exec.Command("docker", append([]string{"exec", mc.name}, command...)...).Output() // what it says is looked at
	return string(out)
}

func (mc *machine) starts(t *testing.T) string {
	t.Helper()
	return mc.run(t, "cat", startsFile)
}

func docker(t *testing.T, arguments ...string) []byte {
	t.Helper()
	return run(t, "docker", arguments...)
}

func run(t *testing.T, program string, arguments ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.Command(program, arguments...)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(arguments, " "), err, out, stderr.String())
	}
	return out
}

func write(t *testing.T, path string, mode os.FileMode, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func sum(text []byte) string {
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:])
}
