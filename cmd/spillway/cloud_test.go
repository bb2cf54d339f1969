package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
	"github.com/lisa-dpc/spillway/cloudburst/userdata"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// sky is a scheduler, a master with one small agent, and a cloud whose servers join that master.
type sky struct {
	t      *testing.T
	cloud  *ministack.Cloud
	url    string // of the scheduler
	config string // burst.yaml
}

func startSky(t *testing.T) *sky { return startSkyOf(t, minimesos.Instant) }

// startSkyOf has all agents run their tasks in a way, and the cloud be as the changes have it.
func startSkyOf(t *testing.T, runner minimesos.Runner, changes ...func(*ministack.Options)) *sky {
	t.Helper()
	cluster := startCluster(t, minimesos.Options{
		Runner: runner, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
	})
	options := ministack.Options{
		BuildTime: 50 * time.Millisecond, JoinTime: 20 * time.Millisecond, ActionTime: 20 * time.Millisecond,
		Boot: ministack.JoinMinimesos(cluster, runner, userdata.Read),
	}
	for _, change := range changes {
		change(&options)
	}
	cloud, err := ministack.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	s := &sky{t: t, cloud: cloud, url: "http://" + freeAddress(t)}
	p := spawn(t, tenacious(cluster, filepath.Join(t.TempDir(), "spillway.db"), strings.TrimPrefix(s.url, "http://"))...)
	poll(t, "the scheduler has an agent", func() bool {
		got := command(t.Context(), "", "agents", "--url", s.url)
		return p.hasEnded() || got.status == 0 && strings.HasPrefix(got.stdout, "AGENT")
	})
	s.config = write(t, "burst.yaml", strings.NewReplacer(
		"URL", s.url, "MASTER", cluster.URL(), "FILE", write(t, "clouds.yaml", string(cloud.CloudsYAML())), "LISTEN", freeAddress(t),
	).Replace(`cluster: sky
scheduler: {url: URL}
mesos: {masters: [MASTER]}
listen: LISTEN
interval: 1s
clouds:
  lab:
    file: FILE
    entry: burst
    networks: [burst-net]
    image: {name: tiny}
    vcpu_price: 0.5
pools:
  batch:
    flavors: [{name: m1.large, boot_time: 1s}]
    attributes: {site: lab}
    idle: 1s
    caps: {vms: 2}
    agent: {install: prebuilt}
`))
	return s
}

// do runs a verb with the sky's burst.yaml.
func (s *sky) do(args ...string) result {
	return command(s.t.Context(), "", append(args, "--config", s.config)...)
}

// must runs a verb that is to succeed, and returns what it printed.
func (s *sky) must(args ...string) string {
	s.t.Helper()
	got := s.do(args...)
	if got.status != 0 {
		s.t.Fatalf("%s: status %d: %s%s", strings.Join(args, " "), got.status, got.stdout, got.stderr)
	}
	return got.stdout
}

// read runs a verb and reads what it prints in JSON.
func (s *sky) read(v any, args ...string) {
	s.t.Helper()
	text := s.must(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(text), v); err != nil {
		s.t.Fatalf("%s: %v in %s", strings.Join(args, " "), err, text)
	}
}

// burst runs the cloudburst agent until the test ends, or stop is called.
func (s *sky) burst() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan result, 1)
	go func() { ended <- command(ctx, "", "cloudburst", "--config", s.config, "--log-level", "error") }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if got := <-ended; got.status != 0 {
			s.t.Errorf("the agent ended with status %d: %s", got.status, got.stderr)
		}
	}
	s.t.Cleanup(stop)
	return stop
}

func (s *sky) submit(spec string) (run string) {
	s.t.Helper()
	got := command(s.t.Context(), spec, "submit", "--url", s.url, "-")
	if got.status != 0 {
		s.t.Fatal(got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}

const peak = "name: peak\nsteps: {big: {run: x, image: y, array: 8, resources: {cpus: 4, mem: 1GiB}, where: [{attribute: site, equals: lab}]}}\n"

// TestCloudVerbsThroughAPeak looks at a peak with every verb: before anything is there, while machines come, and when they go.
func TestCloudVerbsThroughAPeak(t *testing.T) {
	t.Parallel()
	s := startSky(t)
	if said := s.must("cloud", "check"); strings.Contains(said, "wrong") || !strings.Contains(said, "pool batch: flavor m1.large") {
		t.Errorf("check says:\n%s", said)
	}
	if said := s.must("cloud", "plan"); said != "nothing is to be done\n" {
		t.Errorf("with nothing to do the plan is:\n%s", said)
	}
	run := s.submit(peak)
	poll(t, "the tasks wait", func() bool { return strings.Contains(s.must("cloud", "plan"), run) })
	var plan cloudPlan
	s.read(&plan, "cloud", "plan")
	if len(plan.Actions) == 0 || len(plan.Actions) > 2 || plan.Actions[0].Verb != "boot" || plan.Actions[0].For[0].Run != run {
		t.Errorf("the plan is %+v", plan.Actions)
	}
	if len(plan.Waiting) != 1 || plan.Waiting[0].Step != "big" || plan.Waiting[0].VMs == 0 || !strings.Contains(plan.Waiting[0].Why, "expected") {
		t.Errorf("what waits is %+v", plan.Waiting)
	}
	if said := s.must("cloud", "why", run+"/big"); !strings.HasPrefix(said, "big, 8 tasks waiting: ") {
		t.Errorf("why says: %s", said)
	}
	if got := s.do("cloud", "why", run+"/small"); got.status == 0 || !strings.Contains(got.stderr, "has no step small") {
		t.Errorf("of a step that is not there why says: %s%s", got.stdout, got.stderr)
	}
	if got := s.do("cloud", "why", "batch-aaaaaaaaaa"); got.status == 0 || !strings.Contains(got.stderr, "there is no machine batch-aaaaaaaaaa") {
		t.Errorf("of a machine that is not there why says: %s%s", got.stdout, got.stderr)
	}
	if said := s.must("cloudburst", "--dry-run"); !strings.Contains(said, "boot") || len(s.cloud.Servers()) > 0 {
		t.Errorf("a dry run has made %d servers, and says:\n%s", len(s.cloud.Servers()), said)
	}

	s.must("cloudburst", "--once", "--log-level", "error")
	if n := len(s.cloud.Servers()); n == 0 || n > 2 {
		t.Fatalf("one round has made %d servers", n)
	}
	var vms cloudVMs
	s.read(&vms, "cloud", "vms")
	if len(vms.VMs) != len(s.cloud.Servers()) || vms.VMs[0].Pool != "batch" || vms.VMs[0].PricePerHour != 2 || vms.VMs[0].Server == "" {
		t.Errorf("the machines are %+v", vms.VMs)
	}
	poll(t, "the machines have addresses", func() bool {
		s.read(&vms, "cloud", "vms")
		return len(vms.VMs[0].Addresses) > 0
	})
	s.inventory(vms.VMs[0].Intent)

	stop := s.burst()
	poll(t, "the run has ended", func() bool {
		return strings.Contains(command(t.Context(), "", "status", run, "--url", s.url).stdout, "succeeded")
	})
	poll(t, "the machines are gone", func() bool { return len(s.cloud.Servers()) == 0 && len(s.cloud.Ports()) == 0 })
	stop()
	if said := s.must("cloud", "vms"); said != "there are no cloud machines\n" {
		t.Errorf("at the end there are:\n%s", said)
	}
}

// inventory looks at the inventory of which a machine must be part.
func (s *sky) inventory(name string) {
	s.t.Helper()
	var all struct {
		Meta struct {
			HostVars map[string]map[string]any
		} `json:"_meta"`
		Spillway struct{ Hosts []string }
		Pool     struct{ Hosts []string } `json:"pool_batch"`
		Cloud    struct{ Hosts []string } `json:"cloud_lab"`
	}
	if err := json.Unmarshal([]byte(s.must("cloud", "inventory", "--list")), &all); err != nil {
		s.t.Fatal(err)
	}
	vars := all.Meta.HostVars[name]
	if vars["ansible_host"] == "" || vars["spillway_vm"] != name || vars["spillway_pool"] != "batch" || len(all.Pool.Hosts) == 0 || len(all.Cloud.Hosts) == 0 {
		s.t.Errorf("the inventory is %+v", all)
	}
	one := map[string]any{}
	if err := json.Unmarshal([]byte(s.must("cloud", "inventory", "--host", name)), &one); err != nil || one["spillway_vm"] != name {
		s.t.Errorf("of one machine: %v (%v)", one, err)
	}
}

// TestCloudDrainStands drains machines though tasks wait: they go, and are not taken back.
func TestCloudDrainStands(t *testing.T) {
	t.Parallel()
	s := startSky(t)
	s.submit(strings.Replace(peak, "cpus: 4", "cpus: 3", 1))
	s.must("cloudburst", "--once", "--log-level", "error")
	var before cloudVMs
	s.read(&before, "cloud", "vms")
	if len(before.VMs) == 0 {
		t.Fatal("no machine came")
	}
	name := before.VMs[0].Intent
	if got := s.do("cloud", "drain", "nobody"); got.status != exitUsage || !strings.Contains(got.stderr, "there is no machine nobody") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	s.burst()
	s.must("cloud", "drain", name, "--wait", "--reason", "the test wants it")
	for _, server := range s.cloud.Servers() {
		if strings.HasSuffix(server.Name, name) {
			t.Errorf("%s is still there", server.Name)
		}
	}
}

// TestCloudSweep finds what was left behind, and touches nothing else.
func TestCloudSweep(t *testing.T) {
	t.Parallel()
	s := startSky(t)
	s.cloud.AddBystander("bystander", map[string]string{"spillway_cluster": "another", "spillway_vm": "another-aaaaaaaaaa"})
	if said := s.must("cloud", "sweep", "--delete"); said != "nothing was left behind\n" {
		t.Errorf("it says:\n%s", said)
	}
	if touched := s.cloud.Touched(); len(touched) > 0 {
		t.Errorf("bystanders were touched: %v", touched)
	}
	if got := s.do("cloud", "sweep", "--delete", "--dry-run"); got.status != exitUsage {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}

// TestCloudCheckFindsWhatIsWrong, and says what to do about each.
func TestCloudCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := startSky(t)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		says     []string
	}{
		"flavor":    {"m1.large", "m1.larg", []string{"flavor m1.larg", "there is none of that name", "m1.large"}},
		"image":     {"name: tiny", "name: huge", []string{"image huge", "there is no such image"}},
		"network":   {"burst-net", "burst-nett", []string{"network burst-nett", "burst-net"}},
		"keypair":   {"vcpu_price", "keypair: nokey\n    vcpu_price", []string{"key pair nokey", "burst-key"}},
		"zone":      {"vcpu_price", "zones: [moon]\n    vcpu_price", []string{"availability zone moon", "nova"}},
		"entry":     {"entry: burst", "entry: bursts", []string{"credentials", "clouds.yaml"}},
		"reserve":   {"install: prebuilt", "install: prebuilt, reserve: {mem: 8GiB}", []string{"agent.reserve leaves nothing", "flavor m1.large"}},
		"scheduler": {s.url, "http://127.0.0.1:1", []string{"scheduler http://127.0.0.1:1", "scheduler.url"}},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(text), c.old, c.new, 1)
			if changed == string(text) {
				t.Fatal("nothing was changed")
			}
			got := command(t.Context(), "", "cloud", "check", "--config", write(t, "burst.yaml", changed))
			if got.status != exitFailed {
				t.Errorf("status %d: %s", got.status, got.stderr)
			}
			for _, what := range append(c.says, "wrong") {
				if !strings.Contains(got.stdout, what) {
					t.Errorf("it does not say %q:\n%s", what, got.stdout)
				}
			}
		})
	}
}

// TestCloudVerbsRefuse what makes no sense, with what is wrong in burst.yaml in lines of their own.
func TestCloudVerbsRefuse(t *testing.T) {
	t.Parallel()
	bad := write(t, "burst.yaml", "cluster: DPC\nmesos: {masters: []}\nclouds: {}\npools: {}\n")
	good := write(t, "burst.yaml", "cluster: dpc\nmesos: {masters: [\"http://127.0.0.1:1\"]}\nclouds: {hxn: {image: {name: x}}}\npools: {a: {flavors: [{name: x}]}}\n")
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"no file":       {[]string{"cloud", "vms", "--config", "/nowhere/burst.yaml"}, []string{"/nowhere/burst.yaml", "SPILLWAY_BURST"}},
		"bad file":      {[]string{"cloud", "plan", "--config", bad}, []string{bad + ":1:10: cluster:", bad + ":4:8: pools: there is no pool"}},
		"daemon":        {[]string{"cloudburst", "--config", bad}, []string{bad + ":1:10: cluster:"}},
		"drain nothing": {[]string{"cloud", "drain", "--config", good}, []string{"--all"}},
		"drain both":    {[]string{"cloud", "drain", "x", "--all", "--config", good}, []string{"--all"}},
		"then":          {[]string{"cloud", "drain", "--all", "--then", "keep", "--config", good}, []string{"delete, stop, shelve"}},
		"inventory":     {[]string{"cloud", "inventory", "--config", good}, []string{"--list", "--host"}},
		"form":          {[]string{"cloud", "vms", "-o", "xml", "--config", good}, []string{"xml", "table, json, yaml"}},
		"log level":     {[]string{"cloudburst", "--log-level", "loud", "--config", good}, []string{`"loud"`}},
		"schema":        {[]string{"schema", "bursts"}, []string{`"bursts"`, "spec and burst"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", c.args...)
			if got.status != exitUsage {
				t.Errorf("status %d", got.status)
			}
			for _, what := range c.says {
				if !strings.Contains(got.stderr, what) {
					t.Errorf("it does not say %q: %s", what, got.stderr)
				}
			}
		})
	}
}
