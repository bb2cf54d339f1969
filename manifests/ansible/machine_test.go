package ansible_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/userdata"
)

// The machines of these tests are Docker containers with systemd and cloud-init, of the image that this variable names
// (.ci/machine-image makes one). They have no network; Docker and Mesos come from a repository of the test's own, signed,
// whose packages have the names of the real ones and programs that only tell how they were started.
const imageVariable = "SPILLWAY_TEST_MACHINE_IMAGE"

// unchanged is in the last lines of a playbook that has changed nothing.
var unchanged = regexp.MustCompile(`\bchanged=0\b`)

// needed gives the image, or skips the test where there is none.
func needed(t *testing.T, programs ...string) string {
	t.Helper()
	image := os.Getenv(imageVariable)
	if image == "" {
		t.Skipf("no machine: %s names an image of one (.ci/machine-image makes it)", imageVariable)
	}
	for _, program := range append(programs, "docker", "dpkg-deb", "gpg") {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is set, but %v", imageVariable, err)
		}
	}
	return image
}

// described is the machine that both ways make.
func described(t *testing.T, repository *repository) userdata.Machine {
	t.Helper()
	authority, err := os.ReadFile("../../cloudburst/userdata/testdata/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	return userdata.Machine{
		Masters: []string{"http://127.0.0.1:5050/"},
		VM:      "peak-7k2m9q4xwa", Pool: "peak", Cloud: "atos",
		Attributes:          map[string]string{"storage": "lustre", "Rack": "b-7", "a.b": "c/d"},
		Region:              "atos",
		Zone:                "az-2",
		WorkDir:             "/srv/mesos",
		Resources:           "cpus:2;mem:1024",
		RegistrationTimeout: 15 * time.Minute,
		Flags: map[string]string{
			"image_gc_config": `{"image_disk_headroom": 0.1, "why": "a \"quoted\" $word` + "`" + `\"}`,
			"switch_user":     "false",
		},
		Environment: map[string]string{"LIBPROCESS_NUM_WORKER_THREADS": "8"},
		Install: &userdata.Install{
			Source: repository.source(), Key: repository.key, Packages: []string{"mesos=1.0"},
		},
		Authorities:  string(authority),
		Registries:   []userdata.Registry{{Host: "registry.dpc.example:5000", CA: string(authority)}, {Host: "registry.dpc.example", CA: string(authority)}},
		DockerConfig: "{\n  \"auths\": {\"registry.dpc.example:5000\": {\"auth\": \"cHVsbDpzZWNyZXQ=\"}}\n}\n",
		Silence:      20 * time.Minute,
		Lease:        24 * time.Hour,
		MasterURLs:   []string{"http://127.0.0.1:5050"},
	}
}

// TestUserDataAndRoleMakeTheSameMachine makes a Mesos agent of a machine by its user-data and of another one by the role,
// and compares all that either has written.
func TestUserDataAndRoleMakeTheSameMachine(t *testing.T) {
	image := needed(t, "ansible-playbook", "ansible-inventory")
	repository := newRepository(t)
	m := described(t, repository)

	booted := startMachine(t, image, repository, seed(t, m))
	configured := startMachine(t, image, repository, "")

	book := newPlaybook(t, configured.name, m)
	book.run(t)
	if recap := book.run(t); !unchanged.MatchString(recap) {
		t.Errorf("the second run of the playbook changes something:\n%s", recap)
	}
	booted.waitForCloudInit(t)

	for name, machine := range map[string]*machine{"user-data": booted, "role": configured} {
		t.Run(name, func(t *testing.T) { machine.checkAgent(t, m) })
	}
	if diff := cmp.Diff(booted.written(t), configured.written(t)); diff != "" {
		t.Errorf("what has been written (-user-data +role):\n%s", diff)
	}

	t.Run("setup again", func(t *testing.T) {
		before := booted.starts(t)
		booted.run(t, "/usr/local/lib/spillway/setup")
		if diff := cmp.Diff(before, booted.starts(t)); diff != "" {
			t.Errorf("the agent was disturbed:\n%s", diff)
		}
	})
	t.Run("boot again", booted.checkBoots)
}

// TestRolePreparesAnImage has the role put Mesos on a machine from an archive, without making an agent of it, and boots
// what this machine is an image of with user-data that installs nothing.
func TestRolePreparesAnImage(t *testing.T) {
	image := needed(t, "ansible-playbook")
	repository := newRepository(t)
	m := described(t, repository)
	m.Install = repository.archive(t)
	machine := startMachine(t, image, repository, "", "--network=host")
	book := newPlaybook(t, machine.name, m)
	book.vars["spillway_agent_start"] = false
	book.run(t)
	if recap := book.run(t); !unchanged.MatchString(recap) {
		t.Errorf("the second run of the playbook changes something:\n%s", recap)
	}
	for _, unit := range []string{"spillway-agent.service", "spillway-watchdog.timer"} {
		if got := strings.TrimSpace(machine.try(t, "systemctl", "is-enabled", unit)); got != "disabled" {
			t.Errorf("%s is %s, want disabled", unit, got)
		}
	}
	machine.run(t, "test", "-L", "/lib") // the archive's folders have not replaced the system's links
	if got := machine.try(t, "cat", startsFile); got != "" {
		t.Errorf("an agent was started: %s", got)
	}

	m.Install, m.VM = nil, "peak-another"
	machine.run(t, "cloud-init", "clean", "--logs")
	machine.run(t, "mkdir", "-p", "/var/lib/cloud/seed")
	docker(t, "cp", seed(t, m), machine.name+":/var/lib/cloud/seed/nocloud")
	docker(t, "restart", "--time=60", machine.name)
	machine.waitForSystemd(t)
	machine.waitForCloudInit(t)
	machine.waitFor(t, "grep", "new", startsFile)
	if environment := machine.run(t, "cat", environmentFile); !strings.Contains(environment, "=spillway_vm:peak-another;") {
		t.Errorf("the agent's environment:\n%s", environment)
	}
}

// TestUserDataUnpacksAnArchive has Mesos from a tarball, which is not unpacked if it is not the one that was meant.
func TestUserDataUnpacksAnArchive(t *testing.T) {
	image := needed(t)
	repository := newRepository(t)
	m := described(t, repository)
	m.Install = repository.archive(t)
	machine := startMachine(t, image, repository, seed(t, m), "--network=host")
	machine.waitForCloudInit(t)
	machine.waitFor(t, "grep", "new", startsFile)

	machine.run(t, "sed", "-i", "s/SHA256=\".*\"/SHA256=\""+strings.Repeat("0", 64)+"\"/", "/etc/spillway/setup.env")
	machine.run(t, "rm", "/usr/sbin/mesos-agent")
	if out := machine.try(t, "sh", "-c", "/usr/local/lib/spillway/setup 2>&1"); !strings.Contains(out, "is not the file with the SHA-256 000") {
		t.Errorf("setup with another checksum says\n%s", out)
	}
	if machine.try(t, "ls", "/usr/sbin/mesos-agent") != "" {
		t.Error("the wrong archive was unpacked")
	}
}

// checkAgent looks whether the agent runs as it is described, and was started when Docker answered.
func (mc *machine) checkAgent(t *testing.T, m userdata.Machine) {
	mc.run(t, "systemctl", "is-active", "spillway-agent.service", "spillway-watchdog.timer", "docker.service")
	for _, file := range m.Files() {
		got := mc.run(t, "cat", file.Path)
		if diff := cmp.Diff(file.Content, got); diff != "" {
			t.Errorf("%s (-described +there):\n%s", file.Path, diff)
		}
		want := fmt.Sprintf("%o root root", file.Mode)
		if got := strings.TrimSpace(mc.run(t, "stat", "--format=%a %U %G", file.Path)); got != want {
			t.Errorf("%s is %s, want %s", file.Path, got, want)
		}
	}
	environment := mc.run(t, "cat", environmentFile)
	for _, want := range []string{
		"MESOS_ATTRIBUTES=spillway_vm:peak-7k2m9q4xwa;spillway_pool:peak;spillway_cloud:atos;Rack:b-7;a.b:c/d;storage:lustre\n",
		"MESOS_IMAGE_GC_CONFIG=" + m.Flags["image_gc_config"] + "\n",
		"MESOS_MASTER=127.0.0.1:5050\n",
		"address: 127.0.0.1\n",
	} {
		if !strings.Contains(environment, want) {
			t.Errorf("the agent has not been told %q, but\n%s", want, environment)
		}
	}
	if starts := mc.starts(t); !regexp.MustCompile(`^new \S+ with Docker\n$`).MatchString(starts) {
		t.Errorf("the agent was started so: %q, want once, new, when Docker answered", starts)
	}
	if out := mc.try(t, "ls", strayFile); out != "" {
		t.Error("the unit of Mesos' package was started")
	}
}

// checkBoots starts the agent again, which takes up what it was, and the machine, which then is a new agent.
func (mc *machine) checkBoots(t *testing.T) {
	mc.run(t, "systemctl", "restart", "spillway-agent.service")
	mc.waitFor(t, "grep", "recovered", startsFile)
	docker(t, "restart", "--time=60", mc.name)
	mc.waitForSystemd(t)
	mc.waitForCloudInit(t)
	mc.waitFor(t, "sh", "-c", "[ $(wc -l <"+startsFile+") -ge 3 ]")

	starts := strings.Fields(strings.ReplaceAll(mc.starts(t), " with Docker", ""))
	if len(starts) != 6 || starts[2] != "recovered" || starts[4] != "new" {
		t.Fatalf("starts of the agent: %q, want a new one, a recovered one, a new one", starts)
	}
	if starts[1] != starts[3] || starts[3] == starts[5] {
		t.Errorf("ids of the agent: %s, %s, %s, want two of one, then another", starts[1], starts[3], starts[5])
	}
}

// written lists all files that a machine has of its own as an agent, with mode and checksum, and the state of the units.
// What only cloud-init needs is left out.
func (mc *machine) written(t *testing.T) []string {
	t.Helper()
	script := `cd / && find etc/spillway etc/docker usr/local etc/systemd/system/spillway* etc/apt/keyrings etc/apt/sources.list.d \
	  -type f ! -name 'setup*' -printf '%m %u %p ' -exec sha256sum {} + | sort
	for unit in mesos-agent.service mesos-master.service mesos-slave.service docker.service spillway-agent.service spillway-watchdog.timer; do
	  echo "$unit $(systemctl is-enabled $unit) $(systemctl is-active $unit)"
	done
	grep -c BEGIN /etc/ssl/certs/ca-certificates.crt`
	return strings.Split(mc.run(t, "sh", "-c", script), "\n")
}

// A playbook is the example playbook with a dynamic inventory of one machine.
type playbook struct {
	folder string
	host   string
	vars   map[string]any
}

func newPlaybook(t *testing.T, container string, m userdata.Machine) *playbook {
	t.Helper()
	host := map[string]any{
		"ansible_connection":         "community.docker.docker",
		"ansible_host":               container,
		"ansible_user":               "root",
		"ansible_python_interpreter": "/usr/bin/python3",
		"spillway_vm":                m.VM, "spillway_pool": m.Pool, "spillway_cloud": m.Cloud,
	}
	var registries []map[string]string
	for _, r := range m.Registries {
		registries = append(registries, map[string]string{"host": r.Host, "ca": r.CA})
	}
	book := &playbook{folder: t.TempDir(), host: m.VM, vars: map[string]any{
		"spillway_agent_master":               m.Masters[0],
		"spillway_agent_attributes":           m.Attributes,
		"spillway_agent_region":               m.Region,
		"spillway_agent_zone":                 m.Zone,
		"spillway_agent_work_dir":             m.WorkDir,
		"spillway_agent_resources":            m.Resources,
		"spillway_agent_registration_timeout": int(m.RegistrationTimeout.Seconds()),
		"spillway_agent_flags":                m.Flags,
		"spillway_agent_environment":          m.Environment,
		"spillway_agent_source":               m.Install.Source,
		"spillway_agent_key":                  m.Install.Key,
		"spillway_agent_packages":             m.Install.Packages,
		"spillway_agent_archive":              m.Install.Archive,
		"spillway_agent_sha256":               m.Install.SHA256,
		"spillway_agent_authorities":          m.Authorities,
		"spillway_agent_registries":           registries,
		"spillway_agent_docker_config":        m.DockerConfig,
		"spillway_agent_silence":              int(m.Silence.Seconds()),
		"spillway_agent_lease":                int(m.Lease.Seconds()),
		"spillway_agent_master_urls":          m.MasterURLs,
	}}
	inventory, err := json.Marshal(map[string]any{
		"_meta":        map[string]any{"hostvars": map[string]any{m.VM: host}},
		"spillway":     map[string]any{"hosts": []string{m.VM}},
		"pool_peak":    map[string]any{"hosts": []string{m.VM}},
		"cloud_atos":   map[string]any{"hosts": []string{m.VM}},
		"stage_active": map[string]any{"hosts": []string{m.VM}},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(book.folder, "inventory"), 0o755, "#!/bin/sh\ncat <<'END'\n"+string(inventory)+"\nEND\n")
	return book
}

// run runs the playbook and gives what Ansible prints.
func (b *playbook) run(t *testing.T) string {
	t.Helper()
	vars, err := json.Marshal(b.vars)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(b.folder, "vars.json"), 0o600, string(vars))
	command := exec.Command("ansible-playbook", "--inventory", filepath.Join(b.folder, "inventory"),
		"--extra-vars", "@"+filepath.Join(b.folder, "vars.json"), "--diff", "agents.yml")
	command.Env = append(os.Environ(), "ANSIBLE_CONFIG=ansible.cfg", "ANSIBLE_NOCOLOR=1", "ANSIBLE_PIPELINING=1", "ANSIBLE_HOME="+b.folder,
		"ANSIBLE_LOCAL_TEMP="+filepath.Join(b.folder, "tmp"), "LC_ALL=C.UTF-8")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("ansible-playbook: %v\n%s", err, out)
	}
	return string(out)
}
