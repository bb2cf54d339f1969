package userdata_test

import (
	_ "embed"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/userdata"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// certificate is that of an authority whose key nobody has.
//
//go:embed testdata/ca.pem
var certificate string

const key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ0FkZRYJKwYBBAHaRw8BAQdA\n=dpc0\n-----END PGP PUBLIC KEY BLOCK-----\n"

// small is a machine with no more than it must have.
func small() userdata.Machine {
	return userdata.Machine{Masters: []string{"10.1.0.5:5050"}, VM: "peak-7k2m9q4xwa", Pool: "peak", Cloud: "atos"}
}

// large is a machine with all that there is.
func large() userdata.Machine {
	m := small()
	m.Masters = []string{"zk://zk1.dpc.example:2181,zk2.dpc.example:2181/mesos"}
	m.Attributes = map[string]string{"storage": "lustre", "rack": "b-7"}
	m.Region, m.Zone = "atos", "az-2"
	m.Hostname = "peak-7k2m9q4xwa.dpc.example"
	m.WorkDir = "/srv/mesos"
	m.Resources = "cpus:7.5;mem:30720;disk:40960"
	m.RegistrationTimeout = 15 * time.Minute
	m.Flags = map[string]string{
		"isolation":       "posix/cpu,posix/mem",
		"image_gc_config": `{"image_disk_headroom": 0.1}`,
		"switch_user":     "false",
	}
	m.Environment = map[string]string{"LIBPROCESS_SSL_ENABLED": "true"}
	m.Install = &userdata.Install{
		Source:   "deb [arch=amd64] https://apt.dpc.example/mesos bookworm main",
		Key:      key,
		Packages: []string{"mesos=1.11.0-2.0.1", "libsasl2-modules"},
	}
	m.Authorities = certificate
	m.Registries = []userdata.Registry{{Host: "registry.dpc.example:5000", CA: certificate}}
	m.DockerConfig = `{"auths": {"registry.dpc.example:5000": {"auth": "cHVsbDpzZWNyZXQ="}}}`
	m.Silence, m.Lease = 20*time.Minute, 24*time.Hour
	m.MasterURLs = []string{"https://m1.dpc.example:5050", "https://m2.dpc.example:5050"}
	m.Extra = "mounts:\n  - [nfs.dpc.example:/data, /data, nfs, ro]\npackages: [nfs-common]\nruncmd:\n  - [touch, /data/.here]\n"
	return m
}

// archived has Mesos from an archive.
func archived() userdata.Machine {
	m := small()
	m.Install = &userdata.Install{
		Archive:  "https://files.dpc.example/mesos-1.11.0.tar.gz",
		SHA256:   strings.Repeat("0123456789ABCDEF", 4),
		Packages: []string{"libsvn1"},
	}
	return m
}

func scripted() userdata.Machine {
	m := small()
	m.Format = userdata.Script
	m.Masters = []string{"http://10.77.0.1:5050", "http://10.77.0.1:5060/"}
	m.Region, m.Zone = "local", "nova"
	m.Command = "wget -O /tmp/spillway http://10.77.0.1:8000/spillway && chmod +x /tmp/spillway\nexec /tmp/spillway agent"
	return m
}

// TestGolden compares user-data of some machines with files that reviewers read (-update rewrites them).
func TestGolden(t *testing.T) {
	for name, m := range map[string]userdata.Machine{
		"small.yaml": small(), "large.yaml": large(), "archive.yaml": archived(), "script.sh": scripted(),
	} {
		t.Run(name, func(t *testing.T) {
			got := render(t, m)
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("user-data (-want +got; -update rewrites the file):\n%s", diff)
			}
		})
	}
}

func render(t *testing.T, m userdata.Machine) []byte {
	t.Helper()
	text, err := userdata.Render(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReadsWhatItRenders(t *testing.T) {
	for name, c := range map[string]struct {
		machine    userdata.Machine
		masters    []string
		attributes map[string]string
	}{
		"cloud-config": {small(), []string{"10.1.0.5:5050"},
			map[string]string{"spillway_vm": "peak-7k2m9q4xwa", "spillway_pool": "peak", "spillway_cloud": "atos"}},
		"all": {large(), []string{"zk://zk1.dpc.example:2181,zk2.dpc.example:2181/mesos"},
			map[string]string{"spillway_vm": "peak-7k2m9q4xwa", "spillway_pool": "peak", "spillway_cloud": "atos", "storage": "lustre", "rack": "b-7"}},
		"script": {scripted(), []string{"10.77.0.1:5050", "10.77.0.1:5060"},
			map[string]string{"spillway_vm": "peak-7k2m9q4xwa", "spillway_pool": "peak", "spillway_cloud": "atos"}},
	} {
		t.Run(name, func(t *testing.T) {
			masters, attributes, err := userdata.Read(render(t, c.machine))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.masters, masters); diff != "" {
				t.Errorf("masters (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.attributes, attributes); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
		})
	}
}
