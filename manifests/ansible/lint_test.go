package ansible_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tool skips the test where a program is missing, unless the tests of machines are asked for.
func tool(t *testing.T, name, debian string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv(imageVariable) != "" {
			t.Fatalf("%s is set, but %v", imageVariable, err)
		}
		t.Skipf("there is no %s (Debian's package %s has it; where %s is set this is a failure)", name, debian, imageVariable)
	}
}

func TestLint(t *testing.T) {
	tool(t, "ansible-lint", "ansible-lint")
	command := exec.Command("ansible-lint", "--offline", "--profile", "production", "--nocolor")
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("ansible-lint: %v\n%s", err, out)
	}
}

// TestInventory has Ansible read the example's inventory, with a program in the place of spillway that answers as it does.
func TestInventory(t *testing.T) {
	tool(t, "ansible-inventory", "ansible-core")
	folder := t.TempDir()
	write(t, filepath.Join(folder, "spillway"), 0o755, `#!/bin/sh
[ "$*" = "cloud inventory --config /srv/burst.yaml --list" ] || { echo "called with $*" >&2; exit 2; }
cat <<'END'
{"_meta": {"hostvars": {"peak-a": {"ansible_host": "10.77.0.4", "spillway_vm": "peak-a"}, "peak-b": {"ansible_host": "10.77.0.5"}}},
 "spillway": {"hosts": ["peak-a", "peak-b"]}, "pool_peak": {"hosts": ["peak-a", "peak-b"]}, "cloud_atos": {"hosts": ["peak-a"]},
 "cloud_fg": {"hosts": ["peak-b"]}, "stage_active": {"hosts": ["peak-a", "peak-b"]},
 "all": {"children": ["cloud_atos", "cloud_fg", "pool_peak", "spillway", "stage_active", "ungrouped"]}}
END
`)
	command := exec.Command("ansible-inventory", "--list")
	command.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "SPILLWAY_BURST=/srv/burst.yaml",
		"ANSIBLE_CONFIG=ansible.cfg", "ANSIBLE_INVENTORY_UNPARSED_FAILED=true", "LC_ALL=C.UTF-8")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("ansible-inventory: %v\n%s", err, out)
	}
	var got struct {
		Meta struct {
			HostVars map[string]map[string]any `json:"hostvars"`
		} `json:"_meta"`
		Spillway struct{ Hosts []string }
		Stage    struct{ Hosts []string } `json:"stage_active"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	slices.Sort(got.Spillway.Hosts)
	if diff := cmp.Diff([]string{"peak-a", "peak-b"}, got.Spillway.Hosts); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if got.Meta.HostVars["peak-a"]["ansible_host"] != "10.77.0.4" || len(got.Stage.Hosts) != 2 {
		t.Errorf("inventory:\n%s", out)
	}
}
