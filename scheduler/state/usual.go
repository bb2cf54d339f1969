package state

import "time"

// Usual run times are learnt from the attempts that have succeeded, for each step of each pipeline.

// work names what is usually done in about the same time.
type work struct{ project, pipeline, step string }

// runTimes is how long work has taken. Of many kinds of work those are forgotten that were not met for longest.
type runTimes struct {
	recent, older map[work]estimate
}

// estimate is a mean of run times in which the later ones count for more.
type estimate struct {
	mean time.Duration
	n    int // how many it comes from, at most memory
}

const (
	// memory is how many run times a mean remembers, roughly.
	memory = 20
	// prior is for how many run times of a run's own tasks what is known of earlier runs counts: tasks of one run are
	// more alike, but the first few of them may be short ones by chance.
	prior = 3
	// maxWork is how many kinds of work are remembered at least.
	maxWork = 20_000
)

// plus takes one more run time into account.
func (e estimate) plus(ran time.Duration) estimate {
	e.n = min(e.n+1, memory)
	e.mean += (ran - e.mean) / time.Duration(e.n)
	return e
}

func newRunTimes() runTimes { return runTimes{recent: map[work]estimate{}} }

func (r *runTimes) of(w work) estimate {
	if e, known := r.recent[w]; known {
		return e
	}
	return r.older[w]
}

func (r *runTimes) add(w work, ran time.Duration) {
	e := r.of(w).plus(ran)
	if _, known := r.recent[w]; !known && len(r.recent) >= maxWork {
		r.older, r.recent = r.recent, map[work]estimate{}
	}
	r.recent[w] = e
}

// Learn takes into account how long attempts of a run have run, those of them that have succeeded.
func (s *State) Learn(project, pipeline string, attempts []AttemptRecord) {
	for i := range attempts {
		if ran, known := attempts[i].RunTime(); known {
			s.runTimes.add(work{project, pipeline, attempts[i].ID.Step}, ran)
		}
	}
}

// Usual returns how long a task of the step usually runs: as those of the run did, and as long as few of them have
// finished, those of earlier runs. 0 if nothing is known.
func (s *State) Usual(st *Step) time.Duration {
	before, own := s.runTimes.of(st.work()), st.ran
	weight := min(before.n, prior)
	if own.n+weight == 0 {
		return 0
	}
	sum := before.mean*time.Duration(weight) + own.mean*time.Duration(own.n)
	return sum / time.Duration(weight+own.n)
}

func (st *Step) work() work {
	return work{st.run.rec.Project, st.run.rec.Name, st.spec.Name}
}

// RunTime returns how long an attempt has run that has succeeded; false if it has not, or nobody knows when it started.
func (rec *AttemptRecord) RunTime() (time.Duration, bool) {
	// Of one whose start was never told, Started is when its end was.
	if rec.Outcome != Succeeded || rec.Started.IsZero() || !rec.Ended.After(rec.Started) {
		return 0, false
	}
	return rec.Ended.Sub(rec.Started), true
}
