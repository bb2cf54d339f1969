package state

// stage is what is told of a live attempt when tasks are counted.
type stage int

const (
	ended stage = iota
	starting
	running
	lost
	stages
)

// census counts the live attempts by stage, so that nobody has to look at all of them. What is counted as ended means
// nothing: an attempt comes from there and goes back there.
type census [stages]int

func (a *attempt) stage() stage {
	switch {
	case a.rec.Outcome != "":
		return ended
	case !a.rec.Unreachable.IsZero():
		return lost
	case a.rec.State.rank() < TaskRunning.rank():
		return starting
	}
	return running
}

// recount counts an attempt that has changed, or that is new.
func (c *census) recount(a *attempt) {
	c[a.counted]--
	a.counted = a.stage()
	c[a.counted]++
}

// CountTasks counts the tasks of all unfinished runs. It takes time for each step, not for each task.
func (s *State) CountTasks() Counts {
	all := Counts{Starting: s.census[starting], Running: s.census[running], Lost: s.census[lost]}
	for _, r := range s.runs {
		for _, st := range r.steps {
			if st.phase == StepSkipped {
				all.Skipped += st.fresh.Len() + len(st.tasks)
			} else {
				all.Pending += st.fresh.Len()
				all.Retrying += len(st.tasks) - st.live
			}
			all.Succeeded += st.succeeded.Len()
			all.Failed += st.failed.Len()
			all.Cancelled += st.cancelled.Len()
		}
	}
	return all
}
