package sim

import (
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// committed checks what a batch makes durable: first what it ends, then what it launches.
func (a *audit) committed(c *state.Changes) {
	for i := range c.Runs {
		a.run(&c.Runs[i])
	}
	var fresh []*state.AttemptRecord
	for i := range c.Attempts {
		rec := &c.Attempts[i]
		r := a.runs[rec.ID.Run]
		if r == nil || r.forgotten {
			a.w.fail("attempt %s is of no durable run", rec.ID)
		}
		attempts := r.tasks[taskOf(rec.ID)]
		if rec.ID.Number < len(attempts) {
			a.changed(r, &attempts[rec.ID.Number], rec)
			attempts[rec.ID.Number] = *rec
			continue
		}
		fresh = append(fresh, rec)
	}
	a.upkeep(c)
	phases := map[*auditRun][]joined{}
	for _, rec := range fresh {
		r := a.runs[rec.ID.Run]
		if phases[r] == nil {
			phases[r] = r.phases()
		}
		a.launched(r, phases[r], rec)
	}
	for i := range c.Runs {
		r := a.runs[c.Runs[i].ID]
		switch {
		case r.rec.Phase.Final():
			a.finished(r)
		case r.rec.Cancelled.Equal(a.w.time()):
			a.cancelled(r)
		}
	}
}

// cancelled notes that the attempts of a run that is cancelled in this step must be killed in it.
func (a *audit) cancelled(r *auditRun) {
	for _, attempts := range r.tasks {
		if last := &attempts[len(attempts)-1]; last.Outcome == "" && last.Unreachable.IsZero() {
			a.twins[last.ID.String()] = true
		}
	}
}

// run takes in a run's record.
func (a *audit) run(rec *state.RunRecord) {
	r := a.runs[rec.ID]
	if r == nil {
		parsed, err := spec.Parse("spec", []byte(rec.Spec))
		if err != nil {
			a.w.fail("run %s is durable with a spec that is not valid: %v", rec.ID, err)
		}
		p, err := parsed.Bind(rec.Params)
		if err != nil {
			a.w.fail("run %s is durable with parameters that are not valid: %v", rec.ID, err)
		}
		r = &auditRun{pipeline: p, byName: map[string]int{}, tasks: map[taskName][]state.AttemptRecord{}}
		for i := range p.Steps {
			r.byName[p.Steps[i].Name] = i
		}
		if key := [2]string{rec.Project, rec.Key}; rec.Key != "" {
			if other, used := a.keys[key]; used {
				a.w.fail("runs %s and %s have the key %s", other, rec.ID, rec.Key)
			}
			a.keys[key] = rec.ID
		}
		a.runs[rec.ID] = r
		r.rec = *rec
		return
	}
	switch before := &r.rec; {
	case r.forgotten:
		a.w.fail("run %s changes, which was forgotten", rec.ID)
	case rec.Generation < before.Generation || rec.Generation > before.Generation+1:
		a.w.fail("run %s goes from generation %d to %d", rec.ID, before.Generation, rec.Generation)
	case before.Phase.Final() && rec.Generation == before.Generation:
		a.w.fail("run %s has ended as %s, and is now %s", rec.ID, before.Phase, rec.Phase)
	case rec.Generation > before.Generation && (!before.Phase.Final() || before.Phase == state.RunSucceeded):
		a.w.fail("run %s is retried when it is %s", rec.ID, before.Phase)
	case rec.Generation == before.Generation && !before.Cancelled.IsZero() && rec.Cancelled.IsZero():
		a.w.fail("run %s is not cancelled any more", rec.ID)
	case rec.Sequence != before.Sequence || rec.Spec != before.Spec:
		a.w.fail("run %s has become another", rec.ID)
	}
	r.rec = *rec
}

// changed checks an attempt that goes on, or ends.
func (a *audit) changed(r *auditRun, before, rec *state.AttemptRecord) {
	switch {
	case before.Outcome != "" && *before != *rec:
		a.w.fail("an attempt that had ended has changed: %s; it was: %s", describeAttempt(rec), describeAttempt(before))
	case before.Agent != rec.Agent || !before.Launched.Equal(rec.Launched) || before.Generation != rec.Generation:
		a.w.fail("an attempt has become another: %s; it was: %s", describeAttempt(rec), describeAttempt(before))
	case before.Outcome == "" && rec.Outcome != "":
		a.judged(r, before, rec)
	case progress(rec.State) < progress(before.State), !before.Started.IsZero() && !rec.Started.Equal(before.Started):
		a.w.fail("an attempt has gone back: %s; it was: %s", describeAttempt(rec), describeAttempt(before))
	}
}

// judged checks that an attempt's outcome is what has really become of it.
func (a *audit) judged(r *auditRun, before, rec *state.AttemptRecord) {
	cause, over := a.causes[rec.ID]
	wrong := func(why string) {
		if !over {
			cause = "it has not ended"
		}
		a.w.fail("%s, but %s (%s)", describeAttempt(rec), why, cause)
	}
	switch rec.Outcome {
	case state.Succeeded:
		if cause != endedWell {
			wrong("it did not succeed")
		}
	case state.AuthorFailed:
		if cause != endedBadly && (rec.Kill != state.KillTimeout || cause == endedWell) {
			wrong("it did not fail by itself")
		}
	case state.Cancelled:
		if r.rec.Cancelled.IsZero() {
			wrong("the run was not cancelled")
		}
	case state.InfraFailed:
		a.excused(before, rec, cause, over, wrong)
	}
}

// excused checks that an attempt that is not counted against its author was really ended by the cluster.
func (a *audit) excused(before, rec *state.AttemptRecord, cause attemptCause, over bool, wrong func(string)) {
	switch rec.State {
	case state.TaskUnreachable:
		if wait := a.w.sc.Config.Limits.UnreachableWait; before.Unreachable.IsZero() || rec.Ended.Sub(before.Unreachable) < wait {
			wrong("its agent was not waited for")
		}
		if told, ok := a.away[rec.ID.String()]; !ok || told < a.subscribed {
			wrong("the master has not told in this subscription that its agent is unreachable")
		}
	case state.TaskGoneByOperator:
		if !a.w.master.gone[rec.Agent] {
			wrong("its agent was not marked gone")
		}
	case state.TaskLost:
		if rec.Reason != state.ReasonFrameworkRemoved {
			wrong("the framework was not removed")
		}
	case state.TaskGone, state.TaskDropped, state.TaskUnknown:
		if x := a.execution(rec.ID); x != nil && x.alive {
			wrong("it is still at work on " + x.agent.id)
		}
	default:
		if cause == endedBadly || cause == endedWell || !over {
			wrong("it was not the cluster that ended it")
		}
	}
}

// execution finds an attempt that is at work.
func (a *audit) execution(id state.AttemptID) *execution {
	for _, x := range a.alive[taskOf(id)] {
		if x.launch.ID == id {
			return x
		}
	}
	return nil
}

// launched checks that an attempt may be made, and takes it in.
func (a *audit) launched(r *auditRun, phases []joined, rec *state.AttemptRecord) {
	task := taskOf(rec.ID)
	step := r.byName[rec.ID.Step]
	attempts := r.tasks[task]
	why := ""
	switch {
	case r.rec.Phase != state.RunActive:
		why = "the run is " + string(r.rec.Phase)
	case phases[step].phase != state.StepActive:
		why = "the step is " + string(phases[step].phase)
	case rec.ID.Number != len(attempts):
		why = "the attempts before it are missing"
	case rec.Outcome != "" || !rec.Launched.Equal(a.w.time()) || rec.Generation != r.rec.Generation:
		why = "it does not begin here"
	case len(attempts) > 0:
		why = a.again(r, &r.pipeline.Steps[step], attempts)
	}
	if why != "" {
		a.w.fail("%s is made, but %s", describeAttempt(rec), why)
	}
	r.tasks[task] = append(attempts, *rec)
	a.fresh[rec.ID] = true
	if limit := r.pipeline.Steps[step].MaxParallel; limit > 0 && r.live(rec.ID.Step) > limit {
		a.w.fail("step %s/%s has more than %d tasks at a time", rec.ID.Run, rec.ID.Step, limit)
	}
}

// again says why a task may not be attempted once more; empty if it may.
func (a *audit) again(r *auditRun, step *spec.Step, attempts []state.AttemptRecord) string {
	author, infra := 0, 0
	for i := range attempts {
		p := &attempts[i]
		switch {
		case p.Outcome == state.Succeeded:
			return "the task has succeeded"
		case p.Outcome == "":
			return "the attempt before it lives"
		case p.Generation != r.rec.Generation:
		case p.Outcome == state.AuthorFailed:
			if author++; !step.Retries.Allows(p.ExitCode) {
				return "its exit code is not to be retried"
			}
		case p.Outcome == state.InfraFailed:
			infra++
		}
	}
	last := &attempts[len(attempts)-1]
	switch {
	case author > step.Retries.Limit:
		return "the retries are used up"
	case infra > a.w.sc.Config.Limits.InfraLimit:
		return "the infrastructure's retries are used up"
	case last.Generation == r.rec.Generation && (last.RetryAt.IsZero() || last.RetryAt.After(a.w.time())):
		return "its time has not come"
	}
	return ""
}

func (r *auditRun) live(step string) int {
	n := 0
	for task, attempts := range r.tasks {
		if task.step == step && attempts[len(attempts)-1].Outcome == "" {
			n++
		}
	}
	return n
}

// joined is what must have become of a step, by what is durable of the attempts.
type joined struct {
	phase state.StepPhase
	// broken: it was skipped because of a failure before it.
	broken bool
}

// phases works out what must have become of each step.
func (r *auditRun) phases() []joined {
	all := make([]joined, len(r.pipeline.Steps))
	for i := range all {
		r.join(all, i)
	}
	return all
}

func (r *auditRun) join(all []joined, i int) joined {
	if all[i].phase != "" {
		return all[i]
	}
	st := &r.pipeline.Steps[i]
	succeeded, failed, waits := true, false, false
	for _, n := range st.Needs {
		need := r.join(all, n)
		waits = waits || !need.phase.Final()
		succeeded = succeeded && (need.phase == state.StepSucceeded || need.phase == state.StepCancelled)
		failed = failed || need.phase == state.StepFailed || need.broken
	}
	runs := st.When == spec.Always || st.When == spec.OnFailure && failed || st.When == spec.OnSuccess && succeeded
	switch {
	case waits:
		all[i] = joined{phase: state.StepWaiting}
	case !runs:
		all[i] = joined{phase: state.StepSkipped, broken: failed}
	default:
		all[i] = joined{phase: r.tasksPhase(st)}
	}
	return all[i]
}

// tasksPhase is the phase of a step that runs.
func (r *auditRun) tasksPhase(st *spec.Step) state.StepPhase {
	failed, cancelled := false, false
	for i := range st.Tasks {
		attempts := r.tasks[taskName{r.rec.ID, st.Name, i}]
		if len(attempts) == 0 {
			return state.StepActive
		}
		last := &attempts[len(attempts)-1]
		switch {
		case last.Outcome == state.Succeeded:
		case last.Outcome == "", last.Generation != r.rec.Generation, !last.RetryAt.IsZero():
			return state.StepActive
		case last.Outcome == state.Cancelled:
			cancelled = true
		default:
			failed = true
		}
	}
	switch {
	case failed:
		return state.StepFailed
	case cancelled:
		return state.StepCancelled
	}
	return state.StepSucceeded
}

// finished checks a run that ends: nothing of it lives, and it ends as its steps did.
func (a *audit) finished(r *auditRun) {
	want := state.RunSucceeded
	phases := r.phases()
	for i := range r.pipeline.Steps {
		st := &r.pipeline.Steps[i]
		for k := range st.Tasks {
			if attempts := r.tasks[taskName{r.rec.ID, st.Name, k}]; len(attempts) > 0 {
				a.closed(r, st, attempts)
			}
		}
		switch {
		case !r.rec.Cancelled.IsZero():
			want = state.RunCancelled
		case !phases[i].phase.Final():
			a.w.fail("run %s ends, but step %s is %s", r.rec.ID, st.Name, phases[i].phase)
		case phases[i].phase == state.StepFailed:
			want = state.RunFailed
		}
	}
	if r.rec.Phase != want {
		a.w.fail("run %s ends as %s, not as %s", r.rec.ID, r.rec.Phase, want)
	}
}

// closed checks a task of a run that ends: it does not live, and if it failed it was tried as often as it may be.
func (a *audit) closed(r *auditRun, step *spec.Step, attempts []state.AttemptRecord) {
	last := &attempts[len(attempts)-1]
	switch {
	case last.Outcome == "":
		a.w.fail("run %s ends, but %s", r.rec.ID, describeAttempt(last))
	case last.Outcome == state.Succeeded, last.Generation != r.rec.Generation, !r.rec.Cancelled.IsZero():
		return
	}
	author, infra, unstartable := 0, 0, 0
	for i := range attempts {
		p := &attempts[i]
		switch {
		case p.Generation != r.rec.Generation:
		case p.Outcome == state.AuthorFailed:
			author++
		default:
			infra++
			if p.Reason == state.ReasonContainerLaunchFailed {
				unstartable++
			}
		}
	}
	pointless := last.Outcome == state.AuthorFailed && !step.Retries.Allows(last.ExitCode)
	if author <= step.Retries.Limit && !pointless && infra <= a.w.sc.Config.Limits.InfraLimit && unstartable < 3 {
		a.w.fail("a task is given up after %d failures of its own and %d of the cluster: %s", author, infra, describeAttempt(last))
	}
}
