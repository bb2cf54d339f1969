package userdata_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// tool gives the path of a program, or skips the test where there is none, unless SPILLWAY_TEST_CLOUDINIT says that there
// must be one.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("SPILLWAY_TEST_CLOUDINIT") != "" {
			t.Fatalf("SPILLWAY_TEST_CLOUDINIT is set, but there is no %s: %v", name, err)
		}
		t.Skipf("there is no %s (Debian's package of this name has it; SPILLWAY_TEST_CLOUDINIT=1 makes this a failure)", name)
	}
	return path
}

// TestCloudInitAcceptsIt has cloud-init look at the golden files, and at one with a mistake, lest it accept anything.
func TestCloudInitAcceptsIt(t *testing.T) {
	program := tool(t, "cloud-init")
	schema := func(path string) (string, error) {
		out, err := exec.Command(program, "schema", "--config-file", path).CombinedOutput()
		return string(out), err
	}
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	for _, file := range files {
		if out, err := schema(file); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("#cloud-config\nwrite_files:\n  - permissions: 644\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := schema(wrong); err == nil {
		t.Errorf("cloud-init accepts a file without a path: %s", out)
	}
}

// TestShellPartsAreSound runs shellcheck over all scripts that the golden files hold.
func TestShellPartsAreSound(t *testing.T) {
	program := tool(t, "shellcheck")
	seen := map[string]bool{}
	check := func(name, text string) {
		if seen[text] {
			return
		}
		seen[text] = true
		command := exec.Command(program, "--shell=sh", "-")
		command.Stdin = strings.NewReader(text)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	for _, name := range []string{"small.yaml", "large.yaml", "archive.yaml"} {
		var doc struct {
			WriteFiles []struct{ Path, Content string } `yaml:"write_files"`
		}
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for _, file := range doc.WriteFiles {
			switch {
			case strings.HasPrefix(file.Content, "#!"):
				check(file.Path, file.Content)
			case strings.HasSuffix(file.Path, ".env"): // scripts read them
				check(file.Path, "# shellcheck disable=SC2034 # others use them\n:\n"+file.Content)
			}
		}
	}
	if len(seen) < 6 {
		t.Errorf("only %d scripts were looked at", len(seen))
	}
	script, err := os.ReadFile("testdata/script.sh")
	if err != nil {
		t.Fatal(err)
	}
	check("script.sh", string(script))
}
