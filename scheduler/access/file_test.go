package access_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// newToken returns a token of a role in projects, and its text.
func newToken(name string, role access.Role, projects ...string) (access.Token, string) {
	text := access.NewText()
	return access.Token{
		Name: name, Role: role, Projects: projects, SHA256: access.HashOf(text), Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}, text
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTokensAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	one, text := newToken("one", access.Author, "lisa", "lpf")
	two, _ := newToken("two@host", access.Viewer, access.AllProjects)
	must(t, access.AddToken(path, one))
	must(t, access.AddToken(path, two))
	got, err := access.ReadTokens(path)
	if diff := cmp.Diff([]access.Token{one, two}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	content, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || info.Mode() != 0o600 || access.Holds(string(content)) || strings.Contains(string(content), text) {
		t.Errorf("%v, %v, mode %v:\n%s", err, statErr, info.Mode(), content)
	}
	must(t, access.RevokeToken(path, "one"))
	if err := access.RevokeToken(path, "one"); !errors.Is(err, access.ErrNoToken) {
		t.Errorf("revoked twice: %v", err)
	}
	must(t, access.RevokeToken(path, "two@host"))
	if got, err := access.ReadTokens(path); err != nil || got == nil || len(got) > 0 {
		t.Errorf("all are revoked: %v, %v", got, err)
	}
	must(t, access.AddToken(path, one))
	if got, err := access.ReadTokens(path); err != nil || len(got) != 1 {
		t.Errorf("after the first of a second life: %v, %v", got, err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestEditsKeepTheRest: what people wrote into the file stays, as do its owner, its mode, and a link to it.
func TestEditsKeepTheRest(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "tokens"), filepath.Join(dir, "link")
	hash := strings.Repeat("1", 64) // digits only, which YAML could take for a number
	must(t, os.WriteFile(path, []byte("# Ours.\ntokens:\n  # For the dashboards.\n  - {name: prom, role: viewer, projects: ['*'], sha256: "+hash+"} # until spring\n"), 0o600))
	must(t, os.Symlink(path, link))
	rootOnly := os.Getuid() == 0
	if rootOnly {
		must(t, os.Chown(path, 0, 12))
		must(t, os.Chmod(path, 0o640))
	}
	token, _ := newToken("ci", access.Author, "lisa")
	must(t, access.AddToken(link, token))
	text, err := os.ReadFile(path)
	must(t, err)
	for _, want := range []string{"# Ours.", "# For the dashboards.", "# until spring", hash, "name: ci"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", info, err)
	}
	if info, err := os.Stat(path); rootOnly && (err != nil || info.Mode() != 0o640 || info.Sys().(*syscall.Stat_t).Gid != 12) {
		t.Errorf("the file: %v, %v", info, err)
	}
}

// TestEditsAtATime adds tokens from many sides, each of which reads and replaces the file.
func TestEditsAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			token, _ := newToken(fmt.Sprint("t", i), access.Viewer, "p")
			if err := access.AddToken(path, token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := access.ReadTokens(path); err != nil || len(got) != 20 {
		t.Errorf("%d tokens of 20, %v", len(got), err)
	}
}

func TestTokenFileRefuses(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	token := func(fields string) string { return "tokens: [{" + fields + "}]" }
	good := "name: a, role: viewer, projects: [p], sha256: " + hash
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"empty":            {"", 0o600, "has no list of tokens"},
		"no list":          {"# nothing yet\n", 0o600, "has no list of tokens"},
		"null":             {"tokens:\n", 0o600, "has no list of tokens"},
		"not YAML":         {"tokens: [", 0o600, "not a file of tokens"},
		"unknown field":    {token(good + ", roles: [x]"), 0o600, "roles"},
		"misspelt list":    {"token: []", 0o600, "token"},
		"no name":          {token("role: viewer, projects: [p], sha256: " + hash), 0o600, `name ""`},
		"bad name":         {token(strings.Replace(good, "name: a", "name: 'a b'", 1)), 0o600, `name "a b"`},
		"bad role":         {token(strings.Replace(good, "viewer", "root", 1)), 0o600, "viewer, author or operator"},
		"no project":       {token(strings.Replace(good, "[p]", "[]", 1)), 0o600, "no project"},
		"bad project":      {token(strings.Replace(good, "[p]", "['l*']", 1)), 0o600, `"l*"`},
		"no hash":          {token("name: a, role: viewer, projects: [p]"), 0o600, "no sha256"},
		"short hash":       {token(strings.Replace(good, hash, "abc", 1)), 0o600, "64 hexadecimal digits"},
		"name twice":       {"tokens: [{" + good + "}, {" + strings.Replace(good, hash, strings.Repeat("cd", 32), 1) + "}]", 0o600, "twice"},
		"hash twice":       {"tokens: [{" + good + "}, {" + strings.Replace(good, "name: a", "name: b", 1) + "}]", 0o600, "twice"},
		"others read":      {token(good), 0o604, "chmod 600"},
		"the group writes": {token(good), 0o620, "chmod 600"},
		"too long":         {"#" + strings.Repeat("x", 5<<20), 0o600, "right file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens")
			must(t, os.WriteFile(path, []byte(c.text), 0o600))
			must(t, os.Chmod(path, c.mode))
			other, _ := newToken("other", access.Viewer, "p")
			for what, err := range map[string]error{
				"read": func() error { _, err := access.ReadTokens(path); return err }(),
				"add":  access.AddToken(path, other),
			} {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v, want %q", what, err, c.says)
				}
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != c.text {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
	if _, err := access.ReadTokens(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a folder: %v", err)
	}
	if got, err := access.ReadTokens("/nowhere/tokens"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestTextIsNotTold puts a token's text where its hash should be: the message must not repeat it.
func TestTextIsNotTold(t *testing.T) {
	text := access.NewText()
	for _, content := range []string{
		"tokens: [{name: a, role: viewer, projects: [p], sha256: " + text + "}]",
		"tokens: [{name: a, role: viewer, projects: [p], sha256: [" + text + "]}]",
		"tokens: [{name: a, role: viewer, projects: [p], " + text + ": x}]",
		"tokens: [{name: [" + text + "], role: viewer}]",
		"tokens: [{name: " + text + ", role: viewer}]",
		"tokens: [{name: x, role: " + text + "}]",
		"tokens: [{name: x, role: viewer, projects: [" + text + "]}]",
		text,
	} {
		path := filepath.Join(t.TempDir(), "tokens")
		must(t, os.WriteFile(path, []byte(content), 0o600))
		if _, err := access.ReadTokens(path); err == nil || strings.Contains(err.Error(), text[4:]) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzTokenFile(f *testing.F) {
	hash := strings.Repeat("ab", 32)
	f.Add("tokens: []")
	f.Add("tokens: [{name: a, role: viewer, projects: ['*'], sha256: " + hash + "}]")
	f.Add("&x tokens: [*x]")
	f.Add("tokens: &x [{name: a, role: viewer, projects: [p], sha256: " + hash + "}] # why\n--- \n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "tokens")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		before, err := access.ReadTokens(path)
		if err != nil {
			return
		}
		token, _ := newToken("fuzzer", access.Author, "p")
		if err := access.AddToken(path, token); err != nil {
			return // such as one of that name
		}
		after, err := access.ReadTokens(path)
		if diff := cmp.Diff(append(before, token), after); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
