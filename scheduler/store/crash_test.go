package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/store"
)

// childVariable names the store that a copy of this test program commits batches to until it is killed.
const childVariable = "SPILLWAY_TEST_COMMIT_TO"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		fmt.Fprintln(os.Stderr, commitUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commitUntilKilled continues the numbered batches and says "N" after batch N has been acknowledged.
func commitUntilKilled(path string) error {
	s, err := store.Open(context.Background(), path)
	if err != nil {
		return err
	}
	snap, err := s.Load(context.Background())
	if err != nil {
		return err
	}
	n := 0
	fmt.Sscan(snap.FrameworkID, &n)
	for {
		n++
		if err := s.Commit(context.Background(), batch(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// child starts a copy of this program on the store.
func child(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+path)
	cmd.Stderr = new(strings.Builder)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// reap waits for a child that was killed.
func reap(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var exit *exec.ExitError
	err := cmd.Wait()
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v: %s", err, cmd.Stderr)
	}
}

func TestKilledAtAnyMoment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := 0
	for round := range 30 {
		cmd, lines := child(t, path)
		if round%2 == 1 && lines.Scan() { // every other round has batches, however slow the machine is
			fmt.Sscan(lines.Text(), &acknowledged)
		}
		// From the making of the file on to the middle of a checkpoint.
		moment := time.Duration(rand.Int64N(int64(150 * time.Millisecond)))
		timer := time.AfterFunc(moment, func() { cmd.Process.Kill() })
		for lines.Scan() {
			fmt.Sscan(lines.Text(), &acknowledged)
		}
		reap(t, cmd)
		timer.Stop()

		s := open(t, path) // the lock went with its holder
		got := wholeBatches(t, s)
		// The last commit may have become durable without living to say so.
		if got != acknowledged && got != acknowledged+1 {
			t.Fatalf("round %d, killed after %v: %d batches in the store, %d acknowledged", round, moment, got, acknowledged)
		}
		acknowledged = got
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged == 0 {
		t.Fatal("no batch was committed in any round")
	}
	t.Logf("%d batches", acknowledged)
}

// TestTornLog cuts or overwrites the end of the write-ahead log, as a power failure may: what is left are the first
// batches, whole.
func TestTornLog(t *testing.T) {
	const last = 20
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	defer s.Close()
	commitBatches(t, s, 1, last) // too few for a checkpoint
	wal := readFile(t, path+"-wal")
	db := readFile(t, path)

	before := 0
	for cut := 0; cut <= len(wal); cut += len(wal)/60 + 1 {
		garbage := append(append([]byte{}, wal[:cut]...), make([]byte, min(5000, len(wal)-cut))...)
		if a, b := survivors(t, db, wal[:cut]), survivors(t, db, garbage); a != b {
			t.Fatalf("log cut at %d: %d batches, %d with zeros behind", cut, a, b)
		} else if a < before || a > last {
			t.Fatalf("log cut at %d: %d batches, %d with less of the log", cut, a, before)
		} else {
			before = a
		}
	}
	if got := survivors(t, db, wal); got != last || before == 0 {
		t.Fatalf("the whole log gives %d batches, want %d; most of it %d", got, last, before)
	}
}

// survivors returns the number of batches in the store made of a database and a log.
func survivors(t *testing.T, db, wal []byte) int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	writeFile(t, path, db)
	writeFile(t, path+"-wal", wal)
	s := open(t, path)
	defer s.Close()
	return wholeBatches(t, s)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
