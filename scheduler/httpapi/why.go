package httpapi

import (
	"net/http"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// whyRun tells what the steps of a run wait for, each by the first of its tasks that does.
func (s *Server) whyRun(req *request) (int, any, error) {
	view, err := withRun(req.Context(), s, req.run(), func(now time.Time, run *state.Run, r *scheduler.Reactor) (Waiting, error) {
		v := Waiting{Waiting: []StepWhy{}}
		for _, st := range run.Steps() {
			if r == nil || st.Phase().Final() {
				continue
			}
			c := st.Counts()
			index, launchable := st.FirstLaunchable()
			switch {
			case st.Phase() == state.StepWaiting:
				v.Waiting = append(v.Waiting, StepWhy{st.Spec().Name, c.Pending, r.Why(now, st, 0)})
			case launchable:
				v.Waiting = append(v.Waiting, StepWhy{st.Spec().Name, c.Pending + c.Retrying, r.Why(now, st, index)})
			}
		}
		return v, nil
	})
	return http.StatusOK, view, err
}

// whyTask tells what one task waits for, or what became of it.
func (s *Server) whyTask(req *request) (int, any, error) {
	task, err := s.oneTask(req)
	return http.StatusOK, Why{Why: task.Why}, err
}
