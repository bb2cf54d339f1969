package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// witness sees everything that goes between the scheduler, the master and the agents, and knows what must not
// happen. Its methods are called by the cluster's own goroutine; tests read it through Cluster.Look.
type witness struct {
	// rules of the pipeline that is run
	limit    map[string]int      // step: its max_parallel
	needs    map[string][]string // step: the steps that it needs
	tasks    map[string]int      // step: how many tasks it has
	failures func(task) int      // how often a task fails before it succeeds

	launched map[string]bool // attempts that were sent to an agent
	live     map[task]string // the attempt of which nobody has said that it has ended
	ran      map[task]int    // how often a task was really run
	finished map[task]string // the attempt that finished it
	running  map[string]int  // step: tasks in live
	done     map[string]int  // step: tasks in finished

	wrong []string // what should not have happened

	// cutAt is where the wire between scheduler and master will be cut; it is counted down to its message.
	cutAt *point
	cut   chan struct{} // closed when it is
	gone  bool          // it is cut: nothing passes until it is mended
	// heard is closed when the scheduler is subscribed, at heardAt.
	heard   chan struct{}
	heardAt time.Time
	// lost counts the messages at which it was cut before they arrived, by their kind.
	lost map[string]int
	// hurry makes tasks end soon.
	hurry func() bool

	// stage is how far the scheduler has come since it was started, stages is how far it had come at each kill.
	stage  stage
	stages map[stage]int
}

// stage is the last that a scheduler has done, as the master sees it.
type stage string

const (
	unheard    stage = "nothing"
	subscribed stage = "subscribed"
	launching  stage = "launched tasks"
)

// task is a task of whatever run.
type task struct {
	run   state.RunID
	step  string
	index int
}

// point is a moment in the conversation between scheduler and master: the nth message of a kind.
type point struct {
	route  minimesos.Route
	kind   string
	nth    int
	before bool // the message does not arrive
}

func newWitness() *witness {
	w := &witness{
		launched: map[string]bool{}, live: map[task]string{}, ran: map[task]int{}, finished: map[task]string{},
		stages: map[stage]int{}, running: map[string]int{}, done: map[string]int{}, lost: map[string]int{},
	}
	w.mend(nil)
	return w
}

// finishedOf is how many tasks of the steps have finished.
func (w *witness) finishedOf(steps ...string) int {
	n := 0
	for _, step := range steps {
		n += w.done[step]
	}
	return n
}

func (w *witness) wrongly(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// outcome scripts what becomes of a task when it is run.
func (w *witness) outcome(info mesos.TaskInfo) minimesos.Outcome {
	id, err := state.ParseAttemptID(info.TaskID.Value)
	if err != nil {
		w.wrongly("%v", err)
		return minimesos.Outcome{}
	}
	t := task{id.Run, id.Step, id.Index}
	w.ran[t]++
	o := minimesos.Outcome{State: mesos.TASK_FINISHED, After: time.Duration(400+rand.N(800)) * time.Millisecond}
	if w.ran[t] <= w.failures(t) {
		o.State, o.Message = mesos.TASK_FAILED, "Command exited with status 1"
	}
	if w.hurry() {
		o.After = time.Duration(rand.N(10)) * time.Millisecond
	}
	return o
}

// tap is the cluster's tap.
func (w *witness) tap(m minimesos.Message) minimesos.Verdict {
	switch {
	case m.Route == minimesos.MasterToAgent && m.Kind == "LAUNCH":
		w.onLaunch(m.Task)
	case m.Status != nil && terminal(m.Status.GetState()):
		w.onEnd(m.Task, m.Status.GetState())
	}
	if m.Route != minimesos.CallToMaster && m.Route != minimesos.EventToFramework {
		return minimesos.Deliver
	}
	return w.wire(m)
}

// wire passes messages between scheduler and master until it is cut.
func (w *witness) wire(m minimesos.Message) minimesos.Verdict {
	switch {
	case m.Kind == "SUBSCRIBED":
		w.onSubscribed()
	case m.Kind == "ACCEPT":
		w.stage = launching
	}
	switch p := w.cutAt; {
	case w.gone:
		return minimesos.Drop
	case p == nil || m.Route != p.route || m.Kind != p.kind:
		return minimesos.Deliver
	case p.nth > 1:
		p.nth--
		return minimesos.Deliver
	case p.before:
		w.lost[m.Kind]++
		w.sever()
		return minimesos.Drop
	}
	w.sever()
	return minimesos.Deliver
}

func (w *witness) onSubscribed() {
	if w.heardAt.IsZero() {
		w.stage, w.heardAt = subscribed, time.Now()
		close(w.heard)
	}
}

func (w *witness) sever() {
	w.gone, w.cutAt = true, nil
	close(w.cut)
}

// mend makes the wire whole for a scheduler that is about to be started, and has it cut again at p, unless p is nil.
func (w *witness) mend(p *point) {
	w.gone, w.cutAt, w.stage, w.heardAt = false, p, unheard, time.Time{}
	w.cut, w.heard = make(chan struct{}), make(chan struct{})
}

func terminal(s mesos.TaskState) bool { return state.TaskState(s.String()).Terminal() }

func (w *witness) onLaunch(attempt string) {
	id, err := state.ParseAttemptID(attempt)
	if err != nil {
		w.wrongly("%v", err)
		return
	}
	t := task{id.Run, id.Step, id.Index}
	if w.launched[attempt] {
		w.wrongly("%s was launched twice", attempt)
	}
	if other := w.live[t]; other != "" {
		w.wrongly("%s was launched while %s lived", attempt, other)
	}
	if other := w.finished[t]; other != "" {
		w.wrongly("%s was launched though %s had finished", attempt, other)
	}
	for _, need := range w.needs[id.Step] {
		if w.done[need] < w.tasks[need] {
			w.wrongly("%s was launched when %d of %d tasks of %s had finished", attempt, w.done[need], w.tasks[need], need)
		}
	}
	w.launched[attempt], w.live[t] = true, attempt
	w.running[id.Step]++
	if limit := w.limit[id.Step]; limit > 0 && w.running[id.Step] > limit {
		w.wrongly("%d tasks of %s ran at a time, %d may", w.running[id.Step], id.Step, limit)
	}
}

// onEnd notes that somebody, be it the agent or the master, says that an attempt has ended or never was.
func (w *witness) onEnd(attempt string, s mesos.TaskState) {
	id, err := state.ParseAttemptID(attempt)
	if err != nil {
		w.wrongly("%v", err)
		return
	}
	t := task{id.Run, id.Step, id.Index}
	if w.live[t] == attempt {
		delete(w.live, t)
		w.running[id.Step]--
	}
	if s != mesos.TASK_FINISHED {
		return
	}
	switch w.finished[t] {
	case attempt:
	case "":
		w.finished[t] = attempt
		w.done[id.Step]++
	default:
		w.wrongly("%s finished what %s had finished", attempt, w.finished[t])
	}
}
