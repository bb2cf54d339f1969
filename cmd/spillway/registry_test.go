package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/registry"
	"github.com/lisa-dpc/spillway/scheduler/registry/registrytest"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

func randomImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// busyboxVersion is the test image with a label, so that it has a digest of its own.
func busyboxVersion(t *testing.T, version string) v1.Image {
	t.Helper()
	name := fmt.Sprintf("spillway-test-version:%d", time.Now().UnixNano())
	file := filepath.Join(t.TempDir(), "image.tar")
	container, err := docker("create", helloImage)
	if err != nil {
		t.Fatal(container)
	}
	for _, args := range [][]string{
		{"commit", "-c", "ENV VERSION=" + version, container, name}, {"save", "-o", file, name}, {"rm", container}, {"rmi", name},
	} {
		if out, err := docker(args...); err != nil {
			t.Fatal(out)
		}
	}
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// forget removes images from the Docker engine at the test's end.
func forget(t *testing.T, images ...string) {
	t.Cleanup(func() {
		for _, image := range images {
			_, _ = docker("rmi", "-f", image) // a test that failed may never have come to it
		}
	})
}

// withImage is a spec of one task of an image.
func withImage(image, run string) string {
	return "name: one\nsteps:\n  task: {image: '" + image + "', resources: {cpus: 1, mem: 32MiB}, run: '" + run + "'}\n"
}

// startScheduler starts a scheduler of the cluster as a process, and waits until it answers.
func startScheduler(t *testing.T, cluster *minimesos.Cluster, args ...string) (p *process, url string) {
	t.Helper()
	address := freeAddress(t)
	flags := slices.DeleteFunc(tenacious(cluster, filepath.Join(t.TempDir(), "spillway.db"), address),
		func(flag string) bool { return flag == "--pin-images=false" })
	p = spawn(t, append(flags, args...)...)
	poll(t, "the scheduler answers", func() bool {
		return p.hasEnded() || clientOf("http://"+address).do(t.Context(), "GET", "/v1/version", nil, new(any)) == nil
	})
	return p, "http://" + address
}

// TestDigestRunsInDocker has the engine pull what runs by its digest: on the embedded master's agents, and on those of the
// real one that SPILLWAY_TEST_MESOS names.
func TestDigestRunsInDocker(t *testing.T) {
	needDocker(t)
	t.Parallel()
	r := registrytest.Start(t)
	t.Run("minimesos", func(t *testing.T) {
		cluster := startCluster(t, minimesos.Options{
			Runner: minimesos.Docker, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
		})
		_, url := startScheduler(t, cluster, "--registry-ca", r.CA)
		testDigestRuns(t, r, url)
	})
	t.Run("mesos", func(t *testing.T) {
		flags, url := onMesos(t, needMesos(t))
		spawn(t, append(flags, "--pin-images=true", "--registry-ca", r.CA)...)
		poll(t, "the scheduler answers", func() bool {
			return clientOf(url).do(t.Context(), "GET", "/v1/version", nil, new(any)) == nil
		})
		testDigestRuns(t, r, url)
	})
}

// testDigestRuns moves a tag between two runs.
func testDigestRuns(t *testing.T, r *registrytest.Registry, url string) {
	image, out := r.Public+"/lpf/tools:1", t.TempDir()
	spec := strings.Replace(withImage(image, `echo $VERSION >>/out/$SPILLWAY_RUN`), "run:", "volumes: [{host: "+out+", at: /out, mode: rw}], run:", 1)
	for _, version := range []string{"first", "second"} {
		digest := r.Push(t, "lpf/tools:1", busyboxVersion(t, version))
		pinned := r.Public + "/lpf/tools@" + digest
		forget(t, pinned)
		var run httpapi.Run
		poll(t, "the tag's digest of a few seconds ago is forgotten", func() bool {
			dry := httpapi.Submission{Spec: spec, DryRun: true}
			return clientOf(url).do(t.Context(), "POST", "/v1/runs", dry, &run) == nil && run.Images[image] == pinned
		})
		if err := clientOf(url).do(t.Context(), "POST", "/v1/runs", httpapi.Submission{Spec: spec}, &run); err != nil {
			t.Fatal(err)
		}
		ended := awaitEnd(t, url, state.RunID(run.ID))
		if ended.Phase != "succeeded" || ended.Images[image] != pinned || len(run.Warnings) > 0 {
			t.Errorf("run of the %s version: %+v", version, ended)
		}
		if said, err := os.ReadFile(filepath.Join(out, run.ID)); string(said) != version+"\n" {
			t.Errorf("the %s version said %q (%v)", version, said, err)
		}
	}
}

// TestTagRunsWithoutRegistry has an image that only the Docker engine has, under the name of a registry that nobody reaches.
func TestTagRunsWithoutRegistry(t *testing.T) {
	needDocker(t)
	t.Parallel()
	image := freeAddress(t) + "/lpf/loaded:1"
	if out, err := docker("tag", helloImage, image); err != nil {
		t.Fatal(out)
	}
	forget(t, image)
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Docker, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
	})
	_, url := startScheduler(t, cluster)
	got := command(t.Context(), withImage(image, "true"), "run", "--url", url, "-")
	if got.status != 0 || !strings.Contains(got.stderr, "warning: image "+image+": not pinned to a digest, because ") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// TestDevTakesLocalImages has an image in the Docker engine that its registry, which answers, does not have.
func TestDevTakesLocalImages(t *testing.T) {
	needDocker(t)
	t.Parallel()
	r := registrytest.Start(t)
	image := r.Public + "/lpf/local:1"
	if out, err := docker("tag", helloImage, image); err != nil {
		t.Fatal(out)
	}
	forget(t, image)
	d := startDev(t, "--runner", "docker", "--registry-ca", r.CA)
	if got := command(t.Context(), withImage(image, "true"), "run", "--url", d.url, "-"); got.status != 0 || got.stderr != "" {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if n := r.Asked(t, "lpf/local"); n > 0 {
		t.Errorf("the registry was asked %d times for an image that is here", n)
	}
	other := withImage(r.Public+"/lpf/elsewhere:1", "true")
	if got := command(t.Context(), other, "run", "--url", d.url, "-"); got.status != exitUsage || !strings.Contains(got.stderr, "has no repository lpf/elsewhere") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// TestDevWithoutDockerAsksNobody: its tasks use no images.
func TestDevWithoutDockerAsksNobody(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--runner", "process")
	got := command(t.Context(), withImage(freeAddress(t)+"/lpf/tools:1", "true"), "run", "--url", d.url, "-")
	if got.status != 0 || got.stderr != "" {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// TestPrivateRegistry submits what is there and what is not, to a scheduler with credentials.
func TestPrivateRegistry(t *testing.T) {
	t.Parallel()
	r := registrytest.Start(t)
	digest := r.Push(t, "lpf/tools:1", randomImage(t))
	image := r.Private + "/lpf/tools:1"
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Instant, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
	})
	p, url := startScheduler(t, cluster, "--log-level", "debug",
		"--registry-ca", r.CA, "--registry-config", r.DockerConfig(t, r.Private, r.User, r.Password))
	got := command(t.Context(), withImage(image, "true"), "run", "--url", url, "-")
	if got.status != 0 || got.stderr != "" {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	id := regexp.MustCompile(`run (\w+)`).FindStringSubmatch(got.stdout)
	if id == nil {
		t.Fatalf("no run: %s%s", got.stdout, got.stderr)
	}
	run, err := show(url, state.RunID(id[1]))
	if want := r.Private + "/lpf/tools@" + digest; err != nil || run.Images[image] != want || run.Steps[0].Image != want {
		t.Errorf("%+v, %v", run, err)
	}
	missing := write(t, "missing.yaml", withImage(r.Private+"/lpf/tools:2", "true"))
	got = command(t.Context(), "", "run", "--url", url, missing)
	if want := missing + ":3:17: steps.task.image: " + r.Private + " has no tag 2 in lpf/tools (there are: 1)"; got.status != exitUsage || !strings.Contains(got.stderr, want) {
		t.Errorf("status %d, it does not say %q: %s%s", got.status, want, got.stdout, got.stderr)
	}
	// An address at which the scheduler has no credentials.
	got = command(t.Context(), withImage(strings.Replace(image, "127.0.0.1", "localhost", 1), "true"), "run", "--url", url, "-")
	if got.status != 0 || !strings.Contains(got.stderr, "wants credentials, and ") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if status := p.interrupt(t); status != 0 || strings.Contains(p.stdout.String()+p.stderr.String(), r.Password) {
		t.Errorf("status %d; it said: %s%s", status, p.stdout.String(), p.stderr.String())
	}
}

func TestRegistryCheck(t *testing.T) {
	t.Parallel()
	r := registrytest.Start(t)
	digest := r.Push(t, "lpf/tools:1", randomImage(t))
	config := r.DockerConfig(t, r.Private, r.User, r.Password)
	for name, tc := range map[string]struct {
		args   []string
		status int
		says   []string
	}{
		"good":               {[]string{r.Private + "/lpf/tools:1"}, 0, []string{"STEP", digest, "Nothing is to be done"}},
		"missing tag":        {[]string{r.Private + "/lpf/tools:2"}, exitFailed, []string{"FAILED", "has no tag 2", "There are: 1."}},
		"missing repository": {[]string{r.Private + "/lpf/none:2"}, exitFailed, []string{"has no repository lpf/none"}},
		"DNS":                {[]string{"registry.invalid/a"}, exitFailed, []string{"address", "no address is known for the name registry.invalid"}},
		"unknown CA":         {[]string{r.Foreign + "/lpf/tools:1"}, exitFailed, []string{"TLS", "an authority that is not trusted", "--registry-ca"}},
		"clock":              {[]string{r.NotYet + "/lpf/tools:1"}, exitFailed, []string{"TLS", "not valid yet", "clock"}},
		"401":                {[]string{strings.Replace(r.Private, "127.0.0.1", "localhost", 1) + "/lpf/tools:1"}, exitFailed, []string{config, "none for"}},
		"as YAML":            {[]string{"-o", "yaml", r.Private + "/lpf/tools:1"}, 0, []string{"ok: true"}},
		"no such form":       {[]string{"-o", "svg", r.Private + "/lpf/tools:1"}, exitUsage, []string{"svg"}},
		"no such file":       {[]string{"--registry-config", config + ".no", "busybox"}, exitUsage, []string{"no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"registry", "check", "--registry-ca", r.CA, "--registry-config", config}, tc.args...)...)
			for _, what := range tc.says {
				if !strings.Contains(got.stdout+got.stderr, what) {
					t.Errorf("it does not say %q", what)
				}
			}
			if got.status != tc.status || t.Failed() {
				t.Errorf("status %d:\n%s%s", got.status, got.stdout, got.stderr)
			}
		})
	}
	got := command(t.Context(), "", "registry", "check", "-o", "json", "--registry-ca", r.CA, r.Public+"/lpf/tools:1")
	var report registry.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || !report.OK || report.Runs != r.Public+"/lpf/tools@"+digest {
		t.Errorf("%v: %s", err, got.stdout)
	}
}
