package main

import (
	"os"
	"strings"
	"testing"
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
