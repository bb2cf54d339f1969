package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// The phases of a task as people see them.
const (
	phasePending   = "pending"
	phaseRetrying  = "retrying"
	phaseStarting  = "starting"
	phaseRunning   = "running"
	phaseLost      = "lost"
	phaseSucceeded = "succeeded"
	phaseFailed    = "failed"
	phaseCancelled = "cancelled"
	phaseSkipped   = "skipped"
)

var taskPhases = []string{
	phasePending, phaseRetrying, phaseStarting, phaseRunning, phaseLost, phaseSucceeded, phaseFailed, phaseCancelled,
	phaseSkipped,
}

const (
	// lookedAt is how many tasks are looked at while the daemon waits: about a millisecond.
	lookedAt = 10_000
	// looks is how often that is done for one page.
	looks = 20
)

func (s *Server) taskRoutes() []route {
	step := param{name: "step", kind: text, summary: "Only of this step."}
	return []route{
		{method: "GET", pattern: "/v1/runs/{run}/tasks", role: Viewer, scope: ofRun, answer: Tasks{}, handle: inJSON(s.listTasks),
			summary: "List the tasks of a run, in the order of steps and indices.",
			query: slices.Concat([]param{
				step,
				{name: "phase", kind: text, repeat: true, values: taskPhases, summary: "Only in this phase."},
			}, pageParams)},
		{method: "GET", pattern: "/v1/runs/{run}/attempts", role: Viewer, scope: ofRun, answer: Attempts{}, handle: inJSON(s.listAttempts),
			summary: "List the attempts of a run, ordered by the name of the step, index and number.",
			query: slices.Concat([]param{
				step,
				{name: "index", kind: number, summary: "Only of the tasks with this index."},
			}, pageParams)},
		{method: "GET", pattern: "/v1/runs/{run}/steps/{step}/tasks/{index}", role: Viewer, scope: ofRun, answer: Task{}, handle: inJSON(s.showTask),
			summary: "Show a task with all its attempts."},
		{method: "GET", pattern: "/v1/runs/{run}/steps/{step}/tasks/{index}/why", role: Viewer, scope: ofRun, answer: Why{}, handle: inJSON(s.whyTask),
			summary: "Tell what a task waits for or does, or what became of it."},
		{method: "GET", pattern: "/v1/runs/{run}/steps/{step}/why", role: Viewer, scope: ofRun, answer: Waiting{}, handle: inJSON(s.whyStep),
			summary: "Tell what a step does, or what became of it, and what its tasks wait for."},
	}
}

func stepOf(run *state.Run, name string) (*state.Step, error) {
	st := run.Step(name)
	if st == nil {
		return nil, newProblem(http.StatusNotFound, fmt.Sprintf("run %s has no step %q", run.Record().ID, name))
	}
	return st, nil
}

// taskOf returns the step of a task.
func taskOf(run *state.Run, step string, index int) (*state.Step, error) {
	st, err := stepOf(run, step)
	if err == nil && (index < 0 || index >= st.Spec().Tasks) {
		err = newProblem(http.StatusNotFound, fmt.Sprintf("step %s has no task %d: %s", step, index, whichTasks(st.Spec())))
	}
	return st, err
}

// whichTasks says how the tasks of a step are numbered.
func whichTasks(st *spec.Step) string {
	if st.Tasks == 0 {
		return "it has none"
	}
	text := fmt.Sprintf("it has %d, counted from 0", st.Tasks)
	if values := valuesText(st, 0); values != "" {
		text += fmt.Sprintf(" (%s) to %d (%s)", values, st.Tasks-1, valuesText(st, st.Tasks-1))
	}
	return text
}

// valuesText tells a task from the others of its step, as "index=12 detector=h1". The index is left out in steps where it is
// the task's number.
func valuesText(st *spec.Step, index int) string {
	var parts []string
	for _, v := range st.Values(index) {
		if v.Name != "index" || !numbered(st, 0) || !numbered(st, st.Tasks-1) {
			parts = append(parts, v.Name+"="+v.Value)
		}
	}
	return strings.Join(parts, " ")
}

// numbered tells whether a task's index in templates, if it has one, is its number in the step.
func numbered(st *spec.Step, index int) bool {
	for _, v := range st.Values(index) {
		if v.Name == "index" {
			return v.Value == strconv.Itoa(index)
		}
	}
	return true
}

// taskPage looks for the tasks of a page. It is used on the daemon's loop.
type taskPage struct {
	only   string   // step; "": all
	phases []string // nil: all
	limit  int
	// step and index are where it goes on.
	step  string
	index int

	found []foundTask
	ended bool // there are no tasks after step and index
}

// foundTask is a task with what the state knows of it.
type foundTask struct {
	step  *spec.Step
	index int
	phase string
	live  *state.AttemptRecord
	why   func() string // nil: the task has ended, or nobody asks
}

// look goes on until the page is full, all tasks were seen, or n were.
func (p *taskPage) look(now time.Time, run *state.Run, n int) error {
	steps := run.Steps()
	if p.only != "" {
		st, err := stepOf(run, p.only)
		if err != nil {
			return err
		}
		steps = []*state.Step{st}
	}
	first := 0
	if p.step != "" {
		first = slices.IndexFunc(steps, func(st *state.Step) bool { return st.Spec().Name == p.step })
		if first < 0 {
			return badCursor()
		}
	}
	for _, st := range steps[first:] {
		if st.Spec().Name != p.step {
			p.step, p.index = st.Spec().Name, 0
		}
		for ; p.index < st.Spec().Tasks; p.index++ {
			if n == 0 || len(p.found) == p.limit {
				return nil
			}
			n--
			if t := findTask(now, st, p.index); p.phases == nil || slices.Contains(p.phases, t.phase) {
				p.found = append(p.found, t)
			}
		}
	}
	p.ended = true
	return nil
}

func findTask(now time.Time, st *state.Step, index int) foundTask {
	v := st.Task(now, index)
	t := foundTask{step: st.Spec(), index: index, live: v.Live}
	switch v.Phase {
	case state.TaskBackoff, state.TaskReady:
		t.phase = phaseRetrying
	case state.TaskLive:
		t.phase = attemptPhase(v.Live)
	default:
		t.phase = string(v.Phase) // pending, succeeded, failed, cancelled, skipped
	}
	return t
}

func (s *Server) listTasks(req *request) (int, any, error) {
	page := &taskPage{only: req.query.text("step"), phases: req.query.all("phase"), limit: req.query.number("limit", pageLength)}
	at, err := cursorParts(req.query, taskList, 2)
	if err == nil && at != nil {
		page.step = at[0]
		page.index, err = count(at[1])
	}
	if err != nil {
		return 0, nil, err
	}
	for range looks {
		_, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, _ *scheduler.Reactor) (bool, error) {
			return true, page.look(now, run, lookedAt)
		})
		if err != nil {
			return 0, nil, err
		}
		if page.ended || len(page.found) == page.limit {
			break
		}
	}
	newest, err := s.newestAttempts(req.Context(), req.run(), page.found)
	if err != nil {
		return 0, nil, err
	}
	view := Tasks{Tasks: make([]Task, len(page.found))}
	for i, t := range page.found {
		view.Tasks[i] = t.view(newest[taskName{t.step.Name, t.index}])
	}
	if !page.ended {
		view.Next = cursor(taskList, page.step, strconv.Itoa(page.index))
	}
	return http.StatusOK, view, nil
}

// view describes a task whose newest attempt, if the state has no live one, is the store's; nil: it has none.
func (t foundTask) view(newest *state.AttemptRecord) Task {
	v := Task{Step: t.step.Name, Index: t.index, Phase: t.phase, Values: map[string]string{}}
	for _, x := range t.step.Values(t.index) {
		v.Values[x.Name] = x.Value
	}
	if t.live != nil {
		newest = t.live
	}
	if newest != nil {
		a := attemptView(newest)
		v.Attempt, v.Attempts = &a, newest.ID.Number+1
	}
	return v
}

func (s *Server) showTask(req *request) (int, any, error) {
	task, err := s.oneTask(req)
	return http.StatusOK, task, err
}

// oneTask finds the task of the path.
func (s *Server) oneTask(req *request) (Task, error) {
	name := req.PathValue("step")
	index, err := strconv.Atoi(req.PathValue("index"))
	if err != nil {
		return Task{}, badRequest(fmt.Sprintf("task %q: give its index, a number from 0 on", req.PathValue("index")),
			SpecProblem{Field: "index", Message: "is no number"})
	}
	found, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, r *scheduler.Reactor) (foundTask, error) {
		st, err := taskOf(run, name, index)
		if err != nil {
			return foundTask{}, err
		}
		return explainTask(now, st, index, r), nil
	})
	if err != nil {
		return Task{}, err
	}
	var history []Attempt
	var newest *state.AttemptRecord
	if found.phase != phasePending {
		err = s.eachAttempt(req.Context(), req.run(), name, index, index, func(a *state.AttemptRecord) {
			history, newest = append(history, attemptView(a)), a
		})
	}
	task := found.view(newest)
	task.History = history
	if found.why != nil {
		task.Why = found.why()
	} else {
		task.Why = became(task)
	}
	return task, err
}

// explainTask finds a task, and why it waits or is skipped. The reactor is nil if its run has ended.
func explainTask(now time.Time, st *state.Step, index int, r *scheduler.Reactor) foundTask {
	t := findTask(now, st, index)
	switch t.phase {
	case phaseSkipped:
		why := scheduler.WhySkipped(st)
		t.why = func() string { return why }
	case phaseSucceeded, phaseFailed, phaseCancelled:
	default:
		if r != nil {
			t.why = r.WhyLater(now, st, index)
		}
	}
	return t
}

// became says what became of a task that has ended.
func became(t Task) string {
	switch {
	case t.Attempt == nil:
		return t.Phase + " before it was attempted"
	case t.Phase == phaseFailed:
		return fmt.Sprintf("failed on %s after %s: %s", t.Attempt.Hostname, plural(t.Attempts, "attempt"), t.Attempt.Why)
	}
	return fmt.Sprintf("%s on %s after %s", t.Phase, t.Attempt.Hostname, plural(t.Attempts, "attempt"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
