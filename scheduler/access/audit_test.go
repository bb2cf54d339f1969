package access_test

import (
	"bufio"
	"encoding/json"
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

// entries reads an audit log; lines that are none are counted.
func entries(t *testing.T, path string) (list []access.Entry, torn int) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e access.Entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			torn++
			continue
		}
		list = append(list, e)
	}
	must(t, lines.Err())
	return list, torn
}

func openAudit(t *testing.T, path string) *access.Audit {
	t.Helper()
	a, err := access.OpenAudit(path)
	must(t, err)
	t.Cleanup(func() { a.Close() })
	return a
}

func entry(call string) access.Entry {
	return access.Entry{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Event: access.Answered, Call: call, Who: "ci", From: "10.0.0.1",
		Method: "POST", Path: "/v1/runs", What: "Submit a spec.", Project: "lisa", Needs: access.Author, Status: 201, Made: "/v1/runs/1",
	}
}

func TestAuditLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	a := openAudit(t, path)
	text := access.NewText()
	e := entry("1")
	e.Path += "/" + text
	must(t, a.Write(e))
	must(t, a.Close())
	must(t, openAudit(t, path).Write(entry("2")))
	content, err := os.ReadFile(path)
	must(t, err)
	want := `{"time":"2026-01-02T02:04:05.000000006Z","event":"answered","call":"1","who":"ci","from":"10.0.0.1","method":"POST",` +
		`"path":"/v1/runs/spw_…","what":"Submit a spec.","project":"lisa","needs":"author","status":201,"made":"/v1/runs/1"}`
	if first, rest, _ := strings.Cut(string(content), "\n"); first != want || strings.Count(rest, "\n") != 1 {
		t.Errorf("%s\nwant\n%s", content, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestAuditRotation moves and removes the file while it is written.
func TestAuditRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit")
	a := openAudit(t, path)
	must(t, a.Write(entry("1")))
	must(t, os.Rename(path, path+".1"))
	must(t, a.Write(entry("2")))
	must(t, os.Truncate(path, 0)) // what logrotate calls copytruncate
	must(t, a.Write(entry("3")))
	must(t, os.Rename(path, path+".2"))
	must(t, os.WriteFile(path, nil, 0o600)) // what it calls create
	must(t, a.Write(entry("4")))
	must(t, os.Remove(path))
	must(t, os.Chmod(dir, 0o700))
	must(t, a.Write(entry("5")))
	for file, want := range map[string]string{path + ".1": "1", path + ".2": "3", path: "5"} {
		list, torn := entries(t, file)
		if len(list) != 1 || torn != 0 || list[0].Call != want {
			t.Errorf("%s: %v, want call %s", file, list, want)
		}
	}
}

// TestAuditGoesOn writes when that fails, and again when it does not any more.
func TestAuditGoesOn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "folder", "audit")
	if _, err := access.OpenAudit(path); err == nil || !strings.Contains(err.Error(), "--audit-log") {
		t.Errorf("no folder: %v", err)
	}
	must(t, os.Mkdir(filepath.Dir(path), 0o700))
	a := openAudit(t, path)
	must(t, a.Write(entry("1")))
	must(t, os.RemoveAll(filepath.Dir(path)))
	for range 2 {
		if err := a.Write(entry("2")); err == nil || !strings.Contains(err.Error(), "audit log") {
			t.Errorf("the folder is gone: %v", err)
		}
	}
	must(t, os.Mkdir(filepath.Dir(path), 0o700))
	must(t, a.Write(entry("3")))
	if list, _ := entries(t, path); len(list) != 1 || list[0].Call != "3" {
		t.Errorf("%v", list)
	}
}

// TestAuditOfOtherFile: lines are not added to a file that holds something else.
func TestAuditOfOtherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for text, refused := range map[string]bool{
		"": false, "{\"time\":": false, "\n{}\n": false, "SQLite format 3\x00": true, "tokens:\n": true, "-": true,
	} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		a, err := access.OpenAudit(path)
		if refused != (err != nil) || refused && !strings.Contains(err.Error(), path+" is no audit log") {
			t.Errorf("%q: error %v", text, err)
		}
		if err == nil {
			must(t, a.Close())
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%q became %q (%v)", text, after, err)
		}
	}
}

// TestAuditTornLine: what a crash or a full disk has left of a line harms no other line.
func TestAuditTornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	must(t, openAudit(t, path).Write(entry("1")))
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(text, text[:50]...), 0o600))
	a := openAudit(t, path)
	must(t, a.Write(entry("2")))
	must(t, a.Write(entry("3")))
	list, torn := entries(t, path)
	if diff := cmp.Diff([]string{"1", "2", "3"}, calls(list)); diff != "" || torn != 1 {
		t.Errorf("%d torn lines (-want +got):\n%s", torn, diff)
	}
}

func calls(list []access.Entry) (calls []string) {
	for _, e := range list {
		calls = append(calls, e.Call)
	}
	return calls
}

// TestAuditFullDisk writes until the file may not grow any more, and goes on when it may.
func TestAuditFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("this needs root, to mount a small file system: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	path := filepath.Join(dir, "audit")
	a := openAudit(t, path)
	t.Cleanup(func() { a.Close() })
	var kept []string
	n := 0
	for ; ; n++ {
		if a.Write(entry(fmt.Sprint(n))) != nil {
			break
		}
		kept = append(kept, fmt.Sprint(n))
	}
	if a.Writable() {
		t.Error("it is writable on a full disk")
	}
	must(t, syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=64k"))
	must(t, a.Write(entry("more")))
	if !a.Writable() {
		t.Error("it is not writable though it was written")
	}
	list, torn := entries(t, path)
	if diff := cmp.Diff(append(kept, "more"), calls(list)); diff != "" || torn > 1 || n == 0 {
		t.Errorf("%d torn lines (-want +got):\n%s", torn, diff)
	}
}

func TestAuditManyAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	a := openAudit(t, path)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if err := a.Write(entry(strings.Repeat("x", 200))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 5 {
		must(t, os.Rename(path, fmt.Sprint(path, i)))
		must(t, a.Write(entry("rotated")))
	}
	all.Wait()
	sum := 0
	files, err := filepath.Glob(path + "*")
	must(t, err)
	for _, file := range files {
		list, torn := entries(t, file)
		sum += len(list)
		if torn > 0 {
			t.Errorf("%s: %d torn lines", file, torn)
		}
	}
	if sum != 405 {
		t.Errorf("%d lines, want 405", sum)
	}
}
