package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

const example = "../../examples/cloudburst/burst.yaml"

const least = `cluster: dpc
mesos: {masters: ["http://127.0.0.1:5050"]}
clouds: {hxn: {}}
pools: {batch: {flavors: [{name: m1.small}], image: {name: debian}}}
`

func readFile(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("burst.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExample(t *testing.T) {
	c := parse(t, readFile(t, example))
	pool, _ := c.Pools.Get("batch")
	if got := c.MachineOf(&pool, "grilles"); got.Image.Tag != "debian-12" || got.Volume.Size != 60<<10 || got.Networks[0] != "dpc-vpn" {
		t.Errorf("what the cloud says is not taken where the pool says nothing: %+v", got)
	}
	highmem, _ := c.Pools.Get("highmem")
	if got := c.MachineOf(&highmem, "hxn"); got.Image.Name != "dpc-mesos-agent-2.3" || got.KeyPair != "dpc-operators" {
		t.Errorf("what the pool says does not go first: %+v", got)
	}
	want := Deadlines{Requested: 2 * time.Minute, Building: 20 * time.Minute, Active: 15 * time.Minute, Leaving: 10 * time.Minute}
	if diff := cmp.Diff(want, highmem.DeadlinesOf(&highmem.Flavors[0])); diff != "" {
		t.Error(diff)
	}
	if got := c.CloudsOf(&pool); len(got) != 2 || c.CloudsOf(&highmem)[0] != "hxn" {
		t.Errorf("clouds of batch: %v, of highmem: %v", got, c.CloudsOf(&highmem))
	}
}

// TestDefaults: they are there, also where the section that they belong to is not.
func TestDefaults(t *testing.T) {
	c := parse(t, least)
	pool, _ := c.Pools.Get("batch")
	cloud, _ := c.Clouds.Get("hxn")
	for _, x := range []struct {
		what      string
		got, want any
	}{
		{"scheduler.url", c.Scheduler.URL, "http://127.0.0.1:4400"},
		{"listen", c.Listen, "127.0.0.1:4401"},
		{"wait_value", c.WaitValue, 0.0},
		{"calendar.timezone", c.Calendar.Timezone.String(), "UTC"},
		{"sweep.grace", c.Sweep.Grace, 15 * time.Minute},
		{"cloud.call_timeout", cloud.CallTimeout, 30 * time.Second},
		{"pool.lease", pool.Lease, 24 * time.Hour},
		{"pool.deadlines.building", pool.Deadlines.Building, 10 * time.Minute},
		{"pool.agent.packages.names", strings.Join(pool.Agent.Packages.Names, ","), "mesos"},
		{"pool.agent.reserve.mem", pool.Agent.Reserve.Mem, strictyaml.Size(512)},
		{"pool.caps.vms", pool.Caps.VMs, int64(0)},
		{"pool.flavors[0].boot_time", pool.Flavors[0].BootTime, time.Duration(0)},
		{"pool.flavors[0].price", pool.Flavors[0].Price == nil, true},
	} {
		if !reflect.DeepEqual(x.got, x.want) {
			t.Errorf("%s: got %v, want %v", x.what, x.got, x.want)
		}
	}
}

func TestCalendar(t *testing.T) {
	c := parse(t, least+`calendar:
  timezone: Europe/Paris
  closed:
    - {days: [fri], from: "22:30", to: "06:00"}
    - {from: "00:00", to: "24:00"}
`)
	if got := c.Calendar.Timezone.String(); got != "Europe/Paris" {
		t.Errorf("time zone %s", got)
	}
	night := c.Calendar.Closed[0]
	if from, to := night.Span(); from != 22*time.Hour+30*time.Minute || to != 30*time.Hour {
		t.Errorf("the night is from %s to %s", from, to)
	}
	if !night.On(time.Friday) || night.On(time.Saturday) {
		t.Error("the night begins on Friday only")
	}
	day := c.Calendar.Closed[1]
	if from, to := day.Span(); from != 0 || to != 24*time.Hour || !day.On(time.Sunday) {
		t.Errorf("all day is from %s to %s", from, to)
	}
}

// TestErrors shows what operators read when something is wrong.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var got strings.Builder
	for _, file := range files {
		_, err := Parse(filepath.Base(file), []byte(readFile(t, file)))
		if err == nil {
			t.Errorf("%s: nothing was found to be wrong", file)
			continue
		}
		got.WriteString("--- " + filepath.Base(file) + "\n" + err.Error() + "\n")
	}
	golden(t, "testdata/errors.golden", got.String())
}

// TestListenTakesAPort refuses an address that nobody can listen at.
func TestListenTakesAPort(t *testing.T) {
	for text, ok := range map[string]bool{"127.0.0.1": false, "127.0.0.1:": false, ":4401": true, "[::1]:4401": true, `""`: true} {
		_, err := Parse("burst.yaml", []byte(least+"listen: '"+strings.Trim(text, `"`)+"'\n"))
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "has no port") {
			t.Errorf("listen: %s: %v", text, err)
		}
	}
}
