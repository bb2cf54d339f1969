package store_test

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

var update = flag.Bool("update", false, "write testdata/vN.sql, N being the newest version of the schema")

// sample is what the databases of testdata hold, in the words of today.
func sample() state.Snapshot {
	at := func(minute int) time.Time { return time.Date(2026, 12, 1, 2, minute, 0, 5, time.UTC) }
	run := state.RunRecord{
		ID: "01jqzv5y6n8w3v9k2m4x7r1t0c", Sequence: 7, Name: "lpf-noise", Project: "lisa-pathfinder",
		Owner: "noise-group@dpc.example", SubmittedBy: "nightly", PipelineVersion: 3,
		Spec: "name: lpf-noise\n", Params: map[string]string{"segments": "64"},
		Images: map[string]string{"python:3.12": "docker.io/library/python@sha256:0123"},
		Key:    "nightly-2026-12-01", Submitted: at(0), Phase: state.RunCancelling, Generation: 1, Retried: at(8), Cancelled: at(9),
	}
	id := state.AttemptID{Run: run.ID, Step: "psd"}
	first := state.AttemptRecord{
		ID: id, Agent: "a3f1c0de-S12", Hostname: "node12", AgentURL: "http://10.0.0.12:5051", State: state.TaskFailed,
		Reason: state.ReasonContainerLimitationMemory, Source: state.SourceAgent, Message: "Memory limit exceeded",
		Kill: state.KillTimeout, Outcome: state.AuthorFailed, ExitCode: 137, Launched: at(1), Started: at(2),
		Unreachable: at(3), Ended: at(4), RetryAt: at(5), Killed: at(6),
	}
	id.Number = 1
	second := state.AttemptRecord{ID: id, Generation: 1, State: state.TaskStaging, ExitCode: -1, Launched: at(7)}
	return state.Snapshot{
		FrameworkID: "a3f1c0de-0001", NextSequence: 8,
		Runs: []state.RunRecord{run}, Attempts: []state.AttemptRecord{first, second},
		Pipelines: []state.PipelineRecord{
			{Project: run.Project, Name: run.Name, Version: 3, Spec: run.Spec, By: "anna", Put: at(0)},
			{Project: run.Project, Name: "old", Version: 2, By: "bert", Put: at(1), Deleted: true},
		},
	}
}

// sampleOf is the sample as a version of the schema could keep it.
func sampleOf(version int) state.Snapshot {
	snap := sample()
	if version < 2 {
		snap.Runs[0].SubmittedBy, snap.Runs[0].PipelineVersion, snap.Runs[0].Images = "", 0, nil
		snap.Attempts[0].AgentURL = ""
		snap.Pipelines = nil
	}
	return snap
}

// TestMigrations opens a database of every version there has been. Each was written, with what sample returns, when
// its version was the newest (go test -run TestMigrations -update); it is never written again.
func TestMigrations(t *testing.T) {
	newest := len(store.Schema())
	if *update {
		writeFile(t, dumpName(newest), dumpSample(t))
	}
	for version := 1; version <= newest; version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			execute(t, path, string(readFile(t, dumpName(version))))
			for range 2 { // migrated, and then as it is
				s := open(t, path)
				if got, err := store.SchemaVersion(t.Context(), s.Writer()); err != nil || got != newest {
					t.Errorf("version %d, error %v; want %d", got, err, newest)
				}
				snap, err := s.Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(sampleOf(version), snap); diff != "" {
					t.Errorf("content (-want +got):\n%s", diff)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestMigratedStoreWorks migrates a store of the first version that never had a framework's id, and does all with it that
// needs what came later.
func TestMigratedStoreWorks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	execute(t, path, string(readFile(t, dumpName(1)))+"DELETE FROM scheduler;")
	s := open(t, path)
	snap, id := sample(), "a3f1c0de-0002"
	snap.Attempts[0].AgentURL = "http://10.0.0.13:5051"
	fresh := snap.Runs[0]
	fresh.ID, fresh.Sequence, fresh.Key = "01jqzv5y6n8w3v9k2m4x7r1t0d", 8, ""
	changes := state.Changes{Runs: []state.RunRecord{fresh}, Attempts: snap.Attempts[:1], Pipelines: snap.Pipelines, FrameworkID: &id}
	if err := s.Commit(t.Context(), &changes); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), &state.Changes{Forgotten: []state.RunID{fresh.ID}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	want := sampleOf(1)
	want.FrameworkID, want.NextSequence, want.Pipelines = id, 9, snap.Pipelines
	want.Attempts[0].AgentURL = "http://10.0.0.13:5051"
	got, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

func dumpName(version int) string { return filepath.Join("testdata", fmt.Sprintf("v%d.sql", version)) }

func TestNewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	newer := len(store.Schema()) + 1
	execute(t, path, fmt.Sprintf("PRAGMA user_version = %d", newer))
	_, err := store.Open(t.Context(), path)
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprint("version ", newer)) {
		t.Errorf("error %v; want ErrNewer with the file and its version", err)
	}
}

// execute runs statements on a file without any Store.
func execute(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

// dumpSample returns the statements that make a store with the sample in it.
func dumpSample(t *testing.T) []byte {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer s.Close()
	snap := sample()
	changes := state.Changes{Runs: snap.Runs, Attempts: snap.Attempts, Pipelines: snap.Pipelines, FrameworkID: &snap.FrameworkID}
	if err := s.Commit(t.Context(), &changes); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, pragma := range []string{"application_id", "user_version"} {
		fmt.Fprintf(&b, "PRAGMA %s = %s;\n", pragma, texts(t, s, "PRAGMA "+pragma)[0])
	}
	for _, statement := range texts(t, s, "SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY rowid") {
		fmt.Fprintf(&b, "%s;\n", statement)
	}
	for _, table := range texts(t, s, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid") {
		quoted := texts(t, s, "SELECT group_concat('quote(\"' || name || '\")', '||'', ''||') FROM pragma_table_info('"+table+"')")[0]
		for _, values := range texts(t, s, "SELECT "+quoted+" FROM "+table) {
			fmt.Fprintf(&b, "INSERT INTO %s VALUES (%s);\n", table, values)
		}
	}
	return []byte(b.String())
}

// texts returns the only column of what the query finds.
func texts(t *testing.T, s *store.SQLite, query string) []string {
	t.Helper()
	rows, err := s.Writer().Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
