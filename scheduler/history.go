package scheduler

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// How much of the history usual run times are learnt from when the scheduler starts.
const (
	historyRuns     = 500 // the latest finished ones that are looked at
	historyOf       = 2   // runs of each pipeline
	historySteps    = 2000
	historyAttempts = 20 // of each step
)

// remember tells the loop how long tasks of finished runs have run. It is done beside the loop: nobody has to wait for it.
func (d *Daemon) remember(ctx context.Context) {
	if d.History == nil {
		return
	}
	lessons, err := readHistory(ctx, d.History)
	if err != nil && ctx.Err() == nil {
		d.log.Warn("how long tasks usually run is learnt anew: finished runs cannot be read", "error", err)
	}
	if len(lessons) > 0 {
		d.Do(ctx, lessons)
	}
}

// lesson is attempts of a finished run.
type lesson struct {
	project, pipeline string
	attempts          []state.AttemptRecord
}

// lessons is an Input: what finished runs tell of how long tasks run, the oldest first.
type lessons []lesson

func (all lessons) apply(r *Reactor, _ time.Time) {
	for _, l := range all {
		r.state.Learn(l.project, l.pipeline, l.attempts)
	}
	r.moved++
}

// readHistory reads some attempts of each step of the latest finished runs.
func readHistory(ctx context.Context, history store.Reader) (lessons, error) {
	runs, err := history.Runs(ctx, store.RunFilter{Phases: []state.RunPhase{state.RunSucceeded, state.RunFailed}, Limit: historyRuns})
	if err != nil {
		return nil, fmt.Errorf("reading runs: %w", err)
	}
	var all lessons
	read := map[[2]string]int{}
	steps := 0
	for i := range runs {
		run := &runs[i]
		if of := [2]string{run.Project, run.Name}; read[of] < historyOf {
			read[of]++
			attempts, n, err := sampleAttempts(ctx, history, run.ID, historySteps-steps)
			if err != nil {
				return all, fmt.Errorf("reading attempts of run %s: %w", run.ID, err)
			}
			steps += n
			all = append(all, lesson{run.Project, run.Name, attempts})
		}
	}
	slices.Reverse(all)
	return all, nil
}

// sampleAttempts reads the first attempts of each of at most so many steps, and tells how many steps these were.
func sampleAttempts(ctx context.Context, history store.Reader, run state.RunID, most int) (sample []state.AttemptRecord, steps int, err error) {
	var after state.AttemptID
	for ; steps < most; steps++ {
		page, err := history.Attempts(ctx, run, store.AttemptFilter{Index: -1, After: after, Limit: historyAttempts})
		if err != nil || len(page) == 0 {
			return sample, steps, err
		}
		step := page[0].ID.Step
		for _, a := range page {
			if a.ID.Step == step {
				sample = append(sample, a)
			}
		}
		after = state.AttemptID{Step: step, Index: math.MaxInt32, Number: math.MaxInt32} // on to the next step
	}
	return sample, steps, nil
}
