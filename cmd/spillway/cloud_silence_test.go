package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// TestCloudVerbsKnowWhatTheyDoNotKnow: nothing is told as if it were known while who knows it does not answer.
func TestCloudVerbsKnowWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	s := startSky(t)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	right := s.config
	ask := func(why string, verbs ...string) {
		t.Helper()
		for _, verb := range verbs {
			got := s.do("cloud", verb)
			if got.status != exitFailed || !strings.HasPrefix(got.stdout, "not known") || !strings.Contains(got.stdout, why) {
				t.Errorf("%s: status %d: %s", verb, got.status, got.stdout)
			}
			if got := s.do("cloud", verb, "-o", "json"); !strings.Contains(got.stdout, why) {
				t.Errorf("%s in JSON: %s", verb, got.stdout)
			}
		}
	}
	s.config = write(t, "burst.yaml", strings.Replace(string(text), s.url, "http://127.0.0.1:1", 1))
	ask("the scheduler does not say what waits", "plan")
	clouds := strings.ReplaceAll(string(s.cloud.CloudsYAML()), "password: ", "password: not-")
	if clouds == string(s.cloud.CloudsYAML()) {
		t.Fatal("the password was not changed")
	}
	file := write(t, "clouds.yaml", clouds)
	s.config = write(t, "burst.yaml", replaceLine(string(text), "    file: ", "    file: "+file))
	ask("cloud lab does not accept the credentials", "vms", "plan", "sweep")
	s.config = right
	s.cloud.Close()
	ask("cloud lab does not answer", "vms", "plan", "sweep")
}

// replaceLine replaces the line of a text that begins so.
func replaceLine(text, begins, line string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		if strings.HasPrefix(lines[i], begins) {
			lines[i] = line
		}
	}
	return strings.Join(lines, "\n")
}

// TestCloudDrainKeepsItsWord: what the next round would undo is refused, and a second drain does not undo the first.
func TestCloudDrainKeepsItsWord(t *testing.T) {
	t.Parallel()
	s := startSky(t)
	s.submit(strings.Replace(peak, "cpus: 4", "cpus: 3", 1))
	s.must("cloudburst", "--once", "--log-level", "error")
	var vms cloudVMs
	s.read(&vms, "cloud", "vms")
	if len(vms.VMs) == 0 {
		t.Fatal("no machine came")
	}
	name := vms.VMs[0].Intent
	got := s.do("cloud", "drain", name, "--then", "stop")
	if got.status == 0 || !strings.Contains(got.stderr, "afterwards: stop") || !strings.Contains(got.stderr, "warm.stopped") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.config = write(t, "burst.yaml", strings.Replace(string(text), "idle: 1s", "idle: 1s\n    afterwards: stop\n    warm: {stopped: 1}", 1))
	s.must("cloud", "drain", name, "--then", "shelve", "--reason", "new disks")
	if said := s.must("cloud", "drain", name); !strings.Contains(said, "drains already; then shelve") || !strings.Contains(said, "new disks") {
		t.Errorf("a second drain says %s", said)
	}
	if len(vms.VMs) < 2 {
		t.Fatalf("there are only %d machines", len(vms.VMs))
	}
	got = s.do("cloud", "drain", vms.VMs[1].Intent, "--then", "stop")
	if got.status == 0 || !strings.Contains(got.stderr, "keeps no more than 1 stopped") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// TestDrainAsksForAnAgent: a drain without a cloudburst agent goes on only when one runs, which is said.
func TestDrainAsksForAnAgent(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		at   time.Time
		says string
	}{
		"never":   {time.Time{}, "no cloudburst agent has reported since the scheduler was started"},
		"long":    {now.Add(-5 * time.Minute), "no cloudburst agent has reported for 5m"},
		"lately":  {now.Add(-30 * time.Second), ""},
		"just so": {now.Add(time.Second), ""},
	} {
		said := ""
		if err := silentSince(c.at, now, agentSilence); err != nil {
			said = err.Error()
		}
		if (said == "") != (c.says == "") || !strings.Contains(said, c.says) {
			t.Errorf("%s: it says %q", name, said)
		}
	}
}

// TestCloudCheckWithTheQuotaInUse: the cluster's own machines may use all of a quota.
func TestCloudCheckWithTheQuotaInUse(t *testing.T) {
	t.Parallel()
	s := startSkyOf(t, minimesos.Instant, func(o *ministack.Options) {
		quota := ministack.DefaultQuota()
		quota.Instances = 1
		o.Quota = &quota
	})
	s.submit(peak)
	s.must("cloudburst", "--once", "--log-level", "error")
	said := s.must("cloud", "check")
	if strings.Contains(said, "wrong") || strings.Contains(said, "warning") || !strings.Contains(said, "the cluster's own machines use 1 servers") {
		t.Errorf("with a machine of its own check says:\n%s", said)
	}
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.config = write(t, "burst.yaml", strings.Replace(string(text), "cluster: sky", "cluster: other", 1))
	if said := s.must("cloud", "check"); strings.Contains(said, "wrong") || !strings.Contains(said, "warning") || !strings.Contains(said, "no servers are left") {
		t.Errorf("with a machine of others check says:\n%s", said)
	}
}
