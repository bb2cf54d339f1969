package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

func TestSchedulerRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "spillway.db")
	other := filepath.Join(dir, "other.db")
	st, err := store.Open(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	all := []string{"--master", "http://127.0.0.1:1", "--store", file, "--listen", "127.0.0.1:0"}
	with := func(args ...string) []string { return append(all[:len(all):len(all)], args...) }
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"no flags":          {nil, []string{"master", "store"}},
		"no store":          {all[:2], []string{"store"}},
		"no master":         {all[2:], []string{"master"}},
		"bad master":        {with("--master", "ftp://m"), []string{"ftp://m", "http://"}},
		"bad codec":         {with("--codec", "xml"), []string{`"xml"`, "protobuf or json"}},
		"bad role":          {with("--role", "a b"), []string{`"a b"`}},
		"no failover":       {with("--failover-timeout", "0"), []string{"--failover-timeout 0s", "over 0"}},
		"bad limits":        {with("--infra-limit", "-1", "--keep-runs", "-1h"), []string{"infra-limit -1", "keep-runs -1h0m0s"}},
		"bad weight":        {with("--weight", "lisa=none"), []string{`"lisa=none"`, "project=number"}},
		"bad log level":     {with("--log-level", "loud"), []string{`"loud"`}},
		"bad log format":    {with("--log-format", "xml"), []string{`"xml"`}},
		"no secret file":    {with("--secret-file", file+".secret"), []string{file + ".secret"}},
		"secret of nobody":  {with("--principal", "", "--secret-file", "/proc/self/cmdline"), []string{"principal"}},
		"no CA file":        {with("--ca-file", file+".pem"), []string{file + ".pem"}},
		"no folder":         {with("--store", filepath.Join(dir, "none", "spillway.db")), []string{"none", "make the directory"}},
		"store is a folder": {with("--store", dir), []string{dir, "directory"}},
		"bad address":       {with("--listen", "nowhere"), []string{"nowhere", "--listen"}},
		"an argument":       {with("more"), []string{"more"}},
		"no tokens":         {with("--tokens", file+".tokens"), []string{file + ".tokens"}},
		"no certificate":    {with("--tls-cert", file+".pem", "--tls-key", file+".key"), []string{file + ".pem"}},
		"store as audit":    {with("--audit-log", other), []string{other, "is no audit log", "--audit-log"}},
		"logs are not such": {with("--logs", other), []string{other, "--logs"}},
		"negative rate":     {with("--rate", "-5"), []string{"--rate -5", "0"}},
		"tiny log cap":      {with("--log-cap", "5"), []string{"--log-cap", "1KiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			defer cancel()
			got := command(ctx, "", append([]string{"scheduler", "--log-level", "error"}, tc.args...)...)
			if got.status != exitUsage {
				t.Errorf("status %d", got.status)
			}
			for _, what := range tc.says {
				if !strings.Contains(got.stderr, what) {
					t.Errorf("it does not say %q: %s", what, got.stderr)
				}
			}
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a start that was refused has made the store (%v)", err)
			}
		})
	}
}

// TestSecondScheduler starts a second scheduler on a store that is in use.
func TestSecondScheduler(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, minimesos.Options{Runner: minimesos.Instant})
	file, address := filepath.Join(t.TempDir(), "spillway.db"), freeAddress(t)
	one := spawn(t, tenacious(cluster, file, address)...)
	poll(t, "the first answers", func() bool { return strings.Contains(one.stderr.String(), "answering requests") })
	two := spawn(t, tenacious(cluster, file, freeAddress(t))...)
	if status := two.wait(t); status != exitUsage || !strings.Contains(two.stderr.String(), "store in use by another scheduler") {
		t.Errorf("the second ended with status %d: %s", status, two.stderr.String())
	}
	if one.hasEnded() {
		t.Errorf("the first has ended: %s", one.stderr.String())
	}
	if status := one.interrupt(t); status != 0 {
		t.Errorf("the first ended with status %d: %s", status, one.stderr.String())
	}
}

// TestSchedulerIsTakenOver subscribes a scheduler with another store under the framework id of one that runs: the one
// that runs must end and say why, lest they take the framework from each other for ever.
func TestSchedulerIsTakenOver(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Instant, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
	})
	dir, address := t.TempDir(), freeAddress(t)
	file := filepath.Join(dir, "spillway.db")
	one := spawn(t, tenacious(cluster, file, address)...)
	author := newAuthor(t, "http://"+address, goodSpec)
	author.wake()
	awaitEnd(t, "http://"+address, author.finish()[0]) // then its framework id is in the store
	one.kill()
	copyStore(t, file, filepath.Join(dir, "copy.db"))
	one = spawn(t, tenacious(cluster, file, freeAddress(t))...)
	poll(t, "the first is subscribed", func() bool { return strings.Contains(one.stderr.String(), "framework=") })
	two := spawn(t, tenacious(cluster, filepath.Join(dir, "copy.db"), freeAddress(t))...)
	if status := one.wait(t); status != exitUsage || !strings.Contains(one.stderr.String(), "another scheduler has taken over the framework") {
		t.Errorf("the first ended with status %d: %s", status, one.stderr.String())
	}
	if status := two.interrupt(t); status != 0 {
		t.Errorf("the second ended with status %d: %s", status, two.stderr.String())
	}
}

// copyStore copies a store that nobody has open.
func copyStore(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(from + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
