package site

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
	"github.com/lisa-dpc/spillway/cloudburst/userdata"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// startSite puts a configuration to use on an embedded cloud; CLOUD in it is the cloud's file and entry.
func startSite(t *testing.T, text string) (*Site, *ministack.Cloud) {
	t.Helper()
	cloud, err := ministack.Start(ministack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(file, cloud.CloudsYAML(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("burst.yaml", []byte(strings.ReplaceAll(text, "CLOUD", fmt.Sprintf("file: %s, entry: burst", file))))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(c, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s, cloud
}

const two = `cluster: dpc
mesos: {masters: ["http://m:5050"], fault_domain: true}
clouds:
  far: {entry: nosuch, file: /nowhere/clouds.yaml, preference: 1}
  near: {CLOUD, preference: 2, vcpu_price: 0.5, mem_price: 0.25, image: {name: IMAGE}, networks: [burst-net], billing: 1h}
pools:
  batch:
    image: {name: IMAGE}
    flavors:
      - {at_least: {vcpus: 2}, deadlines: {building: 1m}}
      - {name: m1.large, price: 3}
      - {name: m1.medium}
    attributes: {site: lab}
    agent: {install: prebuilt, reserve: {cpus: 0.5}}
calendar: {closed: [{days: [sun], from: "22:00", to: "06:00"}]}
`

// TestCloudThatCannotBeReachedKeepsNobodyFromTheOthers, and what the configuration becomes for an agent.
func TestCloudThatCannotBeReachedKeepsNobodyFromTheOthers(t *testing.T) {
	s, _ := startSite(t, strings.ReplaceAll(two, "IMAGE", "tiny"))
	if !s.Connect(t.Context(), now, time.Hour) {
		t.Error("nothing was found that was not known before")
	}
	if s.Connect(t.Context(), now.Add(time.Minute), time.Hour) {
		t.Error("something has changed, though nothing has")
	}
	if _, err := s.Clouds()[0].Servers(t.Context(), "dpc"); err == nil || s.Clouds()[0].Name != "far" {
		t.Errorf("%s answers, though it is nowhere", s.Clouds()[0].Name)
	}
	cfg := s.Agent()
	if len(cfg.Clouds) != 2 || cfg.Clouds[1].Billing != time.Hour {
		t.Errorf("the clouds are %+v", cfg.Clouds)
	}
	if closed := cfg.Calendar[0]; !closed.Days[time.Sunday] || closed.Days[time.Monday] || closed.To != 30*time.Hour || closed.Zone != time.UTC {
		t.Errorf("the calendar is %+v", cfg.Calendar)
	}
	var got []string
	for _, f := range cfg.Pools[0].Flavors { // m1.medium is the smallest that has 2 vcpus, and stands there once
		got = append(got, fmt.Sprintf("%s/%s %.2f %d", f.Cloud, f.Name, f.Price, f.Resources.CPUs))
	}
	if diff := cmp.Diff([]string{"near/m1.medium 2.00 1500", "near/m1.large 3.00 3500"}, got); diff != "" {
		t.Error(diff)
	}
	if d := cfg.Pools[0].ByFlavor["near/m1.medium"].Building; d != time.Minute {
		t.Errorf("m1.medium may be built for %s", d)
	}
	b, err := s.Prepare(context.Background(), cloudburst.Order{Cluster: "dpc", Intent: "batch-aaaaaaaaaa", Pool: "batch", Cloud: "near", Flavor: "m1.large", Zone: "nova"})
	if err != nil {
		t.Fatal(err)
	}
	masters, attributes, err := userdata.Read(b.UserData)
	if err != nil || len(masters) != 1 || attributes["spillway_vm"] != "batch-aaaaaaaaaa" || attributes["site"] != "lab" {
		t.Errorf("masters %v, attributes %v (%v)", masters, attributes, err)
	}
	if b.Machine.Flavor == "" || b.Machine.Image == "" || len(b.Machine.Networks) != 1 || b.Zone != "nova" {
		t.Errorf("it is made of %+v", b.Machine)
	}
}

// TestImageThatComesLaterIsFound, and until then the pool has no flavors on the cloud.
func TestImageThatComesLaterIsFound(t *testing.T) {
	s, cloud := startSite(t, strings.ReplaceAll(two, "IMAGE", "later"))
	s.Connect(t.Context(), now, time.Hour)
	if n := len(s.Agent().Pools[0].Flavors); n != 0 {
		t.Errorf("there are %d flavors for an image that is not there", n)
	}
	if problems, err := s.Clouds()[1].Trouble("batch"); err != nil || len(problems) != 1 || !strings.Contains(problems[0].String(), "later") {
		t.Errorf("the problems are %v (%v)", problems, err)
	}
	cloud.AddImage(ministack.Image{Name: "later", Size: 1 << 20})
	if !s.Connect(t.Context(), now.Add(time.Minute), time.Hour) || len(s.Agent().Pools[0].Flavors) != 2 {
		t.Error("the image was not found when it was there")
	}
}

func TestResources(t *testing.T) {
	got := resources(spec.Resources{CPUs: 1500, Mem: 2048, Disk: 10240})
	if want := "cpus:1.5;mem:2048;disk:10240;ports:[31000-32000]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestFilesThatAreMissingAreToldAtOnce: all of them, with the fields that name them.
func TestFilesThatAreMissingAreToldAtOnce(t *testing.T) {
	c, err := config.Parse("burst.yaml", []byte(`cluster: dpc
mesos: {masters: ["http://m:5050"]}
clouds: {hxn: {image: {name: x}}}
pools: {a: {flavors: [{name: x}], agent: {ca_file: /nowhere/ca.pem, docker_config: /nowhere/config.json}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(c, "test")
	for _, what := range []string{"pool a", "agent.ca_file", "agent.docker_config", "/nowhere/ca.pem"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("it does not say %q: %v", what, err)
		}
	}
}
