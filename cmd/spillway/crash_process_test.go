package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// diarists are tasks that write into a diary when they start and when they end. Every fourth fails at first.
const diarists = `
name: diarists
defaults: {image: busybox, resources: {cpus: 0.2, mem: 16MiB}, retries: {limit: 1, backoff: 10ms}}
steps:
  write:
    array: 40
    env: {DIARY: DIARY_FILE}
    run: |
      echo "start $SPILLWAY_INDEX $SPILLWAY_ATTEMPT" >>"$DIARY"
      sleep 0.2
      echo "end $SPILLWAY_INDEX $SPILLWAY_ATTEMPT" >>"$DIARY"
      test $(($SPILLWAY_INDEX % 4)) -ne 1 || test $(grep -c "^end $SPILLWAY_INDEX " "$DIARY") -gt 1
`

// TestKilledWhileProcessesRun kills the scheduler again and again while its tasks are real processes, and reads in
// what they wrote that no two attempts of a task ran at a time, and that none ran after one had succeeded.
func TestKilledWhileProcessesRun(t *testing.T) {
	const kills = 25
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Process, Agents: []minimesos.AgentOptions{{Resources: small}, {Resources: small}},
		AllocationInterval: 20 * time.Millisecond, UpdateRetryInterval: 200 * time.Millisecond,
	})
	dir, address := t.TempDir(), freeAddress(t)
	diary, file := filepath.Join(dir, "diary"), filepath.Join(dir, "spillway.db")
	flags := tenacious(cluster, file, address)
	author := newAuthor(t, "http://"+address, strings.ReplaceAll(diarists, "DIARY_FILE", diary))
	author.wake()
	for range kills {
		p := spawn(t, flags...)
		<-time.After(time.Duration(rng.Int64N(int64(longest))))
		p.kill()
	}
	p := spawn(t, flags...)
	id := author.finish()[0]
	if run := awaitEnd(t, "http://"+address, id); run.Phase != string(state.RunSucceeded) {
		t.Errorf("the run %s", run.Phase)
	}
	if status := p.interrupt(t); status != 0 {
		t.Errorf("exit status %d: %s", status, p.stderr.String())
	}
	checkDiary(t, diary, id, succeeded(t, file, id))
}

// succeeded returns which attempt of each task the store holds to have succeeded.
func succeeded(t *testing.T, file string, id state.RunID) map[task]int {
	t.Helper()
	st, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	_, attempts, err := st.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	number := map[task]int{}
	for _, a := range attempts {
		of := task{a.ID.Run, a.ID.Step, a.ID.Index}
		if a.Outcome != state.Succeeded {
			continue
		}
		if _, twice := number[of]; twice {
			t.Errorf("%v is recorded as having succeeded twice", of)
		}
		number[of] = a.ID.Number
	}
	return number
}

// checkDiary reads the diary: each task's starts and ends must alternate, and its last end is its success.
func checkDiary(t *testing.T, diary string, id state.RunID, succeeded map[task]int) {
	t.Helper()
	text, err := os.ReadFile(diary)
	if err != nil {
		t.Fatal(err)
	}
	alive, ended, starts := map[task]bool{}, map[task]int{}, 0
	for line := range strings.Lines(string(text)) {
		var what string
		var index, number int
		if _, err := fmt.Sscan(line, &what, &index, &number); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		of := task{id, "write", index}
		if what == "start" {
			starts++
			if alive[of] {
				t.Errorf("attempt %d of %v started while another ran", number, of)
			}
			if last, any := ended[of]; any && last == succeeded[of] {
				t.Errorf("attempt %d of %v started though %d had succeeded", number, of, last)
			}
			alive[of] = true
			continue
		}
		alive[of], ended[of] = false, number
	}
	t.Logf("%d processes for %d tasks", starts, len(succeeded))
	if len(succeeded) != 40 || starts != 50 {
		t.Errorf("%d tasks succeeded with %d processes; want 40 with 50, as every fourth failed once", len(succeeded), starts)
	}
	for of, number := range succeeded {
		if ended[of] != number || alive[of] {
			t.Errorf("attempt %d of %v is recorded as the success, %d was the last to end", number, of, ended[of])
		}
	}
}
