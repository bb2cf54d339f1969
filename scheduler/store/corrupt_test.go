package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

const pageSize = 4096

// intactFile returns the bytes of a store with some hundred pages of numbered batches.
func intactFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	commitBatches(t, s, 1, 60)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

func wantCorrupt(t *testing.T, what string, err error, path string) {
	t.Helper()
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("%s: error %v; want ErrCorrupt with %s and what to do", what, err, path)
	}
}

func TestCorruptFileIsNotOpened(t *testing.T) {
	intact := intactFile(t)
	for _, c := range []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"empty", func(b []byte) []byte { return nil }},
		{"text", func(b []byte) []byte { return []byte(strings.Repeat("this is no database\n", 1000)) }},
		{"header overwritten", func(b []byte) []byte { return append(make([]byte, 100), b[100:]...) }},
		{"cut in the header", func(b []byte) []byte { return b[:60] }},
		{"cut after the first page", func(b []byte) []byte { return b[:pageSize] }},
		{"cut in half", func(b []byte) []byte { return b[:len(b)/2] }},
		{"last page lost", func(b []byte) []byte { return b[:len(b)-pageSize] }},
		{"schema overwritten", func(b []byte) []byte { clear(b[100:pageSize]); return b }},
		{"schema of another version", func(b []byte) []byte { return bytes.Replace(b, []byte("hostname"), []byte("hastname"), 1) }},
		{"application id", func(b []byte) []byte { binary.BigEndian.PutUint32(b[68:], 77); return b }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			damaged := c.damage(bytes.Clone(intact))
			writeFile(t, path, damaged)
			s, err := store.Open(t.Context(), path)
			if err == nil {
				s.Close()
			}
			wantCorrupt(t, "Open", err, path)
			if !bytes.Equal(readFile(t, path), damaged) {
				t.Error("Open has changed the file, which somebody may want to look at")
			}
		})
	}
}

func TestLogWithoutFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	writeFile(t, path+"-wal", []byte("committed, not yet in the file"))
	_, err := store.Open(t.Context(), path)
	wantCorrupt(t, "Open", err, path)
	if got := readFile(t, path+"-wal"); len(got) == 0 {
		t.Error("Open threw the log away")
	}
}

func TestOtherDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE recipes (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), path)
	wantCorrupt(t, "Open", err, path)
	if !strings.Contains(err.Error(), "not a store of Spillway's") {
		t.Errorf("error %q does not say that the file is something else", err)
	}
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("%d tables, error %v; want the one there was", tables, err)
	}
}

// TestCorruptPages damages the pages of attempts, which Open does not read.
func TestCorruptPages(t *testing.T) {
	damaged := intactFile(t)
	for i := 20 * pageSize; i < len(damaged); i += pageSize {
		clear(damaged[i : i+pageSize])
	}
	for name, call := range map[string]func(context.Context, store.Store) error{
		"Load":   func(ctx context.Context, s store.Store) error { _, err := s.Load(ctx); return err },
		"Run":    func(ctx context.Context, s store.Store) error { _, _, err := s.Run(ctx, batchRun); return err },
		"Commit": func(ctx context.Context, s store.Store) error { return s.Commit(ctx, batch(61)) },
	} {
		path := filepath.Join(t.TempDir(), "store.db")
		writeFile(t, path, damaged)
		s := open(t, path)
		wantCorrupt(t, name, call(t.Context(), s), path)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestForeignValue has a column hold what no Spillway wrote there.
func TestForeignValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	defer s.Close()
	commitBatches(t, s, 1, 1)
	if _, err := s.Writer().Exec("UPDATE specs SET params = 'no JSON'"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Load(t.Context())
	wantCorrupt(t, "Load", err, path)
	if !strings.Contains(err.Error(), "params") {
		t.Errorf("error %q does not name the column", err)
	}
}

// TestAnyDamage overwrites bytes anywhere. Damage that leaves the file well-formed cannot be found; but whatever it
// is, it is never mistaken for something else, and nothing panics or hangs.
func TestAnyDamage(t *testing.T) {
	intact := intactFile(t)
	path := filepath.Join(t.TempDir(), "store.db")
	rapid.Check(t, func(rt *rapid.T) {
		damaged := bytes.Clone(intact)
		for range rapid.IntRange(1, 4).Draw(rt, "places") {
			at := rapid.IntRange(0, len(damaged)-1).Draw(rt, "at")
			copy(damaged[at:], rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(rt, "bytes"))
		}
		err := useAll(t, path, damaged)
		switch {
		case err == nil, errors.Is(err, store.ErrCorrupt):
		case errors.Is(err, store.ErrNewer): // the version was hit
		case strings.Contains(err.Error(), "integrity_check"): // an index that disagrees with its table refuses a record
		case strings.Contains(err.Error(), "readonly"): // the header's format number was hit: a later SQLite's file, to be read only
		default:
			rt.Fatalf("error %v; want none or ErrCorrupt", err)
		}
	})
}

// useAll opens a store made of the bytes and calls everything.
func useAll(t *testing.T, path string, file []byte) error {
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	writeFile(t, path, file)
	s, err := store.Open(t.Context(), path)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Load(t.Context()); err != nil {
		return err
	}
	if _, _, err := s.Run(t.Context(), batchRun); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := s.Runs(t.Context(), store.RunFilter{Limit: 10}); err != nil {
		return err
	}
	newer := batch(61)
	newer.Runs, newer.Attempts = append(newer.Runs, state.RunRecord{ID: "new", Sequence: 99}), newer.Attempts[:20]
	return s.Commit(t.Context(), newer)
}
