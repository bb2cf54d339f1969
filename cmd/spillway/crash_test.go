package main

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// dag has 200 tasks.
const dag = `
name: dag
defaults: {image: busybox, resources: {cpus: 0.5, mem: 32MiB}, retries: {limit: 2, backoff: 10ms}}
steps:
  prepare: {run: work, array: 10}
  wide: {run: work, needs: [prepare], array: 100, max_parallel: 12}
  grid: {run: work, needs: [prepare], array: 10, matrix: {channel: [x, y, z]}}
  merge: {run: work, needs: [wide, grid], array: 20}
  late: {run: work, needs: [merge], array: 39, max_parallel: 5, retries: {limit: 3, backoff: 1ms}}
  end: {run: work, needs: [late]}
`

// small is an agent that runs two tasks of the DAG at a time.
const small = "cpus:1;mem:1024;disk:1000"

// dagRules are what the witness must know of the DAG.
func dagRules(w *witness) {
	w.tasks = map[string]int{"prepare": 10, "wide": 100, "grid": 30, "merge": 20, "late": 39, "end": 1}
	w.limit = map[string]int{"wide": 12, "late": 5}
	w.needs = map[string][]string{
		"wide": {"prepare"}, "grid": {"prepare"}, "merge": {"wide", "grid"}, "late": {"merge"}, "end": {"late"},
	}
}

// ticket is a small run, to have something submitted when the scheduler is killed.
const ticket = "name: ticket\nsteps: {only: {run: work, image: busybox, resources: {cpus: 0.1, mem: 32MiB}}}\n"

// failuresOf is how often a task of the DAG fails before it succeeds; its author's retries allow it.
func failuresOf(t task) int {
	switch {
	case t.step == "only":
		return 0
	case t.index%7 == 3:
		return 2
	case t.index%4 == 1:
		return 1
	}
	return 0
}

// A strike says when the scheduler is killed.
type strike struct {
	// message is the message at which the wire to the master is cut just before; nil: at a moment.
	message *point
	// after says from when on the moment is counted.
	after  occasion
	moment time.Duration
}

// occasion is something in the life of a scheduler.
type occasion int

const (
	started occasion = iota
	beingSubscribed
	submitted
)

// longest is after what time the scheduler is killed if what the strike waits for does not come.
const longest = 200 * time.Millisecond

// messages are those at which strikes are made.
var messages = []point{
	{route: minimesos.CallToMaster, kind: "SUBSCRIBE"},
	{route: minimesos.EventToFramework, kind: "SUBSCRIBED"},
	{route: minimesos.CallToMaster, kind: "RECONCILE"},
	{route: minimesos.EventToFramework, kind: "OFFERS"},
	{route: minimesos.CallToMaster, kind: "ACCEPT"},
	{route: minimesos.CallToMaster, kind: "ACCEPT"},
	{route: minimesos.CallToMaster, kind: "DECLINE"},
	{route: minimesos.CallToMaster, kind: "REVIVE"},
	{route: minimesos.EventToFramework, kind: "UPDATE"},
	{route: minimesos.EventToFramework, kind: "UPDATE"},
	{route: minimesos.CallToMaster, kind: "ACKNOWLEDGE"},
	{route: minimesos.CallToMaster, kind: "ACKNOWLEDGE"},
}

// chooseStrike chooses one for a scheduler that takes about so long from its start to its subscription.
func chooseStrike(rng *rand.Rand, startup time.Duration) strike {
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	switch rng.IntN(5) {
	case 0:
		return strike{after: started, moment: upTo(startup + startup/4)}
	case 1:
		return strike{after: beingSubscribed, moment: upTo(longest)}
	case 2:
		return strike{after: submitted, moment: upTo(5 * time.Millisecond)}
	}
	p := messages[rng.IntN(len(messages))]
	p.nth, p.before = 1+rng.IntN(1+rng.IntN(4)), rng.IntN(2) == 0
	return strike{message: &p}
}

// await returns at the moment of the strike, or when the process has ended.
func (s strike) await(p *process, heard, cut, sent <-chan struct{}) {
	if s.message == nil && s.after == started {
		within(p.ended, s.moment)
		return
	}
	if s.message == nil {
		cut = p.ended
	}
	select {
	case <-cut:
		return
	case <-p.ended:
		return
	case <-heard:
	}
	switch {
	case s.message != nil:
		within(cut, longest)
	case s.after == submitted:
		within(sent, longest)
		within(p.ended, s.moment)
	default:
		within(p.ended, s.moment)
	}
}

// within waits until done is closed or gives something, but not longer than d.
func within(done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// TestKilledAtAnyPoint kills the scheduler with SIGKILL at 200 points of a DAG of 200 tasks. The points are moments
// after its start, moments after a submission was sent, and messages between it and the master, of which half do not
// arrive any more: such a kill at an ACCEPT strikes between the commit of a launch and the launch.
func TestKilledAtAnyPoint(t *testing.T) {
	const kills = 200
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	killed := 0
	w := newWitness()
	dagRules(w)
	w.failures = failuresOf
	// The DAG gets on as the killing does, on slow machines and on fast ones, so that all of it is killed at.
	w.hurry = func() bool { return w.finishedOf("prepare", "wide", "grid", "merge", "late", "end") <= killed }
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Instant, Outcome: w.outcome, Agents: []minimesos.AgentOptions{{Resources: small}, {Resources: small}, {Resources: small}},
		AllocationInterval: 20 * time.Millisecond, UpdateRetryInterval: 200 * time.Millisecond,
	})
	cluster.SetTap(w.tap)

	file, address := filepath.Join(t.TempDir(), "spillway.db"), freeAddress(t)
	flags := tenacious(cluster, file, address)
	author := newAuthor(t, "http://"+address, dag, ticket)
	startup := 50 * time.Millisecond
	for range kills {
		var heard, cut <-chan struct{}
		s := chooseStrike(rng, startup)
		cluster.Look(func(minimesos.View) {
			w.mend(s.message)
			heard, cut = w.heard, w.cut
		})
		start := time.Now()
		p := spawn(t, flags...)
		author.wake()
		s.await(p, heard, cut, author.sent)
		if p.hasEnded() {
			t.Fatalf("the scheduler has ended by itself: %s", p.stderr.String())
		}
		p.kill()
		cluster.Look(func(minimesos.View) {
			killed++
			w.stages[w.stage]++
			if !w.heardAt.IsZero() {
				startup = (3*startup + w.heardAt.Sub(start)) / 4
			}
		})
	}
	cluster.Look(func(minimesos.View) {
		t.Logf("tasks finished by the last kill: %v; what had happened by each: %v; messages lost: %v", w.done, w.stages, w.lost)
		if w.lost["ACCEPT"] == 0 {
			t.Error("the scheduler was never killed between the commit of a launch and the launch")
		}
		for _, stage := range []stage{unheard, subscribed, launching} {
			if w.stages[stage] == 0 {
				t.Errorf("the scheduler was never killed when the last that it had done was: %s", stage)
			}
		}
		w.mend(nil)
	})
	p := spawn(t, flags...)
	author.wake()
	runs := author.finish()
	for _, id := range runs {
		awaitEnd(t, "http://"+address, id)
	}
	if status := p.interrupt(t); status != 0 {
		t.Errorf("exit status %d: %s", status, p.stderr.String())
	}
	cluster.Look(func(minimesos.View) {
		for _, what := range w.wrong {
			t.Error(what)
		}
		for _, attempt := range w.live {
			t.Errorf("%v was left alive", attempt)
		}
	})
	checkStore(t, file, runs, w)
}

// startCluster starts a cluster for the test. Its port stays its own when the master is restarted.
func startCluster(t *testing.T, o minimesos.Options) *minimesos.Cluster {
	t.Helper()
	o.Addr, o.WorkDir = freeAddress(t), t.TempDir()
	cluster, err := minimesos.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Errorf("closing the cluster: %v", err)
		}
	})
	return cluster
}

// tenacious are the flags of a scheduler that loses no time.
func tenacious(cluster *minimesos.Cluster, file, address string) []string {
	return []string{
		"scheduler", "--master", cluster.URL(), "--store", file, "--listen", address, "--pin-images=false",
		"--infra-backoff", "5ms", "--infra-max-backoff", "50ms", "--avoid-for", "20ms", "--refuse-busy", "100ms",
	}
}

// checkStore holds what the store says of the runs against what the witness has seen.
func checkStore(t *testing.T, file string, runs []state.RunID, w *witness) {
	t.Helper()
	st, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	kept, err := st.Runs(t.Context(), store.RunFilter{Limit: len(runs) + 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != len(runs) {
		t.Errorf("the store holds %d runs, %d were acknowledged", len(kept), len(runs))
	}
	tasks := 0
	for _, id := range runs {
		rec, attempts, err := st.Run(t.Context(), id)
		if err != nil {
			t.Error(err)
			continue
		}
		if rec.Phase != state.RunSucceeded {
			t.Errorf("run %s of %s %s", id, rec.Name, rec.Phase)
		}
		tasks += checkAttempts(t, attempts, w)
	}
	if tasks != len(w.finished) {
		t.Errorf("the store knows of %d tasks, %d have finished", tasks, len(w.finished))
	}
}

// checkAttempts checks the attempts of a run, which are ordered by task and number, and counts its tasks.
func checkAttempts(t *testing.T, attempts []state.AttemptRecord, w *witness) int {
	t.Helper()
	outcomes := map[task]map[state.Outcome]int{}
	for _, a := range attempts {
		of := task{a.ID.Run, a.ID.Step, a.ID.Index}
		if outcomes[of] == nil {
			outcomes[of] = map[state.Outcome]int{}
		}
		before := 0
		for _, n := range outcomes[of] {
			before += n
		}
		if a.ID.Number != before {
			t.Errorf("attempt %s is the task's %d", a.ID, before)
		}
		if outcomes[of][state.Succeeded] > 0 {
			t.Errorf("%s was attempted after the task had succeeded", a.ID)
		}
		outcomes[of][a.Outcome]++
		if succeeded := a.Outcome == state.Succeeded; succeeded != (w.finished[of] == a.ID.String()) {
			t.Errorf("%s is recorded as %q, %q has finished", a.ID, a.Outcome, w.finished[of])
		}
	}
	for of, n := range outcomes {
		if n[state.Succeeded] != 1 || n[state.AuthorFailed] != w.failures(of) || n[state.Cancelled] != 0 || n[""] != 0 {
			t.Errorf("%v: recorded %v; want one success after %d failures of its own", of, n, w.failures(of))
		}
	}
	return len(outcomes)
}
