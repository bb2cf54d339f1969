package httpapi

import (
	"net/http"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// whyRun tells what the steps of a run wait for.
func (s *Server) whyRun(req *request) (int, any, error) {
	type stepWait struct {
		step string
		scheduler.Wait
	}
	waits, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, r *scheduler.Reactor) (all []stepWait, err error) {
		for _, st := range run.Steps() {
			if r == nil {
				break // it has ended
			}
			for _, w := range r.Waits(now, st) {
				all = append(all, stepWait{st.Spec().Name, w})
			}
		}
		return all, nil
	})
	v := Waiting{Waiting: []StepWhy{}}
	for _, w := range waits {
		v.Waiting = append(v.Waiting, StepWhy{Step: w.step, Tasks: w.Tasks, Why: w.Why()})
	}
	return http.StatusOK, v, err
}

// whyTask tells what one task waits for, or what became of it.
func (s *Server) whyTask(req *request) (int, any, error) {
	task, err := s.oneTask(req)
	return http.StatusOK, Why{Why: task.Why}, err
}
