package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// TestDevCloudTakesAPeak gives a cluster of one agent more than it has room for. Machines come, run tasks and go, and of the
// cloud nothing is left.
func TestDevCloudTakesAPeak(t *testing.T) {
	dir := t.TempDir()
	d := startDev(t, "--cloud", "--agents", "1", "--runner", "process", "--cloud-boot", "1s", "--dir", dir)
	if !strings.Contains(d.words, "a cloud of 6 machines beside it, as SPILLWAY_BURST="+filepath.Join(dir, "burst.yaml")) {
		t.Errorf("it says: %s", d.words)
	}
	var out, errs output
	root := newRoot()
	root.SetArgs([]string{"run", "--url", d.url, filepath.Join(examplesFolder, "peak.yaml"), "-p", "tasks=24", "-p", "seconds=3"})
	root.SetOut(&out)
	root.SetErr(&errs)
	if status := execute(context.Background(), root); status != 0 {
		t.Fatalf("status %d: %s%s", status, out.String(), errs.String())
	}
	id := regexp.MustCompile(`run (\S+) of`).FindStringSubmatch(out.String())[1]
	var attempts httpapi.Attempts
	ask(t, d.url+"/v1/runs/"+id+"/attempts?limit=1000", &attempts)
	away := 0
	for _, a := range attempts.Attempts {
		if strings.HasPrefix(a.Hostname, "spillway-dev-burst-") {
			away++
		}
	}
	if len(attempts.Attempts) != 24 || away == 0 {
		t.Errorf("of %d attempts %d ran in the cloud", len(attempts.Attempts), away)
	}
	poll(t, "the machines go", func() bool {
		var cloud httpapi.CloudReport
		ask(t, d.url+"/v1/cloud", &cloud)
		return len(cloud.VMs) == 0
	})
	var checked output
	root = newRoot()
	root.SetArgs([]string{"cloud", "check", "--config", filepath.Join(dir, "burst.yaml")})
	root.SetOut(&checked)
	root.SetErr(&errs)
	if status := execute(context.Background(), root); status != 0 || !strings.Contains(checked.String(), "4 vcpus, 8192 MiB; its agent offers 4 cpus, 8192 MiB,") {
		t.Errorf("status %d: %s%s", status, checked.String(), errs.String())
	}
	metrics := regexp.MustCompile(`metrics are on (http://127\.0\.0\.1:\d+/metrics)`).FindStringSubmatch(d.words)
	if metrics == nil {
		t.Fatalf("it says: %s", d.words)
	}
	if text := askText(t, metrics[1]); !regexp.MustCompile(`(?m)^spillway_cloud_stage_seconds_count.* [1-9]`).MatchString(text) {
		t.Errorf("the metrics are\n%s", text)
	}
	if status, stderr := d.stop(); status != 0 || stderr != "" {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// ask reads what a scheduler answers.
func ask(t *testing.T, url string, answer any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, resp.Status, err)
	}
}

// askText reads what is answered as text.
func askText(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, resp.Status, err)
	}
	return string(text)
}

func TestDevCloudRefusesWhatMakesNoSense(t *testing.T) {
	for _, args := range [][]string{{"--cloud", "--cloud-vms", "0"}, {"--cloud", "--cloud-boot", "-1s"}, {"--dir=x", "--cloud-vms", "3"}, {"--dir=x", "--cloud-boot", "3s"}} {
		var errs output
		root := newRoot()
		root.SetArgs(append([]string{"dev"}, args...))
		root.SetErr(&errs)
		if status := execute(context.Background(), root); status == 0 || !strings.Contains(errs.String(), args[1]+":") {
			t.Errorf("%v: status %d: %s", args, status, errs.String())
		}
	}
}
